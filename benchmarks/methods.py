"""What a search step costs by method, beside what theory says.

    python benchmarks/methods.py [METHOD ...] [--space nas-bench-201] [--rounds 5] [--quick]

A step is one update of alpha and one of the weights on random images, as a search takes it; of methods that move alpha
more rarely too. Every method takes turns with first-order DARTS in one process; its cost is the median of the ratios.
Theory counts passes over the method's own supernet: A forward and backward for alpha, W for the weights, B for both, F
forward alone, H a Hessian-vector product, C a step of a second network that learns beside. Their times are measured on
the same supernet, so that what is left is what the method does beside them. Memory is the most that a few steps take
beyond the built supernet, in a process of its own. Writes `benchmarks/results/methods.json`
and `.md`; methods that are not run again keep their figures.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path

import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.data import Batch
from dartboard.devices import equal_steps
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, SupernetRequest
from dartboard.engine.stage import StageSearch
from dartboard.errors import RecipeError
from dartboard.parts.architecture import all_live
from dartboard.parts.companions import Companion
from dartboard.parts.fits import check_fit
from dartboard.parts.gradient import differentiate, differentiate_both
from dartboard.parts.gradient.problem import Bilevel
from dartboard.parts.recipe import METHODS, make_recipe
from dartboard.runs import Length, seeded_initialization
from dartboard.space import SearchSpace, get_space
from dartboard.supernet import FusedSupernet, SupernetSpec
from records import Records, conditions, load, memory_in_use, peak_memory, save

PASSES: Mapping[str, Mapping[str, int]] = {
    "att-darts": {"W": 2, "B": 1, "A": 2},
    "cdarts": {"A": 1, "C": 1, "W": 1},
    "darts-2nd": {"W": 2, "B": 1, "A": 2},
    "robust-darts": {"W": 2, "B": 1, "A": 2},
    "robust-darts-ada": {"W": 2, "B": 1, "A": 2},
    # Five inner steps, one backward pass, two products back through the last two steps.
    "darts-unrolled": {"W": 6, "B": 1, "H": 2},
    # One backward pass, five products of the series, one mixed product at the end.
    "darts-neumann": {"W": 1, "B": 1, "H": 6},
    "darts-cg": {"W": 1, "B": 1, "H": 11},
    "sdarts-adv": {"A": 8, "F": 2, "W": 1},
    "single-darts": {"B": 1},
    "snas": {"B": 1},
}
"""Method -> passes of a step; all others take one for alpha and one for the weights."""

MOST = 1.3
"""Times its expectation that a step may take."""

LAYERS = {"nas-bench-201": 2, "darts": 3}
EPOCHS = 50
STEPS_ALONE = 4


def main() -> None:
    """Measure the methods asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD", help="all without any")
    parser.add_argument("--space", default="nas-bench-201", choices=sorted(LAYERS))
    parser.add_argument("--rounds", type=int, default=5, help="timed steps of each")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything works")
    parser.add_argument("--alone", metavar="METHOD", help="print the bytes that steps of one method take, and no more")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    known = [entry.name for entry in METHODS if make_recipe(entry.name, {}).gradient is not None]
    if unknown := [name for name in asked.methods if name not in known]:
        sys.exit(f"unknown method {unknown[0]}; known: {', '.join(known)}")
    folder = {"folder": asked.folder} if asked.folder else {}
    space = get_space(asked.space)
    if asked.alone:
        print(measure_alone(asked.alone, space, quick=asked.quick))
        return
    records = load("methods", **folder)
    for name in asked.methods or known:
        try:
            check_fit(make_recipe(name, {}), space)
        except RecipeError as error:
            print(f"{name}: {error}")
            continue
        records[f"{asked.space}/{name}"] = measure(name, space, asked.rounds, quick=asked.quick)
        save("methods", records, as_table, **folder)
    print(as_table(records))


class RandomBatches:
    """The same random images over and over, channels last."""

    def __init__(self, size: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        images = torch.randn(size, 3, 32, 32, generator=generator).contiguous(memory_format=torch.channels_last)
        self.batch = Batch(images, torch.randint(10, (size,), generator=generator))

    def __len__(self) -> int:
        return 1

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        """One batch."""
        return islice(self.forever(generator), 1)

    def forever(self, generator: torch.Generator) -> Iterator[Batch]:  # noqa: ARG002 - the signature of batches
        """The batch without end."""
        return repeat(self.batch)

    def in_order(self) -> Iterator[Batch]:
        """Nothing is validated."""
        return iter(())


def make_search(name: str, space: SearchSpace, *, quick: bool) -> StageSearch:
    """The first stage of a method, in its last epoch, when no alpha rests any more."""
    recipe = make_recipe(name, {})
    size, width = (4, 4) if quick else (32, 16)
    given = SearchBatches(*(RandomBatches(size, seed) for seed in range(3)))  # type: ignore[arg-type]

    def make_supernet(request: SupernetRequest) -> FusedSupernet:
        layers, share = space.skeleton.deepen(LAYERS[space.name], request.deeper), request.mixing.channel_share
        channels = -(-width // share) * share
        plan = space.plan(in_channels=3, num_classes=10, init_channels=channels, layers=layers, image_size=(32, 32))
        with seeded_initialization(0, "search", "weights"):
            supernet = FusedSupernet(SupernetSpec(space, plan, request.mixing).with_live(request.live))
        return supernet.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    problem = SearchProblem(space, make_supernet, lambda _: given, torch.device("cpu"))
    first = recipe.stages[0].recipe
    search = StageSearch(
        problem,
        first,
        SearchSettings(),
        0,
        (0, EPOCHS),
        Length(EPOCHS, None),
        0,
        all_live(space, first.without),
    )
    search.state.epoch = EPOCHS - 1
    search.state.plan_epoch(first.rules)
    search.state.follow(replace(search.state.plan, alpha_every=1))
    for companion in _companions(search):
        companion.follow_architecture()
    search.state.supernet.train()
    return search


def _companions(search: StageSearch) -> list[Companion]:
    return [hook for hook in search.state.hooks if isinstance(hook, Companion)]


class Stepper:
    """Takes one step after another of a search."""

    def __init__(self, search: StageSearch) -> None:
        self.search = search
        self._steps = search.make_steps()
        self._batch = next(search.batches.weights.forever(torch.Generator()))

    def __call__(self) -> float:
        """Seconds of a step."""
        started = time.perf_counter()
        self._steps(self._batch)
        return time.perf_counter() - started

    def pass_of(self, letter: str) -> Callable[[], object]:
        """What a letter stands for, at the weights and batches of the last step."""
        if letter == "C":
            (companion,) = _companions(self.search)
            return lambda: companion.learn_alone(self._batch)
        assert self.search.state.problem is not None
        return _pass(self.search.state.problem, letter)


def measure(name: str, space: SearchSpace, rounds: int, *, quick: bool) -> Records:
    """Time a method in turns with first-order DARTS."""
    own, darts = (Stepper(make_search(each, space, quick=quick)) for each in (name, "darts"))
    with equal_steps():
        for stepper in (own, darts):
            stepper()
        pairs = [(own(), darts()) for _ in range(rounds)]
        coefficients = PASSES.get(name, {"A": 1, "W": 1})
        times = {letter: _median(own.pass_of(letter), rounds) for letter in {*coefficients, "A", "W"}}
        base = {letter: _median(darts.pass_of(letter), rounds) for letter in "AW"}
    mine, others = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
    # What a step of DARTS takes beside its passes, the updates, every method takes as well.
    rest = max(0.0, others - base["A"] - base["W"])
    expected = (sum(count * times[letter] for letter, count in coefficients.items()) + rest) / others
    ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
    peak, others_peak = (_in_fresh_process(each, space, quick=quick) for each in (name, "darts"))
    return {
        **conditions(torch.device("cpu")),
        "quick": quick,
        "seconds": mine,
        "darts_seconds": others,
        "ratio": ratio,
        "passes": " + ".join(f"{count if count > 1 else ''}{letter}" for letter, count in coefficients.items()),
        "supernet_ratio": (times["A"] + times["W"]) / (base["A"] + base["W"]),
        "expected_ratio": expected,
        "over_expectation": ratio / expected,
        "peak_bytes": peak,
        "darts_peak_bytes": others_peak,
    }


def measure_alone(name: str, space: SearchSpace, *, quick: bool) -> int:
    """Peak memory of a few steps beyond the built supernet, in this process; some steps draw more than others."""
    with equal_steps():
        stepper = Stepper(make_search(name, space, quick=quick))
        before = memory_in_use(torch.device("cpu"))
        for _ in range(STEPS_ALONE):
            stepper()
        return peak_memory(torch.device("cpu")) - before


def _in_fresh_process(name: str, space: SearchSpace, *, quick: bool) -> int:
    # What this process has freed would be given out again without a trace.
    command = [sys.executable, str(Path(__file__).resolve()), "--space", space.name, "--alone", name]
    finished = subprocess.run([*command, *(["--quick"] if quick else [])], capture_output=True, text=True, check=True)
    return int(finished.stdout)


def _pass(problem: Bilevel, letter: str) -> Callable[[], object]:
    weights, alphas = problem.weights, problem.alphas

    def hessian_product() -> object:
        slope = differentiate(problem.train_loss(weights, alphas), weights, create_graph=True)
        inner = torch.stack([(value * value.detach()).sum() for value in slope.values()]).sum()
        return differentiate_both(inner, weights, alphas)

    def forward() -> object:
        with torch.no_grad():
            return problem.train_loss(weights, alphas)

    return {
        "A": lambda: differentiate(problem.validation_loss(weights, alphas), alphas),
        "W": lambda: differentiate(problem.train_loss(weights, alphas), weights),
        "B": lambda: differentiate_both(problem.train_loss(weights, alphas), weights, alphas),
        "F": forward,
        "H": hessian_product,
    }[letter]


def _median(run: Callable[[], object], rounds: int) -> float:
    """Median seconds."""
    run()
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def as_table(records: Records) -> str:
    """The records as Markdown."""
    lines = [
        "# Cost of a step by method",
        "",
        "Printed by `python benchmarks/methods.py`. Times first-order DARTS in the same space, both in turns in one",
        "process. Theory counts passes over the method's own supernet: A forward and backward for alpha, W for the",
        "weights, B for both, F forward alone, H a Hessian-vector product, C a step of a second network that learns",
        "beside (and once more for each step before an epoch, which is not counted here).",
        f"Wanted: at most {MOST} times the expectation.",
        "",
        "| space | method | passes | supernet / DARTS's | expected | measured | measured / expected | memory / DARTS's "
        "| machine | date |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for key, record in sorted(records.items()):
        space, _, name = key.partition("/")
        over = record["over_expectation"]
        figures = " | ".join(f"{record[key]:.2f}" for key in ("supernet_ratio", "expected_ratio", "ratio"))
        mark = " (over)" if over > MOST else ""
        memory = (
            f"{record['peak_bytes'] / record['darts_peak_bytes']:.2f}" if "peak_bytes" in record else "not measured"
        )
        conditions_of = f"{record['device']} | {record['date']}"
        lines.append(
            f"| {space} | {name} | {record['passes']} | {figures} | {over:.2f}{mark} | {memory} | {conditions_of} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

"""The engine against the definition: time, operations and memory of a search step, with the goals beside them.

    python benchmarks/engine.py [--cases darts-16 ...] [--device cpu] [--rounds 5]

A step is one update of alpha and one of the weights, on random images. The contestants differ in the supernet only:

- plain: `ReferenceSupernet` as public code bases run it: channels first, and `loss.backward()` in both updates, so that
  each also computes the gradients that only the other needs;
- channels_last: `ReferenceSupernet` with weights and images channels last, only the needed gradients computed;
- fused: `FusedSupernet`, likewise;
- on CUDA also fused_graph, the whole step captured as one CUDA graph, and fused_bf16, under autocast to bfloat16.

The engine takes turns with one slow contestant at a time, A B A B in one process, so that whatever else the machine
does meets both alike; each has one step to warm up. All run as dartboard's loops do, with freed memory kept and the
garbage collector at rest (`equal_steps`): otherwise each would pay for the memory that the other gave back. Operations
and memory are those of a fresh process for each contestant. Before anything is timed, the losses on the same batch and
weights must agree. For the cleanest figures run one case at a time: the heap of a process remembers the ones before.

Writes `benchmarks/results/engine.json` and `.md`; figures of other cases and devices are kept.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from dartboard.devices import equal_steps, make_graph
from dartboard.parts import Unrolled
from dartboard.parts.gradient.problem import Bilevel, SgdStep
from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, Mixing, OutsideWeights, ReferenceSupernet, SupernetSpec
from records import RESULTS, Records, conditions, find_device, load, memory_in_use, peak_memory, save, synchronize

CLASSES = 10
MOMENTUM, WEIGHT_DECAY, CLIP = 0.9, 3e-4, 5.0
COMPARED = ("plain", "channels_last", "fused")
"""The contestants that run everywhere."""
ONLY_CUDA = ("fused_graph", "fused_bf16")


class Goal(NamedTuple):
    """What the engine must reach; None where nothing is asked.

    Attributes:
        plain: least time of `plain` over that of `fused`.
        channels_last: least time of `channels_last` over that of `fused`.
        memory: most memory of `fused` over that of `plain`.
    """

    plain: float | None = None
    channels_last: float | None = None
    memory: float | None = None


NO_GOAL = Goal()


@dataclass(frozen=True)
class Case:
    """What is run.

    Attributes:
        space: name of the search space.
        batch: images of each of the two batches.
        goal: what must be reached.
        unrolled: whether alpha's gradient goes through a virtual weight step (finite differences).
        channel_share: one channel in so many goes through the operations.
        sampled: whether one operation of each edge is run, drawn anew for each of the two updates.
        channels: width of the first cells.
        layers: cells, in NAS-Bench-201 of each stage.
        side: of the images.
    """

    space: str
    batch: int
    goal: Goal = NO_GOAL
    unrolled: bool = False
    channel_share: int = 1
    sampled: bool = False
    channels: int = 16
    layers: int = 8
    side: int = 32


CASES = {
    "darts-16": Case("darts", 16, Goal(3.0, 1.6, 0.55)),
    "darts-64": Case("darts", 64, Goal(4.0, 2.0, 0.55)),
    "unrolled-16": Case("darts", 16, Goal(3.0), unrolled=True),
    "partial-64": Case("darts", 64, Goal(2.0), channel_share=4),
    "sampled-64": Case("darts", 64, Goal(1.3), sampled=True),
    "nas-bench-201-16": Case("nas-bench-201", 16, Goal(2.2), layers=5),
    "nas-bench-201-64": Case("nas-bench-201", 64, Goal(2.2), layers=5),
}


class Draw(NamedTuple):
    """The images of one update, and the operations that it runs.

    Attributes:
        images: (batch, 3, side, side).
        labels: (batch,).
        active: cell kind -> for each edge one column, as `supernet` takes it; None for all operations.
    """

    images: Tensor
    labels: Tensor
    active: dict[str, list[list[int]]] | None


def get_case(name: str, *, quick: bool) -> Case:
    """The case of that name; a quick one is of the smallest size that runs the same code."""
    case = CASES[name]
    return replace(case, batch=4, channels=8, layers=3 if case.space == "darts" else 1, side=8) if quick else case


def make_draws(case: Case, device: torch.device, seed: int) -> tuple[Draw, Draw]:
    """What one step works on, for alpha and for the weights; the same seed gives the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    space = get_space(case.space)
    edges, operations = space.alpha_shape
    draws = []
    for _ in range(2):
        images = torch.randn(case.batch, 3, case.side, case.side, generator=generator)
        labels = torch.randint(CLASSES, (case.batch,), generator=generator)
        columns = {kind: torch.randint(operations, (edges, 1), generator=generator) for kind in space.cell_kinds}
        active = {kind: column.tolist() for kind, column in columns.items()} if case.sampled else None
        draws.append(Draw(images.to(device), labels.to(device), active))
    return draws[0], draws[1]


class Contestant:
    """A supernet with its optimisers, ready to take steps.

    Args:
        case: what is run.
        name: which contestant.
        device: where.
    """

    def __init__(self, case: Case, name: str, device: torch.device) -> None:
        space = get_space(case.space)
        plan = space.plan(in_channels=3, num_classes=CLASSES, init_channels=case.channels, layers=case.layers)
        spec = SupernetSpec(space, plan, mixing=Mixing(channel_share=case.channel_share))
        torch.manual_seed(0)
        self.case, self.name, self.device = case, name, device
        self.supernet = (FusedSupernet if name.startswith("fused") else ReferenceSupernet)(spec)
        self.layout = torch.contiguous_format if name == "plain" else torch.channels_last
        self.supernet.to(device=device, memory_format=self.layout)  # type: ignore[call-overload]
        self.supernet.train()
        self.weights = dict(self.supernet.named_parameters())
        self.outside = OutsideWeights(self.supernet)
        generator = torch.Generator().manual_seed(0)
        self.alphas = {
            kind: (1e-3 * torch.randn(space.alpha_shape, generator=generator)).to(device).requires_grad_()
            for kind in space.cell_kinds
        }
        # torch's own choice of implementation for all contestants, as public code bases leave it.
        self.weight_optimizer = torch.optim.SGD(
            self.weights.values(), lr=0.025, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        )
        self.alpha_optimizer = torch.optim.Adam(
            self.alphas.values(), lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3, capturable=name == "fused_graph"
        )

    def prepare(self, draw: Draw) -> Draw:
        """The draw with its images in this contestant's memory format."""
        return draw._replace(images=draw.images.contiguous(memory_format=self.layout))

    def loss(self, draw: Draw, weights: Mapping[str, Tensor], alphas: Mapping[str, Tensor]) -> Tensor:
        """Cross entropy on the images of a draw."""
        arguments: tuple[Any, ...] = (draw.images, _gates(alphas, draw.active), draw.active)
        precision = torch.autocast(self.device.type, torch.bfloat16) if self.name == "fused_bf16" else nullcontext()
        with precision:
            own = weights is self.weights
            logits = self.supernet(*arguments) if own else self.outside(weights, *arguments)
            return functional.cross_entropy(logits, draw.labels)

    def step(self, draws: tuple[Draw, Draw]) -> None:
        """One update of alpha and one of the weights."""
        self.alpha_step(*draws)
        self.weight_step(draws[1])

    def alpha_step(self, draw: Draw, train_draw: Draw) -> None:
        """Move alpha down the loss on `draw`; an unrolled gradient also looks at `train_draw`."""
        self.alpha_optimizer.zero_grad()
        if self.case.unrolled:
            for kind, gradient in Unrolled()(self._bilevel(draw, train_draw)).items():
                self.alphas[kind].grad = gradient
        else:
            self._differentiate(self.loss(draw, self.weights, self.alphas), self.alphas)
        self.alpha_optimizer.step()

    def weight_step(self, draw: Draw) -> None:
        """Move the weights down the loss on `draw`."""
        self.weight_optimizer.zero_grad()
        self._differentiate(self.loss(draw, self.weights, self.alphas), self.weights)
        nn.utils.clip_grad_norm_(self.weights.values(), CLIP)
        self.weight_optimizer.step()

    def _differentiate(self, loss: Tensor, wanted: Mapping[str, Tensor]) -> None:
        if self.name == "plain":
            loss.backward()  # type: ignore[no-untyped-call]
            return
        # Of operations that were not drawn the gradient is None, as `backward` leaves it.
        gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
        for tensor, gradient in zip(wanted.values(), gradients, strict=True):
            tensor.grad = gradient

    def _bilevel(self, draw: Draw, train_draw: Draw) -> Bilevel:
        state = self.weight_optimizer.state
        velocity = {name: state[weight]["momentum_buffer"] for name, weight in self.weights.items() if weight in state}
        return Bilevel(
            weights=self.weights,
            alphas=self.alphas,
            train_loss=lambda weights, alphas: self.loss(train_draw, weights, alphas),
            validation_loss=lambda weights, alphas: self.loss(draw, weights, alphas),
            weight_step=SgdStep(self.weight_optimizer.param_groups[0]["lr"], MOMENTUM, WEIGHT_DECAY, velocity),
        )


class GraphContestant(Contestant):
    """The whole step captured as a CUDA graph once and replayed on whatever its two buffers hold.

    Args:
        case: what is run; sampled operations change what is launched, so such a case cannot be captured.
        name: which contestant.
        device: a CUDA device.
    """

    def __init__(self, case: Case, name: str, device: torch.device) -> None:
        super().__init__(case, name, device)
        graph = make_graph(device)
        assert graph is not None
        self._graph = graph
        self._buffers: tuple[Draw, Draw] | None = None

    def step(self, draws: tuple[Draw, Draw]) -> None:
        """See `Contestant.step`; the first one warms up and captures."""
        if self._buffers is None:
            self._capture(draws)
            return
        for buffer, draw in zip(self._buffers, draws, strict=True):
            buffer.images.copy_(draw.images, non_blocking=True)
            buffer.labels.copy_(draw.labels, non_blocking=True)
        self._graph.replay()

    def _capture(self, draws: tuple[Draw, Draw]) -> None:
        buffers = tuple(Draw(draw.images.clone(), draw.labels.clone(), draw.active) for draw in draws)
        own = self._buffers = buffers[0], buffers[1]
        # Kernels are chosen, and the optimisers make their state, before the capture.
        for _ in range(3):
            self._graph.warm_up(lambda: super(GraphContestant, self).step(own))
        # Gradients must be born in the graph's own memory, to be at the same address in every replay.
        self.weight_optimizer.zero_grad(set_to_none=True)
        self.alpha_optimizer.zero_grad(set_to_none=True)
        self._graph.capture(lambda: super(GraphContestant, self).step(own))


def make_contestant(case: Case, name: str, device: torch.device) -> Contestant:
    """The contestant of that name, with the same first weights and alphas as every other."""
    return (GraphContestant if name == "fused_graph" else Contestant)(case, name, device)


def contestants_of(case: Case, device: torch.device) -> tuple[str, ...]:
    """The contestants that can run a case on a device."""
    if device.type != "cuda":
        return COMPARED
    return (*COMPARED, *(name for name in ONLY_CUDA if not (case.sampled and name == "fused_graph")))


def measure_case(name: str, device: torch.device, rounds: int, quick: bool) -> Records:
    """Run one case with all contestants; returns its record.

    Args:
        name: of the case.
        device: where.
        rounds: timed steps of each contestant.
        quick: whether tiny sizes are run, to see that everything works.
    """
    case = get_case(name, quick=quick)
    found: dict[str, Records] = {
        contestant: _in_fresh_process(name, contestant, device, quick=quick)
        for contestant in contestants_of(case, device)
    }
    runnable = [contestant for contestant, record in found.items() if "failed" not in record]
    losses = check_agreement(case, [make_contestant(case, contestant, device) for contestant in COMPARED], device)
    ratios = {}
    for slow in ("plain", "channels_last"):
        others = [contestant for contestant in runnable if contestant not in COMPARED] if slow != "plain" else []
        medians = {}
        with equal_steps():
            running = [make_contestant(case, contestant, device) for contestant in (slow, "fused", *others)]
            taken = time_steps(case, running, device, rounds)
            del running
        for contestant, seconds in taken.items():
            medians[contestant] = statistics.median(seconds)
            if "median_seconds" not in found[contestant]:
                found[contestant] |= {"median_seconds": medians[contestant], "min_seconds": min(seconds)}
        ratios[f"{slow}_over_fused"] = medians[slow] / medians["fused"]
    ratios["fused_memory_of_plain"] = found["fused"]["peak_bytes"] / max(1, found["plain"]["peak_bytes"])
    return {
        **conditions(device),
        "quick": quick,
        "rounds": rounds,
        "space": case.space,
        "batch": case.batch,
        "contestants": found,
        "losses": losses,
        "ratios": ratios,
        "goal": case.goal._asdict(),
        "reached": is_reached(case.goal, ratios),
    }


def is_reached(goal: Goal, ratios: Mapping[str, float]) -> bool:
    """Whether the figures are as good as the goal, where it asks for something."""
    return (
        (goal.plain is None or ratios["plain_over_fused"] >= goal.plain)
        and (goal.channels_last is None or ratios["channels_last_over_fused"] >= goal.channels_last)
        and (goal.memory is None or ratios["fused_memory_of_plain"] <= goal.memory)
    )


def check_agreement(case: Case, contestants: list[Contestant], device: torch.device) -> dict[str, float]:
    """The losses of the contestants on the same batch and weights, which must agree in float32.

    Raises:
        SystemExit: they do not.
    """
    draw, _ = make_draws(case, device, seed=0)
    losses = {}
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for contestant in contestants:
            value = contestant.loss(contestant.prepare(draw), contestant.weights, contestant.alphas)
            losses[contestant.name] = float(value)
    first = next(iter(losses.values()))
    if not all(math.isclose(first, loss, rel_tol=1e-3) for loss in losses.values()):
        sys.exit(f"the contestants compute different losses, so their times say nothing: {losses}")
    return losses


def time_steps(case: Case, contestants: list[Contestant], device: torch.device, rounds: int) -> dict[str, list[float]]:
    """Seconds of every timed step by contestant, who take turns."""
    seconds: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for turn in range(rounds + 1):
        draws = make_draws(case, device, seed=turn)
        for contestant in contestants:
            first, second = (contestant.prepare(draw) for draw in draws)
            synchronize(device)
            started = time.perf_counter()
            contestant.step((first, second))
            synchronize(device)
            if turn > 0:
                seconds[contestant.name].append(time.perf_counter() - started)
    return seconds


def measure_alone(name: str, contestant: str, device: torch.device, *, quick: bool) -> Records:
    """Peak memory of two steps beyond the built network, and operations of a third one, in this process."""
    case = get_case(name, quick=quick)
    try:
        runner = make_contestant(case, contestant, device)
        draws = [[runner.prepare(draw) for draw in make_draws(case, device, seed)] for seed in range(3)]
        before = memory_in_use(device)
        runner.step((draws[0][0], draws[0][1]))
        runner.step((draws[1][0], draws[1][1]))
        peak = peak_memory(device) - before
        with OperationCount() as count:
            runner.step((draws[2][0], draws[2][1]))
    except RuntimeError as error:
        if contestant in COMPARED:
            raise
        return {"failed": str(error).splitlines()[0]}
    return {"operations": count.operations, "peak_bytes": peak}


class OperationCount(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what is dispatched within, inside of custom autograd functions too.

    Attributes:
        operations: so far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = 0

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Count one and run it."""
        self.operations += 1
        return func(*args, **(kwargs or {}))


def _in_fresh_process(name: str, contestant: str, device: torch.device, *, quick: bool) -> Records:
    # What this process has freed would be given out again without a trace, so memory needs a process of its own.
    command = [sys.executable, str(Path(__file__).resolve()), "--device", str(device), "--alone", name, contestant]
    command += ["--quick"] if quick else []
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    record: Records = json.loads(finished.stdout)
    return record


def _gates(alphas: Mapping[str, Tensor], active: Mapping[str, list[list[int]]] | None) -> dict[str, Tensor]:
    """A softmax over the operations of each edge; sampled operations have a gate of 1 with the softmax's gradient."""
    soft = {kind: alpha.softmax(dim=-1) for kind, alpha in alphas.items()}
    if active is None:
        return soft
    gates = {}
    for kind, gate in soft.items():
        chosen = torch.tensor(active[kind], device=gate.device)
        gates[kind] = torch.zeros_like(gate).scatter_(1, chosen, 1.0) + gate - gate.detach()
    return gates


@contextmanager
def _fastest_kernels(device: torch.device) -> Iterator[None]:
    """On CUDA let cuDNN choose by trying, as public code bases do."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = device.type == "cuda"
    yield
    torch.backends.cudnn.benchmark = before


def as_table(records: Records) -> str:
    """The records as Markdown tables, a pair for each device."""
    lines = [
        "# Engine",
        "",
        "Printed by `python benchmarks/engine.py`. Seconds of a search step (one update of alpha, one of the weights),",
        "median of the rounds; the engine and one other take turns in one process. plain: the reference, channels",
        "first, all gradients in both updates; channels last: the reference, only the needed gradients; fused: the",
        "engine.",
        "A goal stands in brackets. Memory is the peak of a fresh process beyond the built network.",
    ]
    for device, cases in records.items():
        lines += ["", f"## {device}", "", *_time_table(cases), "", *_cost_table(cases)]
    return "\n".join(lines) + "\n"


def _time_table(cases: Records) -> list[str]:
    lines = [
        "| case | plain | channels last | fused | plain / fused | channels last / fused | goal | date |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, record in cases.items():
        seconds = [f"{record['contestants'][contestant]['median_seconds']:.3g} s" for contestant in COMPARED]
        ratios, goal = record["ratios"], record["goal"]
        lines.append(
            f"| {name}{' (quick)' if record['quick'] else ''} | {' | '.join(seconds)} "
            f"| {ratios['plain_over_fused']:.2f}{_goal(goal['plain'], '.1f')} "
            f"| {ratios['channels_last_over_fused']:.2f}{_goal(goal['channels_last'], '.1f')} "
            f"| {'reached' if record['reached'] else 'not reached'} | {record['date']} |"
        )
    return lines


def _cost_table(cases: Records) -> list[str]:
    lines = [
        "| case | contestant | median | fastest | operations | memory | memory of plain |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, record in cases.items():
        plain = record["contestants"]["plain"]["peak_bytes"]
        for contestant, found in record["contestants"].items():
            label = f"| {name} | {contestant.replace('_', ' ')} "
            if "failed" in found:
                lines.append(f"{label}| failed: {found['failed'].replace('|', '/')} | | | | |")
                continue
            limit = _goal(record["goal"]["memory"], ".0%") if contestant == "fused" else ""
            lines.append(
                f"{label}| {found['median_seconds']:.4g} s | {found['min_seconds']:.4g} s "
                f"| {found['operations']:,} | {found['peak_bytes'] / 2**20:,.0f} MiB "
                f"| {found['peak_bytes'] / max(1, plain):.0%}{limit} |"
            )
    return lines


def _goal(value: float | None, form: str) -> str:
    return "" if value is None else f" ({value:{form}})"


def main() -> None:
    """Run the named cases, or all."""
    parser = argparse.ArgumentParser(description="Time, operations and memory of a search step, by engine.")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--device", help="cpu or cuda; without it CUDA where there is any")
    parser.add_argument("--rounds", type=int, default=5, help="timed steps of each contestant")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything works")
    parser.add_argument("--out", type=Path, help="folder of the results; a quick run writes only with this")
    parser.add_argument("--alone", nargs=2, metavar=("CASE", "CONTESTANT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    device = find_device(options.device)
    with _fastest_kernels(device):
        if options.alone:
            name, contestant = options.alone
            print(json.dumps(measure_alone(name, contestant, device, quick=options.quick)))
            return
        folder = options.out or (None if options.quick else RESULTS)
        records = load("engine", folder) if folder else {}
        for name in options.cases:
            record = measure_case(name, device, options.rounds, options.quick)
            records.setdefault(record["device"], {})[name] = record
            if folder:
                save("engine", records, as_table, folder)
    print(as_table(records))


if __name__ == "__main__":
    main()

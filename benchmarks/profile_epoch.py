"""Where the time of a search epoch goes, and how far it is from what the machine can do.

    python benchmarks/profile_epoch.py [--cases darts nas-bench-201] [--device cpu] [--rounds 3]

Runs steps of the search loop itself on CIFAR-10 at batch 64, first as they are and then with a clock at the borders of
their parts. Beside the times stand the multiply-adds of a step over the measured rate of matrix products, and the bytes
that its operations read and write over the measured rate of copying.

Reads the dataset from DARTBOARD_DATA (default ../shared/data); writes `benchmarks/results/profile_epoch.json` and
`.md`; figures of other cases and devices are kept.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.data import (
    Augmentation,
    AugmentSettings,
    Batch,
    Batches,
    DataSettings,
    ImageView,
    load_dataset,
    make_splits,
    measure_normalization,
)
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, SupernetRequest
from dartboard.engine import steps as search_steps
from dartboard.engine.stage import StageSearch
from dartboard.engine.streams import Streams
from dartboard.parts.architecture import all_live
from dartboard.parts.gradient import Gradient, unrolled
from dartboard.parts.gradient.problem import Bilevel
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Length, Meter, make_generator, seeded_initialization
from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, ReferenceSupernet, SupernetSpec
from records import RESULTS, Records, conditions, data_root, find_device, load, save, synchronize

LAYERS = {"darts": 8, "nas-bench-201": 5}
"""Space -> cells of its supernet, in NAS-Bench-201 of each stage."""
DATA_SHARE = 0.03
"""Goal: the most of a step that data and augmentation may take."""
VALIDATION_IMAGES = 512
PARTS = (
    "data and augmentation",
    "alpha forward",
    "alpha backward",
    "weight forward",
    "weight backward",
    "clipping",
    "weight update",
    "alpha update",
    "meters",
    "loss and the rest",
)


class Clock:
    """Seconds by part, waiting for the device at every border.

    Attributes:
        seconds: so far.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self._started = 0.0

    def start(self) -> None:
        """A part begins."""
        synchronize(self.device)
        self._started = time.perf_counter()

    def stop(self, part: str) -> None:
        """The part that began last ends."""
        synchronize(self.device)
        self.seconds[part] += time.perf_counter() - self._started

    def around(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its time booked on `part`."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.start()
            result = function(*args, **kwargs)
            self.stop(part)
            return result

        return timed

    def stream(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, with the time to make each booked on the data."""
        following = self.around("data and augmentation", batches.__next__)
        while True:
            try:
                yield following()
            except StopIteration:
                return


def make_search(name: str, device: torch.device, *, quick: bool) -> StageSearch:
    """The search that `dartboard run` would do in the space of that name, with the method `darts`."""
    folder = data_root() / "cifar10"
    if not folder.is_dir():
        sys.exit(f"needs CIFAR-10, and {folder} is not there; name the folder of datasets with DARTBOARD_DATA.")
    dataset = load_dataset(folder, DataSettings())
    splits = make_splits(dataset, DataSettings(), 0)
    augmentation = Augmentation(
        AugmentSettings(), measure_normalization(splits.view(dataset, "train")), dataset.image_shape
    )
    settings = SearchSettings(batch_size=8 if quick else 64)

    def batches(view: ImageView, size: int) -> Batches:
        return Batches(view, augmentation, batch_size=size, device=device)

    weights, alphas = (splits.view(dataset, part) for part in ("weights", "alphas"))
    scored = ImageView(alphas.image_set, alphas.indices[: 16 if quick else VALIDATION_IMAGES])
    space = get_space(name)
    plan = space.plan(
        in_channels=3,
        num_classes=len(dataset.classes),
        init_channels=8 if quick else 16,
        layers=(3 if name == "darts" else 1) if quick else LAYERS[name],
    )

    def make_supernet(_request: SupernetRequest) -> FusedSupernet:
        with seeded_initialization(0, "search", "weights"):
            supernet = FusedSupernet(SupernetSpec(space, plan))
        return supernet.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    given = SearchBatches(
        batches(weights, settings.batch_size), batches(alphas, settings.batch_size), batches(scored, 256)
    )
    problem = SearchProblem(space, make_supernet, lambda _: given, device)
    length = Length(50, None)
    return StageSearch(problem, make_recipe("darts", {}), settings, 0, (0, 50), length, 0, all_live(space))


class Steps:
    """Steps of one epoch, as `run_search` takes them.

    Args:
        search: what is searched.
        clock: given, the time of every part is booked on it.
    """

    def __init__(self, search: StageSearch, clock: Clock | None = None) -> None:
        self._clock = clock
        self._search = search
        self.phase = "weight"
        recipe = search.recipe
        watch: Callable[[Iterator[Batch]], Iterator[Batch]] = iter
        if clock is not None:
            assert recipe.gradient is not None
            recipe, watch = replace(recipe, gradient=_Phase(self, "alpha", recipe.gradient)), clock.stream
        streams = Streams(
            lambda purpose: make_generator(0, "search", purpose, 0),
            lambda generator: watch(search.batches.alphas.forever(generator)),
            search.batches.weights.forever,
        )
        self._step = search_steps.Steps(recipe, search.settings, search.state, streams, search.problem.device)
        self._batches = watch(search.batches.weights.epoch(make_generator(0, "search", "weight-batches", 0)))
        search.state.supernet.train()

    def __call__(self, count: int) -> None:
        """Take so many steps."""
        with ExitStack() as stack:
            if self._clock is not None:
                self._attach(self._clock, stack)
            for batch in islice(self._batches, count):
                self._step(batch)

    def _attach(self, clock: Clock, stack: ExitStack) -> None:
        """Put the clock around everything that the step calls."""
        state = self._search.state
        handles = [
            state.supernet.register_forward_pre_hook(lambda *_: clock.start()),
            state.supernet.register_forward_hook(lambda *_: clock.stop(f"{self.phase} forward")),
        ]
        for part, optimizer in (("weight update", state.weight_optimizer), ("alpha update", state.alpha_optimizer)):
            assert optimizer is not None
            handles.append(optimizer.register_step_pre_hook(lambda *_: clock.start()))
            handles.append(optimizer.register_step_post_hook(lambda *_, part=part: clock.stop(part)))
        for handle in handles:
            stack.callback(handle.remove)
        for module, name, part in (
            (unrolled, "differentiate", "alpha backward"),
            (search_steps, "differentiate_reached", "weight backward"),
        ):
            stack.enter_context(patch.object(module, name, clock.around(part, getattr(module, name))))
        stack.enter_context(
            patch.object(nn.utils, "clip_grad_norm_", clock.around("clipping", nn.utils.clip_grad_norm_))
        )
        stack.enter_context(patch.object(Meter, "add", _as_method(clock.around("meters", Meter.add))))


class _Phase:
    """A gradient that tells the steps whose forward pass is under way."""

    def __init__(self, steps: Steps, phase: str, inner: Gradient) -> None:
        self._steps, self._phase, self._inner = steps, phase, inner

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        before, self._steps.phase = self._steps.phase, self._phase
        try:
            return self._inner(problem)
        finally:
            self._steps.phase = before


class Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations, the bytes that they read and write, and how often the host waits for a number.

    Attributes:
        operations: dispatched, views included.
        bytes: sizes of all inputs and outputs; views move nothing and count nothing.
        waits: numbers handed to the host; torch's Adam reads one for each alpha, its counter, which is on the host.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = self.bytes = self.waits = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Count one and run it."""
        result = func(*args, **(kwargs or {}))
        self.operations += 1
        self.waits += func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.item.default)
        if not func.is_view:
            self.bytes += sum(_bytes(leaf) for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor))
        return result


def measure_case(name: str, device: torch.device, rounds: int, quick: bool) -> Records:
    """Profile the search in one space; returns its record.

    Args:
        name: of the space.
        device: where.
        rounds: timed steps.
        quick: whether tiny sizes are run, to see that everything works.
    """
    search = make_search(name, device, quick=quick)
    steps = Steps(search)
    steps(1)
    seconds = statistics.median(_seconds(lambda: steps(1), device) for _ in range(rounds))
    clock = Clock(device)
    clocked = Steps(search, clock)
    total = _seconds(lambda: clocked(rounds), device)
    clock.seconds["loss and the rest"] = total - sum(clock.seconds.values())
    parts = {part: spent / rounds for part, spent in clock.seconds.items()}
    with Traffic() as traffic:
        steps(1)
    gates = search.mean_gates(search.state.alphas)
    scored = len(search.batches.validation.view)
    validation = _seconds(lambda: search.validate(gates), device) / scored
    share = parts["data and augmentation"] / total * rounds
    return {
        **conditions(device),
        "quick": quick,
        "rounds": rounds,
        "batch": search.settings.batch_size,
        "step_seconds": seconds,
        "part_seconds": parts,
        "part_shares": {part: spent * rounds / total for part, spent in parts.items()},
        "data_share_goal": DATA_SHARE,
        "data_share_reached": share < DATA_SHARE,
        "validation_seconds_per_image": validation,
        "operations": traffic.operations,
        "host_waits_per_step": traffic.waits,
        "host_counters": len(search.state.alphas),
        "host_wait_error": _find_wait(steps, device),
        "limits": measure_limits(search, seconds, traffic.bytes, device, quick=quick),
        "optimizers": measure_optimizers(list(search.state.weights.values()), device, rounds),
    }


def measure_limits(search: StageSearch, seconds: float, traffic: int, device: torch.device, *, quick: bool) -> Records:
    """What the products and the memory traffic of a step would take at the machine's own rates.

    Args:
        search: whose step.
        seconds: that the step takes.
        traffic: bytes that its operations read and write.
        device: where.
        quick: whether the rates are measured on small tensors.
    """
    side, rows, size = (128, 512, 2**20) if quick else (1024, 16384, 2**28)
    forward = _forward_multiply_adds(search, device)
    multiply_adds = 5 * forward  # alpha: forward and input gradient; weights: both, and the weights' gradient
    square = _product_rate(side, side, side, device)
    skinny = _product_rate(rows, 64, 64, device)
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = 2 * size / _best_seconds(lambda: target.copy_(source), device)
    floors = {
        "square_product_seconds": multiply_adds / square,
        "skinny_product_seconds": multiply_adds / skinny,
        "copy_seconds": traffic / copy,
    }
    return {
        "multiply_adds": multiply_adds,
        "bytes": traffic,
        "square_multiply_adds_per_second": square,
        "skinny_multiply_adds_per_second": skinny,
        "copy_bytes_per_second": copy,
        **floors,
        **{name.replace("_seconds", "_share_of_step"): floor / seconds for name, floor in floors.items()},
    }


def measure_optimizers(weights: Sequence[Tensor], device: torch.device, rounds: int) -> dict[str, float]:
    """Seconds of one SGD step over tensors of these shapes by torch's implementations, which take turns."""
    kinds: dict[str, dict[str, Any]] = {"single": {"foreach": False}, "foreach": {"foreach": True}}
    kinds["fused"] = {"fused": True}
    optimizers = {}
    for kind, options in kinds.items():
        own = [weight.detach().clone().requires_grad_() for weight in weights]
        for weight in own:
            weight.grad = torch.ones_like(weight)
        optimizers[kind] = torch.optim.SGD(own, lr=0.025, momentum=0.9, weight_decay=3e-4, **options)
        optimizers[kind].step()
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(2 * rounds):
        for kind, optimizer in optimizers.items():
            seconds[kind].append(_seconds(optimizer.step, device))
    return {kind: statistics.median(found) for kind, found in seconds.items()}


def _find_wait(steps: Steps, device: torch.device) -> str | None:
    """On CUDA what torch says about the first place where a step makes the host wait; None if there is none."""
    if device.type != "cuda":
        return None
    with _waits_are_errors():
        try:
            steps(2)
        except RuntimeError as error:
            return str(error).splitlines()[0]
    return None


@contextmanager
def _waits_are_errors() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def _forward_multiply_adds(search: StageSearch, device: torch.device) -> int:
    """Of a forward pass of the reference, which runs every operation as it is defined."""
    supernet = search.state.supernet
    assert isinstance(supernet, FusedSupernet)
    reference = ReferenceSupernet(supernet.spec).to(device)
    batch = next(search.batches.weights.epoch(torch.Generator().manual_seed(0)))
    gates = {kind: alpha.detach().softmax(dim=-1) for kind, alpha in search.state.alphas.items()}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        reference(batch.images, gates)
    return int(counter.get_total_flops()) // 2


def _product_rate(rows: int, inner: int, columns: int, device: torch.device) -> float:
    """Multiply-adds a second of float32 matrix products of that size."""
    left, right = torch.rand(rows, inner, device=device), torch.rand(inner, columns, device=device)
    result = torch.empty(rows, columns, device=device)
    return rows * inner * columns / _best_seconds(lambda: torch.mm(left, right, out=result), device)


def _best_seconds(run: Callable[[], Any], device: torch.device, tries: int = 10) -> float:
    run()
    return min(_seconds(run, device) for _ in range(tries))


def _seconds(run: Callable[[], Any], device: torch.device) -> float:
    synchronize(device)
    started = time.perf_counter()
    run()
    synchronize(device)
    return time.perf_counter() - started


def _bytes(tensor: Tensor) -> int:
    """What the tensor holds; of an expanded one only what is really there."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


def _as_method(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any) -> Any:
        return function(self, *args)

    return method


def as_table(records: Records) -> str:
    """The records as Markdown tables."""
    lines = [
        "# A search step, part by part",
        "",
        "Printed by `python benchmarks/profile_epoch.py`: steps of the search loop on CIFAR-10, method darts. The",
        "limits are what the reference's multiply-adds would take as plain matrix products, and what the bytes that",
        "the operations read and write would take as plain copies; a CPU's caches can beat the latter.",
    ]
    for device, cases in records.items():
        for name, record in cases.items():
            lines += ["", *_case_lines(f"{name}, batch {record['batch']}, on {device}", record)]
    return "\n".join(lines) + "\n"


def _case_lines(title: str, record: Records) -> list[str]:
    limits, step = record["limits"], record["step_seconds"]
    waits = record["host_wait_error"] or (
        f"{record['host_waits_per_step']} numbers handed to the host a step, {record['host_counters']} of them "
        "counters that Adam keeps on the host"
    )
    return [
        f"## {title}{' (quick)' if record['quick'] else ''}, {record['date']}",
        "",
        "| part | seconds | share |",
        "|---|---|---|",
        *(
            f"| {part} | {seconds:.4g} | {record['part_shares'][part]:.1%} |"
            for part, seconds in record["part_seconds"].items()
        ),
        "",
        f"- step without a clock: {step:.4g} s, {record['operations']:,} operations",
        f"- data and augmentation below {record['data_share_goal']:.0%}: "
        f"{'reached' if record['data_share_reached'] else 'not reached'}",
        f"- validation: {1000 * record['validation_seconds_per_image']:.3g} ms an image",
        f"- waiting of the host: {waits}",
        f"- {limits['multiply_adds'] / 1e9:.3g} G multiply-adds: {limits['square_product_seconds']:.3g} s at the rate "
        f"of square products ({limits['square_product_share_of_step']:.0%} of the step), "
        f"{limits['skinny_product_seconds']:.3g} s at that of skinny ones "
        f"({limits['skinny_product_share_of_step']:.0%})",
        f"- {limits['bytes'] / 2**30:.3g} GiB: {limits['copy_seconds']:.3g} s at the rate of copying "
        f"({limits['copy_share_of_step']:.0%} of the step)",
        "- SGD over all weights: "
        + ", ".join(f"{kind} {1000 * seconds:.3g} ms" for kind, seconds in record["optimizers"].items()),
    ]


def main() -> None:
    """Profile the named spaces, or both."""
    parser = argparse.ArgumentParser(description="Where the time of a search step goes.")
    parser.add_argument("--cases", nargs="+", choices=LAYERS, default=list(LAYERS), metavar="SPACE")
    parser.add_argument("--device", help="cpu or cuda; without it CUDA where there is any")
    parser.add_argument("--rounds", type=int, default=3, help="timed steps")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything works")
    parser.add_argument("--out", type=Path, help="folder of the results; a quick run writes only with this")
    options = parser.parse_args()
    device = find_device(options.device)
    folder = options.out or (None if options.quick else RESULTS)
    records = load("profile_epoch", folder) if folder else {}
    for name in options.cases:
        record = measure_case(name, device, options.rounds, options.quick)
        records.setdefault(record["device"], {})[name] = record
        if folder:
            save("profile_epoch", records, as_table, folder)
    print(as_table(records))


if __name__ == "__main__":
    main()

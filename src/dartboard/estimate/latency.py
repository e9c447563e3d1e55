"""How long networks take on this machine: measured, or foretold by a table of blocks that are measured once."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from dartboard.errors import RunDirectoryError, SettingsError
from dartboard.runs import read_json, write_json
from dartboard.space import CellGenotype, Choice, Genotype, Network, NetworkPlan, SearchSpace
from dartboard.space.network import NETWORK_NORM
from dartboard.space.network_costs import sized_cells
from dartboard.space.ops import build_op

__all__ = ["BlockTimes", "LatencyTable", "check_timed", "latency_table", "machine", "seconds_of"]

_WARM_RUNS, _LEAST_RUNS, _MOST_RUNS = 3, 9, 200
_SECONDS = 0.05
"""A block is run at least `_LEAST_RUNS` times, and then until it has taken so many seconds."""

_TIMED = ("cpu", "cuda")

Timer = Callable[[nn.Module, tuple[int, ...]], float]
"""(module in evaluation mode, shape of a batch) -> seconds of a forward pass."""


def check_timed(device: torch.device) -> None:
    """Refuse devices on which a forward pass cannot be timed.

    Raises:
        SettingsError: the device is one of these.
    """
    if device.type not in _TIMED:
        raise SettingsError(
            f"limits.latency needs a device on which networks can be timed, and '{device.type}' is not one; take "
            "--device cpu, or limit the multiply-adds by --max-macs."
        )


def seconds_of(run: Callable[[], object], device: torch.device, seconds: float = _SECONDS) -> float:
    """The median duration of warm runs.

    Args:
        run: what is timed.
        device: that it runs on; its work is waited for.
        seconds: how long runs are repeated at least.
    """

    def timed() -> float:
        started = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started

    for _ in range(_WARM_RUNS):
        timed()
    durations: list[float] = []
    while len(durations) < _LEAST_RUNS or (sum(durations) < seconds and len(durations) < _MOST_RUNS):
        durations.append(timed())
    return median(durations)


def module_timer(device: torch.device) -> Timer:
    """Times modules on a device, in float32, without gradients."""

    def time_module(module: nn.Module, shape: tuple[int, ...]) -> float:
        module = module.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        images = torch.zeros(shape, device=device).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            return seconds_of(lambda: module(images), device)

    return time_module


def machine(device: torch.device, name: str) -> dict[str, Any]:
    """What measured times depend on beside the block: device, threads, number format, version of torch."""
    threads = torch.get_num_threads() if device.type == "cpu" else 0
    return {"device": name, "threads": threads, "precision": "float32", "torch": torch.__version__}


class BlockTimes:
    """Seconds of blocks by description, measured when they are first asked for, and kept in a file.

    Args:
        timer: measures a block.
        folder: of the files, one for each machine; None keeps nothing.
        of: describes the machine (`machine`).
    """

    def __init__(self, timer: Timer, folder: Path | None, of: Mapping[str, Any]) -> None:
        self._timer, self._of = timer, dict(of)
        digest = hashlib.blake2b(json.dumps(self._of, sort_keys=True).encode(), digest_size=8).hexdigest()
        self._path = None if folder is None else folder / f"{digest}.json"
        self._known: dict[str, float] = self._read()
        self._changed = False

    def seconds(self, block: str, make: Callable[[], nn.Module], shape: tuple[int, ...]) -> float:
        """Seconds of a block.

        Args:
            block: describes the block and its shapes.
            make: builds it.
            shape: of the batch that it takes.
        """
        if block not in self._known:
            self._known[block], self._changed = self._timer(make(), shape), True
        return self._known[block]

    def keep(self) -> None:
        """Write what was measured; a folder that cannot be written is passed over."""
        if self._path is None or not self._changed:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, {"machine": self._of, "seconds": dict(sorted(self._known.items()))})
        except (OSError, RunDirectoryError):
            return
        self._changed = False

    def _read(self) -> dict[str, float]:
        if self._path is None or not self._path.exists():
            return {}
        try:
            return {str(name): float(value) for name, value in read_json(self._path)["seconds"].items()}
        except (RunDirectoryError, KeyError, TypeError, ValueError, AttributeError):
            return {}


@dataclass(frozen=True)
class LatencyTable:
    """What the parts of networks of one size take for a batch.

    Attributes:
        space: the search space.
        fixed: seconds of everything but the operations of the cells.
        operations: cell kind -> for every edge the seconds of every operation in all cells of the kind together.
    """

    space: SearchSpace
    fixed: float
    operations: Mapping[str, tuple[tuple[float, ...], ...]]

    def network(self, genotype: Genotype) -> float:
        """The seconds that the sum of its parts foretells for the network of an architecture."""
        return self.fixed + self.in_cells(genotype)

    def in_cells(self, genotype: Genotype) -> float:
        """The part of `network` that is spent inside the operations of the cells."""
        return math.fsum(self.only(genotype, column) for column in range(len(self.space.ops)))

    def only(self, genotype: Genotype, column: int) -> float:
        """The part of `in_cells` that one operation takes, by its column."""
        return math.fsum(
            self.operations[kind][self.space.cell.row(choice.target, choice.source)][column]
            for kind, cell in genotype.cells
            for choice in cell.choices
            if choice.op == self.space.ops[column]
        )


def latency_table(
    space: SearchSpace, plan: NetworkPlan, image_size: tuple[int, int], batch: int, times: BlockTimes
) -> LatencyTable:
    """The table of a space at one size of network; every different block is measured once.

    Whole networks are measured as well. What stands around the operations (stem, joins, reductions, classifier) is what
    the network of the fastest operations takes beyond their sum. Inside a network an operation finds other things in
    the caches than when it runs alone again and again, so all its times are multiplied by one factor: that with which
    the sum is right for the network that has this operation everywhere.

    Args:
        space: the search space.
        plan: width, depth, classes.
        image_size: (height, width) of the images.
        batch: images of the batch.
        times: measures blocks, or knows them.
    """
    operations: dict[str, list[list[float]]] = {
        kind: [[0.0] * len(space.ops) for _ in space.cell.edges] for kind in space.cell_kinds
    }
    for place, read in sized_cells(plan, image_size):
        for row, edge in enumerate(space.cell.edges):
            from_input = edge.source < space.cell.num_inputs
            stride, inputs = place.stride if from_input else 1, place.inputs(space.cell, edge.source)
            written = place.shrink(read)
            taken = read if from_input else written
            for column, name in enumerate(space.ops):
                if name in space.ops_on(place.kind, row):
                    shape = (batch, inputs, *taken)
                    operations[place.kind][row][column] += times.seconds(
                        f"{name} {inputs}>{place.channels} /{stride} {taken[0]}x{taken[1]} b{batch}",
                        lambda name=name, place=place, stride=stride, inputs=inputs, written=written: build_op(  # type: ignore[misc]
                            name, place.channels, stride, NETWORK_NORM, written, inputs
                        ),
                        shape,
                    )
    table = LatencyTable(space, 0.0, {kind: tuple(map(tuple, rows)) for kind, rows in operations.items()})
    cheap = _example(space, table, "")

    def whole(genotype: Genotype) -> float:
        return times.seconds(
            f"network {space.name} {plan!r} {genotype.to_text()} {image_size[0]}x{image_size[1]} b{batch}",
            lambda: Network(space, genotype, plan),
            (batch, plan.in_channels, *image_size),
        )

    table = replace(table, fixed=max(0.0, whole(cheap) - table.in_cells(cheap)))
    factors = []
    for column, name in enumerate(space.ops):
        example = _example(space, table, name)
        own = table.only(example, column)
        seconds = whole(example) - table.network(example) + own if own else 0.0
        factors.append(seconds / own if seconds > 0 else 1.0)
    times.keep()
    scaled = {
        kind: tuple(tuple(factor * each for factor, each in zip(factors, row, strict=True)) for row in rows)
        for kind, rows in operations.items()
    }
    return replace(table, operations=scaled)


def _example(space: SearchSpace, table: LatencyTable, name: str) -> Genotype:
    """The architecture with one operation on the first edges of every node, or the fastest where these lack it."""
    cells = []
    for kind in space.cell_kinds:
        choices = []
        for node in space.cell.nodes:
            rows = list(space.cell.incoming(node))[: space.cell.edges_per_node]
            for row in rows:
                columns = [column for column in space.selectable_on(kind, row) if space.ops[column] != "none"]
                chosen = next((column for column in space.selectable_on(kind, row) if space.ops[column] == name), None)
                if chosen is None:
                    allowed = columns or space.selectable_on(kind, row)
                    chosen = min(allowed, key=table.operations[kind][row].__getitem__)
                choices.append(Choice(node, space.cell.edges[row].source, space.ops[chosen]))
        outputs = tuple(space.cell.nodes) if space.cell.output == "concat" else (space.cell.nodes[-1],)
        cells.append((kind, CellGenotype(tuple(choices), outputs)))
    return Genotype(space.name, tuple(cells))


def network_timer(device: torch.device) -> Callable[[Callable[[Tensor], Tensor], Tensor], float]:
    """Times any network, also an exported one, on images that are given."""

    def time_network(network: Callable[[Tensor], Tensor], images: Tensor) -> float:
        with torch.inference_mode():
            return seconds_of(lambda: network(images), device, 0.3)

    return time_network

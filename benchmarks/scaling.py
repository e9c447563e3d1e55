"""Time and memory of a search step while one thing varies at a time, and how well the formula foretells them.

    python benchmarks/scaling.py [--quick] [--device cpu] [--spaces darts nas-bench-201] [--results FOLDER]

A step is an alpha update and a weight update of a first-order search, run by the fast engine. From a base, the batch,
the width, the depth, the image size, the number of operations and the number of nodes (and with it of edges) vary. Six
cheap probes fit the coefficients of `step_model.py`; what they foretell for all other sizes stands beside
what was measured. Every size runs in a process of its own, so that its peak memory is its own, and all sizes are gone
through more than once, so that an hour in which the machine is slower does not meet the probes or the others alone.
After a change of the formula alone, `--refit` foretells the sizes on record again without measuring any.
Writes `scaling.json`, `scaling.md`, `scaling.svg` and `scaling.png`; what is recorded of other spaces is kept.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, SupernetSpec
from records import RESULTS, Records, conditions, load, save, synchronize
from step_model import Measurement, StepModel
from step_work import Work, step_work

TOLERANCE = 0.20
"""The largest relative error that a budget planner can work with."""
MEBIBYTE = 2**20
CLASSES = 10
SPACES = ("darts", "nas-bench-201")
VARIED = {
    "batch": "images a step",
    "channels": "init_channels",
    "layers": "layers",
    "side": "pixels a side",
    "operations": "operations",
    "nodes": "nodes a cell",
}
"""Field of a case -> how the plots call it."""


@dataclass(frozen=True)
class Case:
    """One size of a supernet and its batches.

    Attributes:
        space: registry name.
        batch: images of each of the two batches of a step.
        channels: init_channels.
        layers: cells, in NAS-Bench-201 of each stage.
        side: height and width of the images in pixels.
        operations: how many of the space's operations an edge has, the last ones.
        nodes: computed nodes of a cell; with n nodes and i inputs it has n * i + n * (n - 1) / 2 edges.
    """

    space: str
    batch: int
    channels: int
    layers: int
    side: int
    operations: int
    nodes: int

    def changed(self, changes: Mapping[str, int]) -> "Case":
        """The same with other sizes."""
        return Case(**{**asdict(self), **changes})

    def spec(self) -> SupernetSpec:
        """The supernet."""
        space = get_space(self.space)
        space = replace(space, ops=space.ops[-self.operations :], cell=replace(space.cell, num_nodes=self.nodes))
        plan = space.plan(in_channels=3, num_classes=CLASSES, init_channels=self.channels, layers=self.layers)
        return SupernetSpec(space, plan)

    def work(self) -> Work:
        """What a step does, by formula."""
        return step_work(self.spec(), self.batch, (self.side, self.side))


class Sweep(NamedTuple):
    """What is measured of a space: a base, values of each thing varied, and the probes, as changes of the base."""

    base: Case
    varied: dict[str, tuple[int, ...]]
    probes: tuple[dict[str, int], ...]

    def cases(self) -> list[Case]:
        """Every size, each once, the probes first."""
        probes = [self.base.changed(change) for change in self.probes]
        others = [self.base.changed({name: value}) for name, values in self.varied.items() for value in values]
        return list(dict.fromkeys([*probes, *others]))


def sweep_of(space: str, device: torch.device, *, quick: bool) -> Sweep:
    """What to measure: sizes that a processor does in a second or so, or ones that keep an accelerator busy."""
    full = get_space(space)
    operations, nodes = len(full.ops), full.cell.num_nodes
    least = 3 if space == "darts" else 1
    if quick:
        base = Case(space, 4, 4, least, 8, operations, nodes)
        return Sweep(base, {"batch": (4, 8)}, ({"batch": 2}, {"side": 6}))
    accelerated = device.type != "cpu"
    batch, channels = (64, 16) if accelerated else (16, 8 if space == "darts" else 16)
    layers = least + (3 if accelerated else 1)
    base = Case(space, batch, channels, layers, 32, operations, nodes)
    varied = {
        "batch": tuple(batch * times // 4 for times in (1, 2, 4, 8, 16)),
        "channels": tuple(channels * times // 2 for times in (1, 2, 3, 4)),
        "layers": tuple(range(least, least + 9, 2)) if accelerated else tuple(range(least, least + 5)),
        "side": (16, 24, 32, 40, 48),
        "operations": tuple(range(2, operations + 1, 2 if operations > 5 else 1)),
        "nodes": tuple(range(1, nodes + 2)),
    }
    # On an accelerator small steps show nothing but the launching of calls, so its probes are shallow and wide.
    probes: tuple[dict[str, int], ...] = (
        (
            {"batch": batch // 4},
            {"side": 48, "layers": least},
            {"batch": 4 * batch, "layers": least},
            {"channels": 4 * channels, "layers": least},
            {"batch": 2 * batch, "operations": operations // 2},
            {"batch": 2 * batch, "nodes": max(1, nodes // 2)},
        )
        if accelerated
        else (
            {"batch": batch // 4},
            {"side": 16, "layers": least},
            {"batch": batch // 2, "channels": channels // 2},
            {"batch": batch // 2, "channels": 2 * channels, "layers": least},
            {"batch": batch // 2, "operations": operations // 2},
            {"nodes": max(1, nodes // 2)},
        )
    )
    return Sweep(base, varied, probes)


def main() -> None:
    """Measure, fit, foretell, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few tiny sizes, to see that it works")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--spaces", nargs="+", default=SPACES, choices=SPACES)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long one size is measured")
    parser.add_argument("--rounds", type=int, default=3, help="how often; the shortest step of all counts")
    parser.add_argument("--refit", action="store_true", help="take the times and memory that are on record")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    device = torch.device(options.device)
    seconds = 0.0 if options.quick else options.seconds
    if options.child:
        print(json.dumps(measure_here(Case(**json.loads(options.child)), device, seconds)))
        return
    rounds = 1 if options.quick else options.rounds
    records = load("scaling", options.results)
    records.setdefault("spaces", {})
    for space in options.spaces:
        if options.refit:
            recorded = records["spaces"][space]
            measured = {Case(**row["case"]): row["measured"] for row in recorded["rows"]}
            probes = [Case(**row["case"]) for row in recorded["rows"] if row["probe"]]
            recorded |= foretell(measured, probes, device)
        else:
            sweep = sweep_of(space, device, quick=options.quick)
            records["spaces"][space] = conditions(device) | run_sweep(sweep, device, seconds, rounds)
        save("scaling", records, as_table, options.results)
    draw(records, options.results)
    print(as_table(records))


def run_sweep(sweep: Sweep, device: torch.device, seconds: float, rounds: int) -> Records:
    """Measure all sizes of a space, fit the probes and foretell every size."""
    measured: dict[Case, dict[str, Any]] = {}
    for _ in range(rounds):
        for case in sweep.cases():
            found = measure(case, device, seconds / rounds)
            if case not in measured or found["seconds"] < measured[case]["seconds"]:
                measured[case] = found
            print(f"{describe(case)}: {found}", file=sys.stderr, flush=True)
    probes = [sweep.base.changed(change) for change in sweep.probes]
    return {"base": asdict(sweep.base), "varied": sweep.varied, **foretell(measured, probes, device)}


def foretell(measured: Mapping[Case, dict[str, Any]], probes: Sequence[Case], device: torch.device) -> Records:
    """Fit the probes and foretell every size."""
    model = StepModel.fit(
        [Measurement(each.work(), measured[each]["seconds"], measured[each]["peak_bytes"]) for each in probes],
        overlap=device.type != "cpu",
    )
    rows: list[dict[str, Any]] = []
    for case, found in measured.items():
        work = case.work()
        predicted = {"seconds": model.seconds(work), "peak_bytes": model.bytes(work)}
        rows.append(
            {
                "case": asdict(case),
                "probe": case in probes,
                "measured": found,
                "predicted": predicted,
                "error": {name: predicted[name] / found[name] - 1 for name in predicted},
            }
        )
    return {
        "coefficients": asdict(model),
        "rows": rows,
        "largest_error": {
            name: max((abs(row["error"][name]) for row in rows if not row["probe"]), default=0.0)
            for name in ("seconds", "peak_bytes")
        },
    }


def measure(case: Case, device: torch.device, seconds: float) -> dict[str, Any]:
    """Seconds of a step and peak bytes of a process that does nothing else."""
    command = [sys.executable, __file__, "--device", str(device), "--seconds", str(seconds)]
    done = subprocess.run(
        [*command, "--child", json.dumps(asdict(case))], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_here(case: Case, device: torch.device, seconds: float) -> dict[str, Any]:
    """The same in this process, which should be fresh.

    The shortest of the steps is taken: whatever else the machine does only ever adds.
    """
    step = make_step(case, device)
    for _ in range(2):  # the first steps load kernels and make the optimisers' buffers
        step()
    taken: list[float] = []
    while len(taken) < 3 or (sum(taken) < seconds and len(taken) < 200):
        synchronize(device)
        started = time.perf_counter()
        step()
        synchronize(device)
        taken.append(time.perf_counter() - started)
    return {
        "seconds": min(taken),
        "median_seconds": sorted(taken)[len(taken) // 2],
        "steps": len(taken),
        "peak_bytes": peak_bytes(device),
    }


def make_step(case: Case, device: torch.device) -> Callable[[], None]:
    """A step of a first-order search on random images, as `dartboard.search` takes it."""
    torch.manual_seed(0)
    spec = case.spec()
    supernet = FusedSupernet(spec).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    alphas = {kind: torch.zeros(shape, device=device, requires_grad=True) for kind, shape in spec.gate_shapes.items()}
    weights = list(supernet.parameters())
    alpha_optimizer = torch.optim.Adam(alphas.values(), lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    weight_optimizer = torch.optim.SGD(weights, lr=0.025, momentum=0.9, weight_decay=3e-4, foreach=True)
    images = torch.randn(case.batch, 3, case.side, case.side, device=device)
    labels = torch.randint(CLASSES, (case.batch,), device=device)

    def gradients(wanted: list[Tensor]) -> None:
        gates = {kind: alpha.softmax(dim=1) for kind, alpha in alphas.items()}
        loss = functional.cross_entropy(supernet(images, gates), labels)
        for tensor, gradient in zip(wanted, torch.autograd.grad(loss, wanted, materialize_grads=True), strict=True):
            tensor.grad = gradient

    def step() -> None:
        gradients(list(alphas.values()))
        alpha_optimizer.step()
        gradients(weights)
        nn.utils.clip_grad_norm_(weights, 5.0, foreach=True)
        weight_optimizer.step()

    return step


def peak_bytes(device: torch.device) -> int:
    """Most memory in use so far: of the accelerator's allocator, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():  # unlike getrusage, which begins with the peak of the process that started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def describe(case: Case) -> str:
    """A size in words."""
    return (
        f"{case.space}, batch {case.batch}, C {case.channels}, L {case.layers}, {case.side}x{case.side}, "
        f"{case.operations} operations, {case.nodes} nodes"
    )


def as_table(record: dict[str, Any]) -> str:
    """The record as Markdown."""
    lines = [
        "# How time and memory of a search step grow",
        "",
        "Printed by `python benchmarks/scaling.py`. A step is an alpha update and a weight update of a first-order",
        "search by the fast engine. The formula of `benchmarks/step_work.py` is fitted to the probes alone; all other",
        "sizes are foretold.",
    ]
    for space, found in record["spaces"].items():
        largest = found["largest_error"]
        verdict = all(error <= TOLERANCE for error in largest.values())
        lines += [
            "",
            f"## {space}",
            "",
            f"On {found['device']}, torch {found['torch']}, {found['date']}.",
            "",
            f"**Every error within {TOLERANCE:.0%}: {'yes' if verdict else 'no'}** (largest: {largest['seconds']:.0%} "
            f"of the time, {largest['peak_bytes']:.0%} of the memory).",
            "",
            "| batch | channels | layers | side | operations | nodes | step, ms | foretold | error | peak, MiB "
            "| foretold | error | |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        lines += [_table_row(row) for row in found["rows"]]
    return "\n".join(lines) + "\n"


def _table_row(row: dict[str, Any]) -> str:
    sizes = " | ".join(str(row["case"][name]) for name in VARIED)
    measured, predicted, error = row["measured"], row["predicted"], row["error"]
    beyond = not row["probe"] and max(abs(each) for each in error.values()) > TOLERANCE
    note = "probe" if row["probe"] else f"over {TOLERANCE:.0%}" if beyond else ""
    return (
        f"| {sizes} | {1e3 * measured['seconds']:.1f} | {1e3 * predicted['seconds']:.1f} | {error['seconds']:+.0%} "
        f"| {measured['peak_bytes'] / MEBIBYTE:.0f} | {predicted['peak_bytes'] / MEBIBYTE:.0f} "
        f"| {error['peak_bytes']:+.0%} | {note} |"
    )


def draw(record: dict[str, Any], folder: Path) -> None:
    """One panel for each thing varied and measure: measured points, the formula's line."""
    from matplotlib.figure import Figure

    varied = [name for name in VARIED if any(name in each["varied"] for each in record["spaces"].values())]
    figure = Figure(figsize=(2.6 * len(varied) + 0.6, 5.4), layout="constrained")
    panels = figure.subplots(2, len(varied), squeeze=False, sharex="col")
    for column, name in enumerate(varied):
        for row, (measure_name, unit, scale) in enumerate(
            [("seconds", "seconds a step", 1.0), ("peak_bytes", "peak memory, MiB", 1 / MEBIBYTE)]
        ):
            panel = panels[row][column]
            for colour, (space, found) in zip(("#0072b2", "#d55e00"), record["spaces"].items(), strict=False):
                chosen = _along(found, name)
                values = [each["case"][name] for each in chosen]
                panel.plot(values, [scale * each["predicted"][measure_name] for each in chosen], color=colour, lw=1.2)
                panel.plot(
                    values,
                    [scale * each["measured"][measure_name] for each in chosen],
                    "o",
                    color=colour,
                    ms=4,
                    label=space,
                )
            panel.set_ylim(bottom=0)
            panel.spines[["top", "right"]].set_visible(False)
            if row == 1:
                panel.set_xlabel(VARIED[name])
            if column == 0:
                panel.set_ylabel(unit)
    panels[0][0].legend(frameon=False, fontsize=8)
    machines = " and ".join(sorted({found["device"] for found in record["spaces"].values()}))
    figure.suptitle(f"A search step: measured (points) and foretold from six probes (lines). {machines}", fontsize=10)
    for suffix in ("svg", "png"):
        figure.savefig(folder / f"scaling.{suffix}", dpi=110)


def _along(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The sizes that differ from the base in one thing at most, by that thing."""
    base = found["base"]
    values = found["varied"].get(name, ())
    rows = [row for row in found["rows"] if {**base, name: row["case"][name]} == row["case"]]
    return sorted((row for row in rows if row["case"][name] in values), key=lambda row: int(row["case"][name]))


if __name__ == "__main__":
    main()

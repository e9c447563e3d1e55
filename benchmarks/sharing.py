"""What threads that spin while they wait cost and save, on an idle machine and beside another program.

    python benchmarks/sharing.py [--rounds 3] [--seconds 3]

Training steps of a small and of a larger network, each way of waiting in a process of its own, all in turn:

- default: as OpenMP does it, for long;
- 10000, 1000: so many looks (`GOMP_SPINCOUNT`) and then sleep; the command line takes 10000;
- passive: sleep at once (`OMP_WAIT_POLICY`), as the command line has it where it starts on a busy machine.

Once on the idle machine, and once beside a training of the same kind, as another program with threads that spin.
Figures are milliseconds of a step: median and slowest of the rounds.

Writes `benchmarks/results/sharing.json` and `.md`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.nn import functional

from dartboard.space import parse_genotype
from dartboard.training import ModelCard
from records import RESULTS, Records, conditions, save

WAYS: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "10000": {"GOMP_SPINCOUNT": "10000"},
    "1000": {"GOMP_SPINCOUNT": "1000"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
}
NETWORKS = {"small": (32, 4, (1, 8, 8), 64), "larger": (16, 1, (3, 32, 32), 128)}
"""Channels, cells a stage, (channels, height, width) of the images, images in a batch."""

GENOTYPE = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_1x1~2|"


def main() -> None:
    """Measure all ways in turn, or in a child process one of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each network in each round")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the results go")
    parser.add_argument("--step", action="store_true", help="only print the milliseconds of a step of each network")
    arguments = parser.parse_args()
    if arguments.step:
        print(*(f"{name}={milliseconds(name, arguments.seconds):.3f}" for name in NETWORKS), flush=True)
        return
    records: Records = {"conditions": conditions(torch.device("cpu")), "seconds": arguments.seconds, "steps": {}}
    for situation in ("idle", "beside another"):
        with company(wanted=situation != "idle"):
            for _ in range(arguments.rounds):
                for way in WAYS:
                    for name, value in measure(way, arguments.seconds).items():
                        records["steps"].setdefault(f"{situation}, {name}", {}).setdefault(way, []).append(value)
    save("sharing", records, as_table, arguments.folder)
    print(as_table(records))


def milliseconds(name: str, seconds: float) -> float:
    """Of a training step, as many as fit the time; one at least."""
    channels, layers, shape, batch = NETWORKS[name]
    card = ModelCard(
        genotype=parse_genotype(GENOTYPE).to_json(),
        init_channels=channels,
        layers=layers,
        stem="cifar",
        classes=tuple("abcde"),
        image_shape=shape,
        mean=(0.0,) * shape[0],
        std=(1.0,) * shape[0],
    )
    network = card.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, fused=True)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, *shape, generator=generator).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(5, (batch,), generator=generator)

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    step()
    started, steps = time.perf_counter(), 0
    while not steps or time.perf_counter() - started < seconds:
        step()
        steps += 1
    return 1000 * (time.perf_counter() - started) / steps


def child(way: str, seconds: float) -> subprocess.Popen[str]:
    """A process that measures, with threads that wait in that way."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, __file__, "--step", "--seconds", str(seconds)]
    return subprocess.Popen(command, env={**own, **WAYS[way]}, stdout=subprocess.PIPE, text=True)


def measure(way: str, seconds: float) -> dict[str, float]:
    """Milliseconds of a step by network."""
    with child(way, seconds) as process:
        out, _ = process.communicate()
    return {name: float(value) for name, _, value in (part.partition("=") for part in out.split())}


@contextmanager
def company(*, wanted: bool) -> Iterator[None]:
    """Another training on the same cores while the body runs."""
    if not wanted:
        yield
        return
    with child("default", 1e6) as other:
        try:
            yield
        finally:
            other.kill()


def as_table(records: Records) -> str:
    """The records as Markdown."""
    told = records["conditions"]
    lines = [
        "# Threads that wait",
        "",
        f"Printed by `{told['command']}` ({told['device']}, torch {told['torch']}, {told['date']}).",
        "Milliseconds of a training step, median of the rounds (slowest in brackets), by how often a thread looks",
        "before it sleeps.",
        "",
        "| machine, network | " + " | ".join(WAYS) + " |",
        "|---|" + "---|" * len(WAYS),
    ]
    for case, by_way in records["steps"].items():
        cells = [f"{statistics.median(by_way[way]):.0f} ({max(by_way[way]):.0f})" for way in WAYS]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

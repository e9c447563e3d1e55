"""A training step of the discrete network: ours against what public code bases do, with the goal beside it.

    python benchmarks/training.py [--network darts-v2] [--batch 16] [--rounds 5] [--compile]

The network is the one that the DARTS paper found (36 channels, 20 cells, auxiliary head), or `conv-stages-by-hand` (64
channels, whitened) in batches of 512, on random images. Modes:

- plain: torch's own kernels, channels first;
- channels_last: torch's own kernels, channels last;
- ours: as `dartboard train` runs it: channels last, convolutions with fast gradients, fused SGD;
- bf16: ours under autocast to bfloat16; bf16_torch: torch's own kernels, channels last, under the same autocast;
- compile: ours under torch.compile (only with --compile: it takes a minute or more).

All modes share a process and take turns, each after one step to warm up. Paths are not dropped, so that all compute the
same. Writes `benchmarks/results/training.json` and `.md`; figures of other devices and batches are kept.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from dartboard.devices import equal_steps
from dartboard.kernels import plain_kernels
from dartboard.space import PUBLISHED, Network, get_space
from records import RESULTS, Records, conditions, find_device, load, save, synchronize

MODES = ("plain", "channels_last", "ours", "bf16_torch", "bf16", "compile")
THEIRS = ("plain", "channels_last", "bf16_torch")
"""Modes with torch's own kernels and optimiser."""

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "darts-v2": {"space": "darts", "channels": 36, "layers": 20, "batch": 16, "auxiliary": True, "whitens": False},
    "conv-stages-by-hand": {
        "space": "conv-stages",
        "channels": 64,
        "layers": 9,
        "batch": 512,
        "auxiliary": False,
        "whitens": True,
    },
}
GOAL = 1.5
"""Least time of `plain` over that of `ours`."""


def make_step(name: str, batch: int, mode: str, device: torch.device, *, quick: bool = False) -> Callable[[], None]:
    """One training step: forward, loss with that of an auxiliary head at 0.4, backward, clipping, SGD.

    Args:
        name: one of `NETWORKS`.
        batch: images.
        mode: one of `MODES`.
        device: where.
        quick: a tiny network and batch that run the same code.
    """
    torch.manual_seed(0)
    own = NETWORKS[name]
    space, channels, layers = get_space(own["space"]), own["channels"], own["layers"]
    if quick:
        channels, layers, batch = 4, space.skeleton.fewest_layers, 2
    plan = space.plan(
        in_channels=3,
        num_classes=10,
        init_channels=channels,
        layers=layers,
        stem="cifar",
        image_size=(32, 32),
        whitens=own["whitens"],
    )
    network = Network(space, PUBLISHED[name], plan, auxiliary=own["auxiliary"]).to(device).train()
    layout = torch.contiguous_format if mode == "plain" else torch.channels_last
    network.to(memory_format=layout)  # type: ignore[call-overload]
    images = torch.randn(batch, 3, 32, 32, device=device).contiguous(memory_format=layout)
    labels = torch.randint(10, (batch,), device=device)
    weights = list(network.parameters())
    theirs = mode in THEIRS
    optimizer = torch.optim.SGD(weights, lr=0.025, momentum=0.9, weight_decay=3e-4, fused=None if theirs else True)
    forward: Callable[..., Any] = network.forward_with_auxiliary
    if mode == "compile":  # the small backend needs no compiler and shows as well that the network can be traced
        forward = torch.compile(forward, dynamic=False, backend="aot_eager" if quick else "inductor")

    def step() -> None:
        kernels = plain_kernels() if theirs else nullcontext()
        with kernels, torch.autocast(device.type, torch.bfloat16, enabled=mode.startswith("bf16")):
            logits, auxiliary = forward(images)
            loss = functional.cross_entropy(logits, labels)
            if auxiliary is not None:
                loss = loss + 0.4 * functional.cross_entropy(auxiliary, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, 5.0, foreach=True)
        optimizer.step()

    return step


def measure(
    name: str, batch: int, modes: Sequence[str], device: torch.device, rounds: int, *, quick: bool = False
) -> Records:
    """Seconds of a step in each mode, taking turns; of the first step, compilation included, too."""
    steps = {mode: make_step(name, batch, mode, device, quick=quick) for mode in modes}
    first = {mode: seconds(step, device) for mode, step in steps.items()}
    taken: dict[str, list[float]] = {mode: [] for mode in modes}
    with equal_steps():
        for _ in range(rounds):
            for mode, step in steps.items():
                taken[mode].append(seconds(step, device))
    return {
        mode: {"median": statistics.median(taken[mode]), "fastest": min(taken[mode]), "first": first[mode]}
        for mode in modes
    }


def seconds(step: Callable[[], None], device: torch.device) -> float:
    """How long a step takes."""
    synchronize(device)
    started = time.perf_counter()
    step()
    synchronize(device)
    return time.perf_counter() - started


def as_table(records: Records) -> str:
    """The records as Markdown."""
    lines = [
        "# Training step",
        "",
        "Printed by `python benchmarks/training.py`. Seconds of a training step of the DARTS paper's network",
        "(36 channels, 20 cells, auxiliary head) or of `conv-stages-by-hand` (64 channels, whitened), median of the",
        "rounds; modes take turns in one process. The goal stands in brackets.",
        "",
        "| network | device | batch | mode | median | fastest | first step | plain / this | torch | date |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for record in records.values():
        name = record.get("network", "darts-v2")
        for mode, figures in record["modes"].items():
            ratio = record["modes"]["plain"]["median"] / figures["median"] if "plain" in record["modes"] else None
            goal = f" ({GOAL})" if (name, mode) == ("darts-v2", "ours") else ""
            lines.append(
                f"| {name} | {record['device']} | {record['batch']} | {mode} | {figures['median']:.3f} s "
                f"| {figures['fastest']:.3f} s | {figures['first']:.1f} s "
                f"| {'' if ratio is None else f'{ratio:.2f}'}{goal} | {record['torch']} | {record['date']} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", choices=list(NETWORKS), default="darts-v2")
    parser.add_argument("--batch", type=int, help="images; by default 16, or 512 of conv-stages-by-hand")
    parser.add_argument("--rounds", type=int, default=5, help="steps of each mode that count")
    parser.add_argument("--device", help="cpu or cuda; by default what there is")
    parser.add_argument("--compile", action="store_true", help="measure torch.compile too")
    parser.add_argument("--quick", action="store_true", help="tiny sizes; prints and writes nothing")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    device = find_device(options.device)
    modes = [mode for mode in MODES if options.compile or mode != "compile"]
    name = options.network
    batch = options.batch or NETWORKS[name]["batch"]
    figures = measure(name, batch, modes, device, options.rounds, quick=options.quick)
    record = {**conditions(device), "network": name, "batch": batch, "modes": figures}
    records = {} if options.quick else load("training", options.out)
    key = f"{record['device']}, batch {batch}"
    records[key if name == "darts-v2" else f"{name}, {key}"] = record
    if not options.quick:
        save("training", records, as_table, options.out)
    print(as_table(records))


if __name__ == "__main__":
    main()

"""Whether the sum of blocks that are measured once foretells how long whole networks take on this machine.

    python benchmarks/latency.py [--spaces nas-bench-201 darts proxyless] [--networks 12] [--device cpu]

For every space the blocks of a small network are measured once, in batches of 1 and 64 images of 32x32 pixels, and
summed for random architectures. Then the networks of these are built and measured whole, as medians of warm runs, and
compared. An error is |foretold / measured - 1|; the goal is 15 %. Exported networks are measured as well, where the
device is the CPU.

Writes `benchmarks/results/latency.json` and `.md`.
"""

import argparse
import statistics
from typing import Any

import torch

from dartboard.devices import device_name
from dartboard.estimate.latency import BlockTimes, latency_table, machine, module_timer, network_timer
from dartboard.parts.selection import UniformlyRandom
from dartboard.runs import write_json, write_text
from dartboard.space import Network, get_space
from dartboard.space.ops import plain_kernels
from records import RESULTS

GOAL = 0.15
BATCHES = (1, 64)
SIDE = 32


def main() -> None:
    """Measure, print and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spaces", nargs="+", default=["nas-bench-201", "darts", "proxyless"])
    parser.add_argument("--networks", type=int, default=12)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    record: dict[str, Any] = {"machine": machine(device, device_name(device)), "goal": GOAL, "rows": []}
    for name in options.spaces:
        for batch in BATCHES:
            record["rows"].append(measured(name, batch, options.networks, device))
            write_json(RESULTS / "latency.json", record)
            write_text(RESULTS / "latency.md", told(record))
            print(told(record), flush=True)


def measured(name: str, batch: int, networks: int, device: torch.device) -> dict[str, Any]:
    """The errors of one space and batch."""
    space = get_space(name)
    channels, layers = space.small_size
    plan = space.plan(in_channels=3, num_classes=10, init_channels=channels, layers=layers, image_size=(SIDE, SIDE))
    times = BlockTimes(module_timer(device), None, machine(device, device_name(device)))
    table = latency_table(space, plan, (SIDE, SIDE), batch, times)
    images = torch.zeros((batch, 3, SIDE, SIDE), device=device).contiguous(memory_format=torch.channels_last)
    generator, whole, time_network = torch.Generator().manual_seed(0), module_timer(device), network_timer(device)
    errors, seconds, exported = [], [], []
    for number in range(networks):
        genotype = UniformlyRandom()(space, {}, generator)
        network = Network(space, genotype, plan).eval()
        taken = whole(network, tuple(images.shape))
        errors.append(abs(table.network(genotype) / taken - 1))
        seconds.append(taken)
        if device.type == "cpu" and number == 0:
            with plain_kernels(), torch.no_grad():
                program = torch.export.export(network, (images,)).module()
            exported = [time_network(program, images), taken]
    return {
        "space": name,
        "batch": batch,
        "networks": networks,
        "median_seconds": statistics.median(seconds),
        "median_error": statistics.median(errors),
        "largest_error": max(errors),
        "exported_over_network": exported[0] / exported[1] if exported else None,
    }


def told(record: dict[str, Any]) -> str:
    """The table as Markdown."""
    of = record["machine"]
    lines = [
        "# Latency by the sum of blocks",
        "",
        f"{of['device']}, {of['threads']} thread(s), torch {of['torch']}. Errors of the sum against whole networks of "
        f"random architectures, images of {SIDE}x{SIDE} pixels; the goal is {record['goal']:.0%}.",
        "",
        "| space | batch | networks | median latency | median error | largest error | exported / network |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        ratio = row["exported_over_network"]
        lines.append(
            f"| {row['space']} | {row['batch']} | {row['networks']} | {1000 * row['median_seconds']:.3g} ms | "
            f"{row['median_error']:.1%} | {row['largest_error']:.1%} | {'' if ratio is None else f'{ratio:.2f}'} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

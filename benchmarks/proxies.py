"""What zero-cost proxies are worth: their rank correlation with both tables of NAS-Bench-201, beside that of size.

    python benchmarks/proxies.py [--architectures 1000] [--costly 100] [--quick]

Draws architectures from the benchmark with a seed, scores their networks before any training on images of CIFAR-10, and
compares the order with the test accuracies of the table after 12 epochs and, apart from it, of that after 200.
DARTBOARD_DATA names the folder of CIFAR-10 and both tables. The networks are narrower and shallower than those of the
benchmark, so that one thread is enough. What is recorded is not repeated: interrupt it, and run it again to go on, or
ask for more architectures. `benchmarks/results/proxies.json` and `.md` are written every few architectures.
"""

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from dartboard.data import DataSettings
from dartboard.estimate import SCHEDULES, ArchitectureTable, find_table
from dartboard.estimate.proxies import Conditions, score_genotypes
from dartboard.space import Genotype
from dartboard.workflow.score_conditions import dataset_conditions
from proxy_worth import CHEAP, COSTLY, SIZES, as_table, correlations, draw
from records import Records, conditions, data_root, load, save

SETTING = {"init_channels": 8, "layers": 1, "batch_size": 32, "initialisations": 1, "seed": 0}
"""The networks and the images that all proxies are measured with."""

SAVED_EVERY = 20


def main() -> None:
    """Score what is not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--architectures", type=int, default=1000, help="how many are scored by the cheap proxies")
    parser.add_argument("--costly", type=int, default=100, help="how many are scored by regions, zen, grasp, ntk-cond")
    parser.add_argument("--quick", action="store_true", help="a few architectures, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    os.environ["DARTBOARD_DATA"] = str(data_root())  # where the tables are looked for
    torch.set_num_threads(1)
    folder = {"folder": asked.folder} if asked.folder else {}
    wanted = {(*SIZES, *CHEAP): 12 if asked.quick else asked.architectures, COSTLY: 3 if asked.quick else asked.costly}
    records = load("proxies", **folder)
    if records.get("setting") != SETTING:
        records = {"setting": SETTING, "values": {}, "seconds": {}}
    tables = {epochs: find_table(epochs) for epochs in SCHEDULES}
    drawn = draw(tables[SCHEDULES[0]], max(wanted.values()), SETTING["seed"])
    images = batch()
    records |= conditions(torch.device("cpu"))
    for names, count in wanted.items():
        for position in range(count):
            if score_one(records, names, position, drawn[position], images) and position % SAVED_EVERY == 0:
                finish(records, tables, drawn, folder)
    finish(records, tables, drawn, folder)
    print(as_table(records))


def batch() -> Conditions:
    """Images of CIFAR-10, and the size of the networks."""
    found = dataset_conditions(str(data_root() / "cifar10"), DataSettings(), SETTING["batch_size"], SETTING["seed"])
    return replace(found, init_channels=SETTING["init_channels"], layers=SETTING["layers"])


def score_one(records: Records, names: Sequence[str], position: int, genotype: Genotype, images: Conditions) -> bool:
    """Score an architecture by the proxies whose record does not reach it; whether there were any."""
    missing = [name for name in names if len(records["values"].get(name, "").split()) <= position]
    for name in missing:
        started = time.process_time()
        (figures,) = score_genotypes(
            [genotype], [name], images, seed=SETTING["seed"], initialisations=SETTING["initialisations"]
        )
        seconds = time.process_time() - started
        told = "/".join(f"{value:.8g}" for value in figures[name].values.values())
        records["values"][name] = f"{records['values'].get(name, '')} {told}".strip()
        records.setdefault("parts", {})[name] = list(figures[name].values)
        records["seconds"][name] = records["seconds"].get(name, 0.0) + seconds
    return bool(missing)


def finish(
    records: Records, tables: Mapping[int, ArchitectureTable], drawn: Sequence[Genotype], folder: Mapping[str, Path]
) -> None:
    """Compare what is there with both tables, and write it."""
    records["correlations"] = {
        str(epochs): dict(correlations(records, table, drawn)) for epochs, table in tables.items()
    }
    save("proxies", records, as_table, **folder)


if __name__ == "__main__":
    main()

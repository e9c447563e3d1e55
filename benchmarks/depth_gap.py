"""Whether shallow networks of cells are in the order of deep ones of the same cells.

    python benchmarks/depth_gap.py [--cells 10] [--depths 8 20] [--epochs 20] [--quick]

Trains networks of random cells of the space `darts` on CIFAR-10 by one recipe at two depths, and compares the two
orders: a search sees its cells in a shallow supernet, and networks are deep (P-DARTS, arXiv:1904.12760, calls that the
depth gap). They are compared on images held out for validation. DARTBOARD_DATA names the folder of CIFAR-10. What is
recorded is not repeated; `depth_gap.json` and `.md` in `benchmarks/results` are written after each training.
"""

import argparse
import json
import tempfile
from pathlib import Path

import dartboard
from depth_figures import as_table, random_cell
from records import Records, data_root, record_missing

RECIPE = {"init_channels": 16, "batch_size": 96, "keep": "last", "hold_out": True}


def main() -> None:
    """Run the trainings asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=10, help="random cells")
    parser.add_argument("--depths", type=int, nargs=2, default=(8, 20), help="cells of the networks")
    parser.add_argument("--epochs", type=int, default=20, help="of every training")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time, each with one thread")
    parser.add_argument("--quick", action="store_true", help="two steps each, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    wanted = [(f"{depth}/{asked.epochs}", cell) for cell in range(asked.cells) for depth in asked.depths]
    record_missing("depth_gap", wanted, measure, asked.quick, as_table=as_table, jobs=asked.jobs, folder=asked.folder)


def measure(arm: str, cell: int, quick: bool) -> Records:
    """Train one network."""
    depth, epochs = map(int, arm.split("/"))
    own = {**RECIPE, "layers": depth, "epochs": epochs} | (
        {"epochs": 1, "steps_per_epoch": 2, "init_channels": 4} if quick else {}
    )
    asked = {"device": "cpu", "seed": 0, "baselines": False, **{f"train.{name}": value for name, value in own.items()}}
    asked |= {"data.max_train_images": 400} if quick else {}
    with tempfile.TemporaryDirectory() as scratch:
        genotype = Path(scratch) / "cell.json"
        genotype.write_text(json.dumps(random_cell(cell).to_json()))
        result = dartboard.train(data_root() / "cifar10", asked, genotype=genotype, out=Path(scratch) / "run")
    return {"depth": depth, "epochs": epochs, "cell": cell, "accuracy": result.validation_accuracy}


if __name__ == "__main__":
    main()

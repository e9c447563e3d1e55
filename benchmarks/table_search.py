"""Twelve methods beside their published figures in NAS-Bench-201, in a narrow supernet.

    python benchmarks/table_search.py [METHOD ...] [--seeds 3] [--jobs 1] [--scale 1.0 | --steps 500] [--quick]

Searches CIFAR-10 with every method for the number of steps of its publication, and looks the cells up in both tables.
DARTBOARD_DATA names the folder of CIFAR-10 and the tables; published figures are read from the file that `--published`
names. `--scale 0.1` takes a tenth of the steps of every method, `--steps 500` so many in all. An interrupted search
goes on at its last epoch when the command is typed again, and what has ended is not repeated:
`benchmarks/results/table_search.json` and `.md` are written after each.
"""

import argparse
import os
import sys
from pathlib import Path

from records import RESULTS, data_root
from table_figures import METHODS, as_table, published_figures, request, summarize
from table_runs import record_searches


def main() -> None:
    """Make the searches asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=f"of {', '.join(METHODS)}; all without any")
    parser.add_argument("--seeds", type=int, default=3, help="searches of each method")
    parser.add_argument("--jobs", type=int, default=1, help="searches at a time, one thread each; 0 only shows")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--scale", type=float, default=1.0, help="share of the steps of every publication")
    length.add_argument("--steps", type=int, help="steps of every search, in place of those of its publication")
    parser.add_argument("--quick", action="store_true", help="2 steps each, to see that everything works")
    parser.add_argument("--runs", type=Path, default=Path("runs/table-search"), help="where they are kept meanwhile")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the results go")
    published = data_root().parent / "published" / "results.csv"
    parser.add_argument("--published", type=Path, default=published, help="published figures, one a row")
    asked = parser.parse_args()
    if unknown := [name for name in asked.methods if name not in METHODS]:
        sys.exit(f"unknown method {unknown[0]}; known: {', '.join(METHODS)}")
    if asked.scale <= 0 or (asked.steps or 1) < 1:
        sys.exit("a search needs at least one step; give --scale above 0, or --steps of 1 or more")
    os.environ["DARTBOARD_DATA"] = str(data_root())  # where the tables are looked for
    steps = 2 if asked.quick else asked.steps
    names = asked.methods or list(METHODS)
    records = record_searches(
        "table_search",
        {f"{name}/{seed}": request(name, seed, asked.scale, steps) for seed in range(asked.seeds) for name in names},
        summarize=summarize,
        as_table=as_table,
        jobs=asked.jobs,
        places=asked.runs,
        folder=asked.folder,
        about={"published": list(published_figures(asked.published))},
    )
    print(as_table(records))


if __name__ == "__main__":
    main()

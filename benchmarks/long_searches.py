"""Long searches: does plain DARTS collapse in a narrow supernet, and who does not?

    python benchmarks/long_searches.py [ARM ...] [--seeds 3] [--jobs 1] [--quick]

Searches the NAS-Bench-201 space on CIFAR-10 for 50 epochs of the search half at batch 64, with each method's own rate
of alpha, in a narrow and shallow supernet, and looks up the cell of every epoch in both tables (DARTBOARD_DATA names
the folder of all three). One thread each; hours a search. An interrupted search goes on at its last epoch when the
command is typed again, and what has ended is not repeated: `benchmarks/results/long_searches.json` and `.md` are
written after each.
"""

import argparse
import os
import sys
from pathlib import Path

from long_figures import ARMS, QUICK, SEARCH, as_table, request, summarize
from records import RESULTS, data_root
from table_runs import record_searches


def main() -> None:
    """Make the searches asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("arms", nargs="*", metavar="ARM", help=f"of {', '.join(ARMS)}; all without any")
    parser.add_argument("--seeds", type=int, default=3, help="searches of each arm")
    parser.add_argument("--jobs", type=int, default=1, help="searches at a time, one thread each; 0 only shows")
    parser.add_argument("--quick", action="store_true", help="tiny searches, to see that everything works")
    parser.add_argument("--runs", type=Path, default=Path("runs/long-searches"), help="where they are kept meanwhile")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the results go")
    asked = parser.parse_args()
    if unknown := [name for name in asked.arms if name not in ARMS]:
        sys.exit(f"unknown arm {unknown[0]}; known: {', '.join(ARMS)}")
    os.environ["DARTBOARD_DATA"] = str(data_root())  # where the tables are looked for
    length = QUICK if asked.quick else SEARCH
    wanted = {
        f"{name}/{seed}": request(name, seed, length) for seed in range(asked.seeds) for name in asked.arms or ARMS
    }
    about = {"settings": length, "missing": [f"{arm}/{seed}" for seed in range(3) for arm in ARMS]}
    records = record_searches(
        "long_searches",
        wanted,
        summarize=summarize,
        as_table=as_table,
        jobs=asked.jobs,
        places=asked.runs,
        folder=asked.folder,
        about=about,
    )
    print(as_table(records))


if __name__ == "__main__":
    main()

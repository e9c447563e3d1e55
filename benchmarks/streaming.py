"""Batches read from disk ahead of the step: by nobody, by threads, by processes.

    python benchmarks/streaming.py [--rounds 3]

Every contestant reads the same batches of colour images, in the same random order, from a `.npy` file that the system
has in memory ("warm") or was told to drop ("cold"):

- waiting: a batch is read when it is asked for, as with `data.workers=0`;
- threads: one or two read ahead, as with `data.workers=1` or 2;
- processes: one or two of torch's DataLoader read ahead, started for every epoch, as an iterator that may be abandoned
  at any time needs it; forked, which is their fastest start.

Between two batches the host is at rest, as when it waits for an accelerator, or at work in the interpreter, whose lock
threads need as well. Figures are the time to the first batch, with whatever must be started, and the mean wait for a
later one; medians over the rounds.

Writes `benchmarks/results/streaming.json` and `.md`.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from dartboard.data.ahead import map_ahead
from dartboard.data.rowfile import RowFile
from records import RESULTS, Records, conditions, load, save

BYTES_PER_WRITE = 2**26


class Size(NamedTuple):
    """What is read, and how long a step takes."""

    images: int
    side: int
    batch: int
    step_seconds: float


USUAL = Size(images=6144, side=224, batch=128, step_seconds=0.1)
QUICK = Size(images=64, side=16, batch=8, step_seconds=0.001)

Rows = npt.NDArray[np.int64]
Epoch = Callable[[list[Rows]], Iterator[torch.Tensor]]


class BatchesOfFile(Dataset[torch.Tensor]):
    """The images of a file; an index is that of all images of a batch."""

    def __init__(self, path: Path) -> None:
        self.file = RowFile.open(path)

    def __getitem__(self, rows: Rows) -> torch.Tensor:
        """Images, uint8, shape (batch, height, width, channels)."""
        out = np.empty((len(rows), *self.file.shape[1:]), dtype=np.uint8)
        self.file.read(rows, out)
        return torch.from_numpy(out)


def contestants(path: Path) -> dict[str, Epoch]:
    """What is compared, by name: each gives the batches of an epoch."""
    source = BatchesOfFile(path)

    def threads(number: int) -> Epoch:
        return lambda parts: map_ahead(source.__getitem__, parts, threads=number, ahead=number + 1)

    def processes(number: int) -> Epoch:
        def epoch(parts: list[Rows]) -> Iterator[torch.Tensor]:
            yield from DataLoader(
                source, batch_size=None, sampler=parts, num_workers=number, multiprocessing_context="fork"
            )

        return epoch

    return {
        "waiting": threads(0),
        **{f"{number} thread{'s' * (number > 1)}": threads(number) for number in (1, 2)},
        **{f"{number} process{'es' * (number > 1)}": processes(number) for number in (1, 2)},
    }


def write_images(path: Path, size: Size) -> None:
    """A file of random images."""
    file = RowFile.create(path, (size.images, size.side, size.side, 3), path.parent)
    rng = np.random.default_rng(0)
    per_write = max(1, BYTES_PER_WRITE // (size.side**2 * 3))
    for start in range(0, size.images, per_write):
        count = min(per_write, size.images - start)
        file[start] = rng.integers(0, 256, (count, size.side, size.side, 3), dtype=np.uint8)
    file.finish([])


def drop_from_memory(path: Path) -> None:
    """Tell the system that nobody needs the file soon."""
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def rest(seconds: float) -> None:
    """Wait as for an accelerator."""
    time.sleep(seconds)


def work(seconds: float) -> None:
    """Keep the interpreter at work."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(100))


def measure(epoch: Epoch, parts: list[Rows], step: Callable[[float], None], seconds: float) -> tuple[float, float, int]:
    """Seconds to the first batch, mean seconds waited for a later one, and the sum of all pixels."""
    waits, total = [], 0
    started = time.perf_counter()
    with closing(epoch(parts)) as batches:  # type: ignore[type-var]
        for images in batches:
            waits.append(time.perf_counter() - started)
            total += int(images.sum(dtype=torch.int64))
            step(seconds)
            started = time.perf_counter()
    return waits[0], statistics.mean(waits[1:]), total


def compare(path: Path, size: Size, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds by what was measured and contestant; contestants take turns."""
    order = np.random.default_rng(1).permutation(size.images)
    parts = [order[start : start + size.batch] for start in range(0, size.images, size.batch)]
    found: dict[str, dict[str, list[float]]] = {}
    totals = set()
    for _ in range(rounds):
        for state in ("warm", "cold"):
            for step in (rest, work):
                for name, epoch in contestants(path).items():
                    if state == "cold":
                        drop_from_memory(path)
                    first, later, total = measure(epoch, parts, step, size.step_seconds)
                    totals.add(total)
                    what = f"{state}, host at {step.__name__}"
                    found.setdefault(f"first batch, {what}", {}).setdefault(name, []).append(first)
                    found.setdefault(f"later batches, {what}", {}).setdefault(name, []).append(later)
    assert len(totals) == 1, "the contestants read different images"
    return {
        what: {name: round(1e3 * statistics.median(seconds), 2) for name, seconds in by_name.items()}
        for what, by_name in sorted(found.items())
    }


def as_table(records: Records) -> str:
    """The records for readers."""
    lines = ["# Reading batches ahead", "", "Milliseconds waited for a batch; see `benchmarks/streaming.py`.", ""]
    for record in records.values():
        names = list(next(iter(record["milliseconds"].values())))
        lines += [
            f"{record['machine']}, torch {record['torch']}, {record['date']}, `{record['command']}`: {record['size']}",
            "",
            f"| waited for | {' | '.join(names)} |",
            f"|---|{'---|' * len(names)}",
            *(
                f"| {what} | {' | '.join(f'{found[name]:.1f}' for name in names)} |"
                for what, found in record["milliseconds"].items()
            ),
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each contestant that count")
    parser.add_argument("--folder", type=Path, help="where the file of images is written; by default a temporary one")
    parser.add_argument("--quick", action="store_true", help="tiny sizes; prints and writes nothing")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    size = QUICK if options.quick else USUAL
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "images.npy"
        write_images(path, size)
        milliseconds = compare(path, size, options.rounds)
    words = f"{size.images} images of {size.side} pixels, batches of {size.batch}, steps of {size.step_seconds} s"
    record = {**conditions(torch.device("cpu")), "size": words, "milliseconds": milliseconds}
    records = {} if options.quick else load("streaming", options.out)
    records[record["machine"]] = record
    if not options.quick:
        save("streaming", records, as_table, options.out)
    print(as_table(records))


if __name__ == "__main__":
    main()

"""What all benchmarks share: where they run, and how their records are kept from one run to the next."""

import json
import os
import platform
import resource
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

__all__ = [
    "RESULTS",
    "Records",
    "conditions",
    "data_root",
    "find_device",
    "load",
    "machine",
    "memory_in_use",
    "peak_memory",
    "place",
    "record_missing",
    "save",
    "synchronize",
]

RESULTS = Path(__file__).parent / "results"

Records = dict[str, Any]
"""What a JSON file of results holds."""


def machine() -> str:
    """The processor and how many of its cores there are."""
    names = [
        line.partition(":")[2].strip()
        for line in (Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else [])
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def place(device: torch.device) -> str:
    """What the work is done on: the accelerator's name, or `machine()` with the threads that torch uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{machine()}, {threads} thread{'' if threads == 1 else 's'}"


def find_device(name: str | None) -> torch.device:
    """The device of that name; without one CUDA where there is any, else the CPU."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def synchronize(device: torch.device) -> None:
    """Wait until everything asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def conditions(device: torch.device) -> Records:
    """What must be known beside a figure: machine, device, versions, date and command."""
    return {
        "machine": machine(),
        "device": place(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "date": datetime.now(UTC).date().isoformat(),
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
    }


def load(name: str, folder: Path = RESULTS) -> Records:
    """The records of a benchmark as far as there are any."""
    path = folder / f"{name}.json"
    records: Records = json.loads(path.read_text()) if path.exists() else {}
    return records


def save(name: str, records: Records, as_table: Callable[[Records], str], folder: Path = RESULTS) -> None:
    """Write the records as `name.json` and, for readers, `name.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(records, indent=2) + "\n")
    (folder / f"{name}.md").write_text(as_table(records))


def record_missing(
    name: str,
    wanted: Iterable[tuple[Any, ...]],
    measure: Callable[..., Records],
    *further: Any,
    as_table: Callable[[Records], str],
    jobs: int,
    folder: Path | None,
) -> None:
    """Measure on the CPU what is not recorded yet, in processes of one thread; save after each, and print the table.

    Args:
        name: of the benchmark, and of its files.
        wanted: what tells the measurements apart: the first arguments of `measure`, and joined by "/" their names.
        measure: gives the record of one of them.
        further: the other arguments of `measure`.
        as_table: the records as Markdown.
        jobs: measurements at a time.
        folder: where the results go; None for `RESULTS`.
    """
    folder = folder or RESULTS
    records = load(name, folder) | conditions(torch.device("cpu"))
    runs = records.setdefault("runs", {})
    missing = {key: each for each in wanted if (key := "/".join(map(str, each))) not in runs}
    with ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        begun = {pool.submit(measure, *each, *further): key for key, each in missing.items()}
        for done in as_completed(begun):
            runs[begun[done]] = done.result()
            save(name, records, as_table, folder)
    save(name, records, as_table, folder)
    print(as_table(records))


def data_root() -> Path:
    """Where the real datasets lie."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("DARTBOARD_DATA", default))


def memory_in_use(device: torch.device) -> int:
    """Bytes in use; from here on `peak_memory` is counted."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    return _process_memory("VmRSS")


def peak_memory(device: torch.device) -> int:
    """The most bytes in use since `memory_in_use` was asked; on the CPU since the process began."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _process_memory("VmHWM")


def _process_memory(entry: str) -> int:
    """Bytes of this process, now (VmRSS) or at most (VmHWM)."""
    status = Path("/proc/self/status")
    if not status.exists():
        # The most so far in both cases; right for the difference, since steps need more than building did.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    # Not `getrusage`, which on Linux begins with the memory of the parent that started this process.
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{entry}:"))
    return int(line.split()[1]) * 1024

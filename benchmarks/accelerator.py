"""What is to be measured on an accelerator, entry by entry, whenever one is at hand for a while.

    python benchmarks/accelerator.py --list              # what is measured on this accelerator and what is open
    python benchmarks/accelerator.py --minutes 25        # run open entries, the most valuable per minute first
    python benchmarks/accelerator.py --only train-96-bf16 --minutes 5
    python benchmarks/accelerator.py --smoke             # every entry, tiny, on any device, into a temporary file

Every entry runs in a process of its own with a time limit and appends one line of JSON to
`benchmarks/results/accelerator.jsonl`, or what went wrong. Searches are long: they run in slices, each going on from
the last whole epoch of the one before as long as the folder named by --work is kept. Reads CIFAR-10 from
DARTBOARD_DATA (default ../shared/data).
"""

import argparse
import importlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from dartboard import __version__
from dartboard.runs import EventLog, SearchEpoch
from records import data_root, synchronize
from training import MODES, make_step

BENCHMARKS = Path(__file__).resolve().parent
RESULTS = BENCHMARKS / "results" / "accelerator.jsonl"
WORK = BENCHMARKS.parent / "runs" / "accelerator"
CIFAR_IMAGES = 50_000
STARTING_SECONDS = 60
"""A slice of a search shorter than this would hardly get beyond importing and reading the data."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """Where and how entries are measured.

    Attributes:
        device: torch's name of the device.
        smoke: whether everything is tiny.
        work: folder of what entries leave for later slices.
    """

    device: str
    smoke: bool
    work: Path


@dataclass(frozen=True)
class Outcome:
    """How a process of an entry ended.

    Attributes:
        output: what it printed.
        seconds: how long it ran.
        code: exit code, or None where its time was up.
    """

    output: str
    seconds: float
    code: int | None


@dataclass(frozen=True)
class Entry:
    """Something to be measured.

    Attributes:
        name: unique.
        shows: what one learns from it.
        minutes: how long it takes on an H100, estimated.
        value: how much the figures are worth, compared with other entries.
        command: what is run.
        read: (output, setting) -> figures.
        resumes: whether the command goes on where it was stopped.
        reads_data: whether it needs the real datasets.
    """

    name: str
    shows: str
    minutes: float
    value: int
    command: Callable[[Setting], list[str]]
    read: Callable[[str, Setting], Record]
    resumes: bool = False
    reads_data: bool = False


def entries() -> list[Entry]:
    """All entries, the most valuable per minute first."""
    every = [_engine(name, minutes, value) for name, minutes, value in _ENGINE]
    every += [_train(batch, mode) for batch in (96, 16) for mode in MODES]
    every += [_profile(), _scaling()]
    every += [
        _search("search-nas-bench-201", "nas-bench-201", "a 50-epoch search on CIFAR-10, wanted in 5 minutes", 6, 24),
        _search("search-darts", "darts", "the DARTS paper's search on CIFAR-10, wanted in 8 minutes", 10, 30),
    ]
    return sorted(every, key=lambda entry: -entry.value / entry.minutes)


_ENGINE = (
    ("darts-64", 1.5, 10),
    ("nas-bench-201-64", 1.0, 8),
    ("darts-16", 1.5, 6),
    ("nas-bench-201-16", 1.0, 5),
    ("partial-64", 1.5, 5),
    ("sampled-64", 1.5, 5),
    ("unrolled-16", 2.5, 5),
)
"""Case of `engine.py`, minutes, value."""


def _child(*arguments: str) -> Callable[[Setting], list[str]]:
    """A command that runs one of the measurements written below in a process of its own."""

    def command(setting: Setting) -> list[str]:
        smoke = ["--smoke"] if setting.smoke else []
        return [sys.executable, str(Path(__file__)), "--device", setting.device, *smoke, "--child", *arguments]

    return command


def _last_line(output: str, _setting: Setting) -> Record:
    figures = json.loads(output.strip().rpartition("\n")[2])
    assert isinstance(figures, dict)
    return figures


def _engine(name: str, minutes: float, value: int) -> Entry:
    shows = f"the fast engine against the slow ones, case {name}"
    return Entry(f"engine-{name}", shows, minutes, value, _child("engine", name), _last_line)


def _train(batch: int, mode: str) -> Entry:
    shows = f"a training step of the DARTS paper's network, batch {batch}, {mode}"
    minutes = 3.0 if mode == "compile" else 0.7
    return Entry(
        f"train-{batch}-{mode}", shows, minutes, 6 if batch == 96 else 3, _child("train", str(batch), mode), _last_line
    )


def _profile() -> Entry:
    def command(setting: Setting) -> list[str]:
        quick = ["--quick"] if setting.smoke else []
        start = [sys.executable, str(BENCHMARKS / "profile_epoch.py"), "--device", setting.device]
        return [*start, "--out", str(setting.work / "profile"), *quick]

    def read(output: str, setting: Setting) -> Record:
        written = sorted((setting.work / "profile").glob("*.json"))
        return {"output": output[-20_000:], **{path.stem: json.loads(path.read_text()) for path in written}}

    return Entry("profile-epoch", "where the time of a search epoch goes", 2.0, 8, command, read)


def _scaling() -> Entry:
    def folder(setting: Setting) -> Path:
        return setting.work / "scaling"

    def command(setting: Setting) -> list[str]:
        quick = ["--quick", "--spaces", "nas-bench-201"] if setting.smoke else ["--seconds", "1"]
        start = [sys.executable, str(BENCHMARKS / "scaling.py"), "--device", setting.device]
        return [*start, "--results", str(folder(setting)), *quick]

    def read(_output: str, setting: Setting) -> Record:
        figures = json.loads((folder(setting) / "scaling.json").read_text())
        assert isinstance(figures, dict)
        return figures

    return Entry("scaling", "time and memory of a step by size, and the formula's error", 9.0, 7, command, read)


def _search(name: str, space: str, shows: str, minutes: float, value: int) -> Entry:
    def run(setting: Setting) -> Path:
        return setting.work / f"{name}-{_plain(device_name(setting.device))}"

    def command(setting: Setting) -> list[str]:
        start = [sys.executable, "-m", "dartboard", "search"]
        preset = {"darts": "darts-cifar"}.get(space, space)
        recorded = ["--set", "search.cuda_graph=true"] if setting.device.startswith("cuda") else []
        size = (
            ["--preset", "smoke", "--space", space, "--set", "search.epochs=1", "--set", "search.steps_per_epoch=2"]
            if setting.smoke
            else [str(data_root() / "cifar10"), "--preset", preset]
        )
        return [*start, *size, *recorded, "--device", setting.device, "--out", str(run(setting)), "--resume", "--json"]

    def read(_output: str, setting: Setting) -> Record:
        return search_figures(run(setting))

    return Entry(name, shows, minutes, value, command, read, resumes=True, reads_data=True)


def search_figures(run: Path) -> Record:
    """What a search has left in its run directory so far.

    The first epoch, which loads kernels, is left out of the seconds of an epoch where there are others.
    """
    epochs = [event for event in EventLog(run / "events.jsonl").read() if isinstance(event, SearchEpoch)]
    figures: Record = {"epochs_done": len(epochs)}
    if epochs:
        usual = epochs[1:] or epochs
        figures["epochs"] = epochs[-1].epochs
        figures["seconds_per_epoch"] = sum(event.seconds for event in usual) / len(usual)
        figures["extrapolated_seconds"] = epochs[0].seconds + figures["seconds_per_epoch"] * (figures["epochs"] - 1)
        figures["supernet_validation_accuracy"] = epochs[-1].validation_accuracy
        figures["operation_counts"] = epochs[-1].operation_counts
    if (run / "result.json").exists():
        result = json.loads((run / "result.json").read_text())
        figures["finished"] = True
        figures["genotype"] = result["genotype"]["text"]
        figures["images"] = {part: result["dataset"][part] for part in ("train", "validation")}
        figures["phase_seconds"] = result["seconds"]
    return figures


def main() -> None:
    """List entries, or run those that are open."""
    options = parse_options()
    if options.child:
        print(json.dumps(measure_here(options.child, torch.device(options.device), smoke=options.smoke)))
        return
    chosen = [entry for entry in entries() if options.only in (None, entry.name)]
    if not chosen:
        sys.exit(f"there is no entry '{options.only}'; --list names them all.")
    results = options.results or RESULTS
    records = read_records(results)
    here = [each for each in records if each["device"] == device_name(options.device) and not each["smoke"]]
    if options.commit:
        here = [each for each in here if each["commit"] == commit()]
    if options.list:
        print(as_list(chosen, here, device_name(options.device)))
        return
    if options.smoke:
        smoke(chosen, options)
        return
    if options.device == "cpu":
        sys.exit("there is no accelerator here; --smoke runs every entry tiny on any device.")
    done = {each["name"] for each in here if each["status"] == "done"}
    failed = {each["name"] for each in here if each["status"] == "failed"}
    open_ones = [entry for entry in chosen if entry.name not in done or options.only]
    ordered = sorted(open_ones, key=lambda entry: entry.name in failed)
    run_entries(ordered, Setting(options.device, False, options.work or WORK), results, options.minutes)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="show what is done and open, and run nothing")
    parser.add_argument("--minutes", type=float, default=25.0, help="time for everything (default: 25)")
    parser.add_argument("--only", metavar="NAME", help="this entry alone, also if it is done")
    parser.add_argument("--commit", action="store_true", help="count only what this commit measured as done")
    parser.add_argument("--smoke", action="store_true", help="everything tiny, into a temporary file")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--results", type=Path, metavar="FILE", help=f"default: {RESULTS.name}; with --smoke temporary")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="where searches go on (default: runs/accelerator)")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


def smoke(chosen: Sequence[Entry], options: argparse.Namespace) -> None:
    """Run everything tiny; exits with 1 if an entry failed."""
    with tempfile.TemporaryDirectory() as scratch:
        results = options.results or Path(scratch) / "accelerator.jsonl"
        setting = Setting(options.device, True, Path(scratch) / "work")
        run_entries(chosen, setting, results, options.minutes)
        failed = [each["name"] for each in read_records(results) if each["status"] != "done"]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def run_entries(chosen: Sequence[Entry], setting: Setting, results: Path, minutes: float) -> None:
    """Run entries as long as the time allows, and record each."""
    deadline = time.monotonic() + 60 * minutes
    for entry in chosen:
        left = deadline - time.monotonic()
        least = STARTING_SECONDS if entry.resumes else 60 * entry.minutes
        if left < least and not setting.smoke:
            print(f"{entry.name}: no time left for it")
            continue
        if entry.reads_data and not setting.smoke and not (data_root() / "cifar10").exists():
            print(f"{entry.name}: needs CIFAR-10, and {data_root() / 'cifar10'} is not there; set DARTBOARD_DATA")
            continue
        print(f"{entry.name}: {entry.shows}", flush=True)
        # What hangs must not eat the time of all others; what resumes may have all there is.
        limit = left if entry.resumes else min(left, 180 * entry.minutes)
        record = run_entry(entry, setting, limit)
        results.parent.mkdir(parents=True, exist_ok=True)
        with results.open("a") as stream:
            stream.write(json.dumps(record) + "\n")
        print(f"{entry.name}: {record['status']} in {record['seconds']:.0f} s {record.get('error', '')}", flush=True)


def run_entry(entry: Entry, setting: Setting, limit: float) -> Record:
    """Run one entry for at most `limit` seconds; returns its line.

    The status is "done", "failed", or "unfinished" for a slice of a search that goes on the next time.
    """
    setting.work.mkdir(parents=True, exist_ok=True)
    command = entry.command(setting)
    record: Record = {
        "name": entry.name,
        "status": "failed",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device_name(setting.device),
        "versions": {"dartboard": __version__, "torch": torch.__version__, "cuda": torch.version.cuda},
        "commit": commit(),
        "command": " ".join(_shown(part, setting) for part in command),
        "smoke": setting.smoke,
    }
    outcome = run_process(command, limit)
    record["seconds"] = round(outcome.seconds, 1)
    stopped = outcome.code is None
    if outcome.code == 0 or (stopped and entry.resumes):
        try:
            record["figures"] = entry.read(outcome.output, setting)
            record["status"] = "unfinished" if stopped else "done"
        except (OSError, ValueError, KeyError, AssertionError) as error:
            record["error"] = f"its results cannot be read: {error!r}; it printed: {outcome.output[-2000:]}"
    else:
        how = f"stopped after {limit:.0f} s" if stopped else f"ended with code {outcome.code}"
        record["error"] = f"{how}; it printed: {outcome.output[-2000:]}"
    return record


def run_process(command: Sequence[str], limit: float) -> Outcome:
    """Run a command for at most `limit` seconds, then interrupt it, and kill it if that does not end it."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        # In a session of its own, so that what the command starts ends with it.
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        code: int | None
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:  # also when this process itself is interrupted
            _end(process)
        output.seek(0)
        return Outcome(output.read(), time.monotonic() - started, code)


def _end(process: "subprocess.Popen[str]") -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)


def measure_here(arguments: Sequence[str], device: torch.device, *, smoke: bool) -> Record:
    """A measurement in this process: `engine CASE` or `train BATCH MODE`."""
    if arguments[0] == "engine":
        found: Record = importlib.import_module("engine").measure_case(
            arguments[1], device=device, rounds=2 if smoke else 10, quick=smoke
        )
        return found
    return measure_training(int(arguments[1]), arguments[2], device, smoke=smoke)


def measure_training(batch: int, mode: str, device: torch.device, *, smoke: bool) -> Record:
    """Seconds of a training step of the network that the DARTS paper found, with its auxiliary head (0.4 of its loss).

    Gradients are clipped and SGD moves the weights as in `dartboard train`; paths are not dropped, so that all modes
    compute the same.
    """
    step = make_step("darts-v2", batch, mode, device, quick=smoke)
    started = time.perf_counter()
    step()
    synchronize(device)
    first = time.perf_counter() - started
    taken = time_steps(step, device, 2 if smoke else 50)
    peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
    best, median = min(taken), sorted(taken)[len(taken) // 2]
    return {
        "batch": batch,
        "mode": mode,
        "first_step_seconds": first,
        "step_seconds": {"best": best, "median": median},
        "images_per_second": batch / median,
        "hours_of_600_epochs": 600 * CIFAR_IMAGES / batch * median / 3600,
        "peak_mebibytes": peak,
        "tf32": torch.backends.cudnn.allow_tf32,
    }


def time_steps(step: Callable[[], None], device: torch.device, count: int) -> list[float]:
    """Seconds of each of so many steps, after two that are not counted."""
    taken = []
    for number in range(count + 2):
        synchronize(device)
        started = time.perf_counter()
        step()
        synchronize(device)
        if number >= 2:
            taken.append(time.perf_counter() - started)
    return taken


def read_records(path: Path) -> list[Record]:
    """The lines of a file of results; none where it does not exist."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def as_list(chosen: Sequence[Entry], here: Sequence[Record], device: str) -> str:
    """What is done and what is open on a device, with the time that is still needed."""
    latest = {each["name"]: each for each in here}
    latest |= {each["name"]: each for each in here if each["status"] == "done"}
    lines = [f"On {device}:"]
    for entry in chosen:
        found = latest.get(entry.name)
        state = "open" if found is None else f"{found['status']} {found['date'][:10]}"
        lines.append(f"  {entry.name:<24} {state:<22} {entry.minutes:>4.1f} min  {entry.shows}")
    open_minutes = sum(
        entry.minutes for entry in chosen if entry.name not in latest or latest[entry.name]["status"] != "done"
    )
    return "\n".join([*lines, f"Open: about {open_minutes:.0f} minutes."])


def device_name(device: str) -> str:
    """The accelerator's model, or the processor's."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(torch.device(device))
    return platform.processor() or platform.machine()


def commit() -> str | None:
    """The commit that is measured, with "+" where files differ from it; None outside of a repository."""
    try:
        head, changes = (
            subprocess.run(["git", *command], cwd=BENCHMARKS, capture_output=True, text=True, check=True).stdout.strip()
            for command in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--", "../src"])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + "+" * bool(changes)


def _shown(part: str, setting: Setting) -> str:
    """A part of a command without what differs from machine to machine."""
    known = ((sys.executable, "python"), (str(setting.work), "WORK"), (str(data_root()), "$DARTBOARD_DATA"))
    for path, name in (*known, (f"{BENCHMARKS.parent}/", "")):
        part = part.replace(path, name)
    return part


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


if __name__ == "__main__":
    main()

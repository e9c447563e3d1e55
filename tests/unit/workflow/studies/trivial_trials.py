"""Trials that are done at once, for tests of what makes trials; worker processes find this module by PYTHONPATH."""

import os
import signal
import time
from pathlib import Path

import torch

from dartboard.runs import Observer
from dartboard.workflow.studies.trial import Trial

RUNNER = f"{Path(__file__).stem}:make"


def trial(name: str, does: str = "", needs: tuple[str, ...] = ()) -> Trial:
    """A trial that `make` makes."""
    labels = {"method": name, "space": "none", "data": "none", "seed": "0"}
    return Trial(name, labels, {"device": "cpu", "does": does}, f"trials/{name}", needs)


def make(asked: Trial, study_folder: Path, observer: Observer) -> None:
    """Write down who made the trial; do what it asks for first."""
    folder = study_folder / asked.folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "tries").open("a", encoding="utf-8") as tries:
        tries.write(f"{os.getpid()}\n")
    observer.begin("search", epochs=2, steps=1, done=0)
    times = len((folder / "tries").read_text(encoding="utf-8").split())
    what, _, argument = asked.settings["does"].partition(" ")
    if what == "fails" and times <= int(argument or 99):
        raise RuntimeError(f"{asked.key} is broken")
    if what == "dies" and times <= int(argument or 99):
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "sleeps" and times <= 1:
        time.sleep(float(argument))
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    (folder / "cores").write_text(f"{len(allowed)} {torch.get_num_threads()}", encoding="utf-8")
    (folder / "result.json").write_text("{}", encoding="utf-8")


def tries(folder: Path, name: str) -> list[int]:
    """The processes that have made a trial."""
    path = folder / "trials" / name / "tries"
    return [int(each) for each in path.read_text(encoding="utf-8").split()] if path.exists() else []

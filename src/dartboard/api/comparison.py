"""The verb that runs several search methods and compares them."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

from dartboard.api.runs import run, search
from dartboard.data import Data
from dartboard.display import fitting_observer
from dartboard.records import Comparison
from dartboard.reports import write_comparison
from dartboard.runs import Observer, RunDirectory, next_free
from dartboard.settings import search_request
from dartboard.settings.migration import migrate
from dartboard.workflow import (
    ComparisonPlan,
    ComparisonRecord,
    command_to_repeat,
    grown,
    plan_comparison,
    recorded_space,
)
from dartboard.workflow.failing import failing_alone
from dartboard.workflow.opening import Layer, Place, opened

__all__ = ["compare"]

_READ_SECONDS = 1.0
"""A run that has ended before is read in less time, and tells nothing of how long others take."""


def compare(
    data: Data | None = None,
    *layers: Layer,
    methods: Sequence[str],
    seeds: int | str | Sequence[int] = 3,
    train: bool = True,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.compare(...)",
) -> Comparison:
    """Run several search methods by the same recipe on the same data and seeds, and compare them in a table.

    Every run is an ordinary one in a folder of its own, `METHOD/seed-N`, as `run` or `search` would make it with
    those settings. Runs that have ended are kept when the comparison is resumed, also with more methods or seeds. A run
    is reported as failed when its loss is no longer finite, its device has too little memory, or its method has a
    fault; the other runs continue.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None means scikit-learn's digits.
        layers: settings that all runs share, with nested or dotted keys; later layers win. Where they name no space,
            one that fits all methods is chosen.
        methods: names, with options as in "darts-minus:auxiliary_gate=0.3". All other methods are compared with
            "random" if it is in the list, otherwise with the first.
        seeds: the number of seeds, which count up from the setting `seed`, or the seeds themselves. A seed is the root
            of the random streams of a run, and of the split of the images.
        train: also train and test the architectures; otherwise only the table of NAS-Bench-201 can compare them.
        out: directory of the comparison; None makes a new one under `runs/`.
        resume: continue the comparison in `out`, or begin it there. Its methods and seeds may be others than before:
            those that have run are not run again.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.
        command: text to record as the command that was typed.

    Returns:
        The summary, as in `comparison.json`; `comparison.html` and the tables are beside that file.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    place = Path(out) if out else next_free(Path("runs") / "comparison")
    known = recorded_space(place) if resume else None
    plan = plan_comparison(data, layers, methods, seeds, train=train, known=known)
    verb = run if train else search
    with observer or fitting_observer() as watching, RunDirectory(place) as directory:
        settings = plan.settings(data)
        directory.check(settings, resume=resume, migrate=lambda old: grown(migrate(old), settings))
        if not directory.has("settings.json") or directory.read("settings.json")["source"] != settings["source"]:
            _refuse_early(data, plan, place, watching)
        directory.write("settings.json", settings)
        record, spent = ComparisonRecord(directory, plan, command, watching), list[float]()
        for number, (seed, contender) in enumerate(plan.pairs(), 1):
            folder = place / plan.folder(seed, contender)
            watching.note(f"Run {number} of {plan.wanted}: {contender.label} with seed {seed}, in {folder}.")
            again = command_to_repeat(verb.__name__, folder)
            own = plan.layers_of(seed, contender)
            watching.more_runs(plan.wanted - number, fmean(spent) if spent else None)
            started = time.perf_counter()
            with failing_alone(folder, watching, partial(record.fail, seed, contender)):
                result = verb(data, *own, out=folder, resume=True, observer=watching, command=again)
                record.add(seed, contender, result)
            if (seconds := time.perf_counter() - started) > _READ_SECONDS:
                spent.append(seconds)
            comparison = record.summarize()
            write_comparison(place, figures=number == plan.wanted)
    return comparison


def _refuse_early(data: Data | None, plan: ComparisonPlan, place: Path, observer: Observer) -> None:
    """Open the first run of a comparison without beginning it, so that an early error leaves nothing changed."""
    seed, contender = next(plan.pairs())
    request = search_request(data, plan.layers_of(seed, contender), plan.steps)
    with opened(data, request, place / plan.folder(seed, contender), True, observer):
        pass

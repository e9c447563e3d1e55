"""The story in code: search, train, test, report. The command line calls these functions and nothing else.

Every verb takes the same words: `data` (a folder of class folders, parquet files, or None for scikit-learn's
digits), layers of settings with nested or dotted keys, such as `{"space": "nas-bench-201", "search.epochs": 10}`,
later ones winning over earlier ones, the preset and the defaults; `out` (the run directory; None makes a new one under
`runs/`); `resume` (go on with the run in `out`, or begin it); `observer` (hears of progress); `command` (what to
record as typed). All raise `DartboardError`, whose message is one sentence for the user.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.pipeline import (
    Result,
    RunSettings,
    Session,
    check_sizes,
    device_name,
    evaluate_networks,
    open_session,
    read_genotype,
    resolve_settings,
    search_genotype,
    search_length,
    summarize,
    train_epochs,
    train_networks,
)
from dartboard.registry import Entry
from dartboard.report import write_report
from dartboard.runs import Observer
from dartboard.search import METHODS, make_recipe
from dartboard.space import SPACES

__all__ = ["methods", "report", "run", "search", "spaces", "train"]

Layer = Mapping[str, Any]
Place = str | Path


def run(
    data: Place | None = None,
    *layers: Layer,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.run(...)",
) -> Result:
    """Search an architecture, train it from scratch, test it once, report.

    Returns:
        The summary, as in `result.json`.
    """
    settings = resolve_settings({"source": _source(data)}, *layers)
    with _opened(settings, out, resume, observer, steps=("search", "train")) as session:
        genotype = search_genotype(session)
        networks = train_networks(session, genotype)
        evaluate_networks(session, networks)
        return _finish(session, command)


def search(
    data: Place | None = None,
    *layers: Layer,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.search(...)",
) -> Result:
    """Search an architecture and report; the test images are not touched.

    Returns:
        The summary; its `validation_accuracy` is the supernet's, `test_accuracy` is None.
    """
    settings = resolve_settings({"source": _source(data)}, *layers)
    with _opened(settings, out, resume, observer, steps=("search",)) as session:
        search_genotype(session)
        return _finish(session, command)


def train(
    data: Place | None = None,
    *layers: Layer,
    genotype: Place,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.train(...)",
) -> Result:
    """Train a given architecture from scratch, test it once, report.

    Args:
        data: see the module.
        layers: see the module.
        genotype: a run directory, a JSON file, a NAS-Bench-201 string, `Genotype(...)` text or a published name.
        out: see the module.
        resume: see the module.
        observer: see the module.
        command: see the module.

    Returns:
        The summary, whose `method` is None.
    """
    given = read_genotype(genotype)
    settings = resolve_settings({"source": _source(data)}, *layers, {"space": given.space, "genotype": given.to_json()})
    with _opened(settings, out, resume, observer, steps=("train",)) as session:
        session.run.write("genotype.json", given.to_json())
        networks = train_networks(session, given)
        evaluate_networks(session, networks)
        return _finish(session, command)


def methods() -> list[dict[str, str]]:
    """The registered search methods: name, summary, paper."""
    return [_describe(entry) for entry in METHODS]


def spaces() -> list[dict[str, str]]:
    """The registered search spaces: name, summary, paper."""
    return [_describe(entry) for entry in SPACES]


def report(run_directory: Place) -> Path:
    """Write the report of a run anew, from what its directory holds.

    Returns:
        The page, `report.html` in the run directory.
    """
    return write_report(Path(run_directory))


def _describe(entry: Entry[Any]) -> dict[str, str]:
    return {"name": entry.name, "summary": entry.summary, "paper": entry.paper}


@contextmanager
def _opened(
    settings: RunSettings,
    out: Place | None,
    resume: bool,
    observer: Observer | None,
    steps: tuple[str, ...],
) -> Iterator[Session]:
    make_recipe(settings.method.name, settings.method.options)
    with open_session(settings, Path(out) if out else None, resume=resume, observer=observer or Observer()) as session:
        check_sizes(session)
        session.begin()
        session.observer.plan(_announcement(session, steps))
        yield session


def _finish(session: Session, command: str) -> Result:
    genotype = read_genotype(session.run.path)
    result = summarize(session, genotype, command)
    write_report(session.run.path)
    return result


def _source(data: Place | None) -> str | None:
    """The dataset as recorded: absolute, so that a run can be resumed from another folder."""
    if data is None or str(data) == "digits":
        return None
    return str(Path(data).expanduser().resolve())


def _announcement(session: Session, steps: tuple[str, ...]) -> dict[str, str]:
    settings, dataset, splits = session.settings, session.dataset, session.splits
    channels, height, width = dataset.image_shape
    rows = {
        "data": f"{dataset.name}: {len(dataset.classes)} classes, {width}x{height} pixels, {channels} channel"
        + ("s" if channels > 1 else ""),
        "images": f"{len(splits.train)} train, {len(splits.validation)} validation, {len(splits.test)} test",
    }
    if "search" in steps:
        size, length = settings.search, search_length(session)
        rows["search"] = (
            f"{settings.method.name} in {settings.space}: {length.epochs} epochs of {length.steps} steps on two halves "
            f"of {len(splits.weights)} and {len(splits.alphas)} images, {size.init_channels} channels, "
            f"{size.layers} layers"
        )
    if "train" in steps:
        network = settings.train
        rows["train"] = f"{train_epochs(session)} epochs, {network.init_channels} channels, {network.layers} layers" + (
            f", {network.runs} networks" if network.runs > 1 else ""
        )
    return rows | {
        "preset": settings.preset,
        "device": device_name(session.device),
        "run directory": str(session.run.path),
    }

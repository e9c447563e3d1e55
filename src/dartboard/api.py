"""The story in code: search, train, test, report. The command line calls these functions and nothing else.

Every verb takes the same words: `data` (a folder or file in any layout, "hf:owner/name", NumPy arrays as
`(images, labels)` or `{"x_train": ..., "y_train": ..., "x_test": ...}`, or None for scikit-learn's digits), layers of
settings with nested or dotted keys, such as `{"space": "nas-bench-201", "search.epochs": 10}`, later ones winning over
earlier ones, the preset and the defaults; `out` (the run directory; None makes a new one under `runs/`); `resume` (go
on with the run in `out`, or begin it); `observer` (hears of progress; `dartboard.progress()` shows it); `command` (what
to record as typed). All raise `DartboardError`, whose message is one sentence for the user.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.budget import FOUND, allot_trainings
from dartboard.config import resolve
from dartboard.data import (
    Data,
    DatasetDescription,
    DataSettings,
    describe_dataset,
    draw_contact_sheet,
    given_arrays,
    recorded_source,
)
from dartboard.devices import device_name
from dartboard.errors import DeviceMemoryError, NonFiniteLossError
from dartboard.records import Comparison, Result
from dartboard.reports import COMPARISON_FILE, write_comparison, write_report
from dartboard.runs import Observer, RunDirectory, check_new_file, next_free, write_atomically
from dartboard.session import (
    Session,
    check_sizes,
    evaluate_networks,
    finished_result,
    read_genotype,
    train_networks,
)
from dartboard.settings import Request, Step, search_request, stored_request, train_request
from dartboard.training import EXPORT_ENDINGS, PREDICTION_ENDINGS, ExportedModel, ImagePredictions
from dartboard.workflow import (
    ComparisonPlan,
    ComparisonRecord,
    Plan,
    analyse_search,
    analysis_directory,
    analysis_settings,
    announce,
    check_choice,
    check_finalists,
    choose_genotype,
    command_to_repeat,
    compare_baselines,
    compare_finalists,
    describe_methods,
    describe_plan,
    describe_spaces,
    export_network,
    finish_run,
    open_request,
    plan_analysis,
    plan_comparison,
    predict_images,
    reselect_genotype,
    reselection_directory,
    reselection_settings,
)

__all__ = [
    "analyse",
    "compare",
    "describe",
    "export",
    "list_methods",
    "list_spaces",
    "plan",
    "predict",
    "report",
    "run",
    "search",
    "select",
    "train",
]

Layer = Mapping[str, Any]
Place = str | Path


def run(
    data: Data | None = None,
    *layers: Layer,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.run(...)",
) -> Result:
    """Search an architecture, train it from scratch, test it once, report.

    With the setting `seeds`, search with each of them and choose among what they find, by the rule `choose`. With
    `finalists`, train several architectures that the search proposes for a short time, and take the best.

    Returns:
        The summary, as in `result.json`; its `test_accuracy` is None where there are no test images, or no labels of
        them.
    """
    with _opened(data, search_request(data, layers, ("search", "train")), out, resume, observer) as session:
        if result := finished_result(session, tested=True):
            return result
        _begin(session, ("search", "train"))
        genotype = compare_finalists(session, choose_genotype(session))
        allowances = allot_trainings(session, genotype)
        evaluate_networks(session, train_networks(session, genotype, allowances.get(FOUND)))
        if session.settings.baselines:
            compare_baselines(session, genotype, allowances)
        return finish_run(session, command)


def search(
    data: Data | None = None,
    *layers: Layer,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.search(...)",
) -> Result:
    """Search an architecture and report; the test images are not touched.

    `seeds`, `choose` and `finalists` as in `run`.

    Returns:
        The summary; its `validation_accuracy` is the supernet's, `test_accuracy` is None.
    """
    with _opened(data, search_request(data, layers, ("search",)), out, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        _begin(session, ("search",))
        compare_finalists(session, choose_genotype(session))
        return finish_run(session, command)


def train(
    data: Data | None = None,
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
    with _opened(data, train_request(data, layers, given), out, resume, observer) as session:
        if result := finished_result(session, tested=True):
            return result
        _begin(session, ("train",))
        session.run.write("genotype.json", given.to_json())
        allowances = allot_trainings(session, given)
        evaluate_networks(session, train_networks(session, given, allowances.get(FOUND)))
        return finish_run(session, command)


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
    """Run several search methods by the same recipe on the same data, each with the same seeds, and tabulate them.

    Every run is an ordinary one in a folder of its own, `METHOD/seed-N`, as `run` or `search` would make it with
    those settings. What has ended is kept when the comparison is resumed. A run whose loss is no longer finite, or
    whose device has too little memory, is reported as failed, and the others go on.

    Args:
        data: see the module.
        layers: settings that all runs share; the space is one that fits all methods where it is left open.
        methods: names, with options as in "darts-minus:auxiliary_gate=0.3"; with "random" among them, the others are
            compared with it, otherwise with the first.
        seeds: how many, from the setting `seed` on, or which. Each is the root of the random streams of a run, and of
            the split of the images.
        train: also train and test what is found; otherwise cells can only be compared by the table of NAS-Bench-201.
        out: directory of the comparison; None makes a new one under `runs/`.
        resume: see the module.
        observer: see the module.
        command: see the module.

    Returns:
        The summary, as in `comparison.json`; `comparison.html` and the tables lie beside it.
    """
    plan = plan_comparison(data, layers, methods, seeds, train=train)
    place = Path(out) if out else next_free(Path("runs") / "comparison")
    verb = run if train else search
    with observer or Observer() as watching, RunDirectory(place) as directory:
        settings = plan.settings(data)
        directory.check(settings, resume=resume)
        if not directory.has("settings.json"):
            _refuse_early(data, plan, place, watching)
        directory.claim(settings)
        record = ComparisonRecord(directory, plan, command, watching)
        for number, (seed, contender) in enumerate(plan.pairs(), 1):
            folder = place / plan.folder(seed, contender)
            watching.note(f"Run {number} of {plan.wanted}: {contender.label} with seed {seed}, in {folder}.")
            again = command_to_repeat(verb.__name__, folder)
            own = plan.layers_of(seed, contender)
            try:
                result = verb(data, *own, out=folder, resume=True, observer=watching, command=again)
            except (NonFiniteLossError, DeviceMemoryError) as error:
                watching.note(f"This run failed: {error}")
                record.fail(seed, contender, str(error))
            else:
                record.add(seed, contender, result)
            comparison = record.summarize()
            write_comparison(place)
    return comparison


def select(
    run_directory: Place,
    name: str,
    options: Layer | None = None,
    *,
    data: Data | None = None,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.select(...)",
) -> Result:
    """Read another architecture from the supernet of a run whose search has ended, without searching again.

    Args:
        run_directory: of the search; nothing in it is changed.
        name: of the selection: "perturbation", "sample", "strongest" or "threshold".
        options: of the selection.
        data: the images of the search, where they were given as arrays; otherwise the run knows where they lie.
        out: the run directory of the selection; None makes a new one beside that of the search.
        resume: see the module.
        observer: see the module.
        command: see the module.

    Returns:
        The summary; its `reselection` tells what the search had chosen.
    """
    settings = reselection_settings(Path(run_directory), name, dict(options or {}))
    place = reselection_directory(settings, Path(out) if out else None, resume=resume)
    with _opened(data, stored_request(settings), place, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        _begin(session, ("search",))
        reselect_genotype(session)
        return finish_run(session, command)


def analyse(
    run_directory: Place,
    name: str,
    options: Layer | None = None,
    *,
    data: Data | None = None,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.analyse(...)",
) -> Result:
    """Find out something about what a search has learned, once it has ended, without searching again.

    Args:
        run_directory: of the search; nothing in it is changed.
        name: of the analysis: "discretisation" or "shuffling".
        options: of the analysis.
        data: as in `select`.
        out: the run directory of the analysis; None makes a new one beside that of the search.
        resume: see the module; what is measured already is not measured again.
        observer: see the module.
        command: see the module.

    Returns:
        The summary; its `analysis` tells what was found, its `genotype` is that of the search.
    """
    settings = analysis_settings(Path(run_directory), name, dict(options or {}))
    place = analysis_directory(settings, Path(out) if out else None, resume=resume)
    with _opened(data, stored_request(settings), place, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        measurements = plan_analysis(session)
        _begin(session, ())
        analyse_search(session, measurements)
        return finish_run(session, command)


def plan(
    data: Data | None = None,
    *layers: Layer,
    genotype: Place | None = None,
    observer: Observer | None = None,
) -> Plan:
    """Decide all that `run` would decide, or `train` with a `genotype`, and how long it would take; nothing is kept.

    Returns:
        What is decided and why, and for a budget the seconds of every phase.
    """
    given = None if genotype is None else read_genotype(genotype)
    request = train_request(data, layers, given) if given else search_request(data, layers, ("search", "train"))
    with (
        tempfile.TemporaryDirectory(prefix="dartboard-plan-") as folder,
        _opened(data, request, Path(folder) / "run", False, observer) as session,
    ):
        return describe_plan(session, announce(session, request.steps))


def predict(
    run_directory: Place,
    data: Data | None = None,
    layer: Layer | None = None,
    *,
    out: Place | None = None,
    overwrite: bool = False,
    device: str = "auto",
    observer: Observer | None = None,
) -> ImagePredictions:
    """Predict images with the trained model of a run: the test images of `data`, or all where it has no test split.

    Args:
        run_directory: the run; image size, normalisation and classes are its own.
        data: see the module; labels are not needed, and a folder of images without class folders will do.
        layer: settings of `data`, such as `{"image_column": "file"}`, where they differ from the run's.
        out: also write the predictions there: integer labels (.npy), or names and probabilities (.csv).
        overwrite: replace `out` if it is there.
        device: as in the settings.
        observer: see the module.
    """
    if out is not None:
        check_new_file(Path(out), PREDICTION_ENDINGS, overwrite=overwrite)
    source = given_arrays(data) or recorded_source(data).get("source")
    with observer or Observer() as watching:
        predictions = predict_images(Path(run_directory), source, layer or {}, device=device, observer=watching)
    if out is not None:
        predictions.write(Path(out))
    return predictions


def export(run_directory: Place, out: Place, *, overwrite: bool = False) -> ExportedModel:
    """Write the trained network of a run as one file that needs no dartboard: uint8 images in, probabilities out.

    Args:
        run_directory: the run; with `baselines/random` or `baselines/resnet` below it, the network of a baseline.
        out: the file: .onnx (needs the extra `export`) or .pt2, a program of torch.export.
        overwrite: replace `out` if it is there.

    Returns:
        What the file takes, and how far it differs from the network on random images.
    """
    check_new_file(Path(out), EXPORT_ENDINGS, overwrite=overwrite)
    return export_network(Path(run_directory), Path(out))


def describe(
    data: Data | None = None,
    layer: Layer | None = None,
    *,
    contact_sheet: Place | None = None,
    overwrite: bool = False,
    observer: Observer | None = None,
) -> DatasetDescription:
    """Read a dataset and say what it holds; broken images are named rather than refused.

    Args:
        data: see the module.
        layer: settings of `data`, such as `{"image_column": "file"}`.
        contact_sheet: a .png file to draw some images of each class into.
        overwrite: replace `contact_sheet` if it is there.
        observer: see the module.
    """
    sheet = Path(contact_sheet) if contact_sheet is not None else None
    if sheet is not None:
        check_new_file(sheet, (".png",), overwrite=overwrite)
    source = given_arrays(data) or recorded_source(data).get("source")
    settings = resolve(DataSettings, layer or {})
    with observer or Observer() as watching:
        description, dataset = describe_dataset(source, settings, progress=watching.reading)
    if sheet is not None:
        write_atomically(sheet, lambda stream: stream.write(draw_contact_sheet(dataset)))
    return description


def list_methods() -> list[dict[str, Any]]:
    """The registered search methods: name, summary, paper, options with their defaults."""
    return describe_methods()


def list_spaces() -> list[dict[str, Any]]:
    """The registered search spaces: name, summary, paper, options, what a cell can be, how the fast engine runs it."""
    return describe_spaces()


def report(run_directory: Place) -> Path:
    """Write the report of a run anew, from what its directory holds; or of a comparison.

    Returns:
        The page, `report.html` in the run directory, or `comparison.html`.
    """
    path = Path(run_directory)
    return write_comparison(path) if (path / COMPARISON_FILE).is_file() else write_report(path)


def _refuse_early(data: Data | None, plan: ComparisonPlan, place: Path, observer: Observer) -> None:
    """Open the first run of a comparison without beginning it: what data or device refuse leaves nothing behind."""
    seed, contender = next(plan.pairs())
    request = search_request(data, plan.layers_of(seed, contender), plan.steps)
    with _opened(data, request, place / plan.folder(seed, contender), False, observer):
        pass


@contextmanager
def _opened(
    data: Data | None, request: Request, out: Place | None, resume: bool, observer: Observer | None
) -> Iterator[Session]:
    with (
        observer or Observer() as watching,
        open_request(
            request,
            Path(out) if out else None,
            resume=resume,
            observer=watching,
            arrays=given_arrays(data),
        ) as session,
    ):
        check_sizes(session, request.steps)
        if "search" in request.steps:
            check_choice(session)
            check_finalists(session)
        session.check_dataset()
        try:
            yield session
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError(
                f"the memory of {device_name(session.device)} is too small for this run; lower search.batch_size, "
                "train.batch_size, init_channels or data.image_size, and begin a new run."
            ) from error


def _begin(session: Session, steps: Sequence[Step]) -> None:
    session.begin()
    session.observer.plan(announce(session, steps))
    for choice in session.settings.automatic_choices:
        session.observer.note(f"{choice.setting}={choice.value}: {choice.reason}.")
    for note in session.dataset.notes:
        session.observer.note(note)

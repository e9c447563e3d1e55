"""Every document comes back from its file as it was, older ones in the words of today, and nothing else is read."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dartboard.data import DataSettings, load_dataset
from dartboard.data.splits import make_splits
from dartboard.errors import RunDirectoryError
from dartboard.records import (
    DOCUMENTS,
    Allowance,
    Allowances,
    AnalysisRecord,
    Baseline,
    Baselines,
    Beginning,
    Candidate,
    Comparison,
    Contest,
    Contestant,
    DataFinding,
    DatasetRecord,
    Finalist,
    Finalists,
    GenotypeForms,
    LimitMet,
    LimitsRecord,
    NetworkScores,
    ParetoFront,
    ParetoPoint,
    ReselectionRecord,
    Result,
    RunDataset,
    Scores,
    SearchWorth,
    SeedChoiceRecord,
    Split,
    Study,
    StudyBlock,
    StudyRecord,
    StudyRow,
    Timetable,
    notebook,
)
from dartboard.runs import CollapsedSearch, Document
from dartboard.space import parse_genotype

GENOTYPE = parse_genotype("|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|")
FORMS = GenotypeForms.of(GENOTYPE)
CANDIDATE = Candidate(
    seed=5,
    folder="candidates/seed-5",
    genotype=FORMS,
    supernet_accuracy=0.5,
    short_train_accuracy=None,
    rejected=None,
    chosen=True,
)
CHOICE = SeedChoiceRecord(
    rule="best-supernet", rule_violated=False, accuracy_mean=0.5, accuracy_std=None, candidates=(CANDIDATE,)
)
FINALIST = Finalist(number=1, folder="finalists/1", genotype=FORMS, validation_accuracy=0.5, chosen=True)
FINALISTS = Finalists(epochs=3, finalists=(FINALIST,))
BASELINE = Baseline(
    what="a random architecture",
    test_accuracy=0.5,
    test_accuracy_std=0.0,
    parameters=10,
    multiply_adds=20,
    difference=0.1,
    interval=(0.0, 0.2),
    run_directory="run/baselines/random",
)
ALLOWANCE = Allowance(epochs=3, steps=4, seconds=5.0, test_seconds=6.0, most_epochs=7, most_steps=8)
RESULT = Result(
    dataset=DatasetRecord(
        name="digits",
        train=3,
        validation=2,
        test=1,
        classes=("0", "1"),
        shape=(1, 8, 8),
        notes=("few images",),
        findings=(DataFinding(kind="constant", count=1, examples=("a.png",), sentence="One is black."),),
    ),
    space="nas-bench-201",
    method="darts",
    seed=7,
    genotype=FORMS,
    choice=CHOICE,
    finalists=FINALISTS,
    parameters=10,
    multiply_adds=20,
    planned={"search": 1.0, "finalists": 2.0, "baselines": 3.0},
    seconds={"search": 1.0, "finalists": 2.0, "baselines": 3.0, "total": 6.0},
    automatic_choices=({"setting": "baselines", "value": True, "reason": "There is time for them."},),  # type: ignore[arg-type]
    validation_accuracy=0.5,
    test_accuracy=0.5,
    test_accuracy_std=0.0,
    baselines={"random": BASELINE},
    device="cpu",
    versions={"python": "3"},
    command="dartboard run",
    run_directory="run",
    finished="2025-01-02T03:04:05+00:00",
)
EVERY = [
    Beginning(device="cpu", steps=("search", "train"), command="dartboard run --seed 7"),
    Split(
        weights=(0,),
        alphas=(1,),
        train=(0, 1),
        validation=(2,),
        test=(0,),
        validation_source="train",
        test_source="test",
    ),
    RunDataset(dataset=RESULT.dataset, contents={"train": "0f" * 16}, decoder="Pillow 11"),
    Timetable(seconds={"search": 1.5}),
    CollapsedSearch(
        action="fallback", signal="skips", since=7, epoch=8, good=6, words="5 of 8 operations are skips", seconds=90.0
    ),
    CHOICE,
    FINALISTS,
    Contest(
        epochs=32,
        rounds=(1, 2),
        seconds=3.5,
        objective="accuracy",
        images=2000,
        contestants=(
            Contestant(
                name="found",
                what="the network found",
                genotype=FORMS,
                init_channels=8,
                layers=9,
                steps=4,
                test_seconds=1.5,
                accuracies=(0.5, 0.75),
            ),
        ),
        worth=SearchWorth(difference=0.1, interval=(0.0, 0.2)),
        winner="found",
    ),
    Allowances(networks={"found": ALLOWANCE}),
    LimitsRecord(
        limits=(LimitMet(name="params", limit=1000.0, value=900.0, met=True),),
        genotype=FORMS,
        init_channels=8,
        asked_channels=16,
        without_limits=None,
        expected={"params": 950.0},
        latency={"network": {1: 0.001}},
    ),
    Scores(
        runs=(NetworkScores(seed=7, validation_accuracy=None, seconds=1.0, test_accuracy=0.5, test_loss=0.7),),
        test_accuracy_mean=0.5,
        test_accuracy_std=0.0,
        test_images=2,
        balanced_accuracy=0.5,
        recall=(1.0, 0.0),
        confusion=((1, 0), (1, 0)),
    ),
    Baselines(networks={"random": BASELINE}),
    ReselectionRecord(name="sample", run="run", genotype_before=FORMS, skips_before=1, skips=0),
    AnalysisRecord(name="shuffling", run="run", findings={"before": 0.5}),
    RESULT,
    Comparison(
        dataset="digits",
        space="darts",
        trained=False,
        baseline=None,
        methods=(),
        runs=(),
        wanted=2,
        command="dartboard compare",
        run_directory="run",
        finished="2025-01-02T03:04:05+00:00",
    ),
    ParetoFront(
        dataset="digits",
        cost="macs",
        accuracy="validation accuracy",
        points=(ParetoPoint(name="macs=1M", genotype=FORMS, cost=9e5, accuracy=0.5, front=True),),
        failed={"macs=1": "nothing is so small."},
        command="dartboard pareto",
        directory="fronts",
    ),
    Study(
        name="mine",
        source="",
        scale=0.5,
        notes=("It is short.",),
        blocks=(
            StudyBlock(
                title="",
                space="darts",
                data="digits",
                tested_on="digits",
                preset="quick",
                seeds=(0,),
                train="all",
                choose=None,
                rows=(StudyRow(label="darts", method="darts", searched=("one",), lengths={"search.epochs": (50, 25)}),),
            ),
        ),
        trials=({"key": "one"},),
        command="dartboard study",
    ),
    StudyRecord(
        name="mine",
        source="",
        scale=0.5,
        notes=(),
        tables=(),
        titles=(),
        trials=1,
        done=0,
        failed={"one": "the loss is nan."},
        command="dartboard study",
        run_directory="study",
        finished="2025-01-02T03:04:05+00:00",
    ),
]


def test_every_document_is_tried_here() -> None:
    assert tuple(map(type, EVERY)) == DOCUMENTS


@pytest.mark.parametrize("document", EVERY, ids=lambda document: document.file)
def test_a_document_comes_back_from_its_file_as_it_was(document: Document, tmp_path: Path) -> None:
    assert type(document).find(tmp_path) is None
    document.write(tmp_path)
    assert type(document).read(tmp_path) == type(document).find(tmp_path) == document
    content = json.loads((tmp_path / document.file).read_text())
    assert content == document.to_json()
    assert next(iter(content)) == "schema"


@pytest.mark.parametrize("document", EVERY, ids=lambda document: document.file)
def test_a_file_of_another_form_or_of_a_later_version_is_refused_by_name(document: Document, tmp_path: Path) -> None:
    cls, path = type(document), tmp_path / document.file
    version = document.layout
    for content, reason in (
        ([1], "it holds a list instead of keys and values"),
        ({**document.to_json(), "feast": 1}, "feast: extra inputs are not permitted"),
        ({"schema": version}, ": field required"),
        (
            {**document.to_json(), "schema": version + 1},
            f"it is of version {version + 1}, and this version of dartboard",
        ),
    ):
        path.write_text(json.dumps(content))
        with pytest.raises(RunDirectoryError) as caught:
            cls.read(tmp_path, remedy="sing")
        assert str(caught.value).startswith(f"{path} does not hold what a run writes there (")
        assert reason in str(caught.value)
        assert str(caught.value).endswith("); restore it, or sing.")


def test_what_is_no_document_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Timetable(seconds={"search": 1.5}).model_copy(update={"seconds": "many"}).write(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("document", "name", "content"),
    [
        (Timetable(seconds={"search": 1.5}), "timetable.json", {"search": 1.5}),
        (Allowances(networks={"found": ALLOWANCE}), "lots.json", {"found": ALLOWANCE.model_dump()}),
        (Allowances(networks={"found": ALLOWANCE}), "allowances.json", {"found": ALLOWANCE.model_dump()}),
        (Baselines(networks={"random": BASELINE}), "yardsticks.json", {"random": BASELINE.model_dump(mode="json")}),
        (FINALISTS, "finals.json", {key: value for key, value in FINALISTS.to_json().items() if key != "schema"}),
    ],
    ids=["timetable", "lots", "allowances", "yardsticks", "finals"],
)
def test_a_file_of_a_run_of_old_is_read(document: Document, name: str, content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / name).write_text(json.dumps(content))
    assert type(document).exists(tmp_path)
    assert type(document).read(tmp_path) == document


def test_a_result_of_a_run_of_old_is_read_in_the_words_of_today() -> None:
    content = RESULT.to_json() | {"schema": 1}
    phases = {"search": 1.0, "finals": 2.0, "yardsticks": 3.0}
    content |= {
        "yardsticks": content.pop("baselines"),
        "finals": content.pop("finalists"),
        "decisions": [{**choice, "setting": "yardsticks"} for choice in content.pop("automatic_choices")],
        "planned": phases,
        "seconds": {**phases, "total": 6.0},
    }
    for inside in (content["finals"], content["choice"]):
        del inside["schema"]
    assert Result.from_json(content) == RESULT


def test_a_genotype_has_two_forms() -> None:
    assert FORMS.genotype == GENOTYPE
    assert FORMS.text == GENOTYPE.to_text()


def test_a_split_is_that_of_the_data() -> None:
    splits = make_splits(load_dataset(None, DataSettings()), DataSettings(), 0)
    assert Split.of(splits) == Split.from_json(splits.to_json())
    assert Split.of(splits).train == tuple(splits.train.tolist())


def test_without_a_view_of_its_own_a_notebook_shows_the_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_VIEWS", {})
    assert RESULT._repr_html_().startswith("<pre>{\n  &quot;schema&quot;: 2")
    notebook.notebook_view(Result)(lambda given: f"<b>{given.space}</b>")
    assert RESULT._repr_html_() == "<b>nas-bench-201</b>"


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("dartboard run 'my data'", "dartboard run 'my data' --out runs/x --resume"),
        ("dartboard run d --out=runs/x --resume", "dartboard run d --out=runs/x --resume"),
        ("dartboard search d -o runs/x", "dartboard search d -o runs/x --resume"),
        ("dartboard.run(...)", "dartboard.run(...) with out='runs/x' and resume=True"),
    ],
)
def test_the_command_that_goes_on_names_the_directory_and_resumes(command: str, again: str) -> None:
    begun = Beginning(device="cpu", steps=(), command=command)
    assert begun.command_to_resume(Path("runs/x")) == again

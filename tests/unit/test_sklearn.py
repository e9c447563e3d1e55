"""The classifier beyond what scikit-learn's own checks ask (test_sklearn_checks.py)."""

import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import dartboard
from dartboard import ArchitectureSearchClassifier
from dartboard.errors import CheckpointError, DataError, RunDirectoryError, SettingsError
from dartboard.space import get_space
from dartboard.space.genotype_check import check_genotype

Array = npt.NDArray[Any]

QUICK = {"preset": "smoke", "search.epochs": 1, "search.steps_per_epoch": 1, "train.epochs": 1}


def made(**parameters: Any) -> ArchitectureSearchClassifier:
    given = {"space": "nas-bench-201", "method": "random", "budget": None, "settings": QUICK, "device": "cpu"}
    return ArchitectureSearchClassifier(**(given | parameters))


def grays(count: int = 60, classes: int = 3) -> tuple[Array, npt.NDArray[np.int64]]:
    """Images of 8x8 pixels whose brightness is their class, with some noise; the classes by turns."""
    numbers = np.arange(count) % classes
    noise = np.random.default_rng(0).integers(0, 40, (count, 8, 8))
    return (numbers[:, None, None] * 100 + noise).astype(np.uint8), numbers


@pytest.fixture(scope="module")
def fitted() -> ArchitectureSearchClassifier:
    return made().fit(*grays())


@pytest.mark.parametrize(
    "labels",
    [["9", "10", "2"], [-3, 40, 7], ["cat", " cat", "dog"], [1.0, 3.0, 2.0], ["nan", "", "x"]],
    ids=["numbers as texts", "gaps", "blanks", "floats", "empty"],
)
def test_labels_of_any_kind_come_back_as_they_were(labels: list[Any]) -> None:
    images, numbers = grays()
    wanted = np.array(labels)[numbers]
    learns = {"preset": "smoke", "train.epochs": 15, "train.lr": 0.1}
    classifier = made(settings=learns).fit(images, wanted)
    assert classifier.classes_.tolist() == sorted(labels)
    assert classifier.predict(images).dtype == wanted.dtype
    # Classes a hundred gray levels apart are learned without an error, so mixed-up columns would show.
    assert classifier.score(images, wanted) == 1.0


def test_classes_are_called_by_their_labels_in_the_run_where_these_are_different_texts() -> None:
    images, numbers = grays()
    for labels, names in (
        (["9", "10", "2"], ("2", "9", "10")),
        ([1.0, 2.0, 3.0], ("1", "2", "3")),
        (["cat", " cat", "dog"], ("0", "1", "2")),
        (["nan", "a", "b"], ("0", "1", "2")),
    ):
        assert made().fit(images, np.array(labels)[numbers]).result_.dataset.classes == names


def test_probabilities_are_those_of_the_network_by_the_order_of_the_labels() -> None:
    images, numbers = grays()
    classifier = made().fit(images, np.array(["9", "10", "2"])[numbers])
    predicted = dartboard.predict(classifier.result_.path, (images, numbers), device="cpu")
    by_class = dict(zip(predicted.classes, predicted.probabilities.T, strict=True))
    expected = np.stack([by_class[name] for name in ("10", "2", "9")], axis=1)
    np.testing.assert_array_equal(classifier.predict_proba(images), expected)


def test_all_images_serve_to_learn_unless_a_test_is_asked_for(fitted: ArchitectureSearchClassifier) -> None:
    facts = fitted.result_.dataset
    assert (facts.train, facts.validation, facts.test) == (54, 6, 0)
    assert fitted.result_.test_accuracy is None
    assert fitted.validation_accuracy_ == fitted.result_.validation_accuracy is not None
    tested = made(settings={**QUICK, "data.test_fraction": 0.2, "data.validation_fraction": 0}).fit(*grays())
    assert tested.result_.dataset.test == 12
    assert tested.result_.test_accuracy is not None
    assert tested.validation_accuracy_ is None


def test_the_architecture_is_one_of_the_space(fitted: ArchitectureSearchClassifier) -> None:
    check_genotype(fitted.genotype_, get_space("nas-bench-201"))
    assert fitted.genotype_.to_text() == fitted.result_.genotype.text


def test_settings_stand_above_the_parameters() -> None:
    classifier = made(random_state=3, settings={**QUICK, "seed": 5, "method": "darts"}).fit(*grays())
    assert (classifier.result_.seed, classifier.result_.method) == (5, "darts")


def test_the_seed_decides_everything_and_a_random_state_draws_it() -> None:
    images, labels = grays()
    first, again, other = (made(random_state=seed).fit(images, labels) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.predict_proba(images), again.predict_proba(images))
    assert not np.array_equal(first.predict_proba(images), other.predict_proba(images))
    drawing = made(random_state=np.random.RandomState(0))
    drawn = [drawing.fit(images, labels).result_.seed for _ in range(2)]
    assert drawn == [int(value) for value in np.random.RandomState(0).randint(2**31, size=2)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("first", [False, True])
def test_images_with_channels_first_or_last_give_the_same(channels: int, first: bool) -> None:
    images, labels = grays()
    last = np.repeat(images[..., None], channels, axis=3)
    given = np.moveaxis(last, 3, 1) if first else last
    classifier = made().fit(given, labels)
    assert classifier.image_shape_ == given.shape[1:]
    assert not hasattr(classifier, "n_features_in_")
    np.testing.assert_array_equal(classifier.predict_proba(given), made().fit(last, labels).predict_proba(last))


def test_rows_with_a_shape_and_a_range_are_the_images_that_they_stand_for(
    fitted: ArchitectureSearchClassifier,
) -> None:
    images, labels = grays()
    rows = images.reshape(len(images), -1).astype(np.float64) * 2 - 510
    from_rows = made(image_shape=(8, 8), pixel_range=(-510, 0)).fit(rows, labels)
    assert from_rows.n_features_in_ == 64
    np.testing.assert_array_equal(from_rows.predict_proba(rows), fitted.predict_proba(images))
    beyond = np.where(rows == rows.min(), -1e9, rows)
    expected = np.where(images == images.min(), 0, images)
    np.testing.assert_array_equal(from_rows.predict_proba(beyond), fitted.predict_proba(expected))
    inverted = made(image_shape=(8, 8), pixel_range=(255, 0)).fit(255 - images.reshape(len(images), -1), labels)
    np.testing.assert_array_equal(
        inverted.predict_proba(255 - images.reshape(len(images), -1)), fitted.predict_proba(images)
    )


@pytest.mark.parametrize(
    ("parameters", "shape", "kind", "sentence"),
    [
        ({}, (60, 64), DataError, r"has shape \(60, 64\), and rows .* as in image_shape=\(8, 8\), or give images"),
        ({}, (60, 10), DataError, r"as in image_shape=\(height, width\)"),
        ({"image_shape": (8, 8)}, (60, 32), DataError, r"it must be \(images, 64\) or \(images, 8, 8\)"),
        ({"image_shape": (4, 16)}, (60, 8, 8), DataError, r"it must be \(images, 64\) or \(images, 4, 16\)"),
        ({"pixel_range": (1, 1)}, (60, 8, 8), SettingsError, r"pixel_range cannot be \(1, 1\); give two different"),
        ({}, (60, 8, 8, 2, 2), DataError, r"images must be \(images, height, width\)"),
        ({"space": "drats"}, (60, 8, 8), LookupError, "did you mean 'darts'"),
        ({"settings": {"train.epoch": 1}}, (60, 8, 8), SettingsError, "there is no setting 'train.epoch'"),
    ],
)
def test_what_cannot_be_learned_is_refused_and_leaves_nothing(
    tmp_path: Path, parameters: dict[str, Any], shape: tuple[int, ...], kind: type[Exception], sentence: str
) -> None:
    classifier = made(out=tmp_path / "run", **parameters)
    with pytest.raises(kind, match=sentence):
        classifier.fit(np.zeros(shape), grays()[1])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotFittedError):
        classifier.predict(np.zeros(shape))


@pytest.mark.parametrize(("factor", "kind"), [(1, float), (1 / 255, float), (100, np.int32), (0.001, np.float32)])
def test_numbers_of_any_range_are_learned_as_bytes_are(factor: float, kind: Any) -> None:
    images, labels = grays()
    images[0, 0, :2] = 0, 255
    scaled = (images.astype(float) * factor).astype(kind)
    from_bytes, from_numbers = (made(random_state=3).fit(each, labels) for each in (images, scaled))
    assert np.abs(from_bytes.predict_proba(images) - from_numbers.predict_proba(scaled)).max() < 1e-4


def test_numbers_that_are_not_finite_are_refused() -> None:
    images, labels = grays()
    with pytest.raises(ValueError, match=r"NaN|infinit"):
        made().fit(np.where(images > 200, np.inf, images), labels)


def test_images_of_another_shape_are_refused(fitted: ArchitectureSearchClassifier) -> None:
    with pytest.raises(DataError, match=r"the images have shape \(9, 8\), but those of fit had \(8, 8\)"):
        fitted.predict(np.zeros((2, 9, 8), dtype=np.uint8))


def test_nothing_is_known_before_fit() -> None:
    for ask in (made().report, lambda: made().predict(grays()[0])):
        with pytest.raises(NotFittedError):
            ask()


def test_a_pickled_classifier_predicts_the_same_and_is_data_only(tmp_path: Path) -> None:
    images, labels = grays()
    classifier = made().fit(images, labels)
    expected, folder = classifier.predict_proba(images), classifier.result_.path
    pickled = pickle.dumps(classifier)
    joblib.dump(classifier, tmp_path / "classifier.joblib")
    listening = Listening(pickled)
    assert listening.load().classes_.tolist() == [0, 1, 2]
    assert listening.modules == {"dartboard", "numpy"}
    del classifier
    assert not folder.exists()
    for back in (pickle.loads(pickled), joblib.load(tmp_path / "classifier.joblib")):
        np.testing.assert_array_equal(back.predict_proba(images), expected)
        with pytest.raises(RunDirectoryError, match=r"deleted with its run directory; .* out='runs/mine'"):
            back.report()


class Listening(pickle.Unpickler):
    """Notes the modules from which unpickling takes something."""

    def __init__(self, pickled: bytes) -> None:
        super().__init__(io.BytesIO(pickled))
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.modules.add(module.partition(".")[0])
        return super().find_class(module, name)


def test_pickled_weights_of_another_network_are_refused(fitted: ArchitectureSearchClassifier) -> None:
    state = fitted.model_.__getstate__()
    with pytest.raises(CheckpointError, match="the weights of the model cannot belong to"):
        fitted.model_.__class__.__new__(fitted.model_.__class__).__setstate__(
            {**state, "description": {**state["description"], "init_channels": 8}}
        )


def test_a_temporary_run_directory_goes_with_the_next_fit() -> None:
    classifier = made().fit(*grays())
    first = classifier.result_.path
    assert classifier.report().path == first / "report.html"
    second = classifier.fit(*grays()).result_.path
    assert (first.exists(), second.exists()) == (False, True)


def test_every_fit_takes_a_run_directory_of_its_own_that_stays(tmp_path: Path) -> None:
    images, labels = grays()
    classifier = made(out=tmp_path / "runs" / "mine")
    scores = cross_val_score(classifier, images, labels, cv=2)
    classifier.fit(images, labels)
    assert scores.shape == (2,)
    folders = sorted((tmp_path / "runs").iterdir())
    assert [folder.name for folder in folders] == ["mine", "mine-2", "mine-3"]
    assert all((folder / "report.html").is_file() for folder in folders)
    assert classifier.result_.path == folders[2]


def test_a_report_is_a_path_and_in_a_notebook_a_page(fitted: ArchitectureSearchClassifier) -> None:
    report = fitted.report()
    page = Path(report).read_text(encoding="utf-8")
    assert str(report) == str(report.path) == str(fitted.result_.path / "report.html")
    shown = report._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html')
    assert shown.count('"') < 8 < page.count('"')


def test_a_pipeline_over_digits_is_searched_over_methods_and_settings() -> None:
    digits = load_digits(n_class=3)
    pipeline = make_pipeline(FunctionTransformer(lambda rows: rows / 16), made(image_shape=(8, 8)))
    step = "architecturesearchclassifier"
    grid = GridSearchCV(
        pipeline, {f"{step}__method": ["random", "darts"], f"{step}__settings": [QUICK]}, cv=2, error_score="raise"
    )
    grid.fit(digits.data[:90], digits.target[:90])
    best = grid.best_estimator_[-1]
    assert best.result_.method == grid.best_params_[f"{step}__method"]
    assert best.result_.dataset.train + best.result_.dataset.validation == 90
    assert set(grid.predict(digits.data[90:])) <= {0, 1, 2}
    assert ".fit(X, y)" in best.result_.command
    assert "\n" not in best.result_.command


def test_progress_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    made().fit(*grays())
    assert capsys.readouterr().err == ""
    made(verbose=1).fit(*grays())
    assert "train: epoch 1/1" in capsys.readouterr().err


def test_the_package_waits_for_torch_and_scikit_learn_until_they_are_needed() -> None:
    check = "import sys, dartboard; print(sorted({'torch', 'sklearn', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow
def test_a_fit_keeps_to_its_budget_by_a_plan() -> None:
    images, labels = grays()
    classifier = ArchitectureSearchClassifier(budget="15s", device="cpu").fit(images, labels)
    assert classifier.result_.budget == 15
    assert classifier.result_.method == "random"  # so few images tell no architectures apart
    assert classifier.result_.planned.keys() == {"data", "search", "train", "evaluation"}
    assert classifier.predict(images).shape == labels.shape

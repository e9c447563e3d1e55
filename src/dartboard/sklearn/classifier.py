"""A classifier of images with the interface of scikit-learn: `fit` searches an architecture and trains it."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y, validate_data

from dartboard import api
from dartboard.display import progress
from dartboard.errors import DataError, RunDirectoryError
from dartboard.runs import Observer, next_free, read_json
from dartboard.sklearn.images import as_images, class_names
from dartboard.space import Genotype
from dartboard.training import load_model, rebuild_model

__all__ = ["ArchitectureSearchClassifier", "PortableModel", "ReportPage"]


class PortableModel:
    """The network of a run together with the description that rebuilds it, independent of the run directory.

    Its pickle holds the content of `model.json` and the bytes of `model.safetensors`.

    Args:
        folder: the run directory.

    Raises:
        DartboardError: the folder holds no complete model.
    """

    def __init__(self, folder: Path) -> None:
        self.network, self.card = load_model(folder)
        self._state = {
            "description": read_json(folder / "model.json"),
            "weights": (folder / "model.safetensors").read_bytes(),
        }

    def __getstate__(self) -> dict[str, Any]:
        return self._state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild the network.

        Raises:
            CheckpointError: the description and the weights in the pickle do not fit together.
        """
        self._state = state
        self.network, self.card = rebuild_model(state["description"], state["weights"])


_HEIGHT = 700
"""Height of the report in a notebook, in pixels; the page scrolls."""


@dataclass(frozen=True)
class ReportPage:
    """A report. `str`, `open` and `Path` get its path; a notebook shows the page itself.

    Attributes:
        path: path of `report.html`.
    """

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        page = escape(self.path.read_text(encoding="utf-8"))
        return f'<iframe srcdoc="{page}" style="width:100%;height:{_HEIGHT}px;border:0"></iframe>'


Array = npt.NDArray[Any]

_IMAGES = {"allow_nd": True, "ensure_2d": False}
"""Arguments that let scikit-learn's checks accept arrays of images."""


class ArchitectureSearchClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Searches an architecture for images, trains it from scratch and classifies with it.

    >>> from sklearn.datasets import load_digits
    >>> digits = load_digits()
    >>> quick = {"preset": "smoke", "search.epochs": 1, "search.steps_per_epoch": 1, "train.epochs": 1}
    >>> classifier = ArchitectureSearchClassifier(budget=None, settings=quick, image_shape=(8, 8), pixel_range=(0, 16))
    >>> classifier.fit(digits.data[:500], digits.target[:500]).predict_proba(digits.data[500:]).shape
    (1297, 10)

    No images are set aside for a test, since scikit-learn tests with other images. The setting `data.test_fraction`
    sets some aside. A tenth of the images is held out for `validation_accuracy_` (`data.validation_fraction`).

    Images are numbers of any type; those that are not uint8 are scaled by the range that the images in `fit` use. Their
    shape is (images, height, width) or (images, height, width, channels), and channels may also come first. With
    `image_shape` they may be rows of shape (images, features).
    All images must have the same shape, and images in `predict` must have the shape of those in `fit`.

    Args:
        space: search space, as in the settings of a run.
        method: search method, as in the settings of a run: a name, or {"name": ..., "options": {...}}.
        budget: time for `fit`, such as "10m"; None leaves the numbers of epochs to the settings.
        random_state: an integer is the seed of the run; with it the same images give the same classifier on the CPU. A
            RandomState draws the seed, and None draws a new seed in every `fit`.
        settings: further settings of a run, such as {"preset": "smoke", "train.epochs": 20}; they take precedence over
            the other arguments.
        image_shape: (height, width) or (height, width, channels) of images that are given as rows.
        pixel_range: the values of black and white, such as (0, 16); values outside are clipped. None means 0 and 255
            for uint8, and the range that the images in `fit` use for other types.
        out: the run directory of `fit`. If it exists, as in cross-validation, `fit` takes the first free one of OUT-2,
            OUT-3, ... None means a temporary directory, which is removed with the classifier or at the next `fit`.
        device: as in the settings of a run; `predict` uses it too.
        verbose: above 0, progress is shown (`dartboard.progress`).

    Attributes:
        classes_: the labels, sorted, shape (classes,).
        genotype_: the architecture that the search found.
        result_: summary of the run (`Result`).
        validation_accuracy_: accuracy of the trained network on the held-out images, as a fraction; None without any.
        image_shape_: shape of an image in `fit`.
        model_: the trained network. Its pickle holds data, not code, and needs no run directory.
        n_features_in_: number of features of a row; only where `fit` was given rows.
    """

    def __init__(
        self,
        *,
        space: str = "auto",
        method: str | Mapping[str, Any] = "auto",
        budget: str | float | None = "10m",
        random_state: int | np.random.RandomState | None = 0,
        settings: Mapping[str, Any] | None = None,
        image_shape: Sequence[int] | None = None,
        pixel_range: tuple[float, float] | None = None,
        out: str | Path | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.space = space
        self.method = method
        self.budget = budget
        self.random_state = random_state
        self.settings = settings
        self.image_shape = image_shape
        self.pixel_range = pixel_range
        self.out = out
        self.device = device
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:
        """Search an architecture and train it.

        Args:
            X: images of shape (images, height, width) or (images, height, width, channels), channels first or last.
                With `image_shape` also rows of pixels, shape (images, features).
            y: labels of any kind that can be sorted, shape (images,).

        Returns:
            The classifier itself.

        Raises:
            ValueError: images or labels are invalid; `DataError` and `SettingsError` are subclasses.
            DartboardError: the run fails, as in `dartboard.run`.
        """
        values, labels = self._labelled(X, y)
        check_classification_targets(labels)
        classes, codes = np.unique(labels, return_inverse=True)
        names = class_names(classes)
        images = self._images(values)
        self._run((images, np.array(names)[codes]))
        outputs = self.model_.card.classes
        self._order = np.array([outputs.index(name) for name in names])
        self.classes_, self.image_shape_ = classes, images.shape[1:]
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """The probability of each class for each image, shape (images, classes), columns in the order of `classes_`.

        Raises:
            DataError: the images do not have the shape of those in `fit`.
            NotFittedError: `fit` was not called.
        """
        check_is_fitted(self, "model_")
        images = self._images(self._unlabelled(X))
        if images.shape[1:] != self.image_shape_:
            raise DataError(f"the images have shape {images.shape[1:]}, but those of fit had {self.image_shape_}.")
        probabilities = api.predict_in_memory(self.model_.network, self.model_.card, images, device=self.device)
        return probabilities[:, self._order]

    def predict(self, X: Any) -> Array:
        """The most probable label of each image, shape (images,); raises the errors of `predict_proba`."""
        probabilities = self.predict_proba(X)
        labels: Array = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def report(self) -> ReportPage:
        """The report of the run as a path; a notebook shows the page itself.

        Raises:
            RunDirectoryError: the run directory was deleted, and the report with it.
        """
        check_is_fitted(self, "model_")
        page = self.result_.path / "report.html"
        if not page.is_file():
            raise RunDirectoryError(
                f"the report {page} was deleted with its run directory; set a permanent one, as in out='runs/mine'."
            )
        return ReportPage(page)

    def __sklearn_tags__(self) -> Any:
        """Say that `fit` takes arrays of three dimensions, and rows only where `image_shape` is given."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = self.image_shape is not None
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """The state without the finalizer, since a copy or pickle must not delete the temporary run directory."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_discard"}

    def _images(self, values: Array) -> Array:
        return as_images(values, self.image_shape, self.pixel_range)

    def _run(self, data: tuple[Array, Array]) -> None:
        """Search and train in a run directory, and keep the results."""
        layer = {
            "space": self.space,
            "method": self.method,
            "seed": self._seed(),
            "device": self.device,
            "data.test_fraction": 0.0,
            **({"baselines": False} if self.budget is None else {"budget": self.budget}),
        }
        folder = self._folder()
        try:
            self.result_ = api.run(
                data,
                layer,
                self.settings or {},
                out=folder,
                observer=progress() if self.verbose else Observer(),
                command=" ".join(f"{self!r}.fit(X, y)".split()),
            )
        except BaseException:
            with suppress(OSError):
                folder.rmdir()
            raise
        self.model_ = PortableModel(folder)
        self.genotype_ = Genotype.from_json(self.result_.genotype.plain)
        self.validation_accuracy_ = self.result_.validation_accuracy

    def _folder(self) -> Path:
        """Create an empty folder for a run, and delete the temporary folder of an earlier `fit`."""
        if discard := getattr(self, "_discard", None):
            discard()
        if self.out is not None:
            return _claim(Path(self.out))
        folder = Path(tempfile.mkdtemp(prefix="dartboard-"))
        self._discard = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def _labelled(self, X: Any, y: Any) -> tuple[Array, Array]:
        """Images or rows with their labels, as arrays of finite numbers; the shape of images is not checked here."""
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        found: tuple[Array, Array] = (
            validate_data(self, X, y) if _holds_rows(X) else check_X_y(X, y, estimator=self, **_IMAGES)
        )
        return found

    def _unlabelled(self, X: Any) -> Array:
        found: Array = (
            validate_data(self, X, reset=False) if _holds_rows(X) else check_array(X, estimator=self, **_IMAGES)
        )
        return found


def _holds_rows(X: Any) -> bool:
    """Whether the input has at most two dimensions; scikit-learn then checks it and counts its features."""
    dimensions: int = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
    return dimensions <= 2


def _claim(path: Path) -> Path:
    """Create `path`, or the first free one of `path-2`, `path-3`, ...; two processes never get the same folder."""
    while True:
        folder = next_free(path)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise RunDirectoryError(
                f"the run directory {folder} cannot be created: {error.strerror or error}; choose another `out`."
            ) from error
        return folder

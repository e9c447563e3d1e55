"""Who trains on which images: halves for weights and architecture, retraining, validation and test."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from dartboard.data.data_settings import DataSettings
from dartboard.data.dataset import Dataset, ImageSet
from dartboard.errors import DataError
from dartboard.wording import listing

__all__ = ["ImageView", "Part", "SplitSource", "Splits", "apportion", "make_splits"]

Indices = npt.NDArray[np.int64]
Part = Literal["weights", "alphas", "train", "validation", "test"]
"""What images are used for; `Splits` says which images each part has."""

SplitSource = Literal["train", "validation", "test"]
"""Set of the dataset that a part's images come from."""

_STREAM = 0x5B117
_POOL_PER_CLASS = 2


@dataclass(frozen=True, eq=False)
class ImageView:
    """Some images of a set, without a copy.

    Attributes:
        image_set: the images.
        indices: int64, shape (chosen,), which of them and in which order.
    """

    image_set: ImageSet
    indices: Indices

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> Indices:
        """The labels of the chosen images, int64, shape (chosen,); raises DataError where the set has none."""
        return self.image_set.true_labels[self.indices]

    @property
    def labelled(self) -> bool:
        """Whether the true classes are known."""
        return self.image_set.labels is not None

    @property
    def names(self) -> list[str]:
        """Names of the chosen images."""
        return [self.image_set.names[index] for index in self.indices.tolist()]


@dataclass(frozen=True, eq=False)
class Splits:
    """The parts of a dataset, each as sorted int64 indices into one of its sets.

    Attributes:
        weights: half of the search pool, on which a search trains the network weights; into the training set.
        alphas: the other half, on which it trains the architecture; into the training set.
        train: both halves together, for retraining; into the training set.
        validation: into the set that `validation_source` names; may be empty.
        test: into the set that `test_source` names; may be empty.
        validation_source: "validation" where the source brought its own, else "train".
        test_source: "test" where the source brought its own, else "train".
    """

    weights: Indices
    alphas: Indices
    train: Indices
    validation: Indices
    test: Indices
    validation_source: SplitSource
    test_source: SplitSource

    def view(self, dataset: Dataset, part: Part) -> ImageView:
        """The images of one part.

        Raises:
            DataError: the dataset lacks the set that the part indexes, or has too few images for it.
        """
        source: SplitSource = "train"
        if part == "validation":
            source = self.validation_source
        elif part == "test":
            source = self.test_source
        indices: Indices = getattr(self, part)
        image_set: ImageSet | None = getattr(dataset, source)
        if image_set is None or (len(indices) and indices.max() >= len(image_set)):
            raise DataError(
                f"the {part} part does not fit {dataset.name}, whose {source} set has {len(image_set or ())} images; "
                "the splits were made for another dataset or other data settings."
            )
        return ImageView(image_set, indices)

    def everything(self, dataset: Dataset) -> ImageView:
        """The images for retraining, and those for validation if they come from the training set too."""
        held_out = self.validation if self.validation_source == "train" else self.validation[:0]
        whole = replace(self, train=np.sort(np.concatenate([self.train, held_out])))
        return whole.view(dataset, "train")

    def shared(self, labels: Indices, shares: tuple[float, float], seed: int) -> "Splits":
        """Other parts for weights and alphas: these shares of the images for retraining, of every class alike.

        Args:
            labels: of the whole training set, shape (images,).
            shares: of weights and of alphas; at most 1 together.
            seed: an integer of at least 0; the only source of randomness.

        Raises:
            DataError: a share has no image.
        """
        own = labels[self.train]
        counts = np.bincount(own)
        weights = apportion(counts, round(shares[0] * len(own)))
        alphas = np.minimum(apportion(counts, round(shares[1] * len(own))), counts - weights)
        if not weights.any() or not alphas.any():
            raise DataError(
                f"of {len(own)} training images the shares {shares[0]:g} and {shares[1]:g} leave none for weights or "
                "for alpha; set search.image_shares to larger ones."
            )
        dealt = _deal(own, np.stack([weights, alphas], axis=1), np.random.default_rng([_STREAM, seed, 1]))
        return replace(self, weights=self.train[dealt[0]], alphas=self.train[dealt[1]])

    def to_json(self) -> dict[str, Any]:
        """Lists and strings, ready for `json.dumps`."""
        parts: dict[str, Any] = {part: getattr(self, part).tolist() for part in get_args(Part)}
        return {**parts, "validation_source": self.validation_source, "test_source": self.test_source}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Splits":
        """The splits that `to_json` described.

        Raises:
            DataError: the document lacks a part or is not of that form.
        """
        try:
            parts = [np.array(document[part], dtype=np.int64).reshape(-1) for part in get_args(Part)]
            sources = [document["validation_source"], document["test_source"]]
        except (LookupError, TypeError, ValueError) as error:
            raise DataError(f"the stored splits cannot be read ({error!r}); make them again.") from error
        if any(source not in get_args(SplitSource) for source in sources):
            raise DataError(f"the stored splits name an unknown set ({sources}); make them again.")
        return cls(parts[0], parts[1], parts[2], parts[3], parts[4], sources[0], sources[1])


def make_splits(dataset: Dataset, settings: DataSettings, seed: int) -> Splits:
    """Divide a dataset, class by class.

    Test and validation hold each class in its ratio within one image, and so do the two halves of the search pool.
    A validation or test set that the source brings is used whole. Otherwise the test images are drawn first, so they
    are the same for every `validation_fraction`; then the validation images; the rest is the search pool, halved. Each
    class keeps at least two images in the pool, even if test and validation come out smaller.

    Args:
        dataset: the dataset to divide.
        settings: the fractions set aside for test and validation.
        seed: an integer of at least 0; the only source of randomness.

    Raises:
        DataError: a class has fewer than two training images, or a test is asked for and no class can spare an image.
    """
    labels = dataset.train.true_labels
    counts = np.bincount(labels, minlength=len(dataset.classes))
    short = [dataset.classes[number] for number in np.flatnonzero(counts < _POOL_PER_CLASS)]
    if short:
        raise DataError(
            f"{dataset.name} cannot be split, since these classes have fewer than {_POOL_PER_CLASS} training images: "
            f"{listing(short[:5])}; add images or remove the classes."
        )
    spare = counts - _POOL_PER_CLASS
    num_test = np.zeros_like(counts) if dataset.test else _share(counts, settings.test_fraction, spare)
    if not dataset.test and settings.test_fraction > 0 and not num_test.any():
        raise DataError(
            f"{dataset.name} has no test set and no class can spare an image for one; add a test set, have at least "
            f"{_POOL_PER_CLASS + 1} images in a class, or do without a test (data.test_fraction=0)."
        )
    fraction = settings.validation_fraction
    num_validation = np.zeros_like(counts) if dataset.validation else _share(counts, fraction, spare - num_test)
    pool = counts - num_test - num_validation
    odd = pool % 2
    # Of the classes that cannot be halved, the first gives its extra image to weights, the second to alphas, and so on.
    num_weights = pool // 2 + odd * (np.cumsum(odd) % 2)
    rng = np.random.default_rng([_STREAM, seed])
    dealt = _deal(labels, np.stack([num_test, num_validation, num_weights, pool - num_weights], axis=1), rng)
    test, validation, weights, alphas = dealt
    return Splits(
        weights=weights,
        alphas=alphas,
        train=np.sort(np.concatenate([weights, alphas])),
        validation=_all_of(dataset.validation) if dataset.validation else validation,
        test=_all_of(dataset.test) if dataset.test else test,
        validation_source="validation" if dataset.validation else "train",
        test_source="test" if dataset.test else "train",
    )


def apportion(counts: Indices, total: int) -> Indices:
    """Divide `total` in proportion to `counts`, each share rounded up or down, by the largest remainders.

    >>> apportion(np.array([5, 3, 2]), 5).tolist()
    [3, 1, 1]

    Args:
        counts: shape (classes,), not negative.
        total: at most `counts.sum()`.

    Returns:
        Shares that add up to `total`, shape (classes,).
    """
    size = max(int(counts.sum()), 1)
    shares, remainders = np.divmod(counts * total, size)
    largest = np.argsort(-remainders, kind="stable")[: total - int(shares.sum())]
    shares[largest] += 1
    return shares


def _share(counts: Indices, fraction: float, at_most: Indices) -> Indices:
    """About `fraction` of each class, and at least one image in all, if any can be spared."""
    total = round(fraction * int(counts.sum()))
    return np.minimum(apportion(counts, max(total, 1) if fraction > 0 else 0), at_most)


def _deal(labels: Indices, amounts: Indices, rng: np.random.Generator) -> list[Indices]:
    """Shuffle each class and deal it out; `amounts` has shape (classes, parts), the result one array per part."""
    dealt: list[list[Indices]] = [[] for _ in range(amounts.shape[1])]
    for number, class_amounts in enumerate(amounts):
        shuffled = rng.permutation(np.flatnonzero(labels == number))
        # What is left over after the last part, if anything, belongs to none.
        for part, piece in zip(dealt, np.split(shuffled, np.cumsum(class_amounts)), strict=False):
            part.append(piece)
    return [np.sort(np.concatenate(pieces)).astype(np.int64) for pieces in dealt]


def _all_of(images: ImageSet) -> Indices:
    return np.arange(len(images), dtype=np.int64)

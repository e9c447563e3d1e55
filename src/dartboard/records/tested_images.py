"""Which test images the networks of several methods got right, seed by seed: what a bootstrap over images needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from dartboard.records.start import Split
from dartboard.runs import read_arrays

__all__ = ["TestedImages"]


@dataclass(frozen=True)
class TestedImages:
    """Test images by method and seed.

    Attributes:
        methods: names of the methods.
        seeds: the seeds with which all of them were tested.
        right: 1 for each image that the first network of a run got right, else 0, (methods, seeds, images); by classes,
            so much that the mean is the balanced accuracy.
        same_images: whether every seed has the same test images, in the same order.
    """

    __test__: ClassVar[bool] = False

    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    right: NDArray[np.float64]
    same_images: bool

    @classmethod
    def read(cls, folders: Mapping[str, Mapping[int, Path]], *, balanced: bool = False) -> Self | None:
        """Read the predictions of runs.

        Args:
            folders: method -> seed -> run directory.
            balanced: whether all classes count alike.

        Returns:
            The images; None where no seed was tested with every method, or the test images of a seed are not the same.

        Raises:
            RunDirectoryError: a file is damaged.
        """
        seeds = [
            seed
            for seed in next(iter(folders.values()), {})
            if all(seed in own and (own[seed] / "predictions.npz").exists() for own in folders.values())
        ]
        rows, splits = [], set[tuple[str, tuple[int, ...]] | int]()
        for seed in seeds:
            found = [read_arrays(own[seed] / "predictions.npz", ("labels", "predicted")) for own in folders.values()]
            labels = found[0]["labels"]
            if any(not np.array_equal(labels, each["labels"]) for each in found):
                return None
            worth = _class_weights(labels) if balanced else np.ones(len(labels))
            rows.append(np.stack([(each["predicted"] == labels) * worth for each in found]))
            split = Split.find(next(iter(folders.values()))[seed])
            splits.add((split.test_source, split.test) if split else seed)
        if not rows or len({row.shape for row in rows}) > 1 or not rows[0].shape[1]:
            return None
        return cls(tuple(folders), tuple(seeds), np.stack(rows, axis=1), len(splits) == 1)


def _class_weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """A weight for each image, the mean 1, with which every class that has images counts alike."""
    classes, place, images = np.unique(labels, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = (len(labels) / len(classes) / images)[place]
    return weights

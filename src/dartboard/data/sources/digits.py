"""The embedded dataset: 1797 handwritten digits of 8x8 gray pixels that come with scikit-learn."""

import numpy as np

from dartboard.data.sources.index import EncodedSplit, SourceIndex

__all__ = ["index_digits"]


def index_digits() -> SourceIndex:
    """The UCI handwritten digits of `sklearn.datasets.load_digits`, pixels scaled from 0..16 to 0..255; one split.

    Paper: Alpaydin and Kaynak 1998, UCI Machine Learning Repository, "Optical Recognition of Handwritten Digits".
    """
    # Imported here because scikit-learn takes over a second to import and only this source needs it.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    # The plain gray map format is a header and the pixels, so the digits take the same path as image files.
    images = [b"P5 8 8 255\n" + image.tobytes() for image in pixels]
    labels = bunch.target.astype(np.int64)
    names = [f"digit {position}" for position in range(len(labels))]
    classes = tuple(str(digit) for digit in range(10))
    return SourceIndex("digits", classes, {"train": EncodedSplit(images, labels, names, "train")}, cacheable=False)

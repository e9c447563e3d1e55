"""The first pass over encoded images: their headers, and at once the pixels of those that are small."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from dartboard.data.ahead import map_ahead
from dartboard.data.opening import EIGHT_BITS, BrokenImageError, Header, opened
from dartboard.data.sources import Encoded, EncodedSplit, SplitName

__all__ = ["IMAGES_PER_TASK", "Broken", "FirstPass", "map_in_order", "read_headers"]

IMAGES_PER_TASK = 32

_MOST_PIXELS = 64 * 64
_MOST_BYTES = 256 * 2**20

T = TypeVar("T")
R = TypeVar("R")

Broken = dict[SplitName, dict[int, str]]
"""Split -> position of each image that cannot be read -> the reason."""


@dataclass(frozen=True)
class FirstPass:
    """What is known of the images of all splits after the first pass.

    Attributes:
        headers: how many images have which header.
        named: the name of one image that has it.
        broken: the images without a header.
        pixels: split -> position -> the whole image of each that is small and ordinary, shape (height, width,
            channels), as long as there is room for them.
    """

    headers: Counter[Header]
    named: dict[Header, str]
    broken: Broken
    pixels: Mapping[SplitName, Mapping[int, npt.NDArray[np.uint8]]]


def read_headers(splits: Mapping[SplitName, EncodedSplit], threads: int, most_bytes: int = _MOST_BYTES) -> FirstPass:
    """Read the headers of all images.

    To open a small image takes about as long as to decode it, so that its pixels are read at the same time.

    Args:
        splits: the images.
        threads: how many threads read.
        most_bytes: how much memory the pixels may take.
    """
    pixels: dict[SplitName, dict[int, npt.NDArray[np.uint8]]] = {name: {} for name in splits}
    found = FirstPass(Counter(), {}, {name: {} for name in splits}, pixels)
    left = most_bytes
    for name, split in splits.items():
        for position, (header, values) in enumerate(map_in_order(_look_at, split.images, threads)):
            if isinstance(header, str):
                found.broken[name][position] = header
                continue
            found.headers[header] += 1
            found.named.setdefault(header, split.names[position])
            if values is not None and values.nbytes <= left:
                left -= values.nbytes
                pixels[name][position] = values
    return found


def _look_at(encoded: Encoded) -> tuple[Header | str, npt.NDArray[Any] | None]:
    header: Header | None = None
    try:
        with opened(encoded) as found:
            header = found.header
            small = header.height * header.width <= _MOST_PIXELS
            return header, found.read() if small and found.image is not None and header.kind == EIGHT_BITS else None
    except BrokenImageError as error:
        # With a header, decoding it a second time says what is wrong.
        return (str(error), None) if header is None else (header, None)


def map_in_order(function: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """`map`, in threads that take several items at a time, and only a few ahead of the results."""
    remaining = iter(items)
    tasks = iter(lambda: list(islice(remaining, IMAGES_PER_TASK)), [])
    for results in map_ahead(partial(_apply_to_all, function), tasks, threads=threads, ahead=2 * max(threads, 1)):
        yield from results


def _apply_to_all(function: Callable[[T], R], task: list[T]) -> list[R]:
    return [function(item) for item in task]

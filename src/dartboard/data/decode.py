"""Whole splits of encoded images into uint8 arrays, in a pool of threads, each image once."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dartboard.data.dataset import ImageSet
from dartboard.data.pixels import BrokenImageError, Header, Shape, decode_image, read_header
from dartboard.data.sources import Encoded, EncodedSplit, SplitName
from dartboard.errors import DataError

__all__ = ["Decoded", "Progress", "decode_splits"]

Progress = Callable[[int, int], None]
"""Called with the number of images decoded so far and the number of all."""

_LARGEST_NATIVE_SIDE = 64
_LARGEST_DEFAULT_SIDE = 128
_SMALLEST_SIDE = 8
_IMAGES_PER_TASK = 32
_NAMED_BROKEN = 3

T = TypeVar("T")
R = TypeVar("R")
Broken = dict[SplitName, dict[int, str]]


@dataclass(frozen=True)
class Decoded:
    """The splits of a source as arrays, sentences about what was left out, and for each split which rows and why."""

    splits: Mapping[SplitName, ImageSet]
    notes: tuple[str, ...] = ()
    broken: Mapping[SplitName, Mapping[int, str]] = field(default_factory=dict)


def decode_splits(
    splits: Mapping[SplitName, EncodedSplit],
    *,
    image_size: int | None,
    skip_broken: bool,
    progress: Progress | None = None,
    shape: Shape | None = None,
) -> Decoded:
    """Decode every image to one common shape.

    The images are gray when all of them are, else RGB. They are squares of `image_size`; where that is None they keep
    a size that they all share, if its longer side is at most 64, and become squares of the median shorter side, but
    of at most 128, otherwise. A `shape` that is given stands for all of that. Images without labels are never
    left out: what is predicted for them must have a row for each.

    Raises:
        DataError: images are broken that may not be left out, or nothing but broken images was found.
    """
    with ThreadPoolExecutor(_max_workers()) as pool:
        headers, broken = _read_headers(pool, splits)
    if not headers:
        raise DataError(_explain_broken(splits, broken, "check that this is the right dataset"))
    # Small images spend most of their time under the interpreter's lock, where threads only get in each other's way.
    small = max(max(header.height, header.width) for header in headers) <= _LARGEST_NATIVE_SIDE
    with ThreadPoolExecutor(1 if small else _max_workers()) as pool:
        arrays = _decode_all(pool, splits, shape or _common_shape(headers, image_size), broken, progress)
    notes = _account_for(splits, broken, skip_broken)
    if shape is None and len({header.gray for header in headers}) > 1:
        notes += ("Gray and colour images are mixed, so all were read as RGB.",)
    kept: dict[SplitName, ImageSet] = {}
    for name, split in splits.items():
        lost = sorted(broken[name])
        images = np.delete(arrays[name], lost, axis=0) if lost else arrays[name]
        kept[name] = ImageSet(images, None if split.labels is None else np.delete(split.labels, lost))
    return Decoded(kept, notes, broken)


def _read_headers(pool: ThreadPoolExecutor, splits: Mapping[SplitName, EncodedSplit]) -> tuple[set[Header], Broken]:
    """The distinct headers, and the images without one."""
    headers: set[Header] = set()
    broken: Broken = {}
    for name, split in splits.items():
        results = enumerate(_map_in_order(pool, _header_or_reason, split.images))
        broken[name] = {}
        for position, result in results:
            if isinstance(result, Header):
                headers.add(result)
            else:
                broken[name][position] = result
    return headers, broken


def _header_or_reason(encoded: Encoded) -> Header | str:
    try:
        return read_header(encoded)
    except BrokenImageError as error:
        return str(error)


def _common_shape(headers: set[Header], image_size: int | None) -> Shape:
    channels = 1 if all(header.gray for header in headers) else 3
    sizes = {(header.height, header.width) for header in headers}
    height, width = next(iter(sizes))
    if image_size is None and len(sizes) == 1 and max(height, width) <= _LARGEST_NATIVE_SIDE:
        return Shape(height, width, channels)
    shorter = sorted(min(size) for size in sizes)
    side = image_size or min(_LARGEST_DEFAULT_SIDE, max(_SMALLEST_SIDE, shorter[len(shorter) // 2]))
    return Shape(side, side, channels)


def _decode_all(
    pool: ThreadPoolExecutor,
    splits: Mapping[SplitName, EncodedSplit],
    shape: Shape,
    broken: Broken,
    progress: Progress | None,
) -> dict[SplitName, npt.NDArray[np.uint8]]:
    """Decode what has a header; images that turn out broken are added to `broken`."""
    total = sum(len(split) for split in splits.values())
    done = 0
    arrays: dict[SplitName, npt.NDArray[np.uint8]] = {}
    for name, split in splits.items():
        arrays[name] = np.zeros((len(split), *shape), dtype=np.uint8)
        for _ in _decode_rows(pool, split, arrays[name], shape, broken[name]):
            done += 1
            if progress is not None and (done % _IMAGES_PER_TASK == 0 or done == total):
                progress(done, total)
    return arrays


def _decode_rows(
    pool: ThreadPoolExecutor, split: EncodedSplit, rows: npt.NDArray[np.uint8], shape: Shape, broken: dict[int, str]
) -> Iterator[None]:
    """Decode each image into its own row of `rows`, so that no lock is needed."""

    def decode_row(item: tuple[int, Encoded]) -> None:
        position, encoded = item
        if position in broken:
            return
        try:
            rows[position] = decode_image(encoded, shape)
        except BrokenImageError as error:
            broken[position] = str(error)

    return _map_in_order(pool, decode_row, enumerate(split.images))


def _account_for(splits: Mapping[SplitName, EncodedSplit], broken: Broken, skip_broken: bool) -> tuple[str, ...]:
    """A note about the broken images, or the error when they may not be skipped."""
    names = [splits[split].names[position] for split in splits for position in sorted(broken[split])]
    if not names:
        return ()
    without_labels = any(broken[name] and split.labels is None for name, split in splits.items())
    if skip_broken and without_labels:
        unlabelled = {name: split for name, split in splits.items() if split.labels is None}
        advice = "repair them, since images to be predicted are never left out"
        raise DataError(_explain_broken(unlabelled, broken, advice))
    if not skip_broken:
        advice = "repair or remove them, or leave them out with --skip-broken"
        raise DataError(_explain_broken(splits, broken, advice))
    more = f" and {len(names) - _NAMED_BROKEN} more" if len(names) > _NAMED_BROKEN else ""
    images = "image was" if len(names) == 1 else "images were"
    return (f"{len(names)} broken {images} left out: {', '.join(names[:_NAMED_BROKEN])}{more}.",)


def _explain_broken(splits: Mapping[SplitName, EncodedSplit], broken: Broken, advice: str) -> str:
    split = next(name for name in splits if broken[name])
    first = min(broken[split])
    num_broken, total = sum(len(broken[name]) for name in splits), sum(map(len, splits.values()))
    return (
        f"{splits[split].names[first]} cannot be read as an image ({broken[split][first]}), and {num_broken} of "
        f"{total} images in all are broken; {advice}."
    )


def _map_in_order(pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Like `pool.map`, but with only a few tasks taken from `items` ahead of the results."""
    remaining = iter(items)
    pending: deque[Future[list[R]]] = deque()
    while True:
        while len(pending) < 2 * _max_workers() and (task := list(islice(remaining, _IMAGES_PER_TASK))):
            pending.append(pool.submit(_apply_to_all, function, task))
        if not pending:
            return
        yield from pending.popleft().result()


def _apply_to_all(function: Callable[[T], R], task: list[T]) -> list[R]:
    return [function(item) for item in task]


def _max_workers() -> int:
    return min(16, os.cpu_count() or 1)

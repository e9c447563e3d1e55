"""Whole splits of encoded images into uint8 arrays, in a pool of threads, each image once."""

import os
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np
import numpy.typing as npt

from dartboard.data.data_settings import DataSettings
from dartboard.data.dataset import ImageSet
from dartboard.data.first_pass import IMAGES_PER_TASK, Broken, FirstPass, map_in_order, read_headers
from dartboard.data.fitting import choose_fitting, note_on_cut
from dartboard.data.opening import EIGHT_BITS, BrokenImageError, Header
from dartboard.data.pixels import common_channels, decode_image, read_deep_values
from dartboard.data.reading import FULL_SCALES, Ranges, Reading
from dartboard.data.rowfile import ArrayShape, RowFile
from dartboard.data.sources import Encoded, EncodedSplit, SplitName
from dartboard.data.value_ranges import choose_ranges, measure_ranges
from dartboard.errors import DataError
from dartboard.wording import count, listing, some

__all__ = ["Decoded", "MakeFiles", "Progress", "decode_splits", "refuse_broken_unlabelled"]

Progress = Callable[[int, int], None]
"""Called with the number of images decoded so far and the number of all."""

MakeFiles = Callable[[Mapping[SplitName, ArrayShape]], Mapping[SplitName, RowFile] | None]
"""The files that splits of these shapes are to be decoded into; None for arrays in memory."""

_LARGEST_SMALL_SIDE = 64
_NAMED_BROKEN = 3

BrokenImages = Mapping[SplitName, Mapping[int, str]]
"""Split -> position of each image that cannot be read -> the reason."""


@dataclass(frozen=True)
class Decoded:
    """The splits of a source as arrays.

    Attributes:
        splits: the images of each split.
        reading: how they were read, and how new images must be read.
        notes: sentences about what was left out, cut off or scaled.
        broken: which rows of each split cannot be read, and why.
    """

    splits: Mapping[SplitName, ImageSet]
    reading: Reading
    notes: tuple[str, ...] = ()
    broken: BrokenImages = field(default_factory=dict)


def decode_splits(
    splits: Mapping[SplitName, EncodedSplit],
    settings: DataSettings,
    *,
    progress: Progress | None = None,
    reading: Reading | None = None,
    make_files: MakeFiles = lambda _: None,
) -> Decoded:
    """Decode every image to one common shape, into arrays or into what `make_files` gives.

    The images are gray when all of them are, else RGB, or have the number of channels that all of them have. Their
    shape is what `choose_fitting` says. Values of other kinds than 8 bits are scaled by `settings.value_range`, or by
    the range that the training images use. A `reading` that is given stands for all of that; the images are then new
    ones, of which those that are broken are only listed.

    Raises:
        DataError: images are broken and `settings.skip_broken` is off, nothing but broken images was found, or images
            of several numbers of channels are mixed.
    """
    first = read_headers(splits, _max_workers())
    headers, broken = first.headers, first.broken
    if not headers:
        raise DataError(_explain_broken(splits, broken, "check that this is the right dataset"))
    # Small images spend most of their time under the interpreter's lock, where threads only get in each other's way.
    small = max(max(header.height, header.width) for header in headers) <= _LARGEST_SMALL_SIDE
    threads = 1 if small else _max_workers()
    is_new = reading is not None
    if reading is None:
        channels = common_channels(first.named)
        reading, notes = _choose_reading(splits, headers, channels, broken, settings, threads)
    else:
        notes = _notes_on_new(headers, reading)
    common = reading.shape
    files = make_files({name: (len(split), *common) for name, split in splits.items()})
    targets: Mapping[SplitName, RowFile | npt.NDArray[np.uint8]] = files or {
        name: np.zeros((len(split), *common), dtype=np.uint8) for name, split in splits.items()
    }
    beyond = _decode_all(splits, targets, threads, reading, first, progress)
    accounted = () if is_new else _account_for(splits, broken, settings.skip_broken)
    notes = (*accounted, *notes, *_notes_on_values(beyond))
    kept = {name: _without(split, targets[name], sorted(broken[name])) for name, split in splits.items()}
    return Decoded(kept, reading, notes, broken)


def _choose_reading(
    splits: Mapping[SplitName, EncodedSplit],
    headers: Mapping[Header, int],
    channels: int,
    broken: Broken,
    settings: DataSettings,
    threads: int,
) -> tuple[Reading, tuple[str, ...]]:
    """How to read images with these headers, and what to say of it."""
    fitting = choose_fitting(headers, settings)
    notes = [*fitting.notes, *_notes_on_headers(headers)]
    ranges: Ranges | None = None
    if any(header.kind != EIGHT_BITS for header in headers):
        name: SplitName = "train" if "train" in splits else next(iter(splits))
        measured = measure_ranges(_deep_values(splits[name], threads, channels, broken[name]))
        ranges, said = choose_ranges(measured, settings.value_range, channels)
        notes += said
    return Reading(fitting.height, fitting.width, channels, fitting.fit, ranges), tuple(notes)


def _deep_values(
    split: EncodedSplit, threads: int, channels: int, broken: Mapping[int, str]
) -> Iterator[npt.NDArray[np.generic]]:
    """The values of the images that are not of 8 bits, each with that number of channels."""

    def read(item: tuple[int, Encoded]) -> npt.NDArray[np.generic] | None:
        position, encoded = item
        if position in broken:
            return None
        try:
            return read_deep_values(encoded, channels)
        except BrokenImageError:
            return None  # decoding it will say why

    return (values for values in map_in_order(read, enumerate(split.images), threads) if values is not None)


def _notes_on_headers(headers: Mapping[Header, int]) -> list[str]:
    notes = []
    if {header.channels for header in headers} == {1, 3}:
        notes.append("Gray and colour images are mixed, so all were read as RGB.")
    kinds = {header.kind for header in headers}
    if EIGHT_BITS in kinds and len(kinds) > 1:
        ordinary = sum(number for header, number in headers.items() if header.kind == EIGHT_BITS)
        notes.append(f"{ordinary} images of 8 bits are mixed with others ({listing(sorted(kinds - {EIGHT_BITS}))}).")
    several = sum(number for header, number in headers.items() if header.unread)
    if several:
        notes.append(f"{count(several, 'file')} with several images: only the first image of each is read.")
    return notes


def _notes_on_new(headers: Mapping[Header, int], reading: Reading) -> tuple[str, ...]:
    """What the user should know of new images that are unlike those that a network was trained on."""
    notes = [*note_on_cut(headers, reading)]
    kinds = sorted({header.kind for header in headers} - {EIGHT_BITS})
    if kinds and reading.ranges is None:
        scales = listing(f"0 to {FULL_SCALES.get(kind, FULL_SCALES['uint16']):g} ({kind})" for kind in kinds)
        notes.append(f"The training images were of 8 bits; of these, {scales} becomes 0 to 255.")
    if reading.ranges is not None and not kinds:
        notes.append("The training images were not of 8 bits, and these are; their values are taken as they are.")
    return tuple(notes)


def _notes_on_values(beyond: Mapping[SplitName, int]) -> Iterator[str]:
    for name, images in beyond.items():
        # Those of training images only lie outside of a range that the user gave.
        if images and name != "train":
            have = count(images, f"{name} image has", f"{name} images have")
            yield f"{have} values outside of the range that is scaled; they become 0 or 255."


def refuse_broken_unlabelled(
    splits: Mapping[SplitName, EncodedSplit],
    broken: BrokenImages,
    advice: str = "repair what is broken, since images to be predicted are never left out",
) -> None:
    """Refuse broken images without labels: what is predicted must have a row for each image.

    Args:
        splits: the images.
        broken: those that cannot be read.
        advice: what the user can do.

    Raises:
        DataError: there are some.
    """
    unlabelled = {name: split for name, split in splits.items() if split.labels is None}
    if any(broken[name] for name in unlabelled):
        raise DataError(_explain_broken(unlabelled, broken, advice))


def _without(split: EncodedSplit, images: RowFile | npt.NDArray[np.uint8], lost: list[int]) -> ImageSet:
    """The decoded images of a split but for those at `lost`."""
    labels = None if split.labels is None else np.delete(split.labels, lost)
    if isinstance(images, RowFile):
        images.finish(lost)
        return ImageSet(images.images, labels, file=images)
    return ImageSet(np.delete(images, lost, axis=0) if lost else images, labels)


def _decode_all(
    splits: Mapping[SplitName, EncodedSplit],
    targets: Mapping[SplitName, RowFile | npt.NDArray[np.uint8]],
    threads: int,
    reading: Reading,
    first: FirstPass,
    progress: Progress | None,
) -> dict[SplitName, int]:
    """Decode what has a header into `targets`; images that turn out broken are added to those of the first pass.

    Returns:
        How many images of each split have values outside of the ranges that are scaled.
    """
    total = sum(len(split) for split in splits.values())
    done, beyond = 0, {}
    for name, split in splits.items():
        outside: list[int] = []
        known = _take_over(first.pixels[name], targets[name], reading) | first.broken[name].keys()
        for _ in _decode_rows(split, targets[name], threads, reading, known, first.broken[name], outside):
            done += 1
            if progress is not None and (done % IMAGES_PER_TASK == 0 or done == total):
                progress(done, total)
        beyond[name] = len(outside)
    return beyond


def _take_over(
    pixels: Mapping[int, npt.NDArray[np.uint8]], rows: RowFile | npt.NDArray[np.uint8], reading: Reading
) -> set[int]:
    """The positions of the images that are decoded already and have the common shape, once they are in their rows."""
    fitting = {position for position, image in pixels.items() if image.shape == reading.shape}
    for position in fitting:
        rows[position] = pixels[position]
    return fitting


def _decode_rows(
    split: EncodedSplit,
    rows: RowFile | npt.NDArray[np.uint8],
    threads: int,
    reading: Reading,
    known: Set[int],
    broken: dict[int, str],
    outside: list[int],
) -> Iterator[None]:
    """Decode each image that is not `known` into its own row of `rows`, so that no lock is needed.

    Those that turn out broken are added to `broken`, those with values outside of the ranges to `outside`.
    """

    def decode_row(item: tuple[int, Encoded]) -> None:
        position, encoded = item
        if position in known:
            return
        try:
            rows[position] = decode_image(encoded, reading, beyond=lambda: outside.append(position))
        except BrokenImageError as error:
            broken[position] = str(error)

    if len(known) == len(split):
        return repeat(None, len(split))
    return map_in_order(decode_row, enumerate(split.images), threads)


def _account_for(splits: Mapping[SplitName, EncodedSplit], broken: Broken, skip_broken: bool) -> tuple[str, ...]:
    """A note about the broken images, or the error when they may not be skipped."""
    names = [splits[split].names[position] for split in splits for position in sorted(broken[split])]
    if not names:
        return ()
    if not skip_broken:
        advice = "repair or remove what is broken, or leave it out with --skip-broken"
        raise DataError(_explain_broken(splits, broken, advice))
    images = "image was" if len(names) == 1 else "images were"
    return (f"{len(names)} broken {images} left out: {some(names, _NAMED_BROKEN)}.",)


def _explain_broken(splits: Mapping[SplitName, EncodedSplit], broken: BrokenImages, advice: str) -> str:
    split = next(name for name in splits if broken[name])
    first = min(broken[split])
    num_broken, total = sum(len(broken[name]) for name in splits), sum(map(len, splits.values()))
    others = f", and {num_broken} of {total} images in all are broken" if num_broken > 1 else ""
    return f"{splits[split].names[first]} cannot be read as an image ({broken[split][first]}){others}; {advice}."


def _max_workers() -> int:
    return min(16, os.cpu_count() or 1)

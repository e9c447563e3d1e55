"""Opening one encoded image: what Pillow reads as 8 bits, and values of other kinds or of any number of channels."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from dartboard.data.sources import Encoded
from dartboard.data.sources.arrays import has_channels_first

__all__ = ["EIGHT_BITS", "MAX_PIXELS", "BrokenImageError", "Header", "Opened", "opened", "upright"]

EIGHT_BITS = "uint8"

MAX_PIXELS = 89_478_485
"""Pillow's own limit against decompression bombs: a quarter of a GiB of RGB pixels."""

Values = npt.NDArray[Any]

_GRAY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
_GRAY_DEEP = {"I": "int32", "F": "float32"} | dict.fromkeys(_GRAY_16, "uint16")
_GRAY = frozenset({"1", "L", "LA", "La"})
_NUMPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIF = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_HEAD = 12
_BITS_PER_SAMPLE, _PHOTOMETRIC, _ORIENTATION, _SAMPLES_PER_PIXEL, _EXTRA_SAMPLES = 258, 262, 274, 277, 338
_SAMPLE_FORMAT = 339
_WHITE_IS_ZERO, _CMYK, _ALPHA = 0, 5, (1, 2)
_SIGNED = 2
_SWAPPING_TURNS = (5, 6, 7, 8)
"""Orientations of images that lie on their side."""

_BACKWARDS: dict[int, tuple[slice, slice]] = {
    orientation: (slice(None, None, rows), slice(None, None, columns))
    for orientation, rows, columns in ((2, 1, -1), (3, -1, -1), (4, -1, 1), (6, 1, -1), (7, -1, -1), (8, -1, 1))
}
"""Orientation -> which axes run backwards, after the axes of those that lie on their side have changed places."""

# What the readers let through on damaged content; a warning arrives here where warnings are made errors.
_READER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    EOFError,
    Warning,
    struct.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)


class BrokenImageError(ValueError):
    """An image cannot be decoded; the message is the reason, as the end of a sentence about the file."""


class Header(NamedTuple):
    """What is known of an image before it is decoded.

    Attributes:
        height: height in pixels when upright.
        width: width in pixels when upright.
        channels: 1 for gray, 3 for colours, else what the file holds.
        kind: NumPy's name for the type of the values; "uint8" for ordinary images.
        unread: further images in the same file, which are not read.
    """

    height: int
    width: int
    channels: int
    kind: str = EIGHT_BITS
    unread: int = 0


@dataclass(frozen=True)
class Opened:
    """An image that is open and not decoded yet.

    Attributes:
        header: its size and kind.
        image: the image as Pillow opened it, not turned; None for arrays.
        read: decodes the values, upright, shape (height, width, channels).
    """

    header: Header
    image: Image.Image | None
    read: Callable[[], Values]


@contextmanager
def opened(encoded: Encoded) -> Iterator[Opened]:
    """Open an image; what goes wrong while it is open is an error of the image.

    Pages of a TIFF file that have one size are channels of one image, and so are all samples of a pixel.

    Raises:
        BrokenImageError: it is no image, is damaged, or has more than `MAX_PIXELS` pixels.
    """
    try:
        if isinstance(encoded, np.ndarray):
            yield _of_array(encoded)
            return
        source = encoded.open("rb") if isinstance(encoded, Path) else io.BytesIO(encoded)
        with source as stream, _opened_stream(stream) as found:
            if found.header.width * found.header.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield found
    except BrokenImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BrokenImageError(f"it has more than {MAX_PIXELS // 10**6} million pixels") from error
    except UnidentifiedImageError as error:
        raise BrokenImageError("it is not an image of a known format") from error
    except _READER_ERRORS as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BrokenImageError(reason.strip().rstrip(".") or type(error).__name__) from error


@contextmanager
def _opened_stream(stream: IO[bytes]) -> Iterator[Opened]:
    head = stream.read(_HEAD)
    stream.seek(0)
    if not head:
        raise BrokenImageError("it is empty")
    if head.startswith(_NUMPY) or head.startswith(_ZIP):
        yield _of_array(_with_channels(_load_numpy(stream)))
    elif head.startswith(_TIFF) and not _is_for_pillow(stream):
        with _opened_tiff(stream) as found:
            yield found
    else:
        if head[4:8] == b"ftyp" and head[8:12] in _HEIF and not _reads_heif():
            raise BrokenImageError("it is a HEIF image; install pillow-heif to read such images")
        with Image.open(stream, formats=_formats()) as image:
            yield _of_pillow(image, stream)


def _of_array(values: Values) -> Opened:
    if values.dtype.kind not in "buif" or values.ndim != 3 or not values.size:
        raise BrokenImageError(
            f"its array of shape {values.shape} holds {values.dtype}; an image is (height, width) or (height, width, "
            "channels) of numbers"
        )
    height, width, channels = values.shape
    return Opened(Header(height, width, channels, values.dtype.name, 0), None, lambda: _finite(values))


def _load_numpy(stream: IO[bytes]) -> Values:
    found = np.load(stream, allow_pickle=False)
    if isinstance(found, np.ndarray):
        return found
    if len(found.files) != 1:
        raise BrokenImageError(f"it holds {len(found.files)} arrays; an image is one array")
    return np.asarray(found[found.files[0]])


def _with_channels(values: Values) -> Values:
    """Gray images get their axis; channels that come first, as in arrays of several images, go last."""
    if values.ndim == 2:
        return values[..., None]
    return np.moveaxis(values, 0, 2) if values.ndim == 3 and has_channels_first(values.shape) else values


def _of_pillow(image: Image.Image, stream: IO[bytes]) -> Opened:
    width, height = image.size
    if _orientation(image) in _SWAPPING_TURNS:
        width, height = height, width
    unread = getattr(image, "n_frames", 1) - 1
    if kind := _deep_kind(image):
        return Opened(Header(height, width, 1, kind, unread), image, lambda: _finite(_deep(image, kind)))
    if _is_of_16_bits(image):
        return Opened(Header(height, width, 3, "uint16", unread), image, lambda: _of_16_bits(stream))
    channels = 1 if image.mode in _GRAY else 3
    mode = "L" if channels == 1 else "RGB"
    return Opened(
        Header(height, width, channels, EIGHT_BITS, unread), image, lambda: _of_8_bits(image, mode, (height, width))
    )


def _of_8_bits(image: Image.Image, mode: str, size: tuple[int, int]) -> Values:
    return np.asarray(upright(image, mode)).reshape(*size, -1)


def upright(image: Image.Image, mode: str) -> Image.Image:
    """A Pillow image of 8 bits as gray ("L") or "RGB", turned as the camera was held, transparent pixels white."""
    plain = _to_gray_or_rgb(image, mode)
    orientation = _orientation(image)
    return plain if orientation == 1 else _turned(plain, orientation)


def _deep_kind(image: Image.Image) -> str:
    """The type of the values of a gray image that are not of 8 bits; empty for another image."""
    tags = getattr(image, "tag_v2", {})  # of a TIFF file
    signed = tags.get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED
    if image.mode == "L":
        return "int8" if signed else ""
    if image.mode == "I" and not signed and tags.get(_BITS_PER_SAMPLE) == (32,):
        return "uint32"
    return _GRAY_DEEP.get(image.mode, "")


def _deep(image: Image.Image, kind: str) -> Values:
    orientation = _orientation(image)
    is_negative = kind == "uint16" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    found = np.asarray(image if orientation == 1 else _turned(image, orientation))
    # Pillow has no type for some kinds of values, and holds their bits in another one.
    values = found.view(kind) if kind in ("int8", "uint32") else found.astype(kind)
    return (np.iinfo(kind).max - values if is_negative else values)[..., None]


def _is_of_16_bits(image: Image.Image) -> bool:
    """Whether Pillow would keep only the upper byte of each colour of this PNG file."""
    raw = image.tile[0].args if isinstance(image, PngImagePlugin.PngImageFile) and image.tile else None
    if raw == "LA;16B":
        raise BrokenImageError("it is gray of 16 bits with transparency; save it without transparency")
    return raw in ("RGB;16B", "RGBA;16B")


def _of_16_bits(stream: IO[bytes]) -> Values:
    """Colours of a PNG file of 16 bits. Pillow unpacks one byte of each sample, so the file is read twice."""
    bytes_of_samples = []
    for byte in ("16B", "16L"):
        stream.seek(0)
        with Image.open(stream, formats=("PNG",)) as image:
            orientation, tile = _orientation(image), image.tile[0]
            image.tile = [tile._replace(args=str(tile.args).replace("16B", byte))]
            image.load()
            turned = image if orientation == 1 else _turned(image, orientation)
            bytes_of_samples.append(np.asarray(turned).astype(np.uint16))
    values = (bytes_of_samples[0] << 8) | bytes_of_samples[1]
    if values.shape[2] == 3:
        return values
    opacity = values[..., 3:] / 65535
    return np.rint(values[..., :3] * opacity + 65535 * (1 - opacity)).astype(np.uint16)


def _is_for_pillow(stream: IO[bytes]) -> bool:
    """Whether a TIFF file is a single image of a kind that Pillow reads without loss."""
    try:
        with Image.open(stream, formats=("TIFF",)) as image:
            tags = image.tag_v2  # type: ignore[attr-defined]
            single = getattr(image, "n_frames", 1) == 1
            ordinary = max(tags.get(_BITS_PER_SAMPLE, (1,))) <= 8 and _has_gray_or_colours(tags)
            return single and (ordinary or bool(_deep_kind(image)))
    except UnidentifiedImageError:
        return False
    finally:
        stream.seek(0)


def _has_gray_or_colours(tags: Mapping[int, Any]) -> bool:
    """Whether the samples of a pixel are gray, colours, or one of these with transparency, not other measurements."""
    samples: int = tags.get(_SAMPLES_PER_PIXEL, 1)
    extra: tuple[int, ...] = tags.get(_EXTRA_SAMPLES, ())
    if not extra:
        return samples == (4 if tags.get(_PHOTOMETRIC) == _CMYK else 3) or samples == 1
    return samples in (2, 4) and extra[0] in _ALPHA


@contextmanager
def _opened_tiff(stream: IO[bytes]) -> Iterator[Opened]:
    # Imported here because few datasets need it.
    import tifffile

    with tifffile.TiffFile(stream) as file:
        if not file.series:
            raise BrokenImageError("it holds no image")
        first = file.series[0]
        places = [first.axes.index(axis) for axis in "YX" if axis in first.axes]
        if len(places) != 2 or first.dtype is None or first.dtype.kind not in "buif":
            what = f"axes {first.axes} of {first.dtype}" if first.axes else "no pixels that can be read"
            raise BrokenImageError(f"it has {what}; an image has rows and columns of whole or decimal numbers")
        height, width = (first.shape[place] for place in places)
        channels = int(np.prod(first.shape)) // (height * width)
        orientation = _orientation_of_pages(first.keyframe)

        def read() -> Values:
            values = np.moveaxis(first.asarray(), places, (0, 1)).reshape(height, width, channels)
            if first.keyframe.photometric == _WHITE_IS_ZERO and values.dtype.kind == "u":
                values = np.iinfo(values.dtype).max - values
            if orientation in _SWAPPING_TURNS:
                values = values.swapaxes(0, 1)
            return _finite(values[_BACKWARDS.get(orientation, ())])

        sides = (width, height) if orientation in _SWAPPING_TURNS else (height, width)
        yield Opened(Header(*sides, channels, first.dtype.name, len(file.series) - 1), None, read)


def _orientation_of_pages(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION)
    return 1 if tag is None else int(tag.value)


def _finite(values: Values) -> Values:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BrokenImageError("it holds values that are not finite (NaN or infinite); fill them in")
    return values


@cache
def _reads_heif() -> bool:
    """Whether pillow-heif is installed, which phones' images need; Pillow knows it from then on."""
    if find_spec("pillow_heif") is None:
        return False
    import pillow_heif  # type: ignore[import-not-found]

    pillow_heif.register_heif_opener()
    return True


@cache
def _formats() -> tuple[str, ...]:
    """All that Pillow reads but EPS, for which it would start an interpreter on the file's own program."""
    Image.init()
    _reads_heif()
    return tuple(name for name in Image.ID if name != "EPS")


def _orientation(image: Image.Image) -> int:
    # Pillow turns TIFF files itself, and asking a PNG file without an exif chunk would decode it.
    if "exif" not in image.info:
        return 1
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _READER_ERRORS:
        # The camera's notes are damaged, the pixels are not; viewers show such images as they lie.
        return 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    # Pillow writes the camera's notes anew as it turns an image, and some of them may be damaged: one is enough.
    notes = Image.Exif()
    notes[ExifTags.Base.Orientation] = orientation
    image.info = {"exif": notes.tobytes()}
    return ImageOps.exif_transpose(image)


def _to_gray_or_rgb(image: Image.Image, mode: str) -> Image.Image:
    if image.has_transparency_data:
        upper = image.convert("RGBA")
        sheet = Image.new("RGBA", upper.size, "white")
        sheet.alpha_composite(upper)
        return sheet.convert(mode)
    return image if image.mode == mode else image.convert(mode)

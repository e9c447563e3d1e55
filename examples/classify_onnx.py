"""Classify images with an exported network; needs onnxruntime, NumPy and Pillow, and nothing of dartboard.

After `dartboard export runs/flowers --out flowers.onnx`:

    python classify_onnx.py flowers.onnx rose.jpg tulip.jpg

It reads what `dartboard predict` reads: pictures, arrays (.npy, .npz), and, with tifffile, TIFF files of several pages
or of many channels.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image, ImageOps, UnidentifiedImageError

Array = npt.NDArray[Any]
FULL_SCALE = {"bool": 1, "int8": 127, "int16": 32767, "float16": 1, "float32": 1, "float64": 1}  # all else: 65535
FIT: dict[str, Callable[..., Image.Image]] = {"crop": ImageOps.fit, "pad": ImageOps.pad, "stretch": Image.Image.resize}
PICTURES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "HSV")
DEEP = {"F": "float32", "I": "int32"}  # gray that Pillow reads whole; all other modes of this kind are uint16
SPLIT = ("LA;16B", "RGB;16B", "RGBA;16B")  # PNG files of 16 bits, of which Pillow keeps the upper byte
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

session = onnxruntime.InferenceSession(sys.argv[1])
facts = session.get_modelmeta().custom_metadata_map
classes, reading = json.loads(facts["classes"]), json.loads(facts["reading"])
_, height, width, channels = session.get_inputs()[0].shape


def read(name: str) -> Array:
    """An image file as the network takes it, uint8, shape (height, width, channels)."""
    with Path(name).open("rb") as file:
        start = file.read(6)
    if start == b"\x93NUMPY" or start.startswith(b"PK\x03\x04"):
        return fitted(scaled(array(name)))
    if start[:4] in TIFF and not is_single(name):
        return fitted(scaled(pages(name)))
    with Image.open(name) as image:
        tile = image.tile[0] if image.tile else None
        if image.format == "PNG" and tile and tile[3] in SPLIT:
            raise ValueError("colours of 16 bits; save it as TIFF, or with 8 bits")
        refuse_rare(image)
        image.draft(image.mode, (2 * width, 2 * height))  # large JPEGs are read faster so
        upright = ImageOps.exif_transpose(image)
    if is_deep(upright.mode):
        return fitted(scaled(np.asarray(upright).astype(DEEP.get(upright.mode, "uint16"))[..., None]))
    if upright.has_transparency_data:  # it lies on white
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
    upright = upright.convert("L" if channels == 1 or upright.mode in ("1", "L") else "RGB")
    if channels not in (1, 3):
        return fitted(np.asarray(upright).reshape(upright.height, upright.width, -1))
    pixels = np.asarray(FIT[reading["fit"]](upright, (width, height), Image.Resampling.LANCZOS))
    return np.broadcast_to(pixels.reshape(height, width, -1), (height, width, channels))


def array(name: str) -> Array:
    """The values of a .npy file, or of a .npz file of one array, (height, width, channels)."""
    loaded = np.load(name, allow_pickle=False)
    names = getattr(loaded, "files", [""])
    if len(names) != 1:
        raise ValueError(f"it holds {len(names)} arrays; an image is one array")
    found: Array = loaded[names[0]] if names[0] else loaded
    if found.ndim == 2:
        return found[..., None]
    if found.ndim != 3 or found.dtype.kind not in "buif":
        raise ValueError(f"an array of shape {found.shape} of {found.dtype} is no image")
    first, middle, last = found.shape
    leading = middle == last if middle in (first, last) else first < last
    if first in (1, 3) or last in (1, 3):
        leading = last not in (1, 3)
    return np.moveaxis(found, 0, 2) if leading else found


def is_deep(mode: str) -> bool:
    """Whether Pillow's mode is that of gray values of more than 8 bits."""
    return mode == "F" or mode.startswith("I")


def is_single(name: str) -> bool:
    """Whether a TIFF file is one picture that Pillow reads whole."""
    try:
        with Image.open(name) as image:
            return getattr(image, "n_frames", 1) == 1 and (is_deep(image.mode) or image.mode in PICTURES)
    except UnidentifiedImageError:
        return False


def refuse_rare(image: Image.Image) -> None:
    """Refuse TIFF files whose values Pillow takes for others: signed bytes, 32 bits without sign, deep negatives."""
    tags = getattr(image, "tag_v2", {})
    signed, bits, meaning_of_zero = tags.get(339, (1,))[0] == 2, tags.get(258), tags.get(262)
    unsigned = image.mode == "I" and bits == (32,) and not signed
    if (image.mode == "L" and signed) or unsigned or (is_deep(image.mode) and meaning_of_zero == 0):
        raise ValueError("a rare kind of TIFF; save it with 16 bits without sign, 0 being black")


def pages(name: str) -> Array:
    """The values of a TIFF file, whose pages and samples are channels, (height, width, channels)."""
    import tifffile

    with tifffile.TiffFile(name) as file:
        first = file.series[0]
        turned = first.keyframe.tags.get(274)
        if first.keyframe.photometric == 0 or (turned is not None and turned.value != 1):
            raise ValueError("a TIFF that lies on its side or is a negative; save it upright, 0 being black")
        values = np.moveaxis(first.asarray(), [first.axes.index(axis) for axis in "YX"], (0, 1))
    return values.reshape(*values.shape[:2], -1)


def scaled(values: Array) -> Array:
    """Values with the network's number of channels, those of other kinds than 8 bits scaled to 0..255."""
    kind, values = values.dtype.name, with_channels(values)
    if kind == "uint8":
        return values
    full = [(0, FULL_SCALE.get(kind, 65535))] * channels
    black, white = np.array(reading["ranges"] or full, dtype=np.float64).T
    stretched: Array = ((values - black) * (255 / (white - black))).clip(0, 255).astype(np.float32)
    return stretched


def with_channels(values: Array) -> Array:
    """Gray is repeated for colours, and colours become gray, where the network takes that."""
    found = values.shape[2]
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("it holds values that are not finite")
    if found in (1, channels):
        return np.repeat(values, channels // found, axis=2)
    if channels != 1 or found != 3:
        raise ValueError(f"it has {found} channels, and the network takes {channels}")
    gray: Array = (values @ LUMA)[..., None]
    return np.rint(gray).astype(np.uint8) if values.dtype == np.uint8 else gray


def fitted(values: Array) -> Array:
    """Values from 0 to 255 in the network's shape: each channel is resized as an image of its own, and rounded."""
    values = with_channels(values)
    if values.shape != (height, width, channels):
        planes: Any = (Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(values, 2, 0))
        sized = [FIT[reading["fit"]](plane, (width, height), Image.Resampling.LANCZOS) for plane in planes]
        values = np.stack([np.asarray(plane) for plane in sized], axis=2)
    rounded: Array = np.rint(values).clip(0, 255).astype(np.uint8)
    return rounded


for name in sys.argv[2:]:
    try:
        image = read(name)
    except (OSError, ValueError, SyntaxError, EOFError, ImportError) as error:
        sys.exit(f"{name} cannot be read: {error}")
    (probabilities,) = session.run(None, {"images": image[None]})
    best = int(probabilities[0].argmax())
    print(f"{name}: {classes[best]} ({probabilities[0, best]:.2%})")

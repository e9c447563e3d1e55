"""Classify images with an exported network; needs onnxruntime, NumPy and Pillow, and nothing of dartboard.

After `dartboard export runs/flowers --out flowers.onnx`:

    python classify_onnx.py flowers.onnx rose.jpg tulip.jpg
"""

import json
import sys
from collections.abc import Callable

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

FULL_SCALE = {"F": 1.0}  # of decimal numbers; whole numbers of more than 8 bits reach 65535
FIT: dict[str, Callable[..., Image.Image]] = {"crop": ImageOps.fit, "pad": ImageOps.pad, "stretch": Image.Image.resize}

session = onnxruntime.InferenceSession(sys.argv[1])
facts = session.get_modelmeta().custom_metadata_map
classes, reading = json.loads(facts["classes"]), json.loads(facts["reading"])
_, height, width, channels = session.get_inputs()[0].shape


def read(name: str) -> np.ndarray:
    """An image file as the network takes it: gray or colours of 8 bits, or gray of another kind."""
    with Image.open(name) as image:
        image.draft(image.mode, (2 * width, 2 * height))  # large JPEGs are read faster so
        upright = ImageOps.exif_transpose(image)
    if upright.mode == "F" or upright.mode.startswith("I"):
        black, white = (reading["ranges"] or [(0, FULL_SCALE.get(upright.mode, 65535))])[0]
        scaled = (np.asarray(upright, dtype=np.float64) - black) * (255 / (white - black))
        upright = Image.fromarray(scaled.clip(0, 255).astype(np.float32))
    else:
        if upright.has_transparency_data:  # it lies on white
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        upright = upright.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(FIT[reading["fit"]](upright, (width, height), Image.Resampling.LANCZOS))
    pixels = np.rint(pixels).clip(0, 255).astype(np.uint8).reshape(height, width, -1)
    return np.broadcast_to(pixels, (height, width, channels))


for name in sys.argv[2:]:
    (probabilities,) = session.run(None, {"images": read(name)[None]})
    best = int(probabilities[0].argmax())
    print(f"{name}: {classes[best]} ({probabilities[0, best]:.2%})")

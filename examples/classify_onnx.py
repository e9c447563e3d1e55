"""Classify images with an exported network; needs onnxruntime, NumPy and Pillow, and nothing of dartboard.

After `dartboard export runs/flowers --out flowers.onnx`:

    python classify_onnx.py flowers.onnx rose.jpg tulip.jpg
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(sys.argv[1])
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
_, height, width, channels = session.get_inputs()[0].shape
for name in sys.argv[2:]:
    with Image.open(name) as image:
        image.draft(image.mode, (2 * width, 2 * height))  # large JPEGs are read faster so
        upright = ImageOps.exif_transpose(image)
        if upright.has_transparency_data:  # it lies on white
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        upright = upright.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(ImageOps.fit(upright, (width, height), Image.Resampling.LANCZOS))
    (probabilities,) = session.run(None, {"images": pixels.reshape(1, height, width, channels)})
    best = int(probabilities[0].argmax())
    print(f"{name}: {classes[best]} ({probabilities[0, best]:.2%})")

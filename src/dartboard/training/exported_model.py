"""A trained network as one file that needs no dartboard: from pixels to probabilities, as ONNX or a torch program."""

import io
import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dartboard.errors import ExportError
from dartboard.kernels import plain_kernels
from dartboard.runs import make_generator, write_atomically
from dartboard.space import Network
from dartboard.space.ops import RandomOp
from dartboard.training.model import ModelCard
from dartboard.version import __version__
from dartboard.wording import listing

__all__ = ["EXPORT_ENDINGS", "ExportedModel", "check_exportable", "export_model"]

EXPORT_ENDINGS = (".onnx", ".pt2")
"""Endings of exported files: ONNX, and a program of torch.export."""

_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_BATCHES = (1, 2, 5)
"""Batch sizes for the comparison of the file with the network."""

_TOLERANCE = 1e-4
_CALLS = 20

Runner = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""uint8 (images, height, width, channels) -> probabilities, float32 (images, classes)."""


@dataclass(frozen=True)
class ExportedModel:
    """An exported file: its content, and the result of its check.

    Attributes:
        path: the file.
        classes: class names in the order of the outputs.
        image_shape: (height, width, channels) of the uint8 images that it takes.
        images: number of images on which the file was compared with the network.
        difference: largest difference between the probabilities of the file and of the network.
        seconds: median time for one image, on the CPU.
    """

    path: Path
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    images: int
    difference: float
    seconds: float


class _FromPixels(nn.Module):
    """A network with normalisation and softmax: uint8 (batch, height, width, channels) -> (batch, classes)."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: Network, card: ModelCard) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(card.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(card.std).view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.permute(0, 3, 1, 2).float() / 255
        return torch.softmax(self.network((pixels - self.mean) / self.std), dim=1)


def check_exportable(path: Path) -> None:
    """Refuse a format if its packages are missing, before any other work is done.

    Raises:
        ExportError: the packages for ONNX are not installed.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None] if path.suffix.lower() == ".onnx" else []
    if missing:
        raise ExportError(
            f"{path.name} needs the packages {', '.join(_PACKAGES)}, and {listing(missing)} cannot be found; "
            "install them with pip install 'dartboard[export]', or name a file that ends with .pt2."
        )


def export_model(network: Network, card: ModelCard, path: Path) -> ExportedModel:
    """Write a trained network as one file that includes normalisation and softmax, and compare it with the network.

    The file takes any number of uint8 images, (batch, height, width, channels), and returns probabilities, float32,
    (batch, classes). It also holds the class names and how image files must be read: in ONNX as the metadata `classes`
    and `reading`, in a .pt2 file as the extra files `classes.json` and `reading.json`. Before the file is written, it
    is compared with the network on random images.

    Args:
        network: the network, in evaluation mode, on the CPU.
        card: description of the network.
        path: the file to write; its ending is one of `EXPORT_ENDINGS`.

    Raises:
        ExportError: the network draws random numbers, packages for ONNX are missing, or the file differs from the
            network.
        RunDirectoryError: the file cannot be written.
    """
    check_exportable(path)
    if any(isinstance(module, RandomOp) for module in network.modules()):
        raise ExportError(
            "a network with the operation noise draws at random, which no exported file can do; export another network."
        )
    channels, height, width = card.image_shape
    shape = (height, width, channels)
    model = _FromPixels(network, card).eval()
    write, load = (_onnx, _load_onnx) if path.suffix.lower() == ".onnx" else (_program, _load_program)
    with plain_kernels(), torch.no_grad(), _quiet():
        example = torch.zeros((2, *shape), dtype=torch.uint8)
        program = torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        content = write(program, _facts(card))
    runner = load(content)
    generator = make_generator(0, "export")
    differences = []
    for size in _BATCHES:
        images = torch.randint(256, (size, *shape), generator=generator, dtype=torch.uint8)
        with torch.no_grad():
            wanted = model(images).numpy()
        differences.append(np.abs(runner(images.numpy()) - wanted).max())
    difference = float(np.max(differences))
    if not difference <= _TOLERANCE:  # refuses NaN as well
        raise ExportError(
            f"the probabilities of {path.name} differ from the network's by up to {difference:.1g}, so the file is not "
            "written; try the other format, or another version of the packages."
        )
    write_atomically(path, lambda stream: stream.write(content))
    seconds = _seconds(runner, np.zeros((1, *shape), dtype=np.uint8))
    return ExportedModel(path, card.classes, shape, sum(_BATCHES), difference, seconds)


def _facts(card: ModelCard) -> dict[str, str]:
    reading = {"fit": card.fit, "ranges": card.ranges}
    return {"classes": json.dumps(card.classes), "reading": json.dumps(reading), "dartboard": __version__}


def _onnx(program: torch.export.ExportedProgram, facts: dict[str, str]) -> bytes:
    import onnx

    made = torch.onnx.export(program, input_names=["images"], output_names=["probabilities"], verbose=False)
    assert made is not None
    document = made.model_proto
    onnx.helper.set_model_props(document, facts)
    content: bytes = document.SerializeToString()
    return content


def _load_onnx(content: bytes) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        (found,) = session.run(None, {"images": images})
        return np.asarray(found, dtype=np.float32)

    return run


def _program(program: torch.export.ExportedProgram, facts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={f"{name}.json": text for name, text in facts.items()})
    return buffer.getvalue()


def _load_program(content: bytes) -> Runner:
    module = torch.export.load(io.BytesIO(content)).module()

    def run(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with torch.no_grad():
            found: npt.NDArray[np.float32] = module(torch.from_numpy(images)).numpy()
        return found

    return run


def _seconds(run: Runner, image: npt.NDArray[np.uint8]) -> float:
    """Median seconds of a call; the first call is not counted."""
    run(image)
    taken = []
    for _ in range(_CALLS):
        started = time.perf_counter()
        run(image)
        taken.append(time.perf_counter() - started)
    return median(taken)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings of the exporters about packages that are not needed here and about their own future versions."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

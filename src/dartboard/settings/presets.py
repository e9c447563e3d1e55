"""The presets: layers of settings between the defaults and the user's own."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dartboard.engine import SearchSettings
from dartboard.space import CellPlace, SearchSpace

__all__ = ["AUTO", "PRESETS", "Preset"]

AUTO = "auto"
"""Stands for a space or a method that is chosen from what the data is."""


_ALL_IMAGES: Mapping[str, Any] = {"data.validation_fraction": 0.0, "search.validation_images": None}
"""As in the papers: the training holds none out, and supernets are scored on every image of the alpha half."""


def _darts_cifar(space: SearchSpace) -> dict[str, Any]:
    """The DARTS paper: 50 epochs of search, 600 of training, the published network size (arXiv:1806.09055)."""
    channels, layers = space.reference_size
    return {
        **_ALL_IMAGES,
        "search.layers": max(SearchSettings().layers, space.skeleton.fewest_layers),
        "train.init_channels": channels,
        "train.layers": layers,
    }


def _darts_imagenet(space: SearchSpace) -> dict[str, Any]:
    """The mobile setting of ImageNet in its later form: 250 epochs in batches of 1024 (arXiv:1904.12760, 1907.05737).

    48 channels and 14 cells, as in the DARTS paper. The test sees the whole central square of an image, not 0.875 of
    it.
    """
    return {
        **_ALL_IMAGES,
        "data.image_size": 224,
        "search.layers": max(SearchSettings().layers, space.skeleton.fewest_layers),
        "train": {
            "epochs": 250,
            "batch_size": 1024,
            "init_channels": 48,
            "layers": max(14, space.skeleton.fewest_layers),
            "lr": 0.5,
            "schedule": "linear",
            "warmup_fraction": 0.02,
            "weight_decay": 3e-5,
            "label_smoothing": 0.1,
            "drop_path": 0.0,
            "augment": {"cutout": 0, "min_scale": 0.08, "color_jitter": 0.4, "hue_jitter": 0.2},
        },
    }


def _nas_bench_201(space: SearchSpace) -> dict[str, Any]:
    """The benchmark's training: 200 epochs of SGD with Nesterov, batch 256, no cutout (arXiv:2001.00326)."""
    channels, layers = space.reference_size
    return {
        **_ALL_IMAGES,
        "search.init_channels": channels,
        "search.layers": layers,
        "train": {
            "epochs": 200,
            "batch_size": 256,
            "init_channels": channels,
            "layers": layers,
            "lr": 0.1,
            "nesterov": True,
            "weight_decay": 5e-4,
            "grad_clip": None,
            "drop_path": 0.0,
            "auxiliary_weight": 0.0,
            "augment.cutout": 0,
        },
    }


def _nas_bench_201_12(space: SearchSpace) -> dict[str, Any]:
    """The same over 12 epochs, the benchmark's short schedule."""
    preset = _nas_bench_201(space)
    return {**preset, "train": {**preset["train"], "epochs": 12}}


def _proxyless(space: SearchSpace) -> dict[str, Any]:
    """ProxylessNAS: its method's search at full width, then 300 epochs with label smoothing (arXiv:1812.00332).

    As in the authors' code with its stronger colour jitter.
    """
    channels, layers = space.reference_size
    return {
        **_ALL_IMAGES,
        "search.init_channels": channels,
        "search.layers": layers,
        "train": {
            "epochs": 300,
            "batch_size": 256,
            "init_channels": channels,
            "layers": layers,
            "lr": 0.05,
            "nesterov": True,
            "weight_decay": 4e-5,
            "decay_norms": False,
            "grad_clip": None,
            "label_smoothing": 0.1,
            "drop_path": 0.0,
            "auxiliary_weight": 0.0,
            "augment": {"cutout": 0, "color_jitter": 0.4, "hue_jitter": 0.1},
        },
    }


def _quick(space: SearchSpace) -> dict[str, Any]:
    """Minutes on a CPU: a small supernet, then a short one-cycle training; epochs follow from the dataset's size.

    The search sees fewer images where an image costs more: a supernet's cost grows with its edges and operations. Its
    rates are those of benchmarks/short_searches.py that find good cells in a few hundred steps.
    """
    channels, layers = space.small_size
    fewest = space.skeleton.fewest_layers
    plan = space.plan(in_channels=3, num_classes=2, init_channels=channels // 2, layers=fewest)
    cells = sum(isinstance(place, CellPlace) for place in plan.places)
    return {
        "baselines": True,
        "short_train_epochs": 10,
        "search": {
            "epochs": None,
            "images": 1_440_000 // (cells * math.prod(space.alpha_shape)),
            "batch_size": 32,
            "init_channels": channels // 2,
            "layers": fewest,
            "weight_lr": 0.025,
            "alpha_lr_factor": 40.0,
        },
        "train": {
            "epochs": None,
            "batch_size": 64,
            "init_channels": channels,
            "layers": layers,
            "lr": 0.1,
            "schedule": "one-cycle",
            "nesterov": True,
            "weight_decay": 5e-4,
            "label_smoothing": 0.1,
            "drop_path": 0.0,
            "auxiliary_weight": 0.0,
            "augment.cutout": 0,
        },
    }


def _smoke(space: SearchSpace) -> dict[str, Any]:
    """Seconds: the same path with a tiny network and as many epochs as methods have stages; accuracy is no aim."""
    size = {"batch_size": 32, "init_channels": 4, "layers": space.skeleton.fewest_layers}
    train = {"epochs": 2, "auxiliary_weight": 0.0, "drop_path": 0.0, "augment.cutout": 0}
    return {"short_train_epochs": 1, "search": {**size, "epochs": 3}, "train": {**size, **train}}


@dataclass(frozen=True)
class Preset:
    """A layer of settings between the defaults and the user's.

    Attributes:
        space: the space that it is made for, taken unless another is asked for.
        method: the same for the method.
        layer: the settings for a space.
    """

    space: str
    method: str
    layer: Callable[[SearchSpace], dict[str, Any]]


PRESETS: Mapping[str, Preset] = {
    "quick": Preset(AUTO, AUTO, _quick),
    "darts-cifar": Preset("darts", "darts", _darts_cifar),
    "darts-imagenet": Preset("darts", "darts", _darts_imagenet),
    "nas-bench-201": Preset("nas-bench-201", "darts", _nas_bench_201),
    "nas-bench-201-12": Preset("nas-bench-201", "darts", _nas_bench_201_12),
    "proxyless": Preset("proxyless", "proxyless", _proxyless),
    "smoke": Preset("nas-bench-201", "darts", _smoke),
}
"""Name -> preset."""

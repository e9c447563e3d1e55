"""The presets: layers of settings between the defaults and the user's settings."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dartboard.errors import ExtensionError
from dartboard.registry import Registry
from dartboard.space import CellPlace, SearchSpace

__all__ = ["AUTO", "PRESETS", "Preset", "preset"]

AUTO = "auto"
"""Stands for a space or a method that is chosen automatically for the data."""

LayerFor = Callable[[SearchSpace], dict[str, Any]]


@dataclass(frozen=True)
class Preset:
    """A layer of settings between the defaults and the user's settings.

    Attributes:
        layer: function that gives the settings for a space.
        space: name of the space that is used unless the user asks for another.
        method: name of the search method that is used unless the user asks for another.
        is_small: whether its purpose is to be small: only then its settings win over those of a method's paper.
    """

    layer: LayerFor
    space: str
    method: str
    is_small: bool = False

    def __call__(self, space: SearchSpace) -> dict[str, Any]:
        """The settings for a space, with nested or dotted keys."""
        made = self.layer(space)
        if not isinstance(made, Mapping):
            raise ExtensionError(
                f"the preset {self.layer.__module__}.{self.layer.__qualname__} returns a {type(made).__name__}; it "
                "must return a mapping from settings to values."
            )
        return dict(made)


PRESETS: Registry[Preset] = Registry("preset", "dartboard.presets", given=("space",))


def preset(
    name: str, *, space: str = AUTO, method: str = AUTO, paper: str = "", is_small: bool = False
) -> Callable[[LayerFor], LayerFor]:
    """Register the decorated function as the preset `name`; it gives the settings for a space.

    Args:
        name: registry name, as in `--preset NAME`.
        space: registry name of the space that it is made for; "auto" chooses one for the data.
        method: registry name of the method that it is made for; "auto" chooses one for the data.
        paper: the publication with these settings.
        is_small: whether its purpose is to be small. Its settings then win over those of the paper of a method, such as
            a depth or a number of epochs; those of other presets do not.
    """

    def register(layer: LayerFor) -> LayerFor:
        PRESETS.add(name, Preset(layer, space, method, is_small), paper=paper, written=layer)
        return layer

    return register


_ALL_IMAGES: Mapping[str, Any] = {"data.validation_fraction": 0.0, "search.validation_images": None}
"""As in the papers: no images are held out for validation, and supernets are scored on the whole alpha half."""


CELL_TRAINING: Mapping[str, Any] = {
    "batch_size": 64,
    "lr": 0.1,
    "schedule": "one-cycle",
    "nesterov": True,
    "weight_decay": 5e-4,
    "label_smoothing": 0.1,
    "drop_path": 0.0,
    "auxiliary_weight": 0.0,
    "augment.cutout": 0,
}
"""The recipe for networks of cells that are trained for minutes."""

SHORT_TRAINING: Mapping[str, Any] = {
    "batch_size": 512,
    "lr": 0.75,
    "lr_min": 0.0525,
    "schedule": "triangle",
    "warmup_fraction": 0.23,
    "momentum": 0.85,
    "nesterov": True,
    "optimizer": "muon",
    "muon_lr": 0.12,
    "weight_decay": 0.00133,
    "norm_shift_rate": 64.0,
    "norm_scale": "fixed",
    "norm_momentum": 0.4,
    "whiten": True,
    "identity_start": True,
    "average": "lookahead",
    "label_smoothing": 0.2,
    "grad_clip": None,
    "drop_path": 0.0,
    "auxiliary_weight": 0.0,
    "augment.cutout": 0,
    "augment.border": "reflect",
    "progressive_resizing": True,
}
"""The recipe of airbench (arXiv:2404.00498) for a few passes over the images, in batches half as large, and with small
images at first as in the CIFAR-100 speed runs.

Its rate is 11.5 for 1024 * (1 + 1 / (1 - momentum)) images, and its decay 0.0153, for a loss that is summed. Muon moves
the kernels of dense convolutions, at half the rate that airbench has for batches four times as large."""


@preset("darts-cifar", space="darts", method="darts", paper="arXiv:1806.09055")
def darts_cifar(space: SearchSpace) -> dict[str, Any]:
    """The DARTS paper: its space, 50 epochs of search, 600 epochs of training; for a GPU."""
    channels, layers = space.reference_size
    return {
        **_ALL_IMAGES,
        **_searched_size(space, "search.layers"),
        "train.init_channels": channels,
        "train.layers": layers,
    }


@preset("darts-imagenet", space="darts", method="darts", paper="arXiv:1907.05737")
def darts_imagenet(space: SearchSpace) -> dict[str, Any]:
    """Photographs of 224 pixels, 250 epochs of training in batches of 1024; for a large GPU.

    This is the mobile setting of ImageNet in its later form (arXiv:1904.12760, 1907.05737). The network has 48 channels
    and 14 cells, as in the DARTS paper. The test uses the whole central square of an image, not 0.875 of it.
    """
    return {
        **_ALL_IMAGES,
        "data.image_size": 224,
        **_searched_size(space, "search.layers"),
        "train": {
            "epochs": 250,
            "batch_size": 1024,
            "init_channels": 48,
            "layers": _depth(space, 14),
            "lr": 0.5,
            "schedule": "linear",
            "warmup_fraction": 0.02,
            "weight_decay": 3e-5,
            "label_smoothing": 0.1,
            "drop_path": 0.0,
            "augment": {"cutout": 0, "min_scale": 0.08, "color_jitter": 0.4, "hue_jitter": 0.2},
        },
    }


@preset("nas-bench-201", space="nas-bench-201", method="darts", paper="arXiv:2001.00326")
def nas_bench_201(space: SearchSpace) -> dict[str, Any]:
    """The training of 200 epochs of the NAS-Bench-201 benchmark.

    It uses SGD with Nesterov momentum and batches of 256, without cutout.
    """
    channels, layers = space.reference_size
    return {
        **_ALL_IMAGES,
        **_searched_size(space, "search.init_channels", "search.layers"),
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


@preset("nas-bench-201-12", space="nas-bench-201", method="darts", paper="arXiv:2001.00326")
def nas_bench_201_12(space: SearchSpace) -> dict[str, Any]:
    """The short training of 12 epochs of the NAS-Bench-201 benchmark."""
    whole = nas_bench_201(space)
    return {**whole, "train": {**whole["train"], "epochs": 12}}


@preset("proxyless", space="proxyless", method="proxyless", paper="arXiv:1812.00332")
def proxyless(space: SearchSpace) -> dict[str, Any]:
    """ProxylessNAS: its space, 160 epochs of search, 300 epochs of training; for a GPU.

    The search uses networks of full width, and the training smooths labels. The colour jitter is that of the authors'
    code.
    """
    channels, layers = space.reference_size
    return {
        **_ALL_IMAGES,
        **_searched_size(space, "search.init_channels", "search.layers"),
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


@preset("quick", is_small=True)
def quick(space: SearchSpace) -> dict[str, Any]:
    """Small networks that take minutes on a CPU; the default.

    A small supernet is followed by a short one-cycle training. The numbers of epochs depend on the size of the dataset.
    The cost of a supernet grows with its edges and operations; a costlier supernet sees fewer images. The learning
    rate of the weights finds good cells in a few hundred steps (benchmarks/short_searches.py); that of alpha is the
    method's, raised for so few steps.
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
        },
        "train": {
            "epochs": None,
            "init_channels": channels,
            "layers": layers,
            **(SHORT_TRAINING if space.short_recipe else CELL_TRAINING),
        },
    }


@preset("smoke", space="nas-bench-201", method="darts", is_small=True)
def smoke(space: SearchSpace) -> dict[str, Any]:
    """Tiny networks that take seconds, to check that everything works; the accuracy means nothing.

    The run has all the usual steps. The search has 3 epochs, since methods have up to 3 stages.
    """
    size = {"batch_size": 32, "init_channels": 4, "layers": space.skeleton.fewest_layers}
    train = {"epochs": 2, "auxiliary_weight": 0.0, "drop_path": 0.0, "augment.cutout": 0}
    return {"short_train_epochs": 1, "search": {**size, "epochs": 3}, "train": {**size, **train}}


def _searched_size(space: SearchSpace, *names: str) -> dict[str, int]:
    """Width and depth of the supernet in spaces that are searched at the size of the reference network.

    These are NAS-Bench-201 and the spaces of one depth; elsewhere the supernet has the size that the method, or else
    the defaults, give it.
    """
    channels, layers = space.reference_size
    is_searched_so = space.family == "nas-bench-201" or layers == space.skeleton.fewest_layers
    sizes = {"search.init_channels": channels, "search.layers": layers}
    return {name: sizes[name] for name in names} if is_searched_so else {}


def _depth(space: SearchSpace, layers: int) -> int:
    """So many layers, or as many as the space has where their number is fixed."""
    fewest = space.skeleton.fewest_layers
    is_fixed = space.reference_size[1] == space.small_size[1] == fewest
    return fewest if is_fixed else max(layers, fewest)

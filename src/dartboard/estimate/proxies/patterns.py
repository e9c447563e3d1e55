"""Proxies that count patterns of ReLU signs: how many images, or units, a network tells apart before training."""

from collections.abc import Callable
from dataclasses import replace
from math import exp, inf

import torch
from torch import Tensor, nn

from dartboard.errors import SettingsError
from dartboard.estimate.proxies.protocol import Untrained, proxy
from dartboard.estimate.proxies.watching import has_no_relu, watch_relus
from dartboard.space import CellPlace, Network, NetworkPlan, smallest_map
from dartboard.space.features import Features

__all__ = ["distinct_columns", "distinct_rows", "kernel_log_det", "naswot", "regions", "regularised", "swap"]

_GROUP = "patterns"
_REGION_INPUTS, _REGION_SIDE = 3000, 3
_SWAP_IMAGES, _SWAP_CHANNELS = 16, 3
_ROWS_AT_ONCE = 20
"""So many signs fit beside the number of a pattern into an integer of 64 bits, since 3^20 < 2^32."""


def naswot(network: nn.Module, images: Tensor) -> float:
    """Log |det K|, where K_ij is the number of ReLU inputs that have the same sign for the images i and j.

    Source: arXiv:2006.04647, section 3.

    Args:
        network: is run in the mode that it is in.
        images: (batch, channels, height, width).
    """
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)
    units = [0]

    def take(x: Tensor) -> None:
        codes = (x.flatten(1) > 0).to(torch.float32)
        # Sums of up to 2^24 ones are exact in single precision; a layer has fewer units than that for an image.
        kernel.add_((codes @ codes.t() + (1 - codes) @ (1 - codes).t()).double())
        units[0] += codes.shape[1]

    watch_relus(network, images, take)
    return kernel_log_det(kernel, units[0])


def kernel_log_det(kernel: Tensor, units: int) -> float:
    """Log |det K|; minus infinity where two images have the same pattern, whatever rounding would make of it.

    Args:
        kernel: K, float64, (images, images).
        units: number of ReLU inputs for each image, which is the diagonal of K.
    """
    same = int((kernel == units).sum()) - len(kernel)
    return -inf if same else float(torch.linalg.slogdet(kernel).logabsdet)


def regions(network: nn.Module, inputs: Tensor) -> float:
    """The number of distinct patterns of ReLU signs that the inputs have (TE-NAS, arXiv:2102.11535, section 3.1.2).

    Args:
        network: is run in the mode that it is in.
        inputs: (batch, channels, height, width).
    """
    codes: list[Tensor] = []
    watch_relus(network, inputs, lambda x: codes.append((x.flatten(1) > 0).to(torch.int8)))
    return float(distinct_rows(torch.cat(codes, dim=1))) if codes else 0.0


def swap(network: nn.Module | Callable[[Tensor], object], images: Tensor) -> float:
    """The number of distinct patterns that the inputs of single ReLU units have over the images (SWAP).

    A pattern holds the sign of a unit for every image: -1, 0 or 1. ReLUs on maps count, others do not. A network
    without ReLUs has none. Source: arXiv:2403.04161, section 3.

    Args:
        network: is run in the mode that it is in.
        images: (batch, channels, height, width).
    """
    signs: list[Tensor] = []

    def take(x: Tensor) -> None:
        if x.dim() == 4:
            signs.append(torch.sign(x.flatten(1)).to(torch.int8))

    watch_relus(network, images, take)
    return float(distinct_columns(torch.cat(signs, dim=1))) if signs else 0.0


def regularised(score: float, parameters: float, mean: float, width: float) -> float:
    """SWAP weighted by size: score * exp(-(parameters - mean)^2 / width), all three in thousands of weights."""
    return score * exp(-((parameters - mean) ** 2) / width)


def distinct_columns(signs: Tensor) -> int:
    """The number of different columns of a matrix of -1, 0 and 1; no two columns are ever compared.

    Args:
        signs: int8, (rows, columns).
    """
    found = torch.zeros(signs.shape[1], dtype=torch.int64, device=signs.device)
    for rows in torch.split(signs, _ROWS_AT_ONCE):
        for row in rows:  # the number of the pattern so far, then one digit of base 3 for every row
            found = found * 3 + row + 1
        found = torch.unique(found, return_inverse=True)[1]
    return int(found.max()) + 1 if found.numel() else 0


def distinct_rows(codes: Tensor) -> int:
    """The number of different rows of a matrix of 0 and 1, int8, (rows, columns)."""
    return distinct_columns(codes.t())


@proxy("naswot", paper="arXiv:2006.04647", group=_GROUP, refuse=has_no_relu)
def naswot_of_start(untrained: Untrained) -> float:
    """How different the ReLU signs of the images of a batch are: log |det| of their kernel."""
    return naswot(untrained.network(), untrained.conditions.images)


def _thin_plan(untrained: Untrained) -> NetworkPlan:
    """The thinnest and shallowest network of the space, for inputs of one channel and 3x3 pixels."""
    space, classes = untrained.space, untrained.conditions.classes
    size = (_REGION_SIDE, _REGION_SIDE)

    def plan(width: int) -> NetworkPlan:
        layers = space.skeleton.fewest_layers
        return space.plan(in_channels=1, num_classes=classes, init_channels=width, layers=layers, image_size=size)

    try:
        return plan(1)
    except SettingsError:  # reductions halve the channels of these spaces
        return plan(2)


def _cannot_be_thin(untrained: Untrained) -> str:
    if min(smallest_map(_thin_plan(untrained), (_REGION_SIDE, _REGION_SIDE))) < 1:
        return "it shrinks inputs of 3x3 pixels, by which regions are counted, to nothing"
    return has_no_relu(untrained)


@proxy("regions", paper="arXiv:2102.11535", group=_GROUP, refuse=_cannot_be_thin)
def regions_of_start(untrained: Untrained) -> float:
    """Distinct patterns of ReLU signs of 3,000 random inputs of 3x3 pixels in the thinnest network."""
    inputs = untrained.noise(_REGION_INPUTS, 1, _REGION_SIDE, _REGION_SIDE)
    return regions(untrained.network("kaiming-in", _thin_plan(untrained)), inputs)


def _has_no_cell(untrained: Untrained) -> str:
    if untrained.plan.mobile or untrained.plan.stages:
        return "every block of it is a kind of its own, and swap looks at one cell that is repeated"
    return has_no_relu(untrained)


@proxy("swap", paper="arXiv:2403.04161", group=_GROUP, initialisations=32, refuse=_has_no_cell)
def swap_of_start(untrained: Untrained) -> float:
    """Distinct patterns that the ReLU units of one narrow cell have over 16 images.

    In spaces with reduction cells it is the reduction cell, so that the normal cell is not looked at. Differs from the
    paper: there the cell has 3 channels; here it has 4, since reductions divide them in halves.
    """
    images = untrained.conditions.images[:_SWAP_IMAGES]
    plan = _one_cell(untrained)
    network = untrained.network("normal", plan)
    return swap(lambda x: _through_cell(network, plan, x), images)


def _one_cell(untrained: Untrained) -> NetworkPlan:
    """A network of one cell that reads the image itself, with 3 channels; 4 where reductions halve them."""
    plan, channels = untrained.plan, untrained.conditions.images.shape[1]
    cells = [place for place in plan.places if isinstance(place, CellPlace)]
    place = next((place for place in cells if place.stride == 2), cells[0])
    inputs = len(place.input_channels)
    width = channels
    if untrained.space.cell.projects_inputs:
        width = _SWAP_CHANNELS + _SWAP_CHANNELS % 2
    place = replace(place, input_channels=(channels,) * inputs, input_strides=(1,) * inputs, channels=width)
    alone = replace(plan, stem="cifar", stem_channels=channels, places=(place,), auxiliary_after=None)
    return alone.for_images(untrained.conditions.image_size)


def _through_cell(network: Network, plan: NetworkPlan, images: Tensor) -> object:
    (place,) = plan.places
    assert isinstance(place, CellPlace)
    return network.backbone.blocks[0]([Features(images)] * len(place.input_channels), None)

"""AZ-NAS: four unlike numbers of one batch of noise, which are combined by ranks (arXiv:2403.19232).

A network that is weak in any of the four loses: expressivity, progressivity, trainability and complexity.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf, nan

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.estimate.proxies.protocol import Untrained, proxy
from dartboard.runs import make_generator
from dartboard.space import Network, network_cost
from dartboard.space.features import Features

__all__ = ["block_features", "block_trainability", "entropy", "progressivity", "spread_of_gradients"]

_IMAGES = 64
_LEAST = 1e-8
_SMALLEST = 1e-6


@proxy("az-nas", paper="arXiv:2403.19232", group="several")
def az_nas(untrained: Untrained) -> Mapping[str, float]:
    """Expressivity, progressivity, trainability and multiply-adds, combined by ranks; it says nothing of one network.

    64 images of noise go through a network of Kaiming weights, one pass forward and one back through every block by
    itself. The combination is the sum of ln(rank / n) over the four, so it only holds among the networks scored
    together.
    """
    network = untrained.network("kaiming-in")
    features = block_features(network, untrained.noise(_IMAGES, *untrained.conditions.images.shape[1:]))
    entropies = [entropy(each.detach()) for each in features]
    size = untrained.conditions.image_size
    return {
        "expressivity": sum(entropies),
        "progressivity": progressivity(entropies),
        "trainability": spread_of_gradients(features, make_generator(untrained.seed, "proxies", "signs")),
        "complexity": float(network_cost(untrained.space, untrained.genotype, untrained.plan, size).multiply_adds),
    }


def block_features(network: Network, images: Tensor) -> list[Tensor]:
    """What the stem and every block give, each (batch, channels, height, width) and a node of the same graph."""
    backbone = network.backbone
    first: list[Tensor] = []

    def keep(_module: object, _inputs: object, output: tuple[Tensor | Features, Tensor | Features]) -> None:
        first.append(Features.of(output[1]).whole)

    hook = backbone.stem.register_forward_hook(keep)
    try:
        _, others = backbone(images, None, range(len(backbone.blocks)))
    finally:
        hook.remove()
    return [*first, *others]


def entropy(features: Tensor) -> float:
    """Entropy in nats of the shares that the principal components of the channels have in their variance.

    Args:
        features: (batch, channels, height, width); every pixel is a sample. NaN where nothing varies.
    """
    rows = features.permute(1, 0, 2, 3).flatten(1).float()
    rows = rows - rows.mean(dim=1, keepdim=True)
    covariance = rows @ rows.t() / rows.shape[1]
    if not bool(covariance.isfinite().all()):
        return nan
    values = torch.linalg.eigvalsh(covariance).clamp_min(0)
    shares = values / values.sum()
    return -float((shares * (shares + _LEAST).log()).sum())


def progressivity(entropies: Sequence[float]) -> float:
    """The smallest growth of the entropy from one block to the next; NaN where one is not known."""
    growth = [after - before for before, after in pairwise(entropies)]
    return nan if any(each != each for each in growth) else min(growth)


def spread_of_gradients(features: Sequence[Tensor], generator: torch.Generator) -> float:
    """The mean over blocks of `block_trainability`, for random signs as gradients of what a block gives.

    Args:
        features: what the stem and every block give, all of one graph.
        generator: source of the signs, on the CPU.
    """
    found = []
    for before, after in pairwise(features):
        signs = torch.randint(2, after.shape, generator=generator).to(after) * 2 - 1
        at = torch.zeros_like(before)
        if before.requires_grad and after.requires_grad:  # a blind cell gives zeros that nothing leads to
            at = torch.autograd.grad(after, before, signs, retain_graph=True, materialize_grads=True)[0]
        found.append(block_trainability(at, signs))
    return sum(found) / len(found)


def block_trainability(at_input: Tensor, at_output: Tensor) -> float:
    """-s - 1 / (s + 1e-6) + 2, where s is the largest singular value of the mean product of both gradients.

    It is 0 at best, where s is 1: the block neither lets gradients grow nor vanish. A block that hands them on as they
    are is of no use, and has minus infinity.

    Args:
        at_input: gradient at what a block reads, (batch, inputs, height, width).
        at_output: gradient at what it gives, (batch, outputs, height', width').
    """
    if at_input.shape == at_output.shape and torch.equal(at_input, at_output):
        return -inf
    folded = _folded(at_input, at_output.shape[2], at_output.shape[3])
    rows, columns = (each.permute(1, 0, 2, 3).flatten(1).float() for each in (folded, at_output))
    largest = float(torch.linalg.matrix_norm(rows @ columns.t() / rows.shape[1], 2))
    return -largest - 1 / (largest + _SMALLEST) + 2


def _folded(gradient: Tensor, height: int, width: int) -> Tensor:
    """The gradient with its pixels moved into channels, so that it has the pixels of a map of this size."""
    stride = max(1, round(gradient.shape[2] / height))
    if stride == 1:
        return gradient
    # Maps with odd sides have been padded, or have lost a row, before they were divided.
    missing = (0, stride * width - gradient.shape[3], 0, stride * height - gradient.shape[2])
    return functional.pixel_unshuffle(functional.pad(gradient, missing), stride)

"""Weights that a network begins with in place of drawn ones: those that a supernet has learned for its operations."""

from collections.abc import Iterable, Mapping
from itertools import islice

import torch
from torch import Tensor, nn

from dartboard.data import Batches
from dartboard.errors import SettingsError
from dartboard.space import Network

__all__ = ["begin_with", "find_misfit", "inherit_weights", "recalibrate"]

_NOISE = 0.01
"""Share of newly drawn weights that is added to inherited ones that shrink, as in arXiv:1910.08475."""

_IMAGES = 2000
"""Training images from which batch norms measure their statistics, as in once-for-all (arXiv:1908.09791)."""


def begin_with(
    network: Network, weights: Mapping[str, Tensor], shrink: float, images: Batches, generator: torch.Generator
) -> None:
    """Let a network begin with weights of a supernet, and with statistics of batch norms that suit them.

    Args:
        network: newly built.
        weights: by the names of the network.
        shrink: factor of the weights; below 1 some noise is added.
        images: the training images.
        generator: draws the images from which the statistics are measured.

    Raises:
        SettingsError: the weights do not fit the network.
    """
    inherit_weights(network, weights, shrink, _NOISE if shrink < 1 else 0.0)
    few = islice(images.epoch(generator), -(-_IMAGES // images.batch_size))
    recalibrate(network, (batch.images for batch in few))


def find_misfit(network: Network, weights: Mapping[str, Tensor]) -> str:
    """A weight of a network that others cannot replace, in words; empty if they can replace all.

    Batch norms and the auxiliary head may keep what they begin with: those of a supernet's cells learn no scale and no
    shift, and a supernet has no such head. The norms that some supernets have behind poolings are lost.

    Args:
        network: may be on the meta device.
        weights: by the names of the network, as `path_weights` gives them.
    """
    norms = {name for name, part in network.named_modules() if isinstance(part, nn.BatchNorm2d)}
    for name, own in network.state_dict().items():
        if name in weights:
            if weights[name].shape != own.shape:
                shapes = f"{tuple(weights[name].shape)} in the supernet and {tuple(own.shape)} in the network to train"
                return f"'{name}' has the shape {shapes}"
        elif name.rpartition(".")[0] not in norms and not name.startswith("auxiliary_head."):
            return f"the supernet has no '{name}', which the network to train needs"
    return ""


@torch.no_grad()
def inherit_weights(network: Network, weights: Mapping[str, Tensor], shrink: float = 1.0, noise: float = 0.0) -> None:
    """Replace every learned weight w of a network that has a value v among `weights` by shrink * v + noise * w.

    With a `shrink` below 1 and some noise it is the remedy of Ash and Adams (arXiv:1910.08475) for networks that begin
    with learned weights and then generalise worse than others.

    Args:
        network: newly built.
        weights: by the names of the network; what the network does not have is ignored.
        shrink: factor of the values.
        noise: factor of the weights that the network was built with.

    Raises:
        SettingsError: the weights do not fit the network.
    """
    if misfit := find_misfit(network, weights):
        raise SettingsError(f"weights of a supernet cannot be copied to the network: {misfit}; give both one size.")
    for name, weight in network.named_parameters():
        if name in weights:
            weight.copy_(shrink * weights[name].to(weight) + noise * weight)


@torch.no_grad()
def recalibrate(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Measure the running statistics of all batch norms anew: the mean over the batches of their means and variances.

    The variance of a batch is the unbiased one, as in training. What the statistics were before does not matter.

    Args:
        network: is left as it was, but for these statistics.
        batches: images, each (batch, channels, height, width), all batches of one size.
    """
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    before, momenta = network.training, [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's sign for the mean over all batches
    network.train()
    for images in batches:
        network(images)
    network.train(before)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum

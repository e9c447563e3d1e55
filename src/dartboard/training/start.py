"""What a network begins with beside its drawn weights: identities in its kernels, fixed scales, a whitening stem."""

import torch
from torch import nn

from dartboard.data import Batches
from dartboard.space import Network
from dartboard.training.training_settings import TrainSettings

__all__ = ["WHITENING_IMAGES", "begin_as_identity", "prepare_network"]

WHITENING_IMAGES = 5000
"""Training images whose patches a whitening stem is fitted to, as in airbench (arXiv:2404.00498); fewer if they have
more than 32x32 pixels, so that the number of patches stays the same."""

_CIFAR_PIXELS = 32 * 32

_CENTRED = ((3, 3), (5, 5), (7, 7))


def prepare_network(network: Network, settings: TrainSettings, images: Batches, *, fitted: bool = True) -> None:
    """Make a new network ready for its first step.

    Args:
        network: with the weights that it was built with.
        settings: say what is changed.
        images: the training images, to which a whitening stem is fitted.
        fitted: whether it is; a stem that is not fitted takes as much time in every step.
    """
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = settings.norm_momentum
            if settings.norm_scale == "fixed" and part.affine:
                part.weight.requires_grad_(False)
    if settings.identity_start:
        begin_as_identity(network)
    if fitted and network.backbone.whitening is not None:
        seen, pixels = [], 0
        for batch in images.in_order():
            seen.append(batch.images)
            pixels += batch.images[:, 0].numel()
            if pixels >= WHITENING_IMAGES * _CIFAR_PIXELS:
                break
        network.backbone.whitening.fit(torch.cat(seen)[:WHITENING_IMAGES].cpu())


@torch.no_grad()
def begin_as_identity(network: nn.Module) -> None:
    """Let the first outputs of every dense convolution be its inputs (arXiv:2404.00498).

    Those are min(in, out) outputs of kernels of 3x3, 5x5 and 7x7; the other outputs keep their weights.
    """
    for part in network.modules():
        if isinstance(part, nn.Conv2d) and part.groups == 1 and part.kernel_size in _CENTRED:
            nn.init.dirac_(part.weight[: min(part.in_channels, part.out_channels)])

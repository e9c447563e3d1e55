"""Proxies that read gradients: of the loss of one batch, or, without any data, of the sum of the outputs.

The formulas are those of the survey by Abdelfattah et al. (arXiv:2101.08134), section 3. The weights are those of
convolutions and linear layers. Every function works on a copy, so that the network given stays as it is.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.estimate.proxies.protocol import Untrained, proxy
from dartboard.estimate.proxies.start import private, weights_of

__all__ = ["fisher", "grad_norm", "grasp", "plain", "snip", "synflow"]

_GROUP = "gradients"
_SURVEY = "arXiv:2101.08134"


def grad_norm(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum over layers of the Euclidean norm of the gradient of the loss at their weights.

    Args:
        network: gives logits.
        images: (batch, channels, height, width).
        labels: int64, (batch,).
    """
    return float(sum(gradient.double().norm() for _, gradient in _weights_and_gradients(network, images, labels)))


def snip(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum over all weights of |weight * gradient|: what the loss would change by if each were cut (SNIP)."""
    return float(sum((weight * at).abs().sum() for weight, at in _weights_and_gradients(network, images, labels)))


def plain(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum over all weights of weight * gradient, with its sign."""
    return float(sum((weight * at).sum() for weight, at in _weights_and_gradients(network, images, labels)))


def grasp(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """-sum of weight * (H g), with the gradient g and the Hessian H of the loss (GraSP)."""
    own = private(network)
    weights = weights_of(own)
    loss = functional.cross_entropy(own(images), labels)
    gradients = torch.autograd.grad(loss, weights, create_graph=True, materialize_grads=True)
    product = sum((gradient * gradient.detach()).sum() for gradient in gradients)
    assert isinstance(product, Tensor)
    if not product.requires_grad:
        return 0.0
    curved = torch.autograd.grad(product, weights, materialize_grads=True)
    return -float(sum((weight.detach() * at).double().sum() for weight, at in zip(weights, curved, strict=True)))


def fisher(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum over the channels of all layers of half the mean over images of (sum over pixels of a * dL/da)^2.

    The activation a is what a convolution or a linear layer gives.
    """
    own, seen = private(network), list[Tensor]()
    for module in own.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    loss = functional.cross_entropy(own(images), labels)
    gradients = torch.autograd.grad(loss, seen, materialize_grads=True)
    total = 0.0
    for activation, gradient in zip(seen, gradients, strict=True):
        of_channel = (
            (activation.detach() * gradient).double().flatten(2).sum(dim=2)
            if activation.dim() > 2
            else ((activation.detach() * gradient).double())
        )
        total += float(of_channel.square().mean(dim=0).sum() / 2)
    return total


def synflow(network: nn.Module, image_shape: tuple[int, int, int]) -> float:
    """Sum over all weights of |weight * dR/dweight|, where R is the sum of the outputs for an image of ones.

    Every weight is replaced by its absolute value, batch norms are left out, and all numbers have double precision.

    Args:
        network: gives logits; batch norms are passed by.
        image_shape: (channels, height, width).
    """
    own = private(network).double().eval()
    for module in own.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda _module, inputs, _output: inputs[0])
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.abs_()
    weights = weights_of(own)
    ones = torch.ones(1, *image_shape, dtype=torch.float64, device=weights[0].device)
    gradients = torch.autograd.grad(own(ones).sum(), weights, materialize_grads=True)
    return float(sum((weight.detach() * at).abs().sum() for weight, at in zip(weights, gradients, strict=True)))


def _weights_and_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    own = private(network)
    weights = weights_of(own)
    loss = functional.cross_entropy(own(images), labels)
    gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
    return zip((weight.detach() for weight in weights), gradients, strict=True)


@proxy("grad-norm", paper=_SURVEY, group=_GROUP)
def grad_norm_of_start(untrained: Untrained) -> float:
    """Sum over layers of the norm of the gradient of the loss."""
    return grad_norm(untrained.network(), untrained.conditions.images, untrained.conditions.labels)


@proxy("snip", paper="arXiv:1810.02340", group=_GROUP)
def snip_of_start(untrained: Untrained) -> float:
    """Sum of |weight * gradient of the loss|."""
    return snip(untrained.network(), untrained.conditions.images, untrained.conditions.labels)


@proxy("plain", paper=_SURVEY, group=_GROUP)
def plain_of_start(untrained: Untrained) -> float:
    """Sum of weight * gradient of the loss, with its sign."""
    return plain(untrained.network(), untrained.conditions.images, untrained.conditions.labels)


@proxy("grasp", paper="arXiv:2002.07376", group=_GROUP)
def grasp_of_start(untrained: Untrained) -> float:
    """How the norm of the gradient changes along the weights, by second derivatives of the loss."""
    return grasp(untrained.network(), untrained.conditions.images, untrained.conditions.labels)


@proxy("fisher", paper="arXiv:1906.04113", group=_GROUP)
def fisher_of_start(untrained: Untrained) -> float:
    """Sum over channels of the squared effect of their activations on the loss."""
    return fisher(untrained.network(), untrained.conditions.images, untrained.conditions.labels)


@proxy("synflow", paper="arXiv:2006.05467", group=_GROUP)
def synflow_of_start(untrained: Untrained) -> float:
    """Flow of an image of ones through the absolute weights; neither data nor labels are read."""
    channels, height, width = untrained.conditions.images.shape[1:]
    return synflow(untrained.network(), (channels, height, width))

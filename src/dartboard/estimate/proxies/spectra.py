"""Proxies that read how outputs answer to inputs and weights: spectra of Jacobians, and a disturbed feature map."""

from collections.abc import Callable
from math import inf, log, nan

import torch
from torch import Tensor, nn

from dartboard.estimate.proxies.protocol import Untrained, proxy
from dartboard.estimate.proxies.start import private, weights_of
from dartboard.space import Network

__all__ = ["jacob_cov", "jacob_score", "ntk_cond", "zen"]

_GROUP = "responses"
_SHIFT = 1e-5
_DISTURBANCE = 0.01
_ZEN_IMAGES = 64
_NTK_IMAGES, _NTK_IMAGES_OF_TWO_INPUTS = 72, 14


def jacob_cov(network: nn.Module, images: Tensor) -> float:
    """How little the gradients of the outputs at the images are correlated with each other.

    Source: arXiv:2006.04647, first version; the form of arXiv:2101.08134, section 3.

    Args:
        network: gives logits; works on a copy in training mode.
        images: (batch, channels, height, width).
    """
    own, inputs = private(network), images.clone().requires_grad_(True)
    (jacobian,) = torch.autograd.grad(own(inputs).sum(), inputs, materialize_grads=True)
    return jacob_score(torch.corrcoef(jacobian.flatten(1).double()))


def jacob_score(correlations: Tensor) -> float:
    """-sum over eigenvalues v of log(v + k) + 1 / (v + k), k = 1e-5; NaN where a correlation is not defined.

    Args:
        correlations: float64, (images, images).
    """
    if not bool(correlations.isfinite().all()):
        return nan
    shifted = torch.linalg.eigvalsh(correlations).clamp_min(0) + _SHIFT
    return -float((shifted.log() + 1 / shifted).sum())


def ntk_cond(network: nn.Module, images: Tensor) -> float:
    """The condition number of J J', where row i of J is the gradient of the summed outputs of image i at the weights.

    Infinity where the smallest eigenvalue is not above 0. Source: TE-NAS (arXiv:2102.11535), section 3.1.1.

    Args:
        network: gives logits; works on a copy in training mode.
        images: (batch, channels, height, width).
    """
    own = private(network)
    weights, rows = weights_of(own), list[Tensor]()
    for output in own(images).sum(dim=1):
        gradients = torch.autograd.grad(output, weights, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
    jacobian = torch.stack(rows).double()
    values = torch.linalg.eigvalsh(jacobian @ jacobian.t())
    smallest, largest = float(values[0]), float(values[-1])
    return largest / smallest if smallest > 0 else inf


def zen(run: Callable[[Tensor], Tensor], network: nn.Module, images: Tensor, noise: Tensor) -> float:
    """Log of how far a feature map moves with its input, plus log of the spread that batch norms take out.

    log mean_n sum |f(x) - f(x + 0.01 noise)| + sum over batch norms of log sqrt(mean running variance).
    Minus infinity where nothing moves. Source: Zen-NAS (arXiv:2102.01063), algorithm 1.

    Args:
        run: gives the feature map before the pooling, (batch, channels, height, width); it runs `network`.
        network: its batch norms are read after both runs; it must be in training mode, and is changed by the runs.
        images: (batch, channels, height, width).
        noise: of the same shape.
    """
    with torch.no_grad():
        moved = (run(images) - run(images + _DISTURBANCE * noise)).abs().flatten(1).double().sum(dim=1).mean()
    norms = [each.running_var for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    spread = sum((log(float(each.double().mean())) / 2 for each in norms if each is not None), start=0.0)
    return log(float(moved)) + spread if float(moved) > 0 else -inf


@proxy("jacob-cov", paper="arXiv:2006.04647", group=_GROUP)
def jacob_cov_of_start(untrained: Untrained) -> float:
    """How little the gradients of the outputs at different images resemble each other."""
    return jacob_cov(untrained.network(), untrained.conditions.images)


@proxy("ntk-cond", paper="arXiv:2102.11535", group=_GROUP, lower_is_better=True)
def ntk_cond_of_start(untrained: Untrained) -> float:
    """Condition number of the neural tangent kernel of up to 72 images, 14 in spaces of two inputs; lower is better."""
    most = _NTK_IMAGES_OF_TWO_INPUTS if untrained.space.cell.num_inputs > 1 else _NTK_IMAGES
    return ntk_cond(untrained.network("kaiming-out"), untrained.conditions.images[:most])


@proxy("zen", paper="arXiv:2102.01063", group=_GROUP)
def zen_of_start(untrained: Untrained) -> float:
    """How far the last feature map moves with its input, in a network of standard normal weights on noise."""
    network = untrained.network("normal")
    shape = (min(_ZEN_IMAGES, len(untrained.conditions.images)), *untrained.conditions.images.shape[1:])
    images, noise = untrained.noise(*shape, purpose="zen images"), untrained.noise(*shape, purpose="zen noise")
    return zen(lambda x: _before_pooling(network, x), network, images, noise)


def _before_pooling(network: Network, images: Tensor) -> Tensor:
    seen: list[Tensor] = []
    hook = network.backbone.head.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        network(images)
    finally:
        hook.remove()
    return seen[0]

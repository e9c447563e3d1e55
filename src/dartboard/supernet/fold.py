"""A 1x1 convolution and the batch norm behind it as one linear map, and the gradients of what that map is made of.

`docs/engine.md` derives both. Shapes by suffix: B branches, O channels out and I channels in of a 1x1 convolution.
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Fold", "Unfolded", "fold", "unfold"]


class Fold(NamedTuple):
    """The 1x1 convolution and batch norm of every branch of a bundle as one linear map; `folded` is V."""

    mean_BI: Tensor
    covariance_BII: Tensor
    inverse_BO: Tensor
    folded_BOI: Tensor

    @property
    def shift_BO(self) -> Tensor:
        """What the map adds to every pixel."""
        return -torch.bmm(self.folded_BOI, self.mean_BI[:, :, None])[:, :, 0]


class Unfolded(NamedTuple):
    """What `unfold` finds; the gradient at the features f is g linear + f quadratic + constant.

    `share` is the gradient of each output's own gate before it is gated.
    """

    share_BO: Tensor
    weight_BOI: Tensor | None
    linear_BOI: Tensor
    quadratic_BII: Tensor
    constant_BI: Tensor


def fold(weight_BOI: Tensor, second_BII: Tensor, first_BI: Tensor, pixels: int, eps: float) -> Fold:
    """Fold 1x1 convolutions and batch norms, from the sums over pixels of f' f and of f."""
    mean_BI = first_BI / pixels
    covariance_BII = torch.baddbmm(second_BII, mean_BI[:, :, None], mean_BI[:, None, :], beta=1 / pixels, alpha=-1)
    variance_BO = (torch.bmm(weight_BOI, covariance_BII) * weight_BOI).sum(dim=2)
    inverse_BO = (variance_BO.clamp_(min=0) + eps).rsqrt()
    return Fold(mean_BI, covariance_BII, inverse_BO, inverse_BO[:, :, None] * weight_BOI)


def unfold(
    fold: Fold, cross_BOI: Tensor, sums_BO: Tensor, gates_BO: Tensor | None, pixels: int, *, weights: bool
) -> Unfolded:
    """Gradients of a fold.

    Args:
        fold: as the forward pass made it.
        cross_BOI: sums over pixels of g' f, with g the gradient at the targets.
        sums_BO: sums over pixels of g.
        gates_BO: the gate of each output (or of all outputs of a branch, as (B, 1)), or None for gates of one.
        pixels: how many.
        weights: whether those of the 1x1 convolutions are wanted.
    """
    folded_BOI = linear_BOI = fold.folded_BOI
    at_folded_BOI = torch.baddbmm(cross_BOI, sums_BO.unsqueeze(2), fold.mean_BI.unsqueeze(1), alpha=-1)
    ungated_BO = share_BO = (at_folded_BOI * folded_BOI).sum(dim=2)
    if gates_BO is not None:
        share_BO, sums_BO = share_BO * gates_BO, sums_BO * gates_BO
        linear_BOI = folded_BOI * gates_BO.unsqueeze(2)
    scaled_BOI = (share_BO * (-1 / pixels)).unsqueeze(2) * folded_BOI
    at_weight_BOI = None
    if weights:
        at_folded_BOI = at_folded_BOI if gates_BO is None else at_folded_BOI * gates_BO.unsqueeze(2)
        at_weight_BOI = torch.baddbmm(at_folded_BOI, scaled_BOI, fold.covariance_BII, alpha=pixels)
        at_weight_BOI *= fold.inverse_BO.unsqueeze(2)
    quadratic_BII = torch.bmm(folded_BOI.mT, scaled_BOI)
    shift_BO1 = torch.baddbmm(sums_BO.unsqueeze(2), scaled_BOI, fold.mean_BI.unsqueeze(2), beta=1 / pixels)
    constant_BI = torch.bmm(folded_BOI.mT, shift_BO1).squeeze(2).neg_()
    return Unfolded(ungated_BO, at_weight_BOI, linear_BOI, quadratic_BII, constant_BI)

"""Alphas that are shares of a whole: how they grow and stay shares."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["grown_shares"]

_LARGEST_EXPONENT = 30.0


def grown_shares(
    shares: Tensor, exponents: Tensor, *, sizes: Sequence[int] | None = None, floor: float = 0.0
) -> Tensor:
    """Shares times exp(exponents), at least `floor`, divided by their sum; shares of 0 stay 0.

    Exponents are clamped to +-30, as a larger one would let the other shares underflow at once.

    Args:
        shares: one vector, or a matrix of which every row is a distribution.
        exponents: in the shape of the shares.
        sizes: how many consecutive entries of a vector form a distribution; None for a matrix.
        floor: least share that is not 0, before the shares are divided by their sum.
    """
    growth = exponents.clamp(-_LARGEST_EXPONENT, _LARGEST_EXPONENT).exp()
    grown = (shares * growth).clamp(min=floor) * (shares > 0)
    if sizes is not None:
        return torch.cat([part / part.sum() for part in torch.split(grown, list(sizes))])
    # The clamp is for rows without any operation, whose sum is zero.
    return grown / grown.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(grown.dtype).tiny)

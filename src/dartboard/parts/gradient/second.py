"""Second derivatives as products with vectors, without ever forming a matrix."""

from collections.abc import Iterable

import torch
from torch import Tensor

from dartboard.parts.gradient.problem import Tensors, differentiate

__all__ = ["SecondDerivatives", "flat"]


class SecondDerivatives:
    """The derivatives of a scalar's gradient, one double backward pass for every product.

    A vector holds one number for every number of the tensors `at`, in their order. The graph of the gradient is kept
    as long as this object.

    Args:
        value: the scalar.
        at: what the gradient is taken in; tensors that require gradients.

    Attributes:
        gradient: of the scalar, as a vector.
    """

    def __init__(self, value: Tensor, at: Tensors) -> None:
        self._at = at
        self.gradient = flat(differentiate(value, at, create_graph=True).values())

    def times(self, vector: Tensor) -> Tensor:
        """The Hessian times a vector, as a vector."""
        return flat(self.mixed(vector, self._at).values())

    def mixed(self, vector: Tensor, other: Tensors) -> dict[str, Tensor]:
        """The gradient in `other` of <gradient, vector>, by name; zero where nothing depends."""
        products = torch.autograd.grad(
            self.gradient, list(other.values()), vector, retain_graph=True, materialize_grads=True
        )
        return dict(zip(other, products, strict=True))


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """All numbers of some tensors, one after the other."""
    return torch.cat([tensor.flatten() for tensor in tensors])

"""What d loss / d alpha is: the problem of one step, and one file per way to differentiate it."""

from dartboard.search.gradient.first_order import FirstOrder
from dartboard.search.gradient.problem import (
    Bilevel,
    Gradient,
    Loss,
    SgdStep,
    Tensors,
    differentiate,
    differentiate_both,
)
from dartboard.search.gradient.unrolled import Unrolled

__all__ = [
    "Bilevel",
    "FirstOrder",
    "Gradient",
    "Loss",
    "SgdStep",
    "Tensors",
    "Unrolled",
    "differentiate",
    "differentiate_both",
]

"""What d loss / d alpha is: the problem of one step, and one file per way to differentiate it."""

from dartboard.search.gradient.first_order import FirstOrder
from dartboard.search.gradient.implicit import ConjugateGradient, Implicit, Neumann
from dartboard.search.gradient.problem import (
    Bilevel,
    Gradient,
    Loss,
    SgdStep,
    Tensors,
    Trial,
    differentiate,
    differentiate_both,
    differentiate_reached,
)
from dartboard.search.gradient.reinforce import Reinforce
from dartboard.search.gradient.second import SecondDerivatives, flat
from dartboard.search.gradient.truncated import TruncatedUnrolled
from dartboard.search.gradient.unrolled import Unrolled

__all__ = [
    "Bilevel",
    "ConjugateGradient",
    "FirstOrder",
    "Gradient",
    "Implicit",
    "Loss",
    "Neumann",
    "Reinforce",
    "SecondDerivatives",
    "SgdStep",
    "Tensors",
    "Trial",
    "TruncatedUnrolled",
    "Unrolled",
    "differentiate",
    "differentiate_both",
    "differentiate_reached",
    "flat",
]

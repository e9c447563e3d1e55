"""What d loss / d alpha is: the problem of one step, and one file per way to differentiate it."""

from dartboard.parts.gradient.first_order import FirstOrder
from dartboard.parts.gradient.implicit import ConjugateGradient, Implicit, Neumann
from dartboard.parts.gradient.problem import (
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
from dartboard.parts.gradient.reinforce import Reinforce
from dartboard.parts.gradient.second import SecondDerivatives, flat
from dartboard.parts.gradient.truncated import TruncatedUnrolled
from dartboard.parts.gradient.unrolled import Unrolled

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

"""The gradient of alpha: the bilevel problem of one step, and one file per way to differentiate it."""

from dartboard.parts.gradient.implicit import ConjugateGradient, Implicit, Neumann, SecondDerivatives, flat
from dartboard.parts.gradient.problem import (
    Bilevel,
    Gradient,
    Loss,
    OutputLoss,
    Outputs,
    SgdStep,
    Tensors,
    Trial,
    differentiate,
    differentiate_both,
    differentiate_reached,
)
from dartboard.parts.gradient.reinforce import Reinforce
from dartboard.parts.gradient.unrolled import FirstOrder, TruncatedUnrolled, Unrolled

__all__ = [
    "Bilevel",
    "ConjugateGradient",
    "FirstOrder",
    "Gradient",
    "Implicit",
    "Loss",
    "Neumann",
    "OutputLoss",
    "Outputs",
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

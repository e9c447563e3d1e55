"""DARTS with perturbation-based selection and an alpha that is held."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from dartboard.methods.darts_pt import darts_pt
from dartboard.parts import Measure, Recipe, method, select_by_removal

Share = Annotated[float, Field(gt=0, lt=1)]


@method("darts-pt-fixed", paper="arXiv:2108.04392")
def darts_pt_fixed(*, measure: Measure = "accuracy", tuning: Share = 81 / 131, none: bool = False) -> Recipe:
    """DARTS+PT with alpha held: the supernet is trained at nearly equal shares, then selected from as in `darts-pt`.

    If selection does not need alpha, the search need not train it, which saves half of every step.

    Differs from the paper: see `darts-pt`.

    Args:
        measure: see `darts-pt`.
        tuning: see `darts-pt`.
        none: see `darts-pt`.
    """
    search = darts_pt(measure=measure, tuning=tuning, none=none).earlier[0].recipe
    return select_by_removal(replace(search, gradient=None, update=None), tuning, measure)

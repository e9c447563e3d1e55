"""DARTS with perturbation-based selection and a fixed alpha."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from dartboard.methods.darts_pt import darts_pt
from dartboard.parts import Measure, Recipe, method, select_by_removal

Share = Annotated[float, Field(gt=0, lt=1)]


@method("darts-pt-fixed", paper="arXiv:2108.04392", group="supernet")
def darts_pt_fixed(*, measure: Measure = "accuracy", tuning: Share = 81 / 131, none: bool = False) -> Recipe:
    """DARTS+PT with fixed alpha: the supernet trains with nearly equal gates, then edges are decided as in `darts-pt`.

    The selection does not use alpha, so the search does not train it. That saves half of every step.

    Differs from the paper: no running statistics are written while supernets are scored. In NAS-Bench-201 the paper has
    125 epochs and `tuning=0.2`, which are taken there unless you say otherwise.

    Args:
        measure: score of a supernet on the validation images.
        tuning: share of the epochs in which edges are decided.
        none: whether `none` is a candidate during the search in spaces that drop edges; it is never chosen there.
    """
    search = darts_pt(measure=measure, tuning=tuning, none=none).earlier[0].recipe
    return select_by_removal(replace(search, gradient=None, update=None), tuning, measure)

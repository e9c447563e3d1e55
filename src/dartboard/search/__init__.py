"""The parts of a search and the one loop that runs them."""

from dartboard.search.architecture import Architecture, Live, all_live
from dartboard.search.curvature import AlphaCurvature
from dartboard.search.dropping import Dropping
from dartboard.search.fits import Choosy, check_fit
from dartboard.search.gradient import (
    Bilevel,
    ConjugateGradient,
    FirstOrder,
    Implicit,
    Neumann,
    SgdStep,
    TruncatedUnrolled,
    Unrolled,
)
from dartboard.search.loop import run_search, stage_spans
from dartboard.search.penalties import Penalty
from dartboard.search.perturbations import Perturbation
from dartboard.search.problem import SearchBatches, SearchLength, SearchProblem, SupernetRequest
from dartboard.search.pruning import KeepStrongest, Pruning
from dartboard.search.recipe import METHODS, Count, Images, NonNegative, Recipe, Stage, make_recipe, method
from dartboard.search.relaxation import EdgeSoftmax, Relaxation, RelaxedCell, Softmax
from dartboard.search.rules import (
    DecayOnSharpening,
    GrowDropping,
    MeasureCurvature,
    NoTraining,
    Rule,
    ScaleWeightDecay,
    Sharpening,
    StopOnSharpening,
    WarmUp,
)
from dartboard.search.selection import StrongestEdges, UniformlyRandom
from dartboard.search.settings import SearchSettings
from dartboard.search.state import SearchState
from dartboard.search.update import AdamUpdate, SgdUpdate, Update

__all__ = [
    "METHODS",
    "AdamUpdate",
    "AlphaCurvature",
    "Architecture",
    "Bilevel",
    "Choosy",
    "ConjugateGradient",
    "Count",
    "DecayOnSharpening",
    "Dropping",
    "EdgeSoftmax",
    "FirstOrder",
    "GrowDropping",
    "Images",
    "Implicit",
    "KeepStrongest",
    "Live",
    "MeasureCurvature",
    "Neumann",
    "NoTraining",
    "NonNegative",
    "Penalty",
    "Perturbation",
    "Pruning",
    "Recipe",
    "Relaxation",
    "RelaxedCell",
    "Rule",
    "ScaleWeightDecay",
    "SearchBatches",
    "SearchLength",
    "SearchProblem",
    "SearchSettings",
    "SearchState",
    "SgdStep",
    "SgdUpdate",
    "Sharpening",
    "Softmax",
    "Stage",
    "StopOnSharpening",
    "StrongestEdges",
    "SupernetRequest",
    "TruncatedUnrolled",
    "UniformlyRandom",
    "Unrolled",
    "Update",
    "WarmUp",
    "all_live",
    "check_fit",
    "make_recipe",
    "method",
    "run_search",
    "stage_spans",
]

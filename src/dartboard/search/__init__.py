"""The parts of a search and the one loop that runs them."""

from dartboard.search.architecture import Architecture, Live, all_live
from dartboard.search.curvature import AlphaCurvature
from dartboard.search.describe import describe_part, describe_recipe
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
from dartboard.search.hypernetworks import DenseHypernetwork, EmbeddingHypernetwork, Hypernetwork
from dartboard.search.loop import run_search, stage_spans
from dartboard.search.penalties import BetaDecay, Penalty, ZeroOne
from dartboard.search.perturbations import AdversarialPerturbation, Perturbation, RandomPerturbation
from dartboard.search.problem import SearchBatches, SearchLength, SearchProblem, SupernetRequest
from dartboard.search.pruning import KeepStrongest, Pruning
from dartboard.search.recipe import METHODS, Count, Demanding, Images, NonNegative, Recipe, Stage, make_recipe, method
from dartboard.search.relaxation import (
    EdgeSimplex,
    EdgeSoftmax,
    NodeSoftmax,
    Relaxation,
    RelaxedCell,
    Sigmoid,
    Simplex,
    Softmax,
)
from dartboard.search.rules import (
    BestEpoch,
    DecayOnSharpening,
    FadeAuxiliary,
    Fading,
    GrowDropping,
    MeasureCurvature,
    NoTraining,
    Rule,
    ScaleWeightDecay,
    Sharpening,
    StopAtSkips,
    StopAtStableRanking,
    StopOnSharpening,
    WarmUp,
)
from dartboard.search.selection import StrongestEdges, StrongestPairs, Threshold, UniformlyRandom, WithAttention
from dartboard.search.settings import SearchSettings
from dartboard.search.state import SearchState
from dartboard.search.update import AdamUpdate, ExponentiatedUpdate, SgdUpdate, Update

__all__ = [
    "METHODS",
    "AdamUpdate",
    "AdversarialPerturbation",
    "AlphaCurvature",
    "Architecture",
    "BestEpoch",
    "BetaDecay",
    "Bilevel",
    "Choosy",
    "ConjugateGradient",
    "Count",
    "DecayOnSharpening",
    "Demanding",
    "DenseHypernetwork",
    "Dropping",
    "EdgeSimplex",
    "EdgeSoftmax",
    "EmbeddingHypernetwork",
    "ExponentiatedUpdate",
    "FadeAuxiliary",
    "Fading",
    "FirstOrder",
    "GrowDropping",
    "Hypernetwork",
    "Images",
    "Implicit",
    "KeepStrongest",
    "Live",
    "MeasureCurvature",
    "Neumann",
    "NoTraining",
    "NodeSoftmax",
    "NonNegative",
    "Penalty",
    "Perturbation",
    "Pruning",
    "RandomPerturbation",
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
    "Sigmoid",
    "Simplex",
    "Softmax",
    "Stage",
    "StopAtSkips",
    "StopAtStableRanking",
    "StopOnSharpening",
    "StrongestEdges",
    "StrongestPairs",
    "SupernetRequest",
    "Threshold",
    "TruncatedUnrolled",
    "UniformlyRandom",
    "Unrolled",
    "Update",
    "WarmUp",
    "WithAttention",
    "ZeroOne",
    "all_live",
    "check_fit",
    "describe_part",
    "describe_recipe",
    "make_recipe",
    "method",
    "run_search",
    "stage_spans",
]

"""The parts of a search and the one loop that runs them."""

from dartboard.search.architecture import Architecture, Live, all_live
from dartboard.search.describe import describe_part, describe_recipe
from dartboard.search.fits import Choosy, check_fit
from dartboard.search.gradient import Bilevel, FirstOrder, SgdStep, Unrolled
from dartboard.search.hypernetworks import DenseHypernetwork, EmbeddingHypernetwork, Hypernetwork
from dartboard.search.loop import run_search, stage_spans
from dartboard.search.penalties import BetaDecay, Penalty, ZeroOne
from dartboard.search.perturbations import AdversarialPerturbation, Perturbation, RandomPerturbation
from dartboard.search.problem import SearchBatches, SearchLength, SearchProblem, SupernetRequest
from dartboard.search.pruning import KeepStrongest, Pruning
from dartboard.search.recipe import METHODS, Demanding, Images, NonNegative, Recipe, Stage, make_recipe, method
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
    FadeAuxiliary,
    Fading,
    NoTraining,
    Rule,
    StopAtSkips,
    StopAtStableRanking,
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
    "Architecture",
    "BestEpoch",
    "BetaDecay",
    "Bilevel",
    "Choosy",
    "Demanding",
    "DenseHypernetwork",
    "EdgeSimplex",
    "EdgeSoftmax",
    "EmbeddingHypernetwork",
    "ExponentiatedUpdate",
    "FadeAuxiliary",
    "Fading",
    "FirstOrder",
    "Hypernetwork",
    "Images",
    "KeepStrongest",
    "Live",
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
    "SearchBatches",
    "SearchLength",
    "SearchProblem",
    "SearchSettings",
    "SearchState",
    "SgdStep",
    "SgdUpdate",
    "Sigmoid",
    "Simplex",
    "Softmax",
    "Stage",
    "StopAtSkips",
    "StopAtStableRanking",
    "StrongestEdges",
    "StrongestPairs",
    "SupernetRequest",
    "Threshold",
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

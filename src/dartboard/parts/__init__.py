"""The building blocks of a method: the recipe, the parts for its slots, and the types of its options.

Method files import from here; everything else imports from the module that defines a name.
"""

from dartboard.parts.companions import Distillation
from dartboard.parts.discrete import (
    DiscreteSearch,
    Evolution,
    Full,
    LocalSearch,
    Nosh,
    PredictedBest,
    SuccessiveHalving,
    Uniform,
)
from dartboard.parts.dropping import Dropping
from dartboard.parts.gradient import Bilevel, Gradient, differentiate_both
from dartboard.parts.gradient.implicit import ConjugateGradient, Implicit, Neumann
from dartboard.parts.gradient.reinforce import Reinforce
from dartboard.parts.gradient.unrolled import FirstOrder, TruncatedUnrolled, Unrolled
from dartboard.parts.gradient.watched import FirstOrderWatched
from dartboard.parts.hooks import StageAccess, StageHook
from dartboard.parts.hypernetworks.dense import DenseHypernetwork
from dartboard.parts.hypernetworks.embedding import EmbeddingHypernetwork
from dartboard.parts.options import needs
from dartboard.parts.penalties.aligned import AlignedCells
from dartboard.parts.penalties.flooding import Flooding
from dartboard.parts.penalties.resources import ExpectedCost, ExpectedResources
from dartboard.parts.penalties.terms import BetaDecay, DirichletAnchor, DirichletDistance, FadingMagnitude, ZeroOne
from dartboard.parts.perturbations import AdversarialPerturbation, RandomPerturbation
from dartboard.parts.pruning import KeepStrongest, KeepStrongestOfGroups
from dartboard.parts.recipe import (
    DARTS_STEPS,
    METHODS,
    Count,
    Images,
    NonNegative,
    Positive,
    Recipe,
    Share,
    Stage,
    method,
)
from dartboard.parts.relaxation.controller import Controller
from dartboard.parts.relaxation.deterministic import GroupSoftmax, NodeSoftmax, Sigmoid, Simplex, Softmax, UniformShares
from dartboard.parts.relaxation.drawn import Concrete, Dirichlet, HardGumbel, ReinMax
from dartboard.parts.relaxation.edges import EdgeSimplex, EdgeSoftmax, PairSoftmax
from dartboard.parts.relaxation.paths import BinaryGates, UniformPaths
from dartboard.parts.removal import select_by_removal
from dartboard.parts.rules.curvature import (
    DecayOnSharpening,
    MeasureCurvature,
    Sharpening,
    SharpeningInShares,
    StopOnSharpening,
)
from dartboard.parts.rules.curvature_within import StopWithinEpochs
from dartboard.parts.rules.greedy import DecideGreedily
from dartboard.parts.rules.information import ShrinkByInformation
from dartboard.parts.rules.protocol import EpochPlan, Outcome, Rule, SearchView
from dartboard.parts.rules.reinforce import ReinforceController
from dartboard.parts.rules.removal import ByRemoval
from dartboard.parts.rules.schedules import (
    Cooling,
    FadeAuxiliary,
    Fading,
    FadingSkipDropout,
    GrowDropping,
    LinearCooling,
    NoTraining,
    ScaleWeightDecay,
    SparseAlpha,
    WarmUp,
)
from dartboard.parts.rules.shapley import ShapleyMoves
from dartboard.parts.rules.stopping import BestEpoch, StopAtSkips, StopAtStableRanking
from dartboard.parts.selection.attention import AmongCandidates, WithAttention
from dartboard.parts.selection.strongest import (
    SkipCap,
    StrongestEdgePairs,
    StrongestEdges,
    StrongestPairs,
    StrongestRemaining,
    StrongestSoftmax,
)
from dartboard.parts.selection.threshold import EveryEdge, Threshold
from dartboard.parts.selection.trying import SampleAndValidate, UniformlyRandom
from dartboard.parts.trials import Measure
from dartboard.parts.update import AdamUpdate, ExponentiatedUpdate, SgdUpdate

__all__ = [
    "DARTS_STEPS",
    "METHODS",
    "AdamUpdate",
    "AdversarialPerturbation",
    "AlignedCells",
    "AmongCandidates",
    "BestEpoch",
    "BetaDecay",
    "Bilevel",
    "BinaryGates",
    "ByRemoval",
    "Concrete",
    "ConjugateGradient",
    "Controller",
    "Cooling",
    "Count",
    "DecayOnSharpening",
    "DecideGreedily",
    "DenseHypernetwork",
    "Dirichlet",
    "DirichletAnchor",
    "DirichletDistance",
    "DiscreteSearch",
    "Distillation",
    "Dropping",
    "EdgeSimplex",
    "EdgeSoftmax",
    "EmbeddingHypernetwork",
    "EpochPlan",
    "EveryEdge",
    "Evolution",
    "ExpectedCost",
    "ExpectedResources",
    "ExponentiatedUpdate",
    "FadeAuxiliary",
    "Fading",
    "FadingMagnitude",
    "FadingSkipDropout",
    "FirstOrder",
    "FirstOrderWatched",
    "Flooding",
    "Full",
    "Gradient",
    "GroupSoftmax",
    "GrowDropping",
    "HardGumbel",
    "Images",
    "Implicit",
    "KeepStrongest",
    "KeepStrongestOfGroups",
    "LinearCooling",
    "LocalSearch",
    "Measure",
    "MeasureCurvature",
    "Neumann",
    "NoTraining",
    "NodeSoftmax",
    "NonNegative",
    "Nosh",
    "Outcome",
    "PairSoftmax",
    "Positive",
    "PredictedBest",
    "RandomPerturbation",
    "Recipe",
    "ReinMax",
    "Reinforce",
    "ReinforceController",
    "Rule",
    "SampleAndValidate",
    "ScaleWeightDecay",
    "SearchView",
    "SgdUpdate",
    "ShapleyMoves",
    "Share",
    "Sharpening",
    "SharpeningInShares",
    "ShrinkByInformation",
    "Sigmoid",
    "Simplex",
    "SkipCap",
    "Softmax",
    "SparseAlpha",
    "Stage",
    "StageAccess",
    "StageHook",
    "StopAtSkips",
    "StopAtStableRanking",
    "StopOnSharpening",
    "StopWithinEpochs",
    "StrongestEdgePairs",
    "StrongestEdges",
    "StrongestPairs",
    "StrongestRemaining",
    "StrongestSoftmax",
    "SuccessiveHalving",
    "Threshold",
    "TruncatedUnrolled",
    "Uniform",
    "UniformPaths",
    "UniformShares",
    "UniformlyRandom",
    "Unrolled",
    "WarmUp",
    "WithAttention",
    "ZeroOne",
    "differentiate_both",
    "method",
    "needs",
    "select_by_removal",
]

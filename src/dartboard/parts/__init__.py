"""The parts of a search: a recipe names one for each slot."""

from dartboard.parts.architecture import Architecture, Live, StepGates, all_live
from dartboard.parts.companions import CompanionNetwork, Distillation
from dartboard.parts.curvature import AlphaCurvature
from dartboard.parts.describe import describe_recipe
from dartboard.parts.dropping import Dropping
from dartboard.parts.fits import check_fit, does_fit
from dartboard.parts.gradient.implicit import ConjugateGradient, Implicit, Neumann
from dartboard.parts.gradient.problem import Bilevel, SgdStep, Trial
from dartboard.parts.gradient.reinforce import Reinforce
from dartboard.parts.gradient.unrolled import FirstOrder, TruncatedUnrolled, Unrolled
from dartboard.parts.hypernetworks.dense import DenseHypernetwork
from dartboard.parts.hypernetworks.embedding import EmbeddingHypernetwork
from dartboard.parts.hypernetworks.protocol import Hypernetwork
from dartboard.parts.penalties.resources import ExpectedCost, ExpectedResources
from dartboard.parts.penalties.terms import BetaDecay, DirichletAnchor, FadingMagnitude, ZeroOne
from dartboard.parts.perturbations import AdversarialPerturbation, Perturbation, RandomPerturbation
from dartboard.parts.pruning import KeepStrongest, KeepStrongestOfGroups
from dartboard.parts.recipe import (
    METHODS,
    Count,
    Images,
    NonNegative,
    Positive,
    Recipe,
    Share,
    Stage,
    initial_live,
    make_recipe,
    method,
)
from dartboard.parts.relaxation.controller import Controller
from dartboard.parts.relaxation.deterministic import GroupSoftmax, NodeSoftmax, Sigmoid, Simplex, Softmax
from dartboard.parts.relaxation.drawn import Concrete, Dirichlet, HardGumbel
from dartboard.parts.relaxation.edges import EdgeSimplex, EdgeSoftmax, PairSoftmax
from dartboard.parts.relaxation.paths import BinaryGates, UniformPaths
from dartboard.parts.relaxation.protocol import Draw, Relaxation, RelaxedCell
from dartboard.parts.removal import select_by_removal
from dartboard.parts.rules.curvature import DecayOnSharpening, MeasureCurvature, Sharpening, StopOnSharpening
from dartboard.parts.rules.greedy import DecideGreedily
from dartboard.parts.rules.protocol import Rule
from dartboard.parts.rules.reinforce import ReinforceController
from dartboard.parts.rules.removal import ByRemoval, DecideByRemoval, Measure
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
from dartboard.parts.rules.stopping import BestEpoch, StopAtSkips, StopAtStableRanking
from dartboard.parts.scoring import Scorer
from dartboard.parts.selection.attention import WithAttention
from dartboard.parts.selection.protocol import Judged, Trained
from dartboard.parts.selection.strongest import SkipCap, StrongestEdgePairs, StrongestEdges, StrongestPairs
from dartboard.parts.selection.threshold import EveryEdge, Threshold
from dartboard.parts.selection.trying import SampleAndValidate, UniformlyRandom
from dartboard.parts.update import AdamUpdate, ExponentiatedUpdate, SgdUpdate, Update

__all__ = [
    "METHODS",
    "AdamUpdate",
    "AdversarialPerturbation",
    "AlphaCurvature",
    "Architecture",
    "BestEpoch",
    "BetaDecay",
    "Bilevel",
    "BinaryGates",
    "ByRemoval",
    "CompanionNetwork",
    "Concrete",
    "ConjugateGradient",
    "Controller",
    "Cooling",
    "Count",
    "DecayOnSharpening",
    "DecideByRemoval",
    "DecideGreedily",
    "DenseHypernetwork",
    "Dirichlet",
    "DirichletAnchor",
    "Distillation",
    "Draw",
    "Dropping",
    "EdgeSimplex",
    "EdgeSoftmax",
    "EmbeddingHypernetwork",
    "EveryEdge",
    "ExpectedCost",
    "ExpectedResources",
    "ExponentiatedUpdate",
    "FadeAuxiliary",
    "Fading",
    "FadingMagnitude",
    "FadingSkipDropout",
    "FirstOrder",
    "GroupSoftmax",
    "GrowDropping",
    "HardGumbel",
    "Hypernetwork",
    "Images",
    "Implicit",
    "Judged",
    "KeepStrongest",
    "KeepStrongestOfGroups",
    "LinearCooling",
    "Live",
    "Measure",
    "MeasureCurvature",
    "Neumann",
    "NoTraining",
    "NodeSoftmax",
    "NonNegative",
    "PairSoftmax",
    "Perturbation",
    "Positive",
    "RandomPerturbation",
    "Recipe",
    "Reinforce",
    "ReinforceController",
    "Relaxation",
    "RelaxedCell",
    "Rule",
    "SampleAndValidate",
    "ScaleWeightDecay",
    "Scorer",
    "SgdStep",
    "SgdUpdate",
    "Share",
    "Sharpening",
    "Sigmoid",
    "Simplex",
    "SkipCap",
    "Softmax",
    "SparseAlpha",
    "Stage",
    "StepGates",
    "StopAtSkips",
    "StopAtStableRanking",
    "StopOnSharpening",
    "StrongestEdgePairs",
    "StrongestEdges",
    "StrongestPairs",
    "Threshold",
    "Trained",
    "Trial",
    "TruncatedUnrolled",
    "UniformPaths",
    "UniformlyRandom",
    "Unrolled",
    "Update",
    "WarmUp",
    "WithAttention",
    "ZeroOne",
    "all_live",
    "check_fit",
    "describe_recipe",
    "does_fit",
    "initial_live",
    "make_recipe",
    "method",
    "select_by_removal",
]

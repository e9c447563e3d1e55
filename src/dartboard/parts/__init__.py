"""The parts of a search: a recipe names one for each slot."""

from dartboard.parts.architecture import Architecture, Live, StepGates, all_live
from dartboard.parts.companions.distillation import CompanionNetwork, Distillation
from dartboard.parts.curvature import AlphaCurvature
from dartboard.parts.describe import describe_recipe
from dartboard.parts.dropping import Dropping
from dartboard.parts.fits import check_fit, does_fit
from dartboard.parts.gradient.first_order import FirstOrder
from dartboard.parts.gradient.implicit import ConjugateGradient, Implicit, Neumann
from dartboard.parts.gradient.problem import Bilevel, SgdStep, Trial
from dartboard.parts.gradient.reinforce import Reinforce
from dartboard.parts.gradient.truncated import TruncatedUnrolled
from dartboard.parts.gradient.unrolled import Unrolled
from dartboard.parts.hypernetworks.dense import DenseHypernetwork
from dartboard.parts.hypernetworks.embedding import EmbeddingHypernetwork
from dartboard.parts.hypernetworks.protocol import Hypernetwork
from dartboard.parts.penalties.anchor import DirichletAnchor
from dartboard.parts.penalties.beta_decay import BetaDecay
from dartboard.parts.penalties.cost import ExpectedCost
from dartboard.parts.penalties.magnitude import FadingMagnitude
from dartboard.parts.penalties.resources import ExpectedResources
from dartboard.parts.penalties.zero_one import ZeroOne
from dartboard.parts.perturbations.adversarial import AdversarialPerturbation
from dartboard.parts.perturbations.protocol import Perturbation
from dartboard.parts.perturbations.random import RandomPerturbation
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
from dartboard.parts.relaxation.binary import BinaryGates
from dartboard.parts.relaxation.controller import Controller
from dartboard.parts.relaxation.dirichlet import Dirichlet
from dartboard.parts.relaxation.groups import GroupSoftmax
from dartboard.parts.relaxation.gumbel import Concrete, HardGumbel
from dartboard.parts.relaxation.pairs import PairSoftmax
from dartboard.parts.relaxation.paths import UniformPaths
from dartboard.parts.relaxation.protocol import Draw, Relaxation, RelaxedCell
from dartboard.parts.relaxation.sigmoid import Sigmoid
from dartboard.parts.relaxation.simplex import EdgeSimplex, Simplex
from dartboard.parts.relaxation.softmax import EdgeSoftmax, NodeSoftmax, Softmax
from dartboard.parts.removal import select_by_removal
from dartboard.parts.rules.auxiliary import FadeAuxiliary, Fading
from dartboard.parts.rules.best_epoch import BestEpoch
from dartboard.parts.rules.cooling import Cooling, LinearCooling
from dartboard.parts.rules.curvature import DecayOnSharpening, MeasureCurvature, Sharpening, StopOnSharpening
from dartboard.parts.rules.dropping import GrowDropping
from dartboard.parts.rules.greedy import DecideGreedily
from dartboard.parts.rules.protocol import Rule
from dartboard.parts.rules.reinforce import ReinforceController
from dartboard.parts.rules.removal import ByRemoval, DecideByRemoval, Measure
from dartboard.parts.rules.skip_dropout import FadingSkipDropout
from dartboard.parts.rules.stopping import StopAtSkips, StopAtStableRanking
from dartboard.parts.rules.warm_up import NoTraining, SparseAlpha, WarmUp
from dartboard.parts.rules.weight_decay import ScaleWeightDecay
from dartboard.parts.scoring import Scorer
from dartboard.parts.selection.attention import WithAttention
from dartboard.parts.selection.edge_pairs import StrongestEdgePairs
from dartboard.parts.selection.every_edge import EveryEdge
from dartboard.parts.selection.pairs import StrongestPairs
from dartboard.parts.selection.protocol import Judged, Trained
from dartboard.parts.selection.skip_cap import SkipCap
from dartboard.parts.selection.strongest import StrongestEdges
from dartboard.parts.selection.threshold import Threshold
from dartboard.parts.selection.trying import SampleAndValidate
from dartboard.parts.selection.uniform import UniformlyRandom
from dartboard.parts.update.adam import AdamUpdate, SgdUpdate
from dartboard.parts.update.exponentiated import ExponentiatedUpdate
from dartboard.parts.update.protocol import Update

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

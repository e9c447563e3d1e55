"""What can be built: operations, cells, skeletons, genotypes, networks and their cost."""

from dartboard.space.genotype import CellGenotype, Choice, Genotype, current_name, parse_genotype
from dartboard.space.genotype_check import check_genotype
from dartboard.space.network import DrawnPaths, DropPath, Network
from dartboard.space.network_costs import OperationCosts, cells_cost, network_cost, operation_costs, smallest_map
from dartboard.space.ops import ATTENTION, MODULES, OPS, Cost, Norm, has_weights, op
from dartboard.space.ops.conv import relu_conv_norm, relu_conv_norm_cost
from dartboard.space.passage import lets_images_through
from dartboard.space.published import PUBLISHED, name_or_text
from dartboard.space.skeleton import CellPlace, NetworkPlan, Stem
from dartboard.space.spaces import SPACES, SearchSpace, get_space, space
from dartboard.space.topology import CellTopology, Edge

__all__ = [
    "ATTENTION",
    "MODULES",
    "OPS",
    "PUBLISHED",
    "SPACES",
    "CellGenotype",
    "CellPlace",
    "CellTopology",
    "Choice",
    "Cost",
    "DrawnPaths",
    "DropPath",
    "Edge",
    "Genotype",
    "Network",
    "NetworkPlan",
    "Norm",
    "OperationCosts",
    "SearchSpace",
    "Stem",
    "cells_cost",
    "check_genotype",
    "current_name",
    "get_space",
    "has_weights",
    "lets_images_through",
    "name_or_text",
    "network_cost",
    "op",
    "operation_costs",
    "parse_genotype",
    "relu_conv_norm",
    "relu_conv_norm_cost",
    "smallest_map",
    "space",
]

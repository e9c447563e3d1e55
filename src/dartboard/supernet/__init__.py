"""The relaxed network: images and gates in, logits out."""

from dartboard.supernet.carry import carry_weights, path_weights
from dartboard.supernet.dropout import SkipDropout
from dartboard.supernet.forms import describe_forms
from dartboard.supernet.fused import FusedSupernet
from dartboard.supernet.gates_by_place import by_place
from dartboard.supernet.outside_weights import OutsideWeights
from dartboard.supernet.readers import CellReader, Reader
from dartboard.supernet.reference import Active, Gates, MixedCell, ReferenceSupernet
from dartboard.supernet.spec import Mixing, SupernetSpec

__all__ = [
    "Active",
    "CellReader",
    "FusedSupernet",
    "Gates",
    "MixedCell",
    "Mixing",
    "OutsideWeights",
    "Reader",
    "ReferenceSupernet",
    "SkipDropout",
    "SupernetSpec",
    "by_place",
    "carry_weights",
    "describe_forms",
    "path_weights",
]

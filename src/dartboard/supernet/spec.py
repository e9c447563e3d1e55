"""What a supernet is, as frozen data."""

from dataclasses import dataclass

from dartboard.space import NetworkPlan, Norm, SearchSpace

__all__ = ["SEARCH_NORM", "SupernetSpec"]

SEARCH_NORM = Norm(affine=False, running=False)
"""Cells of a supernet learn no scale and shift, and batch statistics serve in training and evaluation alike: running
averages would be polluted by the extra forward passes of architecture gradients (arXiv:1806.09055, section 3.1)."""


@dataclass(frozen=True)
class SupernetSpec:
    """A supernet as data; a pruned or deeper one is another spec.

    Attributes:
        space: candidate operations and cell graph.
        plan: width, depth, classes.
    """

    space: SearchSpace
    plan: NetworkPlan

    @property
    def gate_shapes(self) -> dict[str, tuple[int, int]]:
        """Cell kind -> (edges, operations), the shape of its alpha and of its gates."""
        return dict.fromkeys(self.space.cell_kinds, self.space.alpha_shape)

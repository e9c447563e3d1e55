"""The supernet by definition: every operation of every edge by itself, in two plain loops, written to be read."""

from collections.abc import Mapping

from torch import Tensor, nn

from dartboard.space.ops import OPS
from dartboard.space.skeleton import Backbone, CellPlace, join_outputs, project_inputs
from dartboard.supernet.spec import SEARCH_NORM, SupernetSpec

__all__ = ["ReferenceSupernet"]


class ReferenceSupernet(nn.Module):
    """`supernet(images, gates)`: a function of the images, the gates and its weights (arXiv:1806.09055, eq. 2).

    The gates come in as an argument, so that sampled paths, masked operations, perturbations and Hessian products
    are all just calls.

    Args:
        spec: the supernet.
    """

    def __init__(self, spec: SupernetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = Backbone(spec.plan, lambda place: _MixedCell(spec, place), SEARCH_NORM)

    def forward(self, images: Tensor, gates: Mapping[str, Tensor]) -> Tensor:
        """Run the relaxed network.

        Args:
            images: (batch, channels, height, width).
            gates: cell kind -> what multiplies each operation's output, shape (edges, operations).

        Returns:
            Logits, shape (batch, classes).
        """
        logits: Tensor = self.backbone(images, gates)[0]
        return logits


class _MixedCell(nn.Module):
    def __init__(self, spec: SupernetSpec, place: CellPlace) -> None:
        super().__init__()
        self._topology = spec.space.cell
        self._kind = place.kind
        self.projections = project_inputs(spec.space.cell, place, SEARCH_NORM)
        self.edges = nn.ModuleList(
            _mixed_edge(spec, place.channels, place.stride if edge.source < spec.space.cell.num_inputs else 1)
            for edge in spec.space.cell.edges
        )

    def forward(self, inputs: list[Tensor], gates: Mapping[str, Tensor]) -> Tensor:
        states = [project(x) for project, x in zip(self.projections, inputs, strict=True)]
        for node in self._topology.nodes:
            arriving = [
                gate * op(states[self._topology.edges[row].source])
                for row in self._topology.incoming(node)
                for gate, op in zip(gates[self._kind][row], self._ops(row), strict=True)
            ]
            states.append(sum(arriving[1:], start=arriving[0]))
        return join_outputs(self._topology, states)

    def _ops(self, row: int) -> nn.ModuleList:
        ops = self.edges[row]
        assert isinstance(ops, nn.ModuleList)
        return ops


def _mixed_edge(spec: SupernetSpec, channels: int, stride: int) -> nn.ModuleList:
    ops = nn.ModuleList()
    for name in spec.space.ops:
        op = OPS[name].factory(channels, stride, SEARCH_NORM)
        ops.append(nn.Sequential(op, SEARCH_NORM(channels)) if name in spec.space.normalized_ops else op)
    return ops

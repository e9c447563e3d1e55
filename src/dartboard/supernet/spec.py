"""The description of a supernet, as frozen data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dartboard.errors import SettingsError, suggest
from dartboard.space import ATTENTION, OPS, CellPlace, NetworkPlan, Norm, SearchSpace
from dartboard.wording import cell_name, count, listing

__all__ = ["SEARCH_NORM", "Mixing", "SupernetSpec"]

SEARCH_NORM = Norm(affine=False, running=False)
"""Batch norm of a supernet's cells: no scale and shift, and batch statistics in training and evaluation. Running
averages would be wrong after the additional forward passes of architecture gradients (arXiv:1806.09055, section
3.1)."""

EdgeOps = tuple[tuple[str, ...], ...]
"""The operations of every edge, in the order of the edges."""


@dataclass(frozen=True)
class Mixing:
    """How the gated outputs of an edge's operations join.

    Attributes:
        channel_share: 1 / channel_share of the channels goes through the operations, the others bypass them (partial
            channels: PC-DARTS, arXiv:1907.05737, eq. 2); with 1, all channels go through them.
        auxiliary_skip: whether every edge has an auxiliary skip connection that does not compete and has its own gate
            (DARTS-, arXiv:2009.01027, eq. 4).
        attention: names of operations that act on the mixed output of an edge and are mixed with their own gates
            (Att-DARTS, arXiv:2006.12874; its candidates are `ATTENTION`); empty for no attention.
        end: names of operations that act on the output of a cell, after its nodes are joined, and are mixed with gates
            of their own, one set for each kind of cells; empty for none.

    Raises:
        SettingsError: an attention is not a registered operation, or is named twice.
    """

    channel_share: int = 1
    auxiliary_skip: bool = False
    attention: tuple[str, ...] = ()
    end: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for names in (self.attention, self.end):
            for name in names:
                if name not in OPS:
                    raise SettingsError(
                        f"there is no operation '{name}' to serve as attention; {suggest(name, ATTENTION)}"
                    )
                if names.count(name) > 1:
                    raise SettingsError(f"the attention '{name}' is named twice; name it once.")


@dataclass(frozen=True)
class SupernetSpec:
    """A supernet as data. A pruned, widened or deeper supernet has another spec.

    Attributes:
        space: candidate operations and cell graph.
        plan: width, depth, classes.
        mixing: how the outputs of an edge's operations join.
        norm: the kind of batch norm in the cells.
        live: (cell kind, operations of each edge), for the kinds with edges that lack some operations of the space.

    Raises:
        SettingsError: the parts do not fit together.
    """

    space: SearchSpace
    plan: NetworkPlan
    mixing: Mixing = Mixing()
    norm: Norm = SEARCH_NORM
    live: tuple[tuple[str, EdgeOps], ...] = ()

    def __post_init__(self) -> None:
        for place in self.plan.places:
            if isinstance(place, CellPlace):
                self._check_place(place)
        for kind, edges in self.live:
            self._check_live(kind, edges)

    def _check_place(self, place: CellPlace) -> None:
        cell, mixing = self.space.cell, self.mixing
        changes = any(place.inputs(cell, node) != place.channels for node in range(cell.num_inputs))
        if changes and (mixing.channel_share > 1 or mixing.auxiliary_skip):
            part = "partial channels" if mixing.channel_share > 1 else "auxiliary skip connections"
            raise SettingsError(
                f"{part} need operations that keep the number of channels, but those of '{self.space.name}' change "
                "it; choose another method or another space."
            )
        if place.rounds_down and place.stride == 2 and (mixing.channel_share > 1 or mixing.auxiliary_skip):
            part = "partial channels" if mixing.channel_share > 1 else "auxiliary skip connections"
            raise SettingsError(
                f"{part} divide odd sides rounding up, and the operations of '{self.space.name}' round down; choose "
                "another method or another space."
            )
        if place.channels % mixing.channel_share:
            raise SettingsError(
                f"partial channels of 1/{mixing.channel_share} need a width divisible by {mixing.channel_share}, but "
                f"cells of the kind '{place.kind}' have {place.channels} channels; choose another init_channels."
            )

    def _check_live(self, kind: str, edges: EdgeOps) -> None:
        if kind not in self.space.cell_kinds:
            raise SettingsError(
                f"there are no '{kind}' cells in '{self.space.name}'; {suggest(kind, self.space.cell_kinds)}"
            )
        if len(edges) != len(self.space.cell.edges):
            raise SettingsError(
                f"the {cell_name(kind)} has {count(len(self.space.cell.edges), 'edge')}, but operations are given for "
                f"{len(edges)}; give those of every edge."
            )
        for row, (edge, names) in enumerate(zip(self.space.cell.edges, edges, strict=True)):
            for name in names:
                if name not in self.space.ops:
                    raise SettingsError(
                        f"'{name}' is no operation of '{self.space.name}'; {suggest(name, self.space.ops)}"
                    )
                if name not in (own := self.space.ops_on(kind, row)):
                    raise SettingsError(
                        f"edge {edge.source} -> {edge.target} of the {cell_name(kind)} has no '{name}' in "
                        f"'{self.space.name}'; it has {listing(own)}."
                    )

    @property
    def gate_shapes(self) -> dict[str, tuple[int, int]]:
        """Cell kind -> (edges, operations), the shape of the alpha and of the gates of that kind."""
        return dict.fromkeys(self.space.cell_kinds, self.space.alpha_shape)

    @property
    def cell_counts(self) -> dict[str, int]:
        """Cell kind -> number of cells of that kind, the first length of gates by place."""
        kinds = [place.kind for place in self.plan.places if isinstance(place, CellPlace)]
        return {kind: kinds.count(kind) for kind in self.space.cell_kinds}

    def ops_of(self, kind: str, row: int) -> tuple[str, ...]:
        """The operations of an edge, in the space's order."""
        edges, own = dict(self.live).get(kind), self.space.ops_on(kind, row)
        return own if edges is None else tuple(name for name in own if name in edges[row])

    def with_live(self, live: Mapping[str, Sequence[Sequence[str]]]) -> "SupernetSpec":
        """The same supernet with only these operations: cell kind -> operations of each edge."""
        kept = tuple((kind, tuple(tuple(names) for names in edges)) for kind, edges in live.items())
        return replace(self, live=kept)

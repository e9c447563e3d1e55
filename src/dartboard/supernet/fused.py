"""The fast engine: the modules and weights of the reference, but work that edges have in common is done once.

All edges that leave one node read the same input, so a cell runs source by source instead of edge by edge:

- operations without weights (identity, poolings) are computed once per source; only their gates differ between edges;
- convolutions run together, and their normalised and gated outputs are never formed (`folded.py`);
- operations without a faster form (`forms.py`) run as they are, edge by edge.

Every product with a gate is added in place to the node where its edge ends. The results are those of the reference. All
weights have the same names and initial values, so each engine reads the checkpoints of the other.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import override

from dartboard.devices.sending import send
from dartboard.space import CellPlace
from dartboard.space.backbone import join_outputs
from dartboard.space.features import Features, through
from dartboard.supernet.folded import Bundle, FoldedBranches, Layout, branches_per_call, will_run
from dartboard.supernet.forms import Folded, Reduced, Separable, find_form
from dartboard.supernet.mixing import bypass, join_channels, split_channels
from dartboard.supernet.reference import (
    Active,
    MixedCell,
    ReferenceSupernet,
    SupernetCall,
    edge_weight,
    is_identity,
    is_random,
)
from dartboard.supernet.spec import SupernetSpec

__all__ = ["FusedSupernet"]


class _Edges(NamedTuple):
    """Edges that leave one node, and the conditions that decide how they run in this call.

    Attributes:
        rows: rows of the edges in the gates.
        has_auxiliary: whether their auxiliary skip connections are run.
        drops: whether dropout acts after their identities.
        folds: whether convolutions are folded.
        most: largest number of separable convolutions of the same form that run side by side.
        device: the device that they run on.
    """

    rows: tuple[int, ...]
    has_auxiliary: bool
    drops: bool
    folds: bool
    most: int
    device: torch.device


class _Plan(NamedTuple):
    """How the edges that leave one node run.

    Attributes:
        shared: operations that run once for all edges; the module of one edge stands for all.
        single: operations that run by themselves.
        dropped: rows of the identities with dropout; it drops different values on every edge.
        drawn: operations that draw, with their rows.
        terms: for every gated feature (number of its edge, position in `shared` + `single` + `dropped` + `drawn`).
        term_gates: positions of the gates of `terms` among all gates, (terms,).
        layout: the folded branches, or None.
        convolutions: bundle by bundle, the first convolution of every branch, then the second of every branch, ...
        branch_gates: positions, among all gates, of the gates of the layout's identities, then of its branches.
    """

    shared: tuple[nn.Module, ...]
    single: tuple[nn.Module, ...]
    dropped: tuple[int, ...]
    drawn: tuple[tuple[nn.Module, int], ...]
    terms: tuple[tuple[int, int], ...]
    term_gates: Tensor
    layout: Layout | None
    convolutions: tuple[nn.Conv2d, ...]
    branch_gates: Tensor


class _Branch(NamedTuple):
    """A folded operation, the number of its edge, and the position of its gate."""

    op: nn.Module
    edge: int
    gate: int


class _Sorted(NamedTuple):
    """The operations of edges that leave one node, each with the number of its edge and the position of its gate.

    Attributes:
        shared: operations that run once; all edges use the same module for a name.
        single: operations that run by themselves.
        dropped: identities with dropout, with their rows.
        drawn: operations that draw, with their rows.
        identities: all other identities.
        bundles: operations that are folded.
    """

    shared: list[tuple[nn.Module, int, int]]
    single: list[tuple[nn.Module, int, int]]
    dropped: list[tuple[int, int, int]]
    drawn: list[tuple[nn.Module, int, int, int]]
    identities: list[tuple[int, int]]
    bundles: dict[Folded, list[_Branch]]


class FusedCell(MixedCell):
    """A cell that runs source by source."""

    def __init__(self, spec: SupernetSpec, place: CellPlace) -> None:
        super().__init__(spec, place)
        self._num_ops = len(spec.space.ops)
        self._plans: dict[_Edges, tuple[tuple[tuple[int, ...], ...] | None, _Plan]] = {}

    def forward(self, inputs: Sequence[Tensor | Features], call: SupernetCall) -> Features:
        """Inputs, oldest first, each (batch, channels, height, width) -> features (batch, output channels, ...)."""
        if call.reader is not None:  # the outputs of single operations are never formed below
            return Features.of(super().forward(inputs, call))
        states = [through(project, Features.of(x)) for project, x in zip(self.projections, inputs, strict=True)]
        call = self.with_chance(self.with_masks(call, states[-1]), states[-1].device)
        weights = call.gate(self.kind, "edges")
        run = self._edge_by_edge if self.attention or (weights is not None and weights.dim() == 2) else self._joined
        sums = _Sums({}, {})
        for source in range(self.topology.nodes.stop):
            if source in self.topology.nodes:
                states.append(join_channels(sums.mixed.pop(source), sums.bypassed.pop(source, None), self.share))
            if rows := self._outgoing(source):
                run(rows, states[source], sums, call)
        joined = self.after_nodes(join_outputs(self.topology, states), call)
        return Features(joined.whole + self.shortcut_of(states[0], call)) if self.shortcut else joined

    @override
    def zeros(self, x: Tensor, stride: int) -> Tensor:
        size = (len(x), self.channels, *self.output_size(x, stride))
        return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last).zero_()

    def _outgoing(self, source: int) -> tuple[int, ...]:
        return tuple(row for row, edge in enumerate(self.topology.edges) if edge.source == source)

    def _joined(self, rows: tuple[int, ...], x: Tensor, sums: "_Sums", call: SupernetCall) -> None:
        """Add the outputs of the edges `rows`, which leave x, directly to the nodes where they end."""
        kept, rest = split_channels(x, self.share)
        stride = self.strides[rows[0]]
        nodes = [self.topology.edges[row].target for row in rows]
        targets = [sums.mixed[node] if node in sums.mixed else self.zeros(kept, stride) for node in nodes]
        gates = call.of_operations(self.kind, self.number)
        further = [call.gate(self.kind, part) for part in ("auxiliary", "offset")]
        weights = call.gate(self.kind, "edges")
        if weights is not None:
            gates = weights[:, None] * gates
            further = [None if gate is None else weights * gate for gate in further]
        auxiliary, offsets = further
        added = self._add(rows, kept, targets, gates, auxiliary, call)
        passed = None if rest is None else bypass(rest, stride)
        for row, node, total in zip(rows, nodes, added, strict=True):
            sums.mixed[node] = total if offsets is None else total + offsets[row]
            if passed is not None:
                weighted = passed if weights is None else weights[row] * passed
                sums.bypassed[node] = weighted + sums.bypassed[node] if node in sums.bypassed else weighted

    def _edge_by_edge(self, rows: tuple[int, ...], x: Tensor, sums: "_Sums", call: SupernetCall) -> None:
        """Add the edges `rows` to their nodes one by one, for parts that act on the whole output of each edge."""
        kept, rest = split_channels(x, self.share)
        stride = self.strides[rows[0]]
        targets = [self.zeros(kept, stride) for _ in rows]
        passed = None if rest is None else bypass(rest, stride)
        weights = call.gate(self.kind, "edges")
        added = self._add(rows, kept, targets, call.of_operations(self.kind, self.number), None, call)
        for row, total in zip(rows, added, strict=True):
            joined = join_channels(self.after_operations(row, kept, total, call), passed, self.share)
            joined = joined if weights is None else edge_weight(weights, row) * joined
            node = self.topology.edges[row].target
            sums.mixed[node] = sums.mixed[node] + joined if node in sums.mixed else joined

    def _add(
        self,
        rows: tuple[int, ...],
        x: Tensor,
        targets: Sequence[Tensor],
        gates: Tensor,
        auxiliary: Tensor | None,
        call: SupernetCall,
    ) -> Sequence[Tensor]:
        """Add every gated operation of the edges `rows` to the target of its edge, in place."""
        x = x.contiguous(memory_format=torch.channels_last)
        folds = not torch.is_autocast_enabled(gates.device.type)  # autocast casts nothing that is written in place
        edges = _Edges(rows, auxiliary is not None, bool(call.masks), folds, branches_per_call(x), gates.device)
        plan = self._plan(edges, call.active)
        every = gates.flatten() if auxiliary is None else torch.cat([gates.flatten(), auxiliary])
        if plan.terms:
            read = Features(x)
            features = [through(op, read) for op in (*plan.shared, *plan.single)]
            features += [x * call.masks[row] for row in plan.dropped]
            features += [op(x, call.generators.get(row)) for op, row in plan.drawn]
            chosen = every.index_select(0, plan.term_gates)
            targets = _Blend.apply(plan.terms, chosen, *targets, *features)  # type: ignore[no-untyped-call]
        if plan.layout is not None:
            weights = [convolution.weight for convolution in plan.convolutions]
            chosen = every.index_select(0, plan.branch_gates)
            targets = FoldedBranches.apply(plan.layout, x, chosen, *targets, *weights)  # type: ignore[no-untyped-call]
        return targets

    def _plan(self, edges: _Edges, active: Active | None) -> _Plan:
        # Only the latest plan is kept: the same draw hardly ever occurs again, and small tensors that outlive a step
        # fragment the memory that its large tensors release.
        drawn = None if active is None else tuple(tuple(active[self.kind][row]) for row in edges.rows)
        if edges not in self._plans or self._plans[edges][0] != drawn:
            self._plans[edges] = drawn, self._make_plan(edges, active)
        return self._plans[edges][1]

    def _make_plan(self, edges: _Edges, active: Active | None) -> _Plan:
        found = self._sort(edges, active)
        if found.identities and not found.bundles:  # no bundle that could add the identities
            identity = nn.Identity()
            found.shared.extend((identity, edge, gate) for edge, gate in found.identities)
            found.identities.clear()
        shared = list(dict.fromkeys(op for op, _, _ in found.shared))
        terms = [(edge, shared.index(op), gate) for op, edge, gate in found.shared]
        terms += [(edge, place, gate) for place, (_, edge, gate) in enumerate(found.single, start=len(shared))]
        before = len(shared) + len(found.single)
        terms += [(edge, place, gate) for place, (_, edge, gate) in enumerate(found.dropped, start=before)]
        before += len(found.dropped)
        terms += [(edge, place, gate) for place, (*_, edge, gate) in enumerate(found.drawn, start=before)]
        bundles = _divide(found.bundles, edges.most)
        layout = Layout(
            tuple(Bundle(form, tuple(edge for _, edge, _ in branches)) for form, branches in bundles),
            tuple(edge for edge, _ in found.identities),
            self.strides[edges.rows[0]],
            len(edges.rows),
        )
        branch_gates = [gate for _, gate in found.identities]
        branch_gates += [gate for _, branches in bundles for *_, gate in branches]
        return _Plan(
            shared=tuple(shared),
            single=tuple(op for op, _, _ in found.single),
            dropped=tuple(row for row, _, _ in found.dropped),
            drawn=tuple((op, row) for op, row, _, _ in found.drawn),
            terms=tuple((edge, place) for edge, place, _ in terms),
            term_gates=_positions([gate for *_, gate in terms], edges.device),
            layout=layout if bundles else None,
            convolutions=tuple(
                convolution
                for _, branches in bundles
                for of_branches in zip(*(_convolutions(op) for op, _, _ in branches), strict=True)
                for convolution in of_branches
            ),
            branch_gates=_positions(branch_gates, edges.device),
        )

    def _sort(self, edges: _Edges, active: Active | None) -> "_Sorted":
        found, firsts = _Sorted([], [], [], [], [], {}), dict[str, nn.Module]()
        for edge, row in enumerate(edges.rows):
            for name, op in self.ops_of(row, active).items():
                gate = row * self._num_ops + self.columns[name]
                form = find_form(op)
                if edges.drops and is_identity(op):
                    found.dropped.append((row, edge, gate))
                elif is_random(op):
                    found.drawn.append((op, row, edge, gate))
                elif is_identity(op) and edges.folds:
                    found.identities.append((edge, gate))
                elif form == "shared":
                    found.shared.append((firsts.setdefault(name, op), edge, gate))
                elif isinstance(form, Folded) and edges.folds:
                    found.bundles.setdefault(form, []).append(_Branch(op, edge, gate))
                elif form != "nothing":
                    found.single.append((op, edge, gate))
            if edges.has_auxiliary:
                found.single.append((self.auxiliary[row], edge, len(self.strides) * self._num_ops + row))
        return found


class FusedSupernet(ReferenceSupernet):
    """A faster `ReferenceSupernet` that needs less memory: same arguments, weights, results and gradients of any order.

    Args:
        spec: the supernet.
    """

    cell: ClassVar[type[MixedCell]] = FusedCell

    def run(self, images: Tensor, call: SupernetCall, taps: Sequence[int] = ()) -> tuple[Tensor, list[Tensor]]:
        """Run stem, cells and head with all maps in the channels-last layout.

        Args:
            images: (batch, channels, height, width).
            call: what every cell receives in addition to its inputs.
            taps: indices of blocks whose outputs are returned as well, in rising order.

        Returns:
            Logits, (batch, classes), and the maps after the blocks `taps`, each (batch, channels, height, width).
        """
        return self.backbone(images.contiguous(memory_format=torch.channels_last), call, taps)  # type: ignore[no-any-return]


class _Sums(NamedTuple):
    """Node -> its sums so far: of the mixed channels, and of the channels that bypass the operations."""

    mixed: dict[int, Tensor]
    bypassed: dict[int, Tensor]


def _positions(gates: Sequence[int], device: torch.device) -> Tensor:
    return send(torch.tensor(gates, dtype=torch.int64), device)


def _divide(bundles: Mapping[Folded, list[_Branch]], most: int) -> list[tuple[Folded, list[_Branch]]]:
    """Split the separable convolutions of a form into parts of at most `most`, and sort all parts by target."""
    parts = []
    for form, branches in bundles.items():
        size = most if isinstance(form, Separable) else len(branches)
        parts += [(form, branches[first : first + size]) for first in range(0, len(branches), size)]
    # Reductions come last: their backward pass adds to only some of the pixels, after the others have written all.
    return sorted(parts, key=lambda part: (isinstance(part[0], Reduced), part[1][0].edge))


def _convolutions(op: nn.Module) -> list[nn.Conv2d]:
    return [module for module in op.children() if isinstance(module, nn.Conv2d)]


class _Blend(torch.autograd.Function):
    """`apply(terms, gates, *targets, *features)` adds gate * feature to a target for every term, in place.

    A term is (number of the target, number of the feature). `gates` is (terms,). Features and targets are (batch,
    channels, height, width), channels last. Returns the targets.
    """

    @staticmethod
    def forward(ctx: Any, terms: tuple[tuple[int, int], ...], gates: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        """Add every gated feature to its target."""
        num_features = 1 + max(feature for _, feature in terms)
        targets, features = rest[: len(rest) - num_features], rest[len(rest) - num_features :]
        for (target, feature), gate in zip(terms, gates.unbind(), strict=True):
            targets[target].addcmul_(features[feature], gate)
        ctx.terms = terms
        ctx.save_for_backward(gates, *features)
        ctx.mark_dirty(*targets)
        return targets

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients at the gates, (terms,), the targets and the features."""
        gates, *features = ctx.saved_tensors
        at_features: list[Tensor | None] = [None] * len(features)
        at_gates: list[Tensor] = []
        differentiable = torch.is_grad_enabled()
        gates_wanted = will_run(ctx.next_functions[0][0])
        for (target, number), gate in zip(ctx.terms, gates.unbind(), strict=True):
            gradient, feature, before = gradients[target], features[number], at_features[number]
            if before is None:
                at_features[number] = gradient * gate
            elif differentiable:
                at_features[number] = torch.addcmul(before, gradient, gate)
            else:
                before.addcmul_(gradient, gate)
            if gates_wanted:
                at_gates.append(torch.dot(_flat(gradient), _flat(feature)))
        return None, torch.stack(at_gates) if gates_wanted else None, *gradients, *at_features


def _flat(x: Tensor) -> Tensor:
    """All values in the order of channels-last memory."""
    return x.permute(0, 2, 3, 1).reshape(-1)

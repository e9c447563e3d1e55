"""Limits on what an architecture may cost: a pull on alpha while a search goes on, and the choice at its end."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.drawing import cell_choices, likeliest
from dartboard.parts.gradient import Tensors
from dartboard.parts.hooks import StageAccess, StageHook
from dartboard.parts.relaxation import RelaxedCell
from dartboard.parts.rules import Rule
from dartboard.parts.selection import Judged, Selection, StrongestEdges, make_genotype
from dartboard.space import Genotype, SearchSpace, lets_images_through

__all__ = ["ExpectedWithin", "Limit", "LimitedCost", "choose_within", "expected_cost", "expected_name", "judged_within"]

_TINY = 1e-6
"""Share that an operation without a gate has when others cost too much."""

_LISTED = 16_000
"""So many of the likeliest architectures are looked at one by one: all 15,625 of NAS-Bench-201."""

_PRICES = (0.0, *(2.0**power for power in range(-6, 14)))
"""Prices of cost that are tried in turn, in natural logarithms of a gate for the whole limit."""


@dataclass(frozen=True)
class LimitedCost:
    """What is limited, in units of the limit, so that 1 is as much as allowed.

    Attributes:
        name: params, macs or latency.
        fixed: cost of everything but the operations of the cells.
        operations: cell kind -> for every edge the cost of every operation in all cells of the kind together.
    """

    name: str
    fixed: float
    operations: Mapping[str, tuple[tuple[float, ...], ...]]


@dataclass(frozen=True)
class Limit:
    """What the network of an architecture may cost.

    Attributes:
        costs: one entry for each limit.
        admits: whether the network of an architecture meets all limits.
    """

    costs: tuple[LimitedCost, ...]
    admits: Callable[[Genotype], bool]


def expected_name(name: str) -> str:
    """Name of the figure of an epoch that has the expected cost in units of a limit."""
    return f"expected_{name}_of_limit"


def expected_cost(cost: LimitedCost, gates: Tensors, cells: Mapping[str, RelaxedCell], space: SearchSpace) -> Tensor:
    """The expected cost of the architecture that is drawn by its gates, in units of the limit, a scalar.

    The shares of an edge are its gates over their sum, over the operations that a discrete cell may take. A node that
    keeps only some of its edges keeps each of them equally likely. So the cost of a certain choice is its cost, and the
    cost of equal gates is the mean over all architectures.
    """
    total = torch.zeros((), device=next(iter(gates.values())).device) + cost.fixed
    for kind, cell in cells.items():
        own = gates[kind]
        allowed = torch.zeros_like(own)
        for row, columns in enumerate(space.selectable_columns(kind)):
            allowed[row, list(columns)] = 1.0
        shares = own.clamp_min(0.0) * allowed * cell.live
        shares = shares / shares.sum(dim=1, keepdim=True).clamp_min(_TINY)
        each = (shares * torch.tensor(cost.operations[kind], device=own.device, dtype=own.dtype)).sum(dim=1)
        total = total + (each * torch.tensor(_kept(space), device=own.device, dtype=own.dtype)).sum()
    return total


def _kept(space: SearchSpace) -> list[float]:
    """For every edge how likely a discrete cell keeps it."""
    likely = [1.0] * len(space.cell.edges)
    for node in space.cell.nodes:
        rows = space.cell.incoming(node)
        for row in rows:
            likely[row] = min(1.0, (space.cell.edges_per_node or len(rows)) / len(rows))
    return likely


@dataclass(frozen=True)
class ExpectedWithin(Rule):
    """Draws alpha to architectures whose expected cost is within the limits; any gradient of alpha gets the pull.

    The loss of alpha gets the term sum over limits of multiplier * (E / limit - 1), where E is `expected_cost`. Each
    multiplier begins at 0 and climbs the same term after every step of alpha, but never falls below 0: it grows while
    E is above the limit and shrinks once E is below. Source: LightNAS (arXiv:2208.14446), which learns the multiplier
    by gradient ascent; the rate here does not depend on the length of the search.

    Attributes:
        space: the search space.
        costs: what is limited.
        strength: what the multiplier would be at the end if E were twice the limit throughout.
    """

    space: SearchSpace
    costs: tuple[LimitedCost, ...] = field(hash=False)
    strength: float = 10.0

    def attach(self, stage: StageAccess) -> "Multipliers":
        """The hook that adds the pull to the gradient of alpha."""
        return Multipliers(self, stage)


class Multipliers(StageHook):
    """The multipliers of a stage, one for each limit, shape (limits,).

    Args:
        rule: says what is limited.
        stage: whose alphas are drawn.
    """

    def __init__(self, rule: ExpectedWithin, stage: StageAccess) -> None:
        self._rule, self._stage = rule, stage
        self.values = torch.zeros(len(rule.costs), device=stage.device)
        self.expected = torch.zeros(len(rule.costs), device=stage.device)

    @override
    def alpha_pull(self, alphas: Tensors) -> Mapping[str, Tensor]:
        with torch.enable_grad():
            gates = self._stage.expected_gates(alphas)
            costs = self._rule.costs
            expected = torch.stack([expected_cost(each, gates, self._stage.cells, self._rule.space) for each in costs])
        if not expected.requires_grad:
            return {}
        names = list(alphas)
        pulls = torch.autograd.grad((self.values * expected).sum(), [alphas[name] for name in names], allow_unused=True)
        with torch.no_grad():
            self.expected.copy_(expected)
            rate = self._rule.strength / max(1, self._stage.alpha_steps)
            self.values.add_(rate * (self.expected - 1)).clamp_(min=0.0)
        return {name: pull for name, pull in zip(names, pulls, strict=True) if pull is not None}

    @override
    def figures(self) -> Mapping[str, float]:
        told: dict[str, float] = {}
        for cost, value, expected in zip(self._rule.costs, self.values.tolist(), self.expected.tolist(), strict=True):
            told |= {expected_name(cost.name): expected, f"{cost.name}_multiplier": value}
        return told

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"limit_multipliers": self.values.clone(), "limit_expected": self.expected.clone()}

    @override
    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        if "limit_multipliers" in saved and len(saved["limit_multipliers"]) == len(self.values):
            self.values.copy_(saved["limit_multipliers"])
            self.expected.copy_(saved["limit_expected"])


def judged_within(
    judged: Judged,
    limit: Limit,
    space: SearchSpace,
    gates: Mapping[str, Tensor],
    selection: Selection,
    generator: torch.Generator,
) -> Judged:
    """What a selection has chosen, or what `choose_within` makes of the gates where that exceeds a limit.

    The figures then have the first choice as `without_limits`. Where nothing meets the limits, the first choice stays,
    and its network is made narrower.
    """
    if limit.admits(judged.genotype):
        return judged
    chosen = choose_within(space, gates, selection, generator, limit)
    chosen = chosen or choose_within(space, gates, StrongestEdges(), generator, limit)
    if chosen is None:
        return judged
    return Judged(chosen, {**judged.figures, "without_limits": judged.genotype.to_text()})


def choose_within(
    space: SearchSpace,
    gates: Mapping[str, Tensor],
    selection: Selection,
    generator: torch.Generator,
    limit: Limit,
) -> Genotype | None:
    """The architecture with the largest gates among those that a selection makes and that meet the limits.

    Where a selection takes the largest gate of every edge, the likeliest architectures are looked at in turn, so that
    the first one is the best in a space as small as NAS-Bench-201. Otherwise the gates lose a price for the cost of
    their operations, as in Lagrangian relaxation (Everett 1963): the selection chooses at rising prices until a choice
    meets the limits. Then single edges go back to their own gates, the ones that gain most first, as long as the limits
    hold. So whatever the selection demands of an architecture still holds.

    Args:
        space: the search space.
        gates: deterministic gates by name, on the CPU.
        selection: chooses from gates.
        generator: for selections that draw.
        limit: what the network may cost.

    Returns:
        The architecture; None where no price is high enough.
    """
    if type(selection) is StrongestEdges and (best := _first_fitting(space, gates, limit)):
        return best
    for without_zero in (False, True):
        for price in _PRICES:
            priced = _Priced(space, gates, limit.costs, price, without_zero=without_zero)
            genotype = selection(space, priced.tilted(frozenset()), generator)
            if _fits(space, genotype, limit):
                return _improved(space, priced, genotype, selection, generator, limit)
    return None


def _first_fitting(space: SearchSpace, gates: Mapping[str, Tensor], limit: Limit) -> Genotype | None:
    """The likeliest architecture that meets the limits, among the likeliest of a space that keeps all edges.

    It is the best of all in a space of no more than `_LISTED`. None where edges are dropped or have weights, or none of
    those that are listed meets the limits.
    """
    if space.cell.edges_per_node is not None or any(f"{kind}.edges" in gates for kind in space.cell_kinds):
        return None
    edges = len(space.cell.edges)
    columns = [own for kind in space.cell_kinds for own in space.selectable_columns(kind)]
    costs = [[row for kind in space.cell_kinds for row in each.operations[kind]] for each in limit.costs]
    for way in likeliest(torch.cat([gates[kind] for kind in space.cell_kinds]), columns, _LISTED):
        totals = (
            each.fixed + sum(row[column] for row, column in zip(rows, way, strict=True))
            for each, rows in zip(limit.costs, costs, strict=True)
        )
        if all(total <= 1 + 1e-9 for total in totals):
            parts = {kind: way[edges * place : edges * (place + 1)] for place, kind in enumerate(space.cell_kinds)}
            chosen = {kind: cell_choices(space, dict(enumerate(part))) for kind, part in parts.items()}
            genotype = make_genotype(space, chosen)
            if _fits(space, genotype, limit):
                return genotype
    return None


def _fits(space: SearchSpace, genotype: Genotype, limit: Limit) -> bool:
    return limit.admits(genotype) and lets_images_through(space, genotype)


class _Priced:
    """Gates that lose a price for the cost of their operations."""

    def __init__(
        self,
        space: SearchSpace,
        gates: Mapping[str, Tensor],
        costs: tuple[LimitedCost, ...],
        price: float,
        *,
        without_zero: bool,
    ) -> None:
        self._space, self._gates = space, gates
        self._factors = {}
        for kind in space.cell_kinds:
            cost = torch.tensor([each.operations[kind] for each in costs], dtype=torch.float64).sum(dim=0)
            for row, columns in enumerate(space.selectable_columns(kind)):
                cost[row] -= cost[row, list(columns)].min()
            self._factors[kind] = torch.exp(-(price * cost).clamp(0.0, 600.0))
            if without_zero and "none" in space.ops:
                self._factors[kind][:, space.ops.index("none")] = 0.0

    def tilted(self, free: frozenset[tuple[str, int]]) -> dict[str, Tensor]:
        """The gates with their price, by name; those of free edges, (kind, row), are as they were."""
        tilted = dict(self._gates)
        for name in tilted:
            kind, _, part = name.partition(".")
            if part in ("", "softmax"):
                own = self._gates[name].double()
                # An operation whose gate is 0 keeps a share, or an edge that is decided could not change.
                floor = _TINY * own.amax(dim=1, keepdim=True).clamp_min(_TINY)
                priced = own.clamp_min(floor) * self._factors[kind]
                for row in (row for each, row in free if each == kind):
                    priced[row] = own[row]
                tilted[name] = priced
        return tilted

    def score(self, genotype: Genotype) -> float:
        """Sum of the logarithms of the shares of the chosen operations."""
        total = 0.0
        for kind, cell in genotype.cells:
            gates = self._gates[kind].double()
            for choice in cell.choices:
                own = gates[self._space.cell.row(choice.target, choice.source)].clamp_min(0.0)
                share = own[self._space.ops.index(choice.op)] / own.sum().clamp_min(_TINY)
                total += math.log(max(_TINY, float(share)))
        return total


def _improved(
    space: SearchSpace,
    priced: _Priced,
    genotype: Genotype,
    selection: Selection,
    generator: torch.Generator,
    limit: Limit,
) -> Genotype:
    """The architecture after single edges have gone back to their own gates, where that gains and still fits."""
    free: frozenset[tuple[str, int]] = frozenset()
    while True:
        tried: list[tuple[float, frozenset[tuple[str, int]], Genotype]] = []
        for edge in _edges(space):
            if edge not in free:
                other = selection(space, priced.tilted(free | {edge}), generator)
                if other != genotype and _fits(space, other, limit):
                    tried.append((priced.score(other), free | {edge}, other))
        best = max(tried, key=lambda each: each[0], default=None)
        if best is None or best[0] <= priced.score(genotype):
            return genotype
        _, free, genotype = best


def _edges(space: SearchSpace) -> Iterator[tuple[str, int]]:
    return ((kind, row) for kind in space.cell_kinds for row in range(len(space.cell.edges)))

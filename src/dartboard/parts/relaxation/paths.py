"""Relaxations that run few operations in a step: whole architectures drawn uniformly, and binary gates."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Generator, Tensor
from typing_extensions import override

from dartboard.devices.sending import send
from dartboard.parts.drawing import draw_uniformly
from dartboard.parts.relaxation.deterministic import Softmax, live_softmax
from dartboard.parts.relaxation.protocol import Cells, Columns, Draw, PerCell, RelaxedCell, SmallStart
from dartboard.space import CellGenotype

__all__ = ["BinaryGates", "UniformPaths"]


@dataclass(frozen=True)
class UniformPaths(PerCell):
    """Each weight step runs one architecture, drawn uniformly among those that a search can end with.

    Its operations have the gate 1, and only they are run. Paper: random search with weight sharing (Li and Talwalkar,
    arXiv:1902.07638), section 3.2; SETN (arXiv:1910.05733).

    Attributes:
        learning: makes the gates of the alpha steps and the mean gates, which mix all operations.
    """

    learning: Softmax = field(default_factory=Softmax)
    sums_to_one = True
    draws = True
    draws_whole = True

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        return self.learning.initial_alpha(cell, generator)

    @override
    def lean(self, alpha: Tensor, cell: RelaxedCell, discrete: CellGenotype, lead: float) -> Tensor:
        return self.learning.lean(alpha, cell, discrete, lead)

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        if of_alpha:
            return self.learning.draw(alpha, cell, generator, of_alpha=True)
        chosen = draw_uniformly(cell.topology, cell.selectable_columns, generator)
        active = tuple((chosen[row],) if row in chosen else () for row in range(len(cell.topology.edges)))
        gates = [[float(column in columns) for column in range(len(cell.ops))] for columns in active]
        return Draw(send(torch.tensor(gates, dtype=alpha.dtype), alpha.device), active)

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        return self.learning.mean_gates(alpha, cell)


@dataclass(frozen=True)
class BinaryGates(SmallStart):
    """One operation of each edge has the gate 1, all others 0; alpha learns which one is best (ProxylessNAS).

    A weight step runs one operation of each edge, drawn from p = softmax(alpha). In the alpha step the gates pass their
    gradient on to p as if they were p: d loss / d alpha_i = sum over j of (d loss / d gate_j) p_j (delta_ij - p_i).
    An edge passes no gradient on if the operation with its gate 1 is `none`, as in the authors' code.

    Paper: arXiv:1812.00332, section 3.2.

    Attributes:
        mode: which operations an alpha step runs. "two" draws two different operations of each edge from p and runs
            these two. A softmax q over their two alphas replaces p: the operation with the gate 1 is drawn from q, and
            `settle` corrects alpha after the update. "full" runs all operations. The authors' "full_v2" is left out: it
            has the gradient of "full" and the memory of one path, but takes one pass for every operation and would need
            a backward pass of its own in every cell.
    """

    mode: Literal["two", "full"] = "two"
    sums_to_one = True
    draws = True

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        """Gates of 0 and 1. The draw waits for the device, as the CPU must know which operations are run."""
        shares = live_softmax(alpha, cell)
        if not of_alpha:
            path = _drawn(shares, 1, generator)
            return Draw(_marked(path, cell).to(alpha), path)
        active = None
        if self.mode == "two":
            active = _drawn(shares, 2, generator)
            shares = live_softmax(alpha, cell, _marked(active, cell))
        path = _drawn(shares, 1, generator)
        learns = torch.tensor([[all(cell.ops[column] != "none" for column in columns)] for columns in path])
        learning = send(learns, alpha.device, alpha.dtype) * (shares - shares.detach())
        return Draw(_marked(path, cell).to(alpha) + learning, active)

    @override
    @contextmanager
    def settling(
        self, alphas: Mapping[str, Tensor], cells: Cells, active: Mapping[str, Columns] | None
    ) -> Iterator[None]:
        ran = active or {}
        before = {kind: alphas[kind].detach().clone() for kind in ran}
        yield
        with torch.no_grad():
            for kind, columns in ran.items():
                alphas[kind].copy_(self.settle(before[kind], alphas[kind], cells[kind], columns))

    def settle(self, before: Tensor, after: Tensor, cell: RelaxedCell, active: Columns | None) -> Tensor:
        """Alpha after its update, with the same shift added to both drawn operations of an edge, (edges, operations).

        The shift restores the pair's log sum exp from before the update. So the operations that were not drawn keep
        their shares (arXiv:1812.00332, section 3.2).

        Args:
            before: alpha before the update, (edges, operations).
            after: alpha after the update, (edges, operations).
            cell: the cells that have this alpha.
            active: the operations that the alpha step ran; None: all.
        """
        if self.mode == "full" or active is None:
            return after
        drawn = _marked(active, cell)
        old, new = (_log_sum_exp(alpha / cell.temperature, drawn) for alpha in (before, after))
        return after - cell.temperature * (new - old)[:, None] * drawn

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """The probabilities p = softmax(alpha / temperature), (edges, operations)."""
        return live_softmax(alpha, cell)

    def log_probability(self, alpha: Tensor, cell: RelaxedCell, path: Columns) -> Tensor:
        """Log of the probability that a weight step draws this path, a scalar; edges without an operation add 0."""
        drawn = _marked(path, cell)
        chances = (live_softmax(alpha, cell) * drawn).sum(dim=1)
        return torch.where(drawn.any(dim=1), chances, 1.0).log().sum()


def _drawn(shares: Tensor, count: int, generator: Generator) -> tuple[tuple[int, ...], ...]:
    """For every edge `count` different columns, drawn from its shares without replacement; fewer if it has fewer.

    The columns with the largest log share + Gumbel noise are such a draw (Gumbel-top-k, arXiv:1903.06059).
    """
    logits = shares.detach().cpu().log()
    ranked = (logits - torch.empty_like(logits).exponential_(generator=generator).log()).topk(
        min(count, logits.shape[1]), dim=1
    )
    return tuple(
        tuple(column for value, column in zip(*row, strict=True) if value != -torch.inf)
        for row in zip(ranked.values.tolist(), ranked.indices.tolist(), strict=True)
    )


def _marked(columns: Columns, cell: RelaxedCell) -> Tensor:
    """Which entries are among the columns of their edge, (edges, operations), bool."""
    marks = torch.tensor([[column in chosen for column in range(len(cell.ops))] for chosen in columns])
    return send(marks, cell.live.device)


def _log_sum_exp(alpha: Tensor, drawn: Tensor) -> Tensor:
    return alpha.masked_fill(~drawn, torch.finfo(alpha.dtype).min).logsumexp(dim=1)

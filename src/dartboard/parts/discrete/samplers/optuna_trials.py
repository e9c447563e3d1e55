"""Members of a pool as trials of Optuna: an architecture becomes one categorical parameter for each of its decisions.

Optuna is the extra `optuna` and takes a moment to import, so every function imports it when it is called.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import torch

from dartboard.parts.selection import make_genotype
from dartboard.space import CellGenotype, Choice, Genotype, SearchSpace

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = [
    "decision_values",
    "distributions",
    "genotype_of",
    "member_trial",
    "missing_optuna",
    "new_study",
]

Values = Mapping[str, str | int]
"""Decision -> what was decided: the operation of a place, or the node that it reads."""


def missing_optuna(what: str) -> str:
    """Why something cannot be done without Optuna, as a sentence without a full stop; empty where it is installed."""
    if find_spec("optuna") is not None:
        return ""
    return f"{what} needs Optuna, which is not installed; install it with: pip install 'dartboard[optuna]'"


def decisions(space: SearchSpace) -> dict[str, tuple[str | int, ...]]:
    """Every decision of an architecture, and what can be decided.

    Where a node keeps all edges, each edge has one decision: its operation. Where it keeps some, each place of the
    node has two: the node that it reads, and the operation.

    Args:
        space: the space of the architectures.
    """
    found: dict[str, tuple[str | int, ...]] = {}
    for kind, node, place, sources in _places(space):
        rows = [space.cell.row(node, source) for source in sources]
        columns = sorted({column for row in rows for column in space.selectable_on(kind, row)})
        if len(sources) > 1:
            found[f"{kind} {node}.{place} from"] = sources
        found[f"{kind} {node}.{place}"] = tuple(space.ops[column] for column in columns)
    return {name: values for name, values in found.items() if len(values) > 1}


def decision_values(genotype: Genotype, space: SearchSpace) -> dict[str, str | int]:
    """What an architecture decides, and what is decided for it; `genotype_of` reads it back.

    Args:
        genotype: of the form that searches give (`check_genotype(..., exact=True)`).
        space: its space.
    """
    cells = {kind: _by_node(cell) for kind, cell in genotype.cells}
    values: dict[str, str | int] = {}
    for kind, node, place, _ in _places(space):
        choice = cells[kind][node][place]
        values |= {f"{kind} {node}.{place} from": choice.source, f"{kind} {node}.{place}": choice.op}
    return values


def genotype_of(values: Values, space: SearchSpace, generator: torch.Generator) -> Genotype:
    """The architecture of some decisions, repaired where they are none.

    A place that would read a node twice reads one that is free, drawn at random; an operation that an edge does not
    have is drawn anew.

    Args:
        values: decision -> what was decided.
        space: the space of the architecture.
        generator: on the CPU.
    """
    cells: dict[str, list[Choice]] = {kind: [] for kind in space.cell_kinds}
    for kind, node, place, sources in _places(space):
        used = {choice.source for choice in cells[kind] if choice.target == node}
        wanted = int(values.get(f"{kind} {node}.{place} from", sources[0]))
        free = [source for source in sources if source not in used]
        source = wanted if wanted in free else free[int(torch.randint(len(free), (), generator=generator))]
        allowed = [space.ops[column] for column in space.selectable_on(kind, space.cell.row(node, source))]
        op = str(values.get(f"{kind} {node}.{place}", allowed[0]))
        if op not in allowed:
            op = allowed[int(torch.randint(len(allowed), (), generator=generator))]
        cells[kind].append(Choice(node, source, op))
    return make_genotype(space, {kind: sorted(choices) for kind, choices in cells.items()})


def distributions(space: SearchSpace) -> dict[str, "BaseDistribution"]:
    """The decisions of a space as parameters of Optuna."""
    from optuna.distributions import CategoricalDistribution

    return {name: CategoricalDistribution(values) for name, values in decisions(space).items()}


def new_study(
    sampler: "BaseSampler", directions: Sequence[Literal["minimize", "maximize"]], trials: Sequence["FrozenTrial"]
) -> "Study":
    """A study in memory that has seen some trials.

    Args:
        sampler: what proposes the next trial.
        directions: "maximize" or "minimize" for each value.
        trials: what has been evaluated, in order.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=sampler, directions=list(directions))
    study.add_trials(trials)
    return study


def member_trial(
    genotype: Genotype,
    values: Sequence[float] | None,
    space: SearchSpace,
    parameters: Mapping[str, "BaseDistribution"],
) -> "FrozenTrial":
    """An architecture of the pool as a trial.

    Args:
        genotype: the architecture.
        values: what it is worth; None if that is not known yet.
        space: its space.
        parameters: `distributions(space)`.
    """
    from optuna.trial import TrialState, create_trial

    decided = decision_values(genotype, space)

    return create_trial(
        state=TrialState.RUNNING if values is None else TrialState.COMPLETE,
        values=None if values is None else list(values),
        params={name: decided[name] for name in parameters},
        distributions=dict(parameters),
    )


def _places(space: SearchSpace) -> Iterator[tuple[str, int, int, tuple[int, ...]]]:
    """Cell kind, node, place of an edge among those that the node keeps, and the nodes that the place may read."""
    for kind in space.cell_kinds:
        for node in space.cell.nodes:
            kept = space.cell.edges_per_node
            if kept is None or kept >= node:
                yield from ((kind, node, source, (source,)) for source in range(node))
            else:
                yield from ((kind, node, place, tuple(range(node))) for place in range(kept))


def _by_node(cell: CellGenotype) -> dict[int, list[Choice]]:
    nodes: dict[int, list[Choice]] = {}
    for choice in sorted(cell.choices):
        nodes.setdefault(choice.target, []).append(choice)
    return nodes

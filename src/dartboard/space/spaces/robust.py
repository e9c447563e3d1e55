"""The reduced DARTS spaces S1 to S4 of RobustDARTS (Zela et al. 2020, arXiv:1909.09656), in which DARTS fails."""

from dataclasses import replace

from dartboard.space.spaces.darts import CellInputs, Inputs, Kinds, Nodes, darts
from dartboard.space.spaces.search_space import SearchSpace, space

__all__ = ["robust_s1", "robust_s2", "robust_s3", "robust_s4"]

_PAPER = "arXiv:1909.09656"

_SHORT = {
    "m3": "max_pool_3x3",
    "a3": "avg_pool_3x3",
    "id": "skip_connect",
    "s3": "sep_conv_3x3",
    "d3": "dil_conv_3x3",
    "d5": "dil_conv_5x5",
}

_S1 = {
    "normal": "id-d3 id-d5 | id-d5 id-s3 id-d3 | m3-id id-s3 id-s3 id-d3 | id-s3 m3-id id-d3 d3-d5 d3-d5",
    "reduce": "m3-a3 m3-d3 | m3-a3 m3-a3 id-d5 | m3-a3 m3-s3 id-d3 id-d5 | m3-a3 m3-a3 id-d5 id-d5 id-d5",
}
"""The operations of every edge: nodes separated by `|`, predecessors ascending, as in the authors' code."""


def _edges(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_SHORT[short] for short in pair.split("-")) for pair in text.replace("|", "").split())


def _reduced(whole: SearchSpace, name: str, *ops: str) -> SearchSpace:
    """DARTS cells with these operations on every edge."""
    return replace(whole, name=name, ops=ops, normalized_ops=whole.normalized_ops & set(ops))


@space("robust-s1", paper=_PAPER)
def robust_s1(inputs: Inputs = 2) -> SearchSpace:
    """DARTS cells with two operations per edge: those that DARTS likes best on that edge.

    Args:
        inputs: edges that a node of a discrete cell keeps, or "all".
    """
    ops = ("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3", "dil_conv_5x5")
    return replace(
        _reduced(darts(inputs=inputs), "robust-s1", *ops), edge_ops={kind: _edges(text) for kind, text in _S1.items()}
    )


@space("robust-s2", paper=_PAPER)
def robust_s2(nodes: Nodes = 4, inputs: Inputs = 2, kinds: Kinds = 2, cell_inputs: CellInputs = 2) -> SearchSpace:
    """DARTS cells with skip connections and 3x3 separable convolutions.

    Args:
        nodes: computed nodes of a cell.
        inputs: edges that a node of a discrete cell keeps, or "all".
        kinds: kinds of cells, 2 or 1.
        cell_inputs: cells before it that a cell reads, 2 or 1.
    """
    return _reduced(darts(nodes, inputs, kinds, cell_inputs), "robust-s2", "skip_connect", "sep_conv_3x3")


@space("robust-s3", paper=_PAPER)
def robust_s3(nodes: Nodes = 4, inputs: Inputs = 2, kinds: Kinds = 2, cell_inputs: CellInputs = 2) -> SearchSpace:
    """DARTS cells with skip connections, 3x3 separable convolutions and, while searching, none.

    Args:
        nodes: computed nodes of a cell.
        inputs: edges that a node of a discrete cell keeps, or "all".
        kinds: kinds of cells, 2 or 1.
        cell_inputs: cells before it that a cell reads, 2 or 1.
    """
    return _reduced(darts(nodes, inputs, kinds, cell_inputs), "robust-s3", "none", "skip_connect", "sep_conv_3x3")


@space("robust-s4", paper=_PAPER)
def robust_s4(nodes: Nodes = 4, inputs: Inputs = 2, kinds: Kinds = 2, cell_inputs: CellInputs = 2) -> SearchSpace:
    """DARTS cells with 3x3 separable convolutions and noise.

    Args:
        nodes: computed nodes of a cell.
        inputs: edges that a node of a discrete cell keeps, or "all".
        kinds: kinds of cells, 2 or 1.
        cell_inputs: cells before it that a cell reads, 2 or 1.
    """
    return _reduced(darts(nodes, inputs, kinds, cell_inputs), "robust-s4", "noise", "sep_conv_3x3")

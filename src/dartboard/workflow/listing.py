"""What there is to choose from: methods and spaces as plain data."""

import inspect
from typing import Any

from dartboard.parts import METHODS
from dartboard.registry import Entry
from dartboard.space import SPACES, SearchSpace
from dartboard.supernet import describe_forms

__all__ = ["describe_methods", "describe_spaces"]


def describe_methods() -> list[dict[str, Any]]:
    """The registered search methods: name, summary, paper, options with their defaults."""
    return [{**_describe(entry), "options": _defaults(entry)} for entry in METHODS]


def describe_spaces() -> list[dict[str, Any]]:
    """The registered search spaces: name, summary, paper, options, what a cell can be, how the fast engine runs it."""
    return [{**_describe(entry), "options": _defaults(entry), **_describe_cell(entry.factory())} for entry in SPACES]


def _describe(entry: Entry[Any]) -> dict[str, str]:
    return {"name": entry.name, "summary": entry.summary, "paper": entry.paper}


def _defaults(entry: Entry[Any]) -> dict[str, Any]:
    return {name: option.default for name, option in inspect.signature(entry.factory).parameters.items()}


def _describe_cell(space: SearchSpace) -> dict[str, Any]:
    return {
        "cells": list(space.cell_kinds),
        "operations": list(space.ops),
        **({"operations of edges": _describe_edges(space)} if space.edge_ops else {}),
        "architectures": space.num_architectures,
        "fast engine": describe_forms(space),
        "edges": [f"{edge.source}->{edge.target}" for edge in space.cell.edges],
        "edges kept per node": space.cell.edges_per_node or "all",
    }


def _describe_edges(space: SearchSpace) -> dict[str, list[str]]:
    return {
        kind: [
            f"{edge.source}->{edge.target} {'|'.join(space.ops_on(kind, row))}"
            for row, edge in enumerate(space.cell.edges)
        ]
        for kind in space.edge_ops
    }

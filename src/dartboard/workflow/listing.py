"""What there is to choose from, as plain data: the methods, the spaces and all else that can be registered."""

from collections.abc import Callable, Mapping
from typing import Any

from dartboard.registry import REGISTRIES, Entry
from dartboard.settings.presets import Preset
from dartboard.space import SearchSpace
from dartboard.supernet import describe_forms

__all__ = ["list_registered"]


def list_registered(kind: str) -> list[dict[str, Any]]:
    """Everything of one kind, in the order of the names: name, summary, paper, options with their defaults.

    Of a space also what its cells can be, and how the fast engine runs them; of a preset the space and the method that
    it is made for.

    Args:
        kind: a key of `REGISTRIES`.
    """
    shelf = REGISTRIES[kind]
    return [
        {
            "name": entry.name,
            "summary": entry.summary,
            "paper": entry.paper,
            **({"options": entry.options} if shelf.options else {}),
            **(_FURTHER[kind](entry) if kind in _FURTHER else {}),
        }
        for entry in shelf.open()
    ]


def _describe_space(entry: Entry[Callable[..., SearchSpace]]) -> dict[str, Any]:
    space = entry.factory()
    return {
        "cells": list(space.cell_kinds),
        "operations": list(space.ops),
        **({"operations of edges": _describe_edges(space)} if space.edge_ops else {}),
        "architectures": space.num_architectures,
        "fast engine": describe_forms(space),
        "edges": [f"{edge.source}->{edge.target}" for edge in space.cell.edges],
        "edges kept per node": space.cell.edges_per_node or "all",
    }


def _describe_preset(entry: Entry[Preset]) -> dict[str, Any]:
    return {"space": entry.factory.space, "method": entry.factory.method}


def _describe_edges(space: SearchSpace) -> dict[str, list[str]]:
    return {
        kind: [
            f"{edge.source}->{edge.target} {'|'.join(space.ops_on(kind, row))}"
            for row, edge in enumerate(space.cell.edges)
        ]
        for kind in space.edge_ops
    }


_FURTHER: Mapping[str, Callable[[Entry[Any]], dict[str, Any]]] = {
    "spaces": _describe_space,
    "presets": _describe_preset,
}
"""Kind -> further facts of one entry."""

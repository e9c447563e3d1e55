"""Lists of registered things, such as methods and spaces, as plain data."""

from collections.abc import Callable, Mapping
from typing import Any

from dartboard.registry import Entry, leaving_out
from dartboard.settings.presets import Preset
from dartboard.shelves import REGISTRIES
from dartboard.space import SearchSpace
from dartboard.supernet import describe_forms

__all__ = ["list_registered"]


def list_registered(kind: str) -> list[dict[str, Any]]:
    """All registered things of one kind, sorted by name: name, summary, paper, group, options with their defaults.

    What another package has registered is left out, with a warning, if it fails. A space also has its possible cells
    and their form in the fast engine; a preset also has the space and the method that it is made for.

    Args:
        kind: a key of `REGISTRIES`.
    """
    shelf = REGISTRIES[kind]
    registry = shelf.open()
    listed = []
    for entry in registry:
        with leaving_out(registry.kind, entry.name, entry.place):
            listed.append(
                {
                    "name": entry.name,
                    "summary": entry.summary,
                    "paper": entry.paper,
                    **({"group": shelf.heading(entry.group)} if shelf.groups else {}),
                    **({"options": entry.options} if shelf.options else {}),
                    **(_FURTHER[kind](entry) if kind in _FURTHER else {}),
                }
            )
    return listed


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
"""Kind of registered thing -> function that gives further facts of one entry."""

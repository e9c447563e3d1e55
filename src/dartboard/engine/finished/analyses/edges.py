"""Edges by the names that people give them."""

from collections.abc import Sequence

from dartboard.errors import SettingsError
from dartboard.space import SearchSpace

__all__ = ["find_edges"]


def find_edges(wanted: str | Sequence[str], space: SearchSpace) -> list[tuple[str, int]]:
    """The edges called so: cell kind and row of each, in the order of the space.

    Args:
        wanted: "all", or names with commas between them or in a list: "normal:0-2" is the edge from node 0 to node 2 of
            normal cells, "0-2" that of every kind of cells, "normal" all edges of these.
        space: the search space.

    Raises:
        SettingsError: there is no such edge.
    """
    every = [(kind, row) for kind in space.cell_kinds for row in range(len(space.cell.edges))]
    names = wanted.split(",") if isinstance(wanted, str) else wanted
    found: set[tuple[str, int]] = set()
    for name in (text.strip() for text in names):
        own = [edge for edge in every if name in ("all", *_names(*edge, space))]
        if not own:
            kind, row = every[0]
            raise SettingsError(
                f"there is no edge '{name}' in the space {space.name}; say all, or name edges as in "
                f"{_names(kind, row, space)[0]} (kind of cells, node that it leaves, node that it enters; the kinds "
                f"are {', '.join(space.cell_kinds)}, and `dartboard spaces --verbose` lists the edges)."
            )
        found.update(own)
    return [edge for edge in every if edge in found]


def _names(kind: str, row: int, space: SearchSpace) -> tuple[str, str, str]:
    edge = space.cell.edges[row]
    ends = f"{edge.source}-{edge.target}"
    return f"{kind}:{ends}", ends, kind

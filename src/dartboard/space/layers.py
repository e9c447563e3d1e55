"""Layer-wise networks: every block is a kind of cell of its own, whose name tells where it stands."""

import re
from collections.abc import Sequence

__all__ = ["block_kinds", "stage_lengths"]

_KIND = re.compile(r"stage-(\d+)-block-(\d+)")


def block_kinds(lengths: Sequence[int]) -> tuple[str, ...]:
    """Names of the blocks, stage by stage.

    Args:
        lengths: blocks of every stage.

    >>> block_kinds((1, 2))
    ('stage-1-block-1', 'stage-2-block-1', 'stage-2-block-2')
    """
    return tuple(
        f"stage-{stage}-block-{block}" for stage, length in enumerate(lengths, 1) for block in range(1, length + 1)
    )


def stage_lengths(kinds: Sequence[str]) -> tuple[int, ...]:
    """Blocks of every stage, read from their names; empty where the kinds are not those of a layer-wise network."""
    found = [_KIND.fullmatch(kind) for kind in kinds]
    stages = [int(match[1]) for match in found if match]
    lengths = tuple(stages.count(stage) for stage in range(1, max(stages, default=0) + 1))
    return lengths if block_kinds(lengths) == tuple(kinds) else ()

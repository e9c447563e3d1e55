"""Selections that draw at random draw again what no image passes, and say so."""

import torch

from dartboard.parts import UniformlyRandom
from dartboard.parts.drawing import cell_choices, draw_uniformly
from dartboard.parts.selection import make_genotype
from dartboard.parts.selection.trying import told_in_vain
from dartboard.space import Genotype, SearchSpace, get_space, lets_images_through

NB201 = get_space("nas-bench-201")


def once(space: SearchSpace, generator: torch.Generator) -> Genotype:
    """An architecture drawn uniformly from the whole space."""
    drawn = {kind: draw_uniformly(space.cell, space.selectable_columns(kind), generator) for kind in space.cell_kinds}
    return make_genotype(space, {kind: cell_choices(space, chosen) for kind, chosen in drawn.items()})


def test_what_is_drawn_is_the_first_of_the_stream_that_lets_images_through() -> None:
    again = 0
    for seed in range(200):
        stream = torch.Generator().manual_seed(seed)
        wanted, before = once(NB201, stream), 0
        while not lets_images_through(NB201, wanted):
            wanted, before = once(NB201, stream), before + 1
        assert UniformlyRandom().draw(NB201, torch.Generator().manual_seed(seed)) == (wanted, before)
        again += before
    assert again > 0, "no seed of this test draws again"


def test_a_space_through_which_nothing_passes_ends_the_drawing() -> None:
    from dataclasses import replace

    blind = replace(NB201, ops=("none",), name="blind")
    genotype, before = UniformlyRandom().draw(blind, torch.Generator())
    assert genotype.operation_counts == {"none": 6}
    assert before == 1000


def test_the_sentence_counts() -> None:
    assert told_in_vain(1).startswith("Nothing of the images passes through 1 architecture that was drawn")
    assert told_in_vain(2).startswith("Nothing of the images passes through 2 architectures that were drawn")

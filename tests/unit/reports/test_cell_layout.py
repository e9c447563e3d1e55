from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dartboard.reports.drawings.cell_layout import place_cell
from dartboard.space.genotype import CellGenotype, Choice, parse_genotype

from .made_up import DARTS_V2, NAS_BENCH_201

OPERATIONS = ("none", "skip_connect", "sep_conv_3x3", "an_operation_with_a_long_name")

ATTENTION = ("", "bam", "attention_with_a_name_longer_than_the_operations")


@st.composite
def cells(draw):
    """Any cell: one or two inputs, one to five nodes, any predecessors, also twice the same or none at all."""
    num_inputs, num_nodes = draw(st.integers(1, 2)), draw(st.integers(1, 5))
    choices = [
        Choice(target, source, draw(st.sampled_from(OPERATIONS)), draw(st.sampled_from(ATTENTION)))
        for target in range(num_inputs, num_inputs + num_nodes)
        for source in draw(st.lists(st.integers(0, target - 1), max_size=3))
    ]
    return CellGenotype(tuple(choices), tuple(range(num_inputs, num_inputs + num_nodes)))


def overlap(first, second):
    return (
        abs(first.x - second.x) < (first.width + second.width) / 2
        and abs(first.y - second.y) < (first.height + second.height) / 2
    )


@settings(max_examples=15)
@given(cells())
def test_no_label_node_or_passing_edge_overlaps_another_one(cell):
    layout = place_cell(cell)
    assert not [pair for pair in combinations(layout.boxes, 2) if overlap(*pair)]


@settings(max_examples=15)
@given(cells())
def test_everything_lies_inside_the_drawing(cell):
    layout = place_cell(cell)
    for box in layout.boxes:
        assert box.width / 2 <= box.x <= layout.width - box.width / 2
        assert box.height / 2 <= box.y <= layout.height - box.height / 2


@settings(max_examples=15)
@given(cells())
def test_every_edge_runs_from_left_to_right_through_every_column_between_its_ends(cell):
    layout = place_cell(cell)
    assert len(layout.routes) == len(cell.choices) + len(cell.outputs)
    for route in layout.routes:
        assert all(end.column == start.column + 1 for start, end in pairwise(route.boxes))


@pytest.mark.parametrize("text", [DARTS_V2, NAS_BENCH_201])
def test_published_cells_fit_a_page_of_960_units_without_shrinking(text):
    for _, cell in parse_genotype(text).cells:
        assert place_cell(cell).width <= 960


def test_inputs_stand_leftmost_and_the_output_rightmost():
    layout = place_cell(parse_genotype(DARTS_V2)["normal"])
    assert [box.kind for box in layout.columns[0]] == ["input", "input"]
    assert [box.kind for box in layout.columns[-1]] == ["output"]


def test_nodes_that_have_left_are_neither_drawn_nor_taken_for_inputs():
    cell = CellGenotype((Choice(3, 0, "sep_conv_3x3"), Choice(5, 3, "none"), Choice(5, 3, "skip_connect")), (3, 5))
    layout = place_cell(cell, num_inputs=2)
    assert [box.label for box in layout.boxes if box.kind == "input"] == ["0", "1"]
    assert [box.label for box in layout.boxes if box.kind == "node"] == ["3", "5"]
    assert len(layout.routes) == 5
    assert not [pair for pair in combinations(layout.boxes, 2) if overlap(*pair)]

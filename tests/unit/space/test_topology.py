import pytest

from dartboard.space import CellTopology, Edge, get_space


def test_darts_cells_have_fourteen_edges_in_the_order_of_every_alpha() -> None:
    cell = get_space("darts").cell
    assert len(cell.edges) == 14
    assert [cell.incoming(node)[0] for node in cell.nodes] == [0, 2, 5, 9]
    assert [(edge.target, edge.source) for edge in cell.edges[:5]] == [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]


def test_nas_bench_201_cells_have_six_edges_in_the_order_of_the_string() -> None:
    cell = get_space("nas-bench-201").cell
    assert [(edge.target, edge.source) for edge in cell.edges] == [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]


@pytest.mark.parametrize(("inputs", "nodes"), [(1, 1), (1, 3), (2, 4), (2, 7), (3, 2)])
def test_every_node_receives_every_earlier_node_once(inputs: int, nodes: int) -> None:
    cell = CellTopology(inputs, nodes, output="concat", projects_inputs=True, edges_per_node=2)
    for node in cell.nodes:
        assert [cell.edges[row].source for row in cell.incoming(node)] == list(range(node))
        assert {cell.edges[row].target for row in cell.incoming(node)} == {node}
    assert sum(len(cell.incoming(node)) for node in cell.nodes) == len(cell.edges)
    assert list(cell.edges) == sorted(cell.edges)


def test_input_nodes_receive_nothing() -> None:
    assert get_space("darts").cell.incoming(0) == get_space("darts").cell.incoming(1) == ()


def test_edges_are_ordered_by_target_then_source() -> None:
    assert sorted([Edge(3, 0), Edge(2, 1), Edge(3, 2), Edge(2, 0)]) == [Edge(2, 0), Edge(2, 1), Edge(3, 0), Edge(3, 2)]


@pytest.mark.parametrize(("space", "multiplier"), [("darts", 4), ("nas-bench-201", 1)])
def test_joined_nodes_multiply_the_channels(space: str, multiplier: int) -> None:
    assert get_space(space).cell.output_multiplier == multiplier

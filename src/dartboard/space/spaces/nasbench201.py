"""The NAS-Bench-201 topology space (Dong and Yang 2020, arXiv:2001.00326)."""

from dartboard.space.skeleton import NasBench201Skeleton
from dartboard.space.spaces.darts import Nodes
from dartboard.space.spaces.search_space import SearchSpace, space
from dartboard.space.topology import CellTopology

__all__ = ["nas_bench_201"]


@space("nas-bench-201", paper="arXiv:2001.00326")
def nas_bench_201(nodes: Nodes = 3) -> SearchSpace:
    """NAS-Bench-201 cells: 6 edges, 5 operations, 15,625 architectures.

    Args:
        nodes: computed nodes of a cell; n of them have n (n + 1) / 2 edges. The benchmark's tables are for 3 alone.
    """
    return SearchSpace(
        name="nas-bench-201",
        ops=("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"),
        cell=CellTopology(num_inputs=1, num_nodes=nodes, output="last", projects_inputs=False, edges_per_node=None),
        skeleton=NasBench201Skeleton(),
        normalized_ops=frozenset(),
        reference_size=(16, 5),
        small_size=(16, 1),
        family="nas-bench-201",
    )

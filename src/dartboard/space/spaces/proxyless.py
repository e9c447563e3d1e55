"""The layer-wise space of ProxylessNAS (Cai, Zhu and Han 2019, arXiv:1812.00332)."""

from typing import Literal

from dartboard.space.mobile_skeleton import MobileSkeleton
from dartboard.space.spaces.search_space import SearchSpace, space
from dartboard.space.topology import CellTopology

__all__ = ["Shortcut", "proxyless", "proxyless_fairnas19"]

_BLOCKS = tuple(f"mbconv_{kernel}x{kernel}_e{expansion}" for kernel in (3, 5, 7) for expansion in (3, 6))


Shortcut = Literal["candidate", "unconditional"]
"""What the shortcut of a block is in a supernet (`MobileSkeleton`)."""


@space("proxyless", paper="arXiv:1812.00332")
def proxyless(shortcut: Shortcut = "candidate") -> SearchSpace:
    """ProxylessNAS: 21 inverted residual blocks with alphas of their own, 6 operations and, in 15 blocks, no block.

    `skip_connect` leaves a block out. Where gates are independent, as in Fair DARTS, its gate learns only if the
    shortcut of the block is a part of the candidates; where they sum to one, both forms are the same.
    """
    return _layer_wise("proxyless", MobileSkeleton(shortcut=shortcut))


@space("proxyless-fairnas19", paper="arXiv:1911.12126")
def proxyless_fairnas19(shortcut: Shortcut = "candidate") -> SearchSpace:
    """ProxylessNAS with 2 blocks in the first stage, 19 in all: the layout of FairNAS, as searched by Fair DARTS.

    Fair DARTS did not publish how it divides the blocks among the stages; later reimplementations use this layout.
    """
    return _layer_wise("proxyless-fairnas19", MobileSkeleton((2, 4, 4, 4, 4, 1), shortcut))


def _layer_wise(name: str, skeleton: MobileSkeleton) -> SearchSpace:
    """A space whose blocks are cells of one edge; a block without a shortcut cannot be left out."""
    return SearchSpace(
        name=name,
        ops=(*_BLOCKS, "skip_connect"),
        cell=CellTopology(num_inputs=1, num_nodes=1, output="last", projects_inputs=False, edges_per_node=None),
        skeleton=skeleton,
        normalized_ops=frozenset(),
        reference_size=(24, skeleton.fewest_layers),
        small_size=(16, skeleton.fewest_layers),
        edge_ops={kind: (_BLOCKS,) for kind in skeleton.cell_kinds if kind.endswith("-block-1")},
    )

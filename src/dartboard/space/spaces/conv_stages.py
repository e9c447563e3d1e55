"""A layer-wise space of dense convolutions for small images and CPUs, around the network of the CIFAR-10 speed runs."""

from typing import Annotated

from pydantic import Field

from dartboard.space.spaces.search_space import SearchSpace, space
from dartboard.space.stage_skeleton import StageSkeleton
from dartboard.space.topology import CellTopology

__all__ = ["Blocks", "Growth", "conv_stages"]

Blocks = Annotated[int, Field(ge=1, le=8)]
"""How many blocks a stage may have."""

Growth = Annotated[int, Field(ge=1, le=16)]
"""How many times as wide as the first stage the others may be."""

_FIRST = ("dense_3x3", "dense_5x5", "pool_dense_3x3", "residual_3x3", "bottleneck_3x3")
_FURTHER = (
    "dense_3x3",
    "residual_3x3",
    "bottleneck_3x3",
    "dense_3x3_relu",
    "dense_1x1",
    "mbconv_3x3_e3",
    "skip_connect",
)


@space("conv-stages", paper="arXiv:2404.00498")
def conv_stages(blocks: Blocks = 3, growth: Growth = 4) -> SearchSpace:
    """Three stages of dense convolutions with alphas of their own; whitened, the network of the CIFAR-10 speed runs.

    The macro-architecture and the dense blocks are those of airbench (Jordan 2024, arXiv:2404.00498), which is a
    member: `conv-stages-by-hand`. The other operations are from ResNets (arXiv:1512.03385) and MobileNetV2
    (arXiv:1801.04381); no paper searched this space.

    Args:
        blocks: blocks of every stage; all but the first can be left out.
        growth: how many times as wide as the first stage the other two are.
    """
    skeleton = StageSkeleton(blocks, (1, growth, growth))
    firsts = {kind for kind in skeleton.cell_kinds if kind.endswith("-block-1")}
    return SearchSpace(
        name="conv-stages",
        ops=tuple(dict.fromkeys(_FIRST + _FURTHER)),
        cell=CellTopology(num_inputs=1, num_nodes=1, output="last", projects_inputs=False, edges_per_node=None),
        skeleton=skeleton,
        normalized_ops=frozenset(),
        reference_size=(64, skeleton.fewest_layers),
        small_size=(32, skeleton.fewest_layers),
        edge_ops={kind: (_FIRST if kind in firsts else _FURTHER,) for kind in skeleton.cell_kinds},
        known="conv-stages-by-hand" if (blocks, growth) == (3, 4) else None,
        resnet="conv-stages-resnet" if (blocks, growth) == (3, 4) else None,
        short_recipe=True,
    )

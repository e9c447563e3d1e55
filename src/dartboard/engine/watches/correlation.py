"""How far the gradients on the two halves of the images agree where the operations of an edge meet."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.data import Batch
from dartboard.engine.stage import StageSearch
from dartboard.engine.watches.protocol import Chart, Probes, Seen, Watch, mean_step, watch
from dartboard.runs import SearchEpoch
from dartboard.supernet import ReferenceSupernet

__all__ = ["Arrived", "GradientCorrelation", "arrivals", "gradient_correlation", "watched_correlation"]


class Arrived(NamedTuple):
    """What a batch leaves at a node: one row for every image.

    Attributes:
        gradients: of the sum of the losses at the map of the node, (batch, channels, height, width).
        inputs: for every edge into the node, the map that the edge reads, (batch, channels, height, width).
    """

    gradients: Tensor
    inputs: Sequence[Tensor]


def gradient_correlation(one: Arrived, other: Arrived, *, kernel: bool = False) -> float:
    """The sum over pairs of images of <g, g'> <x', x>, over all edges into the node (arXiv:2108.08128, eq. 8).

    It is the inner product of what both batches would do to the weights of operations, if these acted as matrices on
    the whole flattened map.

    Args:
        one: of a batch.
        other: of another batch, at the same node.
        kernel: take operations as 1x1 convolutions instead, as matrices that act on every position alike.
    """
    total = 0.0
    for x, other_x in zip(one.inputs, other.inputs, strict=True):
        if kernel:
            total += float((_outer(one.gradients, x) * _outer(other.gradients, other_x)).sum())
        else:
            gradients = one.gradients.flatten(1).double() @ other.gradients.flatten(1).double().T
            total += float((gradients * (x.flatten(1).double() @ other_x.flatten(1).double().T)).sum())
    return total


def _outer(gradients: Tensor, x: Tensor) -> Tensor:
    """Sum over images and positions of g x^T, (channels of g, channels of x); strided edges skip every other pixel."""
    height, width = gradients.shape[-2:]
    stride = 1 if (height, width) == x.shape[-2:] else 2
    read = x[..., ::stride, ::stride][..., :height, :width]
    return torch.einsum("bchw,bdhw->cd", gradients.double(), read.double())


@dataclass
class _Nodes:
    """Keeps the maps of the nodes of some cells."""

    blocks: Sequence[int]
    states: dict[int, Sequence[Tensor]] = field(default_factory=dict)

    def edge(self, block: int, row: int, x: Tensor, outputs: Mapping[str, Tensor], mixed: Tensor) -> None:
        """Single edges do not matter here."""

    def cell(self, block: int, states: Sequence[Tensor]) -> None:
        """Keep the maps."""
        if block in self.blocks:
            self.states[block] = states


def arrivals(search: StageSearch, batch: Batch, blocks: Sequence[int]) -> dict[tuple[int, int], Arrived]:
    """What a batch leaves at every node of some cells that edges lead to: (block, node) -> gradients and inputs."""
    supernet, cell, nodes = search.supernet, search.problem.space.cell, _Nodes(blocks)
    gates, active = mean_step(search)
    with torch.enable_grad():
        logits = supernet(batch.images, gates, active, reader=nodes)
        places = [(block, node) for block in blocks for node in cell.nodes]
        loss = functional.cross_entropy(logits, batch.labels, reduction="sum")
        maps = [nodes.states[block][node] for block, node in places]
        gradients = torch.autograd.grad(loss, maps, materialize_grads=True)
    found = {}
    for (block, node), gradient in zip(places, gradients, strict=True):
        sources = [cell.edges[row].source for row in cell.incoming(node)]
        found[block, node] = Arrived(gradient, [nodes.states[block][source].detach() for source in sources])
    return found


@dataclass(frozen=True)
class GradientCorrelation(Watch):
    """Compares the gradients of a batch of alpha and a batch of the weights in the first, middle and last cell.

    Operations with weights are favoured by alpha where the weights have just moved down the gradient of like images. If
    the gradients of the two batches have nothing in common, these operations look like noise, and operations without
    weights win. Where alpha and weights learn from one batch, it is compared with itself.

    Paper: Single-DARTS, arXiv:2108.08128, equation 8.

    Attributes:
        kernel: take operations as 1x1 convolutions, not as matrices on the whole map.
    """

    kernel: bool = False

    title = "Gradient correlation of the halves"
    charts = (
        Chart(
            "Correlation of the gradients of a batch of alpha and a batch of the weights, by node of the first, the "
            "middle and the last cell, as a share of what each has with itself: 1 is full agreement, 0 is none. Alpha "
            "favours operations with weights only while the gradients agree.",
            "share",
            {"share *": "*"},
        ),
        Chart(
            "The same before it is divided, mean over pairs of images. With one batch for alpha and weights it is "
            "never negative, while the share is 1 always.",
            "correlation per pair",
            {"correlation *": "*"},
        ),
    )

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:  # noqa: ARG002
        """Two passes forward and backward."""
        supernet = search.supernet
        assert isinstance(supernet, ReferenceSupernet)
        cells = [block for block, _ in supernet.cells()]
        blocks = sorted({cells[0], cells[len(cells) // 2], cells[-1]})
        (validation,), (training,) = probes.validation(), probes.training()
        of_alpha = arrivals(search, validation, blocks)
        of_weights = of_alpha if validation is training else arrivals(search, training, blocks)
        pairs = len(validation.images) * len(training.images)
        figures: dict[str, float | None] = {}
        for (block, node), one in of_alpha.items():
            other = of_weights[block, node]
            value = gradient_correlation(one, other, kernel=self.kernel)
            own = [gradient_correlation(each, each, kernel=self.kernel) for each in (one, other)]
            scale, place = math.sqrt(own[0] * own[1]), f"cell {cells.index(block) + 1} node {node}"
            figures[f"share {place}"] = value / scale if scale > 0 else None
            figures[f"correlation {place}"] = value / pairs
        return Seen(figures)


@watch("gradient-correlation", paper="arXiv:2108.08128")
def watched_correlation(*, kernel: bool = False) -> GradientCorrelation:
    """How far the gradients on both halves of the images agree, in three cells.

    Args:
        kernel: take operations as 1x1 convolutions, not as matrices on the whole map.
    """
    return GradientCorrelation(kernel)

"""The planted problem: parameter-free operations, and a teacher cell that a search must find on every edge.

An image is one vector of 8 numbers for each input of the cell. An operation moves, negates or clears these numbers. A
node is the sum of its edges' outputs. The label of an image is the position of the largest number in the output of the
teacher's cell. The only weights of a student are a scale and a shift per class. A student with the teacher's operations
and the right weights makes no mistake.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from dartboard.data import Batch, Batches
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, run_search
from dartboard.parts import Recipe
from dartboard.runs import Length, Observer, RunDirectory
from dartboard.space import CellTopology, SearchSpace
from dartboard.space.skeleton import NasBench201Skeleton
from dartboard.supernet import Active, SkipDropout

__all__ = [
    "PLANTED",
    "PLANTED_FAN",
    "PLANTED_PAIRS",
    "Planted",
    "PlantedBatches",
    "PlantedSupernet",
    "ScaledPlantedSupernet",
    "search_planted",
]

SIZE = 8
OPERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": torch.zeros_like,
    "skip_connect": lambda x: x,
    "reverse": lambda x: x.flip(-1),
    "roll": lambda x: x.roll(1, -1),
    "negate": torch.neg,
}


@dataclass(frozen=True)
class Planted:
    """A planted problem.

    Attributes:
        space: the search space.
        teacher: the right operation of every edge; "none" for an edge that the teacher's cell lacks.
    """

    space: SearchSpace
    teacher: tuple[str, ...]

    def run_cell(
        self,
        images: Tensor,
        gates: Mapping[str, Tensor],
        active: Active | None = None,
        skip_dropout: SkipDropout | None = None,
    ) -> Tensor:
        """Images, (batch, inputs, 1, SIZE), and the other arguments of a supernet -> output, (batch, SIZE)."""
        cell, states = self.space.cell, list(images.squeeze(2).unbind(dim=1))
        masks = torch.ones(len(cell.edges), len(images), SIZE)
        if skip_dropout is not None:
            masks = skip_dropout.begin(images.device).draw(len(cell.edges), images[:, :1], 1).flatten(2)
        every = range(len(OPERATIONS))
        for node in cell.nodes:
            arriving = [
                run_edge(
                    row,
                    states[cell.edges[row].source],
                    gates,
                    masks[row],
                    every if active is None else active["cell"][row],
                )
                for row in cell.incoming(node)
            ]
            states.append(torch.stack(arriving).sum(dim=0))
        if "cell.end" in gates:  # each attention operation at the end dims as those of edges do
            states[-1] = (gates["cell.end"] * torch.linspace(1, 0.5, len(gates["cell.end"]))).sum() * states[-1]
        return states[-1]


def run_edge(row: int, x: Tensor, gates: Mapping[str, Tensor], mask: Tensor, active: Sequence[int]) -> Tensor:
    """The output of an edge, with everything that mixings may add to it; `mask` multiplies the identity's output."""
    mixed = torch.zeros_like(x)
    for column, (name, operation) in enumerate(OPERATIONS.items()):
        if column in active:
            mixed = mixed + gates["cell"][row, column] * (mask * x if name == "skip_connect" else operation(x))
    if "cell.auxiliary" in gates:
        mixed = mixed + gates["cell.auxiliary"][row] * x
    if "cell.attention" in gates:  # each attention operation multiplies the output by a smaller factor than the last
        dimming = torch.linspace(1, 0.5, gates["cell.attention"].shape[1])
        mixed = (gates["cell.attention"][row] * dimming).sum() * mixed
    if "cell.offset" in gates:
        mixed = mixed + gates["cell.offset"][row]
    if "cell.edges" not in gates:
        return mixed
    weights = gates["cell.edges"]
    return (weights[row] if weights.dim() == 1 else weights[:, row, None]) * mixed


def planted_space(name: str, num_inputs: int, num_nodes: int, edges_per_node: int | None) -> SearchSpace:
    return SearchSpace(
        name=name,
        ops=tuple(OPERATIONS),
        cell=CellTopology(num_inputs, num_nodes, output="last", projects_inputs=False, edges_per_node=edges_per_node),
        skeleton=NasBench201Skeleton(),
        normalized_ops=frozenset(),
        reference_size=(1, 1),
        small_size=(1, 1),
    )


PLANTED = Planted(planted_space("planted", 1, 2, None), ("roll", "skip_connect", "reverse"))
"""Every edge is kept: 1<-0, 2<-0 and 2<-1."""

PLANTED_PAIRS = Planted(planted_space("planted-pairs", 4, 1, 2), ("roll", "none", "skip_connect", "none"))
"""The one node keeps two of its four edges: 4<-0 and 4<-2."""


PLANTED_FAN = Planted(planted_space("planted-fan", 3, 1, None), ("roll", "skip_connect", "reverse"))
"""Every edge is kept, and no edge starts where another ends: 3<-0, 3<-1 and 3<-2."""


class PlantedSupernet(nn.Module):
    """The relaxed cell, then a scale and a shift per class."""

    def __init__(self, planted: Planted) -> None:
        super().__init__()
        self.planted = planted
        self.scale = nn.Parameter(torch.ones(SIZE))
        self.shift = nn.Parameter(torch.zeros(SIZE))

    def forward(
        self,
        images: Tensor,
        gates: Mapping[str, Tensor],
        active: Active | None = None,
        skip_dropout: SkipDropout | None = None,
    ) -> Tensor:
        """Images, (batch, inputs, 1, SIZE), and the other arguments of a supernet -> logits, (batch, SIZE)."""
        return self.planted.run_cell(images, gates, active, skip_dropout) * self.scale + self.shift

    def tapped(
        self,
        images: Tensor,
        gates: Mapping[str, Tensor],
        active: Active | None = None,
        skip_dropout: SkipDropout | None = None,
        _noise_seed: int = 0,
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits, (batch, SIZE), and the only inner feature map: the output of the cell, (batch, SIZE)."""
        cell = self.planted.run_cell(images, gates, active, skip_dropout)
        return cell * self.scale + self.shift, [cell]

    def make_heads(self) -> list[nn.Module]:
        """A classifier for each inner feature map."""
        return [nn.Linear(SIZE, SIZE)]


class ScaledPlantedSupernet(PlantedSupernet):
    """A planted supernet in which every operation of every edge has its own weights, for methods with a hypernetwork.

    The output of an operation is multiplied by the mean of its weights, divided by their root mean square. So the size
    of the weights does not matter, as if a batch norm followed.
    """

    def __init__(self, planted: Planted) -> None:
        super().__init__(planted)
        shape = len(OPERATIONS), SIZE
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(shape)) for _ in planted.space.cell.edges)

    @property
    def candidate_weights(self) -> dict[str, list[dict[str, str]]]:
        """Cell kind -> for each cell a mapping: name within the cell -> name in the supernet."""
        return {"cell": [{name: name for name, _ in self.named_parameters() if name.startswith("scales.")}]}

    def forward(
        self,
        images: Tensor,
        gates: Mapping[str, Tensor],
        active: Active | None = None,
        skip_dropout: SkipDropout | None = None,
    ) -> Tensor:
        """Images, (batch, inputs, 1, SIZE), and the other arguments of a supernet -> logits, (batch, SIZE)."""
        scales = torch.stack(list(self.scales))
        factors = scales.mean(dim=-1) / scales.square().mean(dim=-1).sqrt()
        return super().forward(images, {**gates, "cell": gates["cell"] * factors}, active, skip_dropout)


class PlantedBatches:
    """Endless fresh images, labelled by the teacher.

    Args:
        planted: the problem.
        length: number of batches in an epoch.
        batch_size: number of images in a batch.
    """

    def __init__(self, planted: Planted, length: int, batch_size: int = 32) -> None:
        self.planted, self.length, self.batch_size = planted, length, batch_size

    def __len__(self) -> int:
        return self.length

    def enlarged(self, images: int) -> "PlantedBatches":
        """The same with `images` more images in every batch."""
        return PlantedBatches(self.planted, self.length, self.batch_size + images)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        """The batches of an epoch."""
        return islice(self.forever(generator), self.length)

    def forever(self, generator: torch.Generator) -> Iterator[Batch]:
        """Batches without end."""
        right = torch.tensor([[float(name == chosen) for name in OPERATIONS] for chosen in self.planted.teacher])
        while True:
            images = torch.randn(self.batch_size, self.planted.space.cell.num_inputs, 1, SIZE, generator=generator)
            yield Batch(images, self.planted.run_cell(images, {"cell": right}).argmax(dim=1))

    def in_order(self) -> Iterator[Batch]:
        """The same two batches at every call, on which a supernet is scored."""
        return islice(self.forever(torch.Generator().manual_seed(0)), 2)


def search_planted(
    planted: Planted,
    recipe: Recipe,
    folder: Path,
    seed: int,
    *,
    epochs: int = 2,
    steps: int = 20,
    settings: SearchSettings | None = None,
) -> tuple[str, ...]:
    """Search the planted problem with the real search loop.

    Args:
        planted: the problem.
        recipe: the method.
        folder: folder of the run.
        seed: seed of the search.
        epochs: number of epochs.
        steps: steps of every epoch, on batches of 32 images.
        settings: learning rates and the like; None: the defaults.

    Returns:
        The operation that the search ends with on every edge, in the order of `Planted.teacher`; "none" on edges that
        it drops.
    """
    batches = cast(Batches, PlantedBatches(planted, steps))  # has everything that a search uses of Batches
    given = SearchBatches(batches, batches, batches)
    kind = ScaledPlantedSupernet if recipe.hypernetwork else PlantedSupernet
    problem = SearchProblem(planted.space, lambda _: kind(planted), lambda _: given, torch.device("cpu"))
    with RunDirectory(folder) as run:
        settings, length = settings or SearchSettings(), Length(epochs, steps)
        genotype = run_search(problem, recipe, settings, run, length=length, seed=seed, observer=Observer())
    found = {(choice.target, choice.source): choice.op for choice in genotype["cell"].choices}
    return tuple(found.get((edge.target, edge.source), "none") for edge in planted.space.cell.edges)

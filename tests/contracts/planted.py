"""The planted problem: parameter-free operations, and a teacher cell that a search must find on every edge.

Images are vectors of 8 numbers. An operation moves them about; a cell adds what its edges give, and a label is the
position of the largest number that the teacher's cell puts out. A student whose gates are the teacher's operations,
and whose only weights (a scale and a shift per class) are right, makes no mistake.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from dartboard.data import Batch
from dartboard.runs import Observer, RunDirectory
from dartboard.search import Recipe, SearchBatches, SearchLength, SearchProblem, SearchSettings, run_search
from dartboard.space import CellTopology, SearchSpace
from dartboard.space.skeleton import NasBench201Skeleton

__all__ = [
    "PLANTED_SPACE",
    "TEACHER",
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
TEACHER = ("roll", "skip_connect", "reverse")
"""The right operation of the edges 1<-0, 2<-0 and 2<-1."""

PLANTED_SPACE = SearchSpace(
    name="planted",
    ops=tuple(OPERATIONS),
    cell=CellTopology(num_inputs=1, num_nodes=2, output="last", projects_inputs=False, edges_per_node=None),
    skeleton=NasBench201Skeleton(),
    normalized_ops=frozenset(),
    reference_size=(1, 1),
    small_size=(1, 1),
)


def run_cell(x: Tensor, gates: Mapping[str, Tensor]) -> Tensor:
    """(batch, SIZE) and gates by name, as a supernet takes them, -> (batch, SIZE)."""
    states = [x]
    for node in PLANTED_SPACE.cell.nodes:
        rows = PLANTED_SPACE.cell.incoming(node)
        arriving = [run_edge(row, states[PLANTED_SPACE.cell.edges[row].source], gates) for row in rows]
        states.append(torch.stack(arriving).sum(dim=0))
    return states[-1]


def run_edge(row: int, x: Tensor, gates: Mapping[str, Tensor]) -> Tensor:
    """An edge with everything that mixings may add to it."""
    outputs = torch.stack([operation(x) for operation in OPERATIONS.values()])
    mixed = (gates["cell"][row][:, None, None] * outputs).sum(dim=0)
    if "cell.auxiliary" in gates:
        mixed = mixed + gates["cell.auxiliary"][row] * x
    if "cell.attention" in gates:  # each operation dims the output a little more than the one before
        dimming = torch.linspace(1, 0.5, gates["cell.attention"].shape[1])
        mixed = (gates["cell.attention"][row] * dimming).sum() * mixed
    return gates["cell.edges"][row] * mixed if "cell.edges" in gates else mixed


class PlantedSupernet(nn.Module):
    """The relaxed cell, then a scale and a shift per class."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(SIZE))
        self.shift = nn.Parameter(torch.zeros(SIZE))

    def forward(self, images: Tensor, gates: Mapping[str, Tensor]) -> Tensor:
        return run_cell(images.flatten(1), gates) * self.scale + self.shift


class ScaledPlantedSupernet(PlantedSupernet):
    """Every operation of every edge has weights of its own, for methods that make such weights.

    Their mean over their root mean square multiplies the operation: as before a batch norm, their size does not matter.
    """

    def __init__(self) -> None:
        super().__init__()
        shape = len(OPERATIONS), SIZE
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(shape)) for _ in PLANTED_SPACE.cell.edges)

    @property
    def candidate_weights(self) -> dict[str, list[dict[str, str]]]:
        return {"cell": [{name: name for name, _ in self.named_parameters() if name.startswith("scales.")}]}

    def forward(self, images: Tensor, gates: Mapping[str, Tensor]) -> Tensor:
        scales = torch.stack(list(self.scales))
        factors = scales.mean(dim=-1) / scales.square().mean(dim=-1).sqrt()
        return super().forward(images, {**gates, "cell": gates["cell"] * factors})


class PlantedBatches:
    """Endless fresh images, labelled by the teacher."""

    def __init__(self, length: int, batch_size: int = 32) -> None:
        self.length, self.batch_size = length, batch_size

    def __len__(self) -> int:
        return self.length

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        return islice(self.forever(generator), self.length)

    def forever(self, generator: torch.Generator) -> Iterator[Batch]:
        right = torch.tensor([[float(name == chosen) for name in OPERATIONS] for chosen in TEACHER])
        while True:
            images = torch.randn(self.batch_size, 1, 1, SIZE, generator=generator)
            yield Batch(images, run_cell(images.flatten(1), {"cell": right}).argmax(dim=1))

    def in_order(self) -> Iterator[Batch]:
        return islice(self.forever(torch.Generator().manual_seed(0)), 2)


def search_planted(recipe: Recipe, folder: Path, seed: int, *, epochs: int = 2, steps: int = 20) -> tuple[str, ...]:
    """Run the real search; the operations it ends with, in the order of `TEACHER`."""
    batches = PlantedBatches(steps)
    given = SearchBatches(batches, batches, batches)
    supernet = ScaledPlantedSupernet if recipe.hypernetwork else PlantedSupernet
    problem = SearchProblem(PLANTED_SPACE, lambda _: supernet(), lambda _: given, torch.device("cpu"))
    with RunDirectory(folder) as run:
        genotype = run_search(
            problem, recipe, SearchSettings(), run, length=SearchLength(epochs, steps), seed=seed, observer=Observer()
        )
    return tuple(choice.op for choice in genotype["cell"].choices)

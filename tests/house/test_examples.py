"""The example in one file is the library's DARTS, written without the library; here both walk the same path."""

import ast
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.data import Batch
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, run_search
from dartboard.parts import Softmax
from dartboard.parts.recipe import make_recipe
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.runs import Length, Observer, RunDirectory
from dartboard.space import NetworkPlan, get_space, parse_genotype
from dartboard.space.skeleton import CellPlace
from dartboard.supernet import ReferenceSupernet, SupernetSpec

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "darts_in_one_file.py"
CHANNELS, CELLS, CLASSES, EPOCHS, STEPS = 4, 2, 3, 3, 4
SPACE = get_space("nas-bench-201")


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("darts_in_one_file", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Given:
    """Batches made beforehand, the same in every epoch."""

    batches: Sequence[Batch]

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, _generator: torch.Generator) -> Iterator[Batch]:
        return iter(self.batches)

    def forever(self, _generator: torch.Generator) -> Iterator[Batch]:
        return cycle(self.batches)

    def in_order(self) -> Iterator[Batch]:
        return islice(self.batches, 1)


class StartingAt(Softmax):
    """A softmax whose alpha starts where it is told to."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        object.__setattr__(self, "start", start)

    def initial_alpha(self, _cell: RelaxedCell, _generator: torch.Generator) -> Tensor:
        return self.start.clone()


def batches(seed: int) -> Given:
    generator = torch.Generator().manual_seed(seed)
    return Given(
        [
            Batch(
                torch.randn(8, 1, 6, 6, generator=generator, dtype=torch.float64),
                torch.randint(CLASSES, (8,), generator=generator),
            )
            for _ in range(STEPS)
        ]
    )


def library_supernet() -> ReferenceSupernet:
    """The example's network as a plan of the library."""
    places = (CellPlace("cell", (CHANNELS,), (1,), CHANNELS, 1),) * CELLS
    plan = NetworkPlan(1, CLASSES, "cifar", CHANNELS, places, CHANNELS, False, None)
    return ReferenceSupernet(SupernetSpec(SPACE, plan)).double()


def test_the_example_and_the_library_take_the_same_steps(example: ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(0)
    alpha = 1e-3 * torch.randn(6, 5, dtype=torch.float64)
    theirs = library_supernet()
    ours = example.Supernet(1, CHANNELS, CELLS, CLASSES).double()
    with torch.no_grad():
        for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            own.copy_(other)
    weight_batches, alpha_batches = batches(1), batches(2)

    search = example.Search(ours, alpha.clone())
    for number in range(EPOCHS):
        search.epoch(number, EPOCHS, weight_batches.batches, alpha_batches.batches)

    recipe = replace(make_recipe("darts", {}), relaxation=StartingAt(alpha))
    given = SearchBatches(weight_batches, alpha_batches, alpha_batches)
    problem = SearchProblem(SPACE, lambda _: theirs, lambda _: given, torch.device("cpu"))
    with RunDirectory(tmp_path) as run:
        genotype = run_search(
            problem,
            recipe,
            SearchSettings(alpha_lr_factor=1.0),
            run,
            length=Length(EPOCHS, STEPS),
            seed=0,
            observer=Observer(),
        )
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    found = search.alpha.detach()
    # Alpha moves by about 3e-4 a step; both sum the same numbers in float64, in another order at most.
    torch.testing.assert_close(saved["alphas"]["cell"], found, rtol=0, atol=1e-6)
    assert (found - alpha).abs().mean() > 1e-3
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=1e-6)
    assert search.architecture() == genotype.to_text()


def test_the_example_names_operations_and_edges_as_the_library_does(example: ModuleType) -> None:
    assert SPACE.ops == example.OPERATIONS
    assert list(example.EDGES) == [(edge.target, edge.source) for edge in SPACE.cell.edges]


def test_the_example_searches_the_digits_and_prints_an_architecture(
    example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    found = example.main(epochs=1, batch_size=256)
    assert parse_genotype(found).space == "nas-bench-201"
    assert capsys.readouterr().out == f"epoch  1 of 1: {found}\n"


def test_the_example_is_one_short_file_without_dartboard() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    modules = {
        (node.module or "").partition(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert modules == {"collections", "math", "sklearn", "torch"}
    assert len(text.splitlines()) < 160

"""Searches that run only what they draw: when alpha steps, where it ends, and which weights rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from dartboard.data import Batch
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, SupernetRequest, run_search
from dartboard.engine.state import SearchState
from dartboard.parts import AdamUpdate, BinaryGates, Concrete, FirstOrder, Recipe, SparseAlpha, Unrolled
from dartboard.parts.gradient.problem import Bilevel
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.parts.rules.protocol import Rule
from dartboard.runs import Length, Observer, RunDirectory
from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, SupernetSpec
from dartboard.testing import PLANTED, PlantedBatches, PlantedSupernet
from unit.engine.test_loop import Fixed

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Counted(FirstOrder):
    """Counts its calls."""

    calls: list[int] = field(default_factory=list)

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        self.calls.append(1)
        return super().__call__(problem)


@dataclass(frozen=True)
class Watched(BinaryGates):
    """Keeps what every update was and became."""

    seen: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)

    def settle(
        self, before: Tensor, after: Tensor, cell: RelaxedCell, active: Sequence[Sequence[int]] | None
    ) -> Tensor:
        settled = super().settle(before, after, cell, active)
        assert active is not None
        assert all(len(pair) == 2 for pair in active)
        self.seen.append((before.clone(), after.clone(), settled.clone()))
        return settled


@dataclass(frozen=True)
class BothWays(FirstOrder):
    """Keeps the gradient of an unrolled step found in either way."""

    found: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        exact, difference = (Unrolled(way, radius=1e-3)(problem)["cell"] for way in ("exact", "finite-difference"))
        self.found.append((exact, difference))
        return super().__call__(problem)


@dataclass(frozen=True)
class Keep(Rule):
    """Calls back after every epoch."""

    look: Callable[[SearchState], None]

    def after_epoch(self, search: SearchState) -> None:
        self.look(search)


def search(folder: Path, recipe: Recipe, *, epochs: int, steps: int) -> None:
    given = SearchBatches(*[PlantedBatches(PLANTED, steps)] * 3)
    problem = SearchProblem(PLANTED.space, lambda _: PlantedSupernet(PLANTED), lambda _: given, CPU)
    run(folder, problem, recipe, Length(epochs, steps))


def run(folder: Path, problem: SearchProblem, recipe: Recipe, length: Length) -> None:
    with RunDirectory(folder) as directory:
        run_search(problem, recipe, SearchSettings(), directory, length=length, seed=0, observer=Observer())


def test_alpha_steps_before_the_first_and_every_third_batch_of_an_epoch(tmp_path: Path) -> None:
    gradient = Counted()
    counts: list[int] = []
    rules = (SparseAlpha(3), Keep(lambda _: counts.append(len(gradient.calls))))
    search(tmp_path, Recipe(gradient=gradient, update=AdamUpdate(), rules=rules), epochs=2, steps=7)
    assert counts == [3, 6]


def test_a_difference_of_losses_is_not_one_of_draws(tmp_path: Path) -> None:
    gradient = BothWays()
    search(tmp_path, Recipe(Concrete(), gradient=gradient, update=AdamUpdate()), epochs=1, steps=3)
    assert len(gradient.found) == 3
    for exact, difference in gradient.found:
        torch.testing.assert_close(difference, exact, rtol=0.02, atol=0.02 * exact.abs().max().item())


def test_every_update_of_alpha_is_settled_and_alpha_goes_on_from_there(tmp_path: Path) -> None:
    relaxation, ends = Watched("two"), []
    rules = (Keep(lambda state: ends.append(state.copied_alphas()["cell"])),)
    search(tmp_path, Recipe(relaxation, gradient=FirstOrder(), update=AdamUpdate(0.03), rules=rules), epochs=2, steps=3)
    assert len(relaxation.seen) == 6
    for (*_, settled), (before, *_) in zip(relaxation.seen, relaxation.seen[1:], strict=False):
        assert torch.equal(before, settled)
    assert torch.equal(ends[-1], relaxation.seen[-1][2])
    assert any(not torch.equal(after, settled) for _, after, settled in relaxation.seen)


def test_weights_of_operations_that_were_never_drawn_rest_and_may_join_later(tmp_path: Path) -> None:
    space = get_space("nas-bench-201")
    plan = space.plan(in_channels=1, num_classes=3, init_channels=4, layers=1)
    started: dict[str, Tensor] = {}
    resting: list[set[str]] = []

    def make_supernet(_: SupernetRequest) -> nn.Module:
        torch.manual_seed(0)
        supernet = FusedSupernet(SupernetSpec(space, plan))
        started.update({name: weight.detach().clone() for name, weight in supernet.named_parameters()})
        return supernet

    def look(state: SearchState) -> None:
        moved = {name for name, weight in state.weights.items() if weight in state.weight_optimizer.state}
        resting.append(set(state.weights) - moved)
        for name, weight in state.weights.items():
            assert torch.equal(weight, started[name]) == (name in resting[-1])

    images = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    given = SearchBatches(*[Fixed([Batch(images, torch.arange(3))])] * 3)
    recipe = Recipe(BinaryGates(), gradient=FirstOrder(), update=AdamUpdate(), rules=(Keep(look),))
    problem = SearchProblem(space, make_supernet, lambda _: given, CPU)
    run(tmp_path, problem, recipe, Length(4, 1))
    assert len(resting[0]) > len(resting[-1]) > 0
    assert all(name.startswith("backbone.blocks") and ".edges." in name for name in resting[0])

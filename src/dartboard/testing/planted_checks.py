"""Checks that a method finds the planted operations, and that the gradient of alpha finds them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from dartboard.parts import Recipe
from dartboard.parts.discrete import Pool
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.parts.update import Update
from dartboard.testing.cases import MethodCase
from dartboard.testing.contract import Contract, for_each
from dartboard.testing.planted import search_planted
from dartboard.testing.planted_table import search_planted_table

__all__ = ["PlantedContract", "finds_planted"]


def finds_planted(case: MethodCase, folder: Path, seed: int, recipe: Recipe | None = None) -> bool:
    """Whether a search finds the planted operation of every edge.

    Args:
        case: the method.
        folder: folder of the run.
        seed: seed of the search.
        recipe: replaces the recipe `MethodCase.planted_recipe`; None: that one.
    """
    planted, epochs = case.planted_problem, case.num_planted_epochs
    return search_planted(planted, recipe or case.planted_recipe, folder, seed, epochs=epochs) == planted.teacher


class PlantedContract(Contract):
    """Every seed finds the planted operations, and no seed finds them with a zero or reversed gradient of alpha.

    A method that trains no supernet finds the planted best architecture of a table instead.

    Attributes:
        methods: the methods to test.
        seeds: seeds of the searches.
        wrong_seeds: seeds of the searches with a wrong gradient.
    """

    methods: ClassVar[Sequence[MethodCase]] = ()
    seeds: ClassVar[Sequence[int]] = (0, 1)
    wrong_seeds: ClassVar[Sequence[int]] = (0,)

    def kept_by(self) -> Iterable[MethodCase]:
        """The cases of the methods."""
        return self.methods

    @for_each(
        "case, seed", lambda own: [(case, seed) for case in own.methods if case.heeds_labels for seed in own.seeds]
    )
    def test_it_finds_the_planted_operation_of_every_edge(self, case: MethodCase, seed: int, tmp_path: Path) -> None:
        """In `PLANTED` there are five operations on each of three edges; the search takes a few dozen steps."""
        found = finds_planted(case, tmp_path, seed)
        assert found, f"{case.name} misses planted operations in {case.num_planted_epochs} epochs, seed {seed}"

    @for_each(
        "case, seed", lambda own: [(case, seed) for case in own.methods if case.recipe.discrete for seed in own.seeds]
    )
    def test_a_search_without_a_supernet_finds_the_best_of_a_table(
        self, case: MethodCase, seed: int, tmp_path: Path
    ) -> None:
        """The table has 125 architectures, and one is planted; a table turned around leads away from it."""
        found, planted = search_planted_table(case.planted_recipe, tmp_path / "right", seed)
        assert found == planted, f"{case.name} misses the planted architecture, seed {seed}"
        if Pool.read(tmp_path / "right").exhausted:
            return  # it has seen everything, and so it would in any other table
        away, _ = search_planted_table(case.planted_recipe, tmp_path / "turned", seed, turned=True)
        assert not set(away["cell"].choices) & set(planted["cell"].choices), f"{case.name} finds what is worst"

    @for_each(
        "case, factor", lambda own: [(case, factor) for case in own.methods if case.learns_alpha for factor in (0, -1)]
    )
    def test_no_seed_finds_what_is_planted_by_a_zero_or_flipped_gradient(
        self, case: MethodCase, factor: float, tmp_path: Path
    ) -> None:
        """This shows that alpha finds the operations, and not luck or the selection."""
        wrong = _with_scaled_update(case.planted_recipe, factor)
        lucky = [seed for seed in self.wrong_seeds if finds_planted(case, tmp_path / str(seed), seed, wrong)]
        assert not lucky, f"{case.name} finds the planted operations with {factor} times the gradient, seeds {lucky}"


class _Scaled:
    """Wraps another update, and first multiplies its gradients by a factor."""

    def __init__(self, update: Update, factor: float) -> None:
        self._update, self._factor = update, factor
        self.grad_clip, self.on_simplex = update.grad_clip, update.on_simplex
        self.lr, self.follows_length = update.lr, update.follows_length

    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:
        optimizer = self._update.optimizer(alphas, cells)
        optimizer.register_step_pre_hook(lambda *_: self._scale(alphas))
        return optimizer

    def _scale(self, alphas: Mapping[str, Tensor]) -> None:
        for alpha in alphas.values():
            assert alpha.grad is not None
            alpha.grad = self._factor * alpha.grad


def _with_scaled_update(recipe: Recipe, factor: float) -> Recipe:
    """The same recipe, with gradients multiplied by a factor in every stage."""
    assert recipe.update is not None
    earlier = tuple(replace(stage, recipe=_with_scaled_update(stage.recipe, factor)) for stage in recipe.earlier)
    return replace(recipe, update=_Scaled(recipe.update, factor), earlier=earlier)

"""A search that has ended, taken up again from its checkpoint without touching it."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dartboard.engine.problem import SearchProblem
from dartboard.engine.schedule import stage_spans
from dartboard.engine.settings import SearchSettings
from dartboard.engine.stage import StageSearch
from dartboard.engine.state import brought_up_to_date
from dartboard.parts.recipe import Recipe
from dartboard.runs import Length, RunDirectory, SearchEpoch, derive_seed, make_generator

__all__ = ["FinishedSearch", "snapshot_epochs"]


def snapshot_epochs(snapshots: int, epochs: int) -> tuple[int, ...]:
    """The epochs after which a search keeps a snapshot: at equal distances, the last one at its end.

    >>> snapshot_epochs(5, 50), snapshot_epochs(5, 3)
    ((10, 20, 30, 40, 50), (1, 2, 3))
    """
    return tuple(sorted({max(1, round(epochs * number / snapshots)) for number in range(1, snapshots + 1)}))


class FinishedSearch:
    """A finished search, whose weights and alphas can be copied to new stages as often as needed.

    Args:
        problem: as in the search.
        recipe: of the search.
        settings: as in the search.
        source: of the search, which has a checkpoint; nothing in it is changed.
        length: of the search.
        seed: of the search.
        checkpoint: name of the checkpoint: that at the end, or a snapshot.

    Attributes:
        source: run directory of the search.
        method: recipe of the whole search.
        settings: of the search.
        length: of the search.
        recipe: of the stage in which the search ended.
        stage: that stage, as the search left it; what looks at it must not change it.
        epochs: what the epochs of the search recorded.
        seed: of the search.

    Raises:
        CheckpointError: the checkpoint cannot be used.
    """

    def __init__(
        self,
        problem: SearchProblem,
        recipe: Recipe,
        settings: SearchSettings,
        source: RunDirectory,
        *,
        length: Length,
        seed: int,
        checkpoint: str = "search",
    ) -> None:
        self.problem, self.method, self.source, self.seed = problem, recipe, source, seed
        self.settings, self.length = settings, length
        self.epochs = tuple(event for event in source.events.read() if isinstance(event, SearchEpoch))
        trained = source.load_checkpoint(checkpoint, "search")
        with source.restoring(checkpoint):
            assert trained is not None
            trained = brought_up_to_date(trained, problem.space.name)
            number, self._live = trained["stage"], trained["live"]
            self.recipe = recipe.stages[number].recipe
            span = stage_spans([stage.share for stage in recipe.stages], length.epochs)[number]
            self.stage = StageSearch(problem, self.recipe, settings, number, span, length, seed, self._live)
            self.stage.state.load_state_dict(trained)

    def begin(self, recipe: Recipe, epochs: int, purpose: str) -> StageSearch:
        """A stage with a new, untrained supernet of the same form; `hand_over` copies weights and alphas into it.

        Schedules of the search, such as the size of a perturbation or the weight of a penalty, stay where they ended.

        Args:
            recipe: recipe of the stage, with the mixing of the search.
            epochs: epochs of the stage.
            purpose: name that the stage's random streams depend on, beside the seed of the search.
        """
        length, seed = Length(epochs, self.length.steps), derive_seed(self.seed, purpose)
        stage = StageSearch(self.problem, recipe, self.settings, 0, (0, epochs), length, seed, self._live)
        stage.state.goes_on = True
        return stage

    @property
    def mean_gates(self) -> dict[str, Tensor]:
        """The deterministic gates by which the selection has chosen, by name, on the CPU."""
        return self.stage.final_gates

    @property
    def drawable(self) -> dict[str, Tensor]:
        """Cell kind -> which operations were still searched at the end, (edges, operations), bool, on the CPU.

        An edge that the search has decided has only its operation left, and one that was given up has none.
        """
        architecture = self.stage.state.architecture
        found = {}
        for kind, cell in architecture.cells.items():
            active = architecture.active
            found[kind] = (cell.live if active is None else cell.marked(active[kind])).cpu()
        return found

    def hand_over(self, search: StageSearch) -> None:
        """Give a stage copies of weights and alphas; edges that the search has decided are open again."""
        search.take_over(self.stage, momentum=False)
        for group, trained in zip(_groups(search), _groups(self.stage), strict=False):
            group["lr"] = trained["lr"]  # however few epochs the stage has, alpha goes on as fast as in the search
        ended = self.stage.state.plan
        search.state.follow(
            replace(search.state.plan, decisions={}, temperature=ended.temperature, auxiliary_gate=ended.auxiliary_gate)
        )

    def generator(self, *purpose: str | int) -> torch.Generator:
        """A generator of random numbers for a purpose of its own, on the CPU."""
        return make_generator(self.seed, "analysis", *purpose)


def _groups(search: StageSearch) -> list[dict[str, Any]]:
    """The parameter groups of the optimiser of alpha, if there is one."""
    optimizer = search.state.alpha_optimizer
    return optimizer.param_groups if optimizer else []

"""Decided edges, scores, selections that try, and stages that go on where the one before ended."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, run_search
from dartboard.engine.state import SearchState
from dartboard.parts import AdamUpdate, FirstOrder, Recipe, Stage, StrongestEdges
from dartboard.parts.architecture import Architecture, StepGates, all_live
from dartboard.parts.rules import EpochPlan, Outcome, SearchView
from dartboard.parts.rules.protocol import Rule
from dartboard.parts.scoring import Scorer
from dartboard.parts.selection.protocol import Judged, Trained
from dartboard.runs import Event, Length, Observer, RunDirectory, SearchEpoch, SelectionDone
from dartboard.space import Genotype, SearchSpace, get_space
from dartboard.testing import PLANTED, PlantedBatches, PlantedSupernet

NONE = Generator()
CPU = torch.device("cpu")
SKIP, REVERSE = (PLANTED.space.ops.index(name) for name in ("skip_connect", "reverse"))


def decided() -> Architecture:
    """Edge 0 has a skip connection for good, edge 1 is given up, edge 2 still searches."""
    live = all_live(PLANTED.space, ["negate"])
    architecture = Architecture.of(Recipe(), PLANTED.space, live, CPU)
    return architecture.at(1.0, 1.0, {"cell": {0: "skip_connect", 1: None}})


def test_a_decided_edge_has_its_operation_whole_whatever_alpha_says_and_one_given_up_has_nothing() -> None:
    architecture = decided()
    alphas = {"cell": torch.randn(3, 5, requires_grad=True)}
    drawn = architecture.draw(alphas, NONE, of_alpha=True)
    assert drawn.gates["cell"][0].tolist() == [0, 1, 0, 0, 0]
    assert drawn.gates["cell"][1].tolist() == [0] * 5
    assert drawn.active == {"cell": [(SKIP,), (), (0, 1, 2, 3)]}
    assert torch.equal(architecture.mean_gates(alphas)["cell"], drawn.gates["cell"])
    assert architecture.active == drawn.active
    (slopes,) = torch.autograd.grad(drawn.gates["cell"].square().sum(), [alphas["cell"]])
    assert not slopes[:2].any()
    assert slopes[2].any()


def test_without_decisions_every_operation_is_run() -> None:
    architecture = Architecture.of(Recipe(), PLANTED.space, all_live(PLANTED.space), CPU)
    assert architecture.draw(architecture.initial_alphas(NONE), NONE, of_alpha=False).active is None
    assert architecture.active is None


def test_a_genotype_is_run_by_its_own_operations_alone() -> None:
    space = get_space("darts")
    architecture = Architecture.of(Recipe(), space, all_live(space), CPU)
    alphas = architecture.initial_alphas(torch.Generator().manual_seed(3))
    genotype = StrongestEdges()(space, architecture.mean_gates(alphas), NONE)
    drawn = architecture.of_genotype(genotype)
    assert drawn.active is not None
    for kind, cell in genotype.cells:
        assert sum(map(len, drawn.active[kind])) == len(cell.choices) == drawn.gates[kind].sum()
    assert StrongestEdges()(space, drawn.gates, NONE) == genotype


def test_the_teacher_scores_best_and_few_batches_are_enough_when_asked() -> None:
    architecture = Architecture.of(Recipe(), PLANTED.space, all_live(PLANTED.space), CPU)
    score = Scorer(PlantedSupernet(PLANTED), PlantedBatches(PLANTED, 2), CPU)
    teacher = StepGates({"cell": torch.tensor([[float(n == t) for n in PLANTED.space.ops] for t in PLANTED.teacher])})
    right = score(teacher)
    assert right is not None
    assert right.accuracy == 1.0
    uniform = score(StepGates(architecture.mean_gates({"cell": torch.zeros(3, 5)})))
    assert uniform is not None
    assert uniform.accuracy < 1.0
    assert uniform.loss > right.loss
    assert score(teacher, batches=0) is None


def search(recipe: Recipe, folder: Path, epochs: int) -> tuple[Genotype, list[Event], list[SearchState]]:
    """The genotype, the events, and the states that a spying rule saw."""
    states: list[SearchState] = []

    class Spy(Rule):
        def before_epoch(self, search: SearchState, plan: EpochPlan) -> EpochPlan:
            states.append(search)
            return plan

    given = SearchBatches(*[PlantedBatches(PLANTED, 5)] * 3)
    problem = SearchProblem(PLANTED.space, lambda _: PlantedSupernet(PLANTED), lambda _: given, CPU)
    with RunDirectory(folder) as run:
        genotype = run_search(
            problem,
            recipe.with_rules_first(Spy()),
            SearchSettings(),
            run,
            length=Length(epochs, 5),
            seed=0,
            observer=Observer(),
        )
        return genotype, run.events.read(), states


@dataclass(frozen=True)
class DecideFirstEdge(Rule):
    def after_epoch(self, search: SearchView) -> Outcome:
        return Outcome(plan=search.plan.decided("cell", 0, "reverse"))


def test_what_a_rule_decides_is_what_comes_out_and_survives_a_checkpoint(tmp_path: Path) -> None:
    recipe = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.03), rules=(DecideFirstEdge(),))
    genotype, _, states = search(recipe, tmp_path, epochs=2)
    assert genotype["cell"].choices[0].op == "reverse"
    fresh, saved = states[-1], states[-1].state_dict()
    fresh.follow(replace(fresh.plan, decisions={}))
    assert fresh.architecture.active is None
    fresh.load_state_dict(saved)
    assert fresh.architecture.active == {"cell": [(REVERSE,), (0, 1, 2, 3, 4), (0, 1, 2, 3, 4)]}


@pytest.mark.parametrize("leaves", ["nothing", "weights", "everything"])
def test_a_stage_goes_on_with_what_the_one_before_leaves(leaves: str, tmp_path: Path) -> None:
    first = Stage(
        Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.03), rules=(DecideFirstEdge(),)),
        share=0.5,
        leaves=leaves,  # type: ignore[arg-type]
    )
    seen: dict[str, object] = {}

    @dataclass(frozen=True)
    class Look(Rule):
        def before_epoch(self, state: SearchState, plan: EpochPlan) -> EpochPlan:
            weights = list(state.weights.values())
            seen.update(
                scale=weights[0].detach().clone(),
                alpha=state.alphas["cell"].detach().clone(),
                velocity=[state.weight_optimizer.state[w].get("momentum_buffer") for w in weights],
                decisions=dict(plan.decisions),
                adam=len(state.alpha_optimizer.state) if state.alpha_optimizer else 0,
            )
            return plan

    recipe = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.03), rules=(Look(),), earlier=(first,))
    _, _, states = search(recipe, tmp_path, epochs=2)
    before = states[0]
    went_on = leaves != "nothing"
    assert torch.equal(seen["scale"], next(iter(before.weights.values()))) == went_on  # type: ignore[arg-type]
    assert torch.equal(seen["alpha"], before.alphas["cell"]) == went_on  # type: ignore[arg-type]
    assert (seen["decisions"] == {"cell": {0: "reverse"}}) == went_on
    assert all(buffer is not None for buffer in seen["velocity"]) == (leaves == "everything")  # type: ignore[attr-defined]
    assert bool(seen["adam"]) == (leaves == "everything")


@dataclass(frozen=True)
class TryAll(StrongestEdges):
    """A selection that tries every operation of every edge in turn."""

    def judge(self, trained: Trained) -> Judged:
        best = StrongestEdges()(trained.space, trained.gates, trained.generator)
        score = trained.score(trained.architecture.of_genotype(best))
        assert score is not None
        return Judged(best, {"accuracy": score.accuracy, "steps": trained.steps})

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: Generator) -> Genotype:
        return super().__call__(space, {kind: -gate for kind, gate in gates.items()}, generator)


def test_a_selection_that_tries_has_the_last_word_and_tells_how(tmp_path: Path) -> None:
    recipe = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.03), selection=TryAll())
    genotype, events, _ = search(recipe, tmp_path, epochs=2)
    guesses = [event.genotype for event in events if isinstance(event, SearchEpoch)]
    (told,) = [event.figures for event in events if isinstance(event, SelectionDone)]
    assert genotype.to_json() != guesses[-1]
    assert told["steps"] == 10
    assert 0 <= told["accuracy"] <= 1

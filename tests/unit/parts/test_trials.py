"""Trials of a supernet without a part: numbers of images, ties, margins, steps between rounds, records of decisions."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.data import Batch
from dartboard.errors import SettingsError
from dartboard.parts import ByRemoval, Recipe
from dartboard.parts.architecture import Architecture, StepGates
from dartboard.parts.recipe import initial_live, make_recipe
from dartboard.parts.rules.perturbation import DecideByRemoval, num_rounds
from dartboard.parts.trials import Comparison, Trial, TrialImages, Trials, compare, trial_batch
from dartboard.runs import Contrast, DecisionMade, Observer, RunDirectory
from dartboard.session import search_genotype
from dartboard.space import SearchSpace, get_space
from dartboard.testing import open_small

from .test_edge_decisions import Table, make_state

DARTS, NAS_BENCH_201 = get_space("darts"), get_space("nas-bench-201")
CPU = torch.device("cpu")
WITHOUT_NONE = Recipe(only_selectable=True)
SKIP, SEP = DARTS.ops.index("skip_connect"), DARTS.ops.index("sep_conv_3x3")


def trial(right: str, loss: float = 1.0) -> Trial:
    """A trial from one digit for each image."""
    return Trial(torch.tensor([digit == "1" for digit in right]), loss * len(right))


class Planned:
    """Answers with given trials; the gates of a candidate hold its number."""

    def __init__(self, trials: Sequence[Trial], by: Any = "all") -> None:
        self.trials = trials
        self.images = TrialImages(Any, trials[0].images, by)  # type: ignore[arg-type]
        self.asked: list[tuple[list[int], int, int]] = []

    def __call__(self, tried: Sequence[StepGates], start: int, stop: int) -> list[Trial]:
        numbers = [int(each.gates["number"]) for each in tried]
        self.asked.append((numbers, start, stop))
        return [
            Trial(self.trials[number].right[start:stop], self.trials[number].total_loss * (min(stop, 10**6) - start))
            for number in numbers
        ]


def compared(planned: Planned, wants: Any = "worst", border: int = 1, measure: Any = "accuracy") -> Comparison:
    gates = [StepGates({"number": torch.tensor(number)}) for number in range(len(planned.trials))]
    return compare(planned, gates[0], gates, wants=wants, measure=measure, border=border)


def test_b_c_and_z_are_counted_image_by_image() -> None:
    # Without the first operation 6 of 10 images are right, without the second 8.
    without_first, without_second = trial("1111110000"), trial("1111001111")
    found = compared(Planned([without_first, without_second]))
    assert found.order == (0, 1)
    assert found.contrast == Contrast(margin=0.2, margin_images=2, b=4, c=2, z=2 / math.sqrt(6))
    # As edges, the one without which more images are right is given up.
    found = compared(Planned([without_first, without_second]), "best")
    assert found.order == (1, 0)
    assert found.contrast == Contrast(margin=0.2, margin_images=2, b=4, c=2, z=2 / math.sqrt(6))


def test_equal_accuracies_are_told_apart_by_the_loss_and_equal_losses_by_the_number() -> None:
    """The skip connection comes first in the list, and no longer wins every tie."""
    tied = [trial("1100", 1.0), trial("0110", 2.0), trial("1001", 2.0)]
    found = compared(Planned(tied))
    assert (found.order, found.tie) == ((1, 2, 0), "index")
    found = compared(Planned(tied[:2]))
    assert (found.order, found.tie) == ((1, 0), "loss")
    found = compared(Planned(tied), "best")
    assert (found.order, found.tie) == ((0, 1, 2), "loss")
    found = compared(Planned([trial("1100", 2.0), trial("1000", 2.0)]), measure="loss")
    assert (found.order, found.tie) == ((1, 0), "accuracy")
    assert compared(Planned([trial("1100"), trial("1000")])).tie is None


def test_the_border_of_edges_lies_between_the_last_given_up_and_the_first_kept() -> None:
    found = compared(Planned([trial("1000"), trial("1110"), trial("1100"), trial("1111")]), "best", border=2)
    assert found.order == (3, 1, 2, 0)
    assert found.pair == (1, 2)


def long(right: int, of: int = 10_000) -> Trial:
    """Every so many images right, spread evenly, so that any part has about that share of them."""
    return Trial((torch.arange(of) * 7919) % of < right, 1.0)


def test_images_are_doubled_for_the_best_two_until_they_differ_by_two_standard_errors() -> None:
    place = torch.arange(10_000) % 1000
    # Of 1000 images, 600 are right without either operation, 92 without the first alone and 108 without the second.
    first, second = Trial(place < 692, 1.0), Trial((place < 600) | (place >= 892), 1.0)
    planned = Planned([first, second, Trial(place < 900, 1.0)], "adaptive")
    found = compared(planned)
    assert planned.asked[0] == ([0, 0, 1, 2], 0, 2000)
    assert planned.asked[1:] == [([0, 1], 2000, 4000)], "the third candidate is out of the question"
    assert found.contrast == Contrast(margin=0.016, margin_images=64, b=432, c=368, z=64 / math.sqrt(800))
    assert [each.images for each in found.trials] == [4000, 4000, 2000]


def test_images_are_not_doubled_where_the_first_comparison_tells() -> None:
    planned = Planned([long(6000), long(9000)], "adaptive")
    assert compared(planned).trials[0].images == 2000
    assert len(planned.asked) == 1
    planned = Planned([long(6000), long(6000)])
    assert compared(planned).trials[0].images == 10_000, "all at once, where all are asked for"
    assert len(planned.asked) == 1


def test_twins_use_all_images_and_end() -> None:
    planned = Planned([long(6000, 5000), long(6000, 5000)], "adaptive")
    found = compared(planned)
    assert [(start, stop) for _, start, stop in planned.asked] == [(0, 2000), (2000, 4000), (4000, 8000)]
    assert found.trials[0].images == 5000
    assert (found.order, found.contrast.z) == ((0, 1), 0.0)


@pytest.mark.parametrize("images", [1, 255, 256, 257, 300, 2000, 25_000])
def test_a_first_comparison_divides_into_even_batches(images: int) -> None:
    size = trial_batch(images)
    batches = -(-images // size)
    assert size <= 256
    assert batches == -(-images // 256)
    assert batches * size - images < batches


class Counting:
    """Batches of four images, of which an image is right if its first value is positive."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values

    def in_order(self) -> list[Batch]:
        return [Batch(part[:, None, None, None], torch.zeros(len(part)).long()) for part in self.values.split(4)]


def supernet(images: torch.Tensor, gates: dict[str, torch.Tensor], **_: object) -> torch.Tensor:
    value = images[:, 0, 0, 0] + gates["shift"]
    return torch.stack([value, -value], dim=1)


def test_every_candidate_sees_the_same_batches_and_only_those_asked_for() -> None:
    values = torch.tensor([-2.0, 1.0, 1.0, -2.0, 3.0, -0.5, 3.0, 3.0, 0.5])
    trials = Trials(supernet, TrialImages(lambda: Counting(values), 9), CPU)  # type: ignore[arg-type, return-value]
    shifts = [StepGates({"shift": torch.tensor(shift)}) for shift in (0.0, 1.0)]
    first, second = trials(shifts, 0, 9)
    assert first.right.tolist() == (values > 0).tolist()
    assert second.right.tolist() == (values > -1).tolist()
    wanted = torch.nn.functional.softplus(-2 * values.double()).mean()
    assert first.loss == pytest.approx(float(wanted), rel=1e-6)
    (part,) = trials(shifts[:1], 4, 8)
    assert part.right.tolist() == (values[4:8] > 0).tolist()
    assert trials(shifts[:1], 12, 16)[0].images == 0
    assert first.joined(part).images == 13


def test_no_images_are_said_in_a_sentence() -> None:
    none = Trials(supernet, TrialImages(lambda: Counting(torch.zeros(0)), 0), CPU)  # type: ignore[arg-type, return-value]
    with pytest.raises(SettingsError, match="there are none; give the dataset more images"):
        Trials(supernet, TrialImages(lambda: NoBatches(), 0), CPU)([StepGates({})], 0, 1)  # type: ignore[arg-type, return-value]
    assert none.images.first == 0


class NoBatches:
    def in_order(self) -> list[Batch]:
        return []


@pytest.mark.parametrize(("space", "trials", "decisions"), [(DARTS, 220, 34), (NAS_BENCH_201, 30, 6)])
def test_the_trials_that_are_planned_are_those_that_happen(space: SearchSpace, trials: int, decisions: int) -> None:
    table = Table({}, {})
    state = make_state(space, 81, table, WITHOUT_NONE)
    rule, told = DecideByRemoval(), list[DecisionMade]()
    state.on_decision = told.append
    assert (rule.count_trials(state.architecture), rule.count_decisions(state.architecture)) == (trials, decisions)
    for epoch in range(81):
        state.epoch = epoch
        state.plan_epoch([rule])
    assert (len(table.seen), len(told)) == (trials, decisions)
    assert all(each.images == 1000 for decision in told for each in decision.candidates)


def test_a_greedy_search_plans_its_trials_as_well() -> None:
    recipe = make_recipe("sgas-pt", {})
    architecture = Architecture.of(recipe, DARTS, initial_live(recipe, DARTS), CPU)
    assert sum(rule.count_trials(architecture) for rule in recipe.rules) == 2 * 8 * 7
    assert sum(rule.count_decisions(architecture) for rule in recipe.rules) == 2 * 8
    plain = make_recipe("sgas", {})
    assert sum(rule.count_trials(architecture) + rule.count_decisions(architecture) for rule in plain.rules) == 0


def rounds_within(space: SearchSpace, epochs: int, steps: int) -> tuple[list[int], int]:
    """The weight steps of the stage before which rounds are held, and all steps that the stage has."""
    state = make_state(space, epochs, Table({}, {}), WITHOUT_NONE)
    rule, told, before = DecideByRemoval(), list[DecisionMade](), 0
    state.on_decision = told.append
    at: list[int] = []
    for epoch in range(epochs):
        state.epoch, state.steps = epoch, steps
        state.steps = max(steps, rule.least_steps(state))
        state.plan_epoch([rule])
        for step in range(1, state.steps):
            state.plan_step([rule], step)
        state.take(rule.after_steps(state, state.steps))
        at += [before + decision.step for decision in told if decision.epoch == epoch + 1]
        before += state.steps
    return sorted(set(at)), before


@given(st.sampled_from([DARTS, NAS_BENCH_201]), st.integers(1, 30), st.integers(1, 30))
def test_between_two_rounds_the_weights_take_a_step_at_any_length(space: SearchSpace, epochs: int, steps: int) -> None:
    at, _ = rounds_within(space, epochs, steps)
    # Rounds are told apart by the step at which they are held: as many steps as rounds.
    assert len(at) == num_rounds(make_state(space, epochs, None, WITHOUT_NONE).architecture)
    assert at[0] == 0


@pytest.mark.parametrize(
    ("space", "epochs", "steps", "apart"),
    [
        (DARTS, 10, 100, 62),
        (DARTS, 1, 400, 25),
        (DARTS, 16, 1, 1),
        (NAS_BENCH_201, 3, 50, 30),
        (NAS_BENCH_201, 5, 20, 20),
    ],
)
def test_in_short_stages_rounds_are_equally_far_apart_in_steps(
    space: SearchSpace, epochs: int, steps: int, apart: int
) -> None:
    """floor(steps in all / (rounds - 1)), of 17 rounds in the space of DARTS and 6 in NAS-Bench-201."""
    at, _ = rounds_within(space, epochs, steps)
    assert at == [number * apart for number in range(17 if space is DARTS else 6)]


def test_a_stage_of_too_few_steps_takes_as_many_as_its_rounds_need() -> None:
    at, steps = rounds_within(DARTS, 3, 2)
    assert steps == 16
    assert at == list(range(17))


def test_few_steps_between_decisions_are_told() -> None:
    state = make_state(DARTS, 81, Table({}, {}), WITHOUT_NONE)
    state.steps = 9
    assert DecideByRemoval().advice(state)[0].startswith("The supernet learns for 45 steps between two decisions")
    state.steps = 10
    assert DecideByRemoval().advice(state) == []


def test_the_record_of_a_decision_holds_what_it_was_made_of() -> None:
    table = Table({("normal", row, SEP): 0.25 for row in range(14)}, {("normal", 3): 0.5})
    state, told = make_state(DARTS, 81, table, WITHOUT_NONE), list[DecisionMade]()
    state.alphas["normal"][:, SKIP] = 5.0  # the gates would take the skip connection
    state.on_decision = told.append
    for epoch in range(81):
        state.epoch = epoch
        state.plan_epoch([DecideByRemoval()])
    first = told[0]
    assert (first.by, first.about, first.round, first.epoch, first.step, first.kind) == (
        *("perturbation", "operation"),
        *(1, 1, 0, "normal"),
    )
    assert [each.name for each in first.candidates] == list(DARTS.ops[1:])
    assert (first.chosen, first.runner_up, first.by_gate) == ("sep_conv_3x3", "max_pool_3x3", "skip_connect")
    assert first.contrast == Contrast.of(250, 0, 1000)
    assert not first.is_weak
    assert (first.images, first.images_by, first.coarse, first.tie) == (1000, "all", False, None)
    assert (first.supernet_accuracy, first.supernet_loss) == (1.0, -1.0)
    edges = [decision for decision in told if decision.about == "edges" and decision.kind == "normal"]
    assert {decision.target: len(decision.given_up) for decision in edges} == {3: 1, 4: 2, 5: 3}
    (of_node_3,) = (decision for decision in edges if decision.target == 3)
    assert [each.name for each in of_node_3.candidates] == ["0-3", "1-3", "2-3"]
    assert (of_node_3.chosen, of_node_3.runner_up, of_node_3.tie) == ("0-3", "2-3", "index")
    assert of_node_3.given_up == ("0-3",)


@pytest.mark.usefixtures("small_space")
@pytest.mark.parametrize(("method", "decisions"), [("darts-pt", 12), ("sgas", 8), ("sgas-pt", 8)])
def test_a_search_writes_its_decisions_as_they_happen(method: str, decisions: int, tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as run:
        search_genotype(open_small(run, {"method.name": method, "search.epochs": 4, "search.steps_per_epoch": 3}))
        events = run.events.read()
    told = [event for event in events if isinstance(event, DecisionMade)]
    assert len(told) == decisions
    assert {event.by for event in told} == {"gates" if method == "sgas" else "perturbation"}
    assert all(bool(event.edge_scores) == method.startswith("sgas") for event in told)
    assert [event.epoch for event in told] == sorted(event.epoch for event in told)


@pytest.mark.usefixtures("small_space")
@pytest.mark.parametrize(
    ("asked", "images", "by", "coarse"),
    [("all", 16, "all", False), ("adaptive", 16, "adaptive", False), (5, 5, "asked", True)],
)
def test_decisions_rest_on_the_images_asked_for(asked: Any, images: int, by: str, coarse: bool, tmp_path: Path) -> None:
    notes: list[str] = []

    class Hears(Observer):
        def note(self, text: str) -> None:
            notes.append(text)

    settings = {"method.name": "darts-pt", "search.epochs": 2, "search.steps_per_epoch": 1}
    with RunDirectory(tmp_path) as run:
        layers = settings | {"search.decision_images": asked, "search.validation_images": 3}
        search_genotype(open_small(run, layers, observer=Hears()))
        told = [event for event in run.events.read() if isinstance(event, DecisionMade)]
    assert {(event.images, event.images_by, event.coarse) for event in told} == {(images, by, coarse)}
    assert any("These decisions are coarse: you asked for 5 images" in note for note in notes) == coarse
    assert any(f"on {images} images each" in note for note in notes)


def test_removing_an_operation_leaves_its_edge() -> None:
    table = Table({}, {})
    state = make_state(DARTS, 81, table, WITHOUT_NONE)
    ByRemoval().count_trials(state.architecture.cells["normal"], 0)
    state.plan_epoch([DecideByRemoval()])
    assert all("normal.edges" not in gates for gates in table.seen[:7])

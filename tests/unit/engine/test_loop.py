import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dartboard.data import Batch
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, SupernetRequest, run_search
from dartboard.engine.schedule import cosine, stage_spans
from dartboard.engine.stage import StageSearch
from dartboard.errors import NonFiniteLossError, SettingsError
from dartboard.parts import AdamUpdate, FirstOrder, KeepStrongest, Recipe, SampleAndValidate, SgdUpdate, Stage, WarmUp
from dartboard.parts.gradient import differentiate
from dartboard.parts.gradient.problem import Bilevel
from dartboard.parts.recipe import initial_live
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.parts.rules import EpochPlan, Outcome, SearchView
from dartboard.parts.rules.protocol import Rule
from dartboard.runs import Epoch, Event, Length, Observer, PhaseEnd, RunDirectory
from dartboard.space import Genotype, get_space
from dartboard.supernet import Mixing
from dartboard.testing import timeless
from made_up_events import search_epoch

SPACE = get_space("nas-bench-201")
DARTS = Recipe(gradient=FirstOrder(), update=AdamUpdate())


class Linear(nn.Module):
    """Logits from the image times one gate, so that the loss depends on weights and alpha."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        with torch.no_grad():
            self.layer.weight.copy_(torch.linspace(-0.5, 0.5, 12).view(3, 4))
            self.layer.bias.zero_()

    def forward(self, images: Tensor, gates: Mapping[str, Tensor]) -> Tensor:
        return self.layer(images.flatten(1)) * (1 + gates["cell"][0, 0])


@dataclass
class Fixed:
    """Batches given beforehand, over and over."""

    batches: list[Batch]

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, _generator: torch.Generator) -> Iterator[Batch]:
        return iter(self.batches)

    def forever(self, _generator: torch.Generator) -> Iterator[Batch]:
        for batches in repeat(self.batches):
            yield from batches

    def in_order(self) -> Iterator[Batch]:
        return iter(self.batches)


def batches(count: int, seed: int, factor: float = 1.0) -> Fixed:
    generator = torch.Generator().manual_seed(seed)
    return Fixed(
        [
            Batch(factor * torch.randn(5, 1, 2, 2, generator=generator), torch.randint(3, (5,), generator=generator))
            for _ in range(count)
        ]
    )


def problem(steps: int = 3, supernet: nn.Module | None = None, **changes: Fixed) -> SearchProblem:
    parts = {"weights": batches(steps, 0), "alphas": batches(2, 1), "validation": batches(2, 2)}
    given = SearchBatches(**{**parts, **changes})
    supernet = Linear() if supernet is None else supernet
    return SearchProblem(SPACE, lambda _: supernet, lambda _: given, torch.device("cpu"))


def supernet_of(given: SearchProblem) -> nn.Module:
    """The one supernet of a problem."""
    return given.make_supernet(SupernetRequest(0, Mixing(), {}, 0))


def search(
    folder: Path,
    given: SearchProblem,
    recipe: Recipe = DARTS,
    *,
    settings: SearchSettings | None = None,
    epochs: int = 2,
    observer: Observer | None = None,
) -> tuple[Genotype, list[Event]]:
    with RunDirectory(folder) as run:
        genotype = run_search(
            given,
            recipe,
            settings or SearchSettings(),
            run,
            length=Length(epochs, 3),
            seed=0,
            observer=observer or Observer(),
        )
        return genotype, run.events.read()


def test_the_cosine_starts_at_start_passes_the_middle_and_reaches_the_end_only_after_the_last_epoch() -> None:
    assert cosine(0, 50, 0.025, 0.001) == 0.025
    assert cosine(25, 50, 0.025, 0.001) == pytest.approx(0.013)
    assert cosine(50, 50, 0.025, 0.001) == 0.001
    assert cosine(49, 50, 0.025, 0.001) == pytest.approx(0.001 + 0.012 * (1 + math.cos(math.pi * 0.98)))
    rates = [cosine(epoch, 50, 0.025, 0.001) for epoch in range(51)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(("start", "floor"), [(0.001, 0.001), (0.0005, 0.001)])
def test_a_rate_that_begins_at_its_floor_or_below_falls_to_zero(start: float, floor: float, tmp_path: Path) -> None:
    """It would be constant otherwise, or would rise."""
    settings = SearchSettings(weight_lr=start, weight_lr_min=floor)
    _, events = search(tmp_path, problem(), epochs=4, settings=settings)
    rates = [event.learning_rate for event in events]
    assert rates == [cosine(epoch, 4, start, 0.0) for epoch in range(4)]
    assert rates[0] == start > rates[1] > rates[2] > rates[3] > 0


def test_every_epoch_uses_and_records_the_cosines_rate(tmp_path: Path) -> None:
    settings = SearchSettings(weight_lr=0.1, weight_lr_min=0.02)
    _, events = search(tmp_path, problem(), settings=settings, epochs=4)
    assert [event.learning_rate for event in events] == [cosine(epoch, 4, 0.1, 0.02) for epoch in range(4)]


class Watched:
    """First order, keeping each problem and its real weights before and after."""

    def __init__(self) -> None:
        self.predicted: list[dict[str, Tensor]] = []
        self.found: list[dict[str, Tensor]] = []

    def __call__(self, given: Bilevel) -> dict[str, Tensor]:
        self.found.append({name: weight.detach().clone() for name, weight in given.weights.items()})
        slope = differentiate(given.train_loss(given.weights, given.alphas), given.weights)
        moved = given.weight_step(given.weights, slope)
        self.predicted.append({name: weight.detach() for name, weight in moved.items()})
        return {kind: torch.zeros_like(alpha) for kind, alpha in given.alphas.items()}


def test_the_virtual_step_is_what_the_loops_weight_step_then_does(tmp_path: Path) -> None:
    watched = Watched()
    recipe = Recipe(gradient=watched, update=AdamUpdate(lr=0.0))
    search(tmp_path, problem(), recipe, settings=SearchSettings(grad_clip=None, weight_decay=0.05), epochs=2)
    assert len(watched.found) == 6
    for predicted, found in zip(watched.predicted, watched.found[1:], strict=False):
        for name, weight in found.items():
            torch.testing.assert_close(predicted[name], weight, rtol=0, atol=1e-7)


def test_the_weight_step_is_clipped_to_the_norm(tmp_path: Path) -> None:
    given = problem(weights=batches(3, 0, factor=1000.0))
    before = [weight.detach().clone() for weight in supernet_of(given).parameters()]
    settings = SearchSettings(weight_lr=1.0, momentum=0.0, weight_decay=0.0, grad_clip=0.25)
    with RunDirectory(tmp_path) as run:
        run_search(given, DARTS, settings, run, length=Length(1, 1), seed=0, observer=Observer())
    change = [(new - old).norm() for new, old in zip(supernet_of(given).parameters(), before, strict=True)]
    assert torch.stack(change).norm().item() == pytest.approx(0.25, rel=1e-4)


class Laid(nn.Module):
    """Logits from a weight in a memory format, whose gradient is contiguous in any case."""

    def __init__(self, layout: torch.memory_format) -> None:
        super().__init__()
        start = torch.linspace(-0.5, 0.5, 24).view(3, 2, 2, 2)
        self.weight = nn.Parameter(start.contiguous(memory_format=layout))

    def forward(self, images: Tensor, gates: Mapping[str, Tensor]) -> Tensor:
        rows = self.weight.reshape(3, 8)
        return images.repeat(1, 2, 1, 1).flatten(1) @ rows.t() * (1 + gates["cell"][0, 0])


def test_weights_move_alike_in_either_memory_format_whatever_that_of_their_gradient(tmp_path: Path) -> None:
    nets = [Laid(torch.contiguous_format), Laid(torch.channels_last)]
    slope = differentiate(
        nets[1](batches(1, 0).batches[0].images, {"cell": torch.ones(1, 1)}).sum(), {"w": nets[1].weight}
    )
    assert slope["w"].stride() != nets[1].weight.stride()
    for number, net in enumerate(nets):
        search(tmp_path / str(number), problem(supernet=net))
    # The same sums; only their order may differ.
    torch.testing.assert_close(nets[0].weight, nets[1].weight, rtol=0, atol=1e-6)


def test_alpha_moves_before_the_weights_and_each_step_moves_only_its_own(tmp_path: Path) -> None:
    """By hand: one epoch of one step, the alpha gradient at the first weights, the weight gradient at the new alpha."""
    given = problem(steps=1)
    twin = Linear()
    start = make_alpha(tmp_path / "start")
    alpha = start.clone().requires_grad_()
    adam = AdamUpdate().optimizer({"cell": alpha}, {})
    batches_of = given.make_batches("halves")
    alpha_batch, weight_batch = next(batches_of.alphas.in_order()), next(batches_of.weights.in_order())
    loss = nn.functional.cross_entropy(twin(alpha_batch.images, {"cell": alpha.softmax(-1)}), alpha_batch.labels)
    (alpha.grad,) = torch.autograd.grad(loss, [alpha])
    adam.step()
    sgd = torch.optim.SGD(twin.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)
    loss = nn.functional.cross_entropy(twin(weight_batch.images, {"cell": alpha.softmax(-1)}), weight_batch.labels)
    loss.backward()
    nn.utils.clip_grad_norm_(twin.parameters(), 5.0)
    sgd.step()
    with RunDirectory(tmp_path / "run") as run:
        as_published = SearchSettings(alpha_lr_factor=1.0)
        run_search(given, DARTS, as_published, run, length=Length(1, 1), seed=0, observer=Observer())
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    torch.testing.assert_close(saved["alphas"]["cell"], alpha.detach(), rtol=0, atol=1e-8)
    for name, weight in twin.named_parameters():
        torch.testing.assert_close(saved["supernet"][name], weight.detach(), rtol=0, atol=1e-8)


def make_alpha(folder: Path) -> Tensor:
    """The alpha that seed 0 starts with: after an epoch of a method that does not move it."""
    with RunDirectory(folder) as run:
        run_search(problem(1), Recipe(), SearchSettings(), run, length=Length(1, 1), seed=0, observer=Observer())
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    alpha: Tensor = saved["alphas"]["cell"]
    return alpha


def test_a_search_without_a_gradient_trains_weights_at_a_fixed_alpha_and_records_no_alpha_loss(tmp_path: Path) -> None:
    given = problem()
    before = supernet_of(given).layer.weight.detach().clone()
    _, events = search(tmp_path, given, Recipe())
    assert not torch.equal(supernet_of(given).layer.weight, before)
    assert [event.alpha_loss for event in events] == [None, None]
    assert events[0].gates == events[1].gates


def test_the_epoch_event_scores_the_supernet_on_the_validation_batches(tmp_path: Path) -> None:
    given = problem()
    _, events = search(tmp_path, given, epochs=1)
    gates = {"cell": torch.tensor(events[0].gates["cell"])}
    images, labels = (
        torch.cat(parts) for parts in zip(*given.make_batches("halves").validation.in_order(), strict=True)
    )
    logits = supernet_of(given)(images, gates)
    assert events[0].validation_accuracy == pytest.approx((logits.argmax(1) == labels).double().mean().item())
    assert events[0].validation_loss == pytest.approx(nn.functional.cross_entropy(logits, labels).item(), rel=1e-5)


def test_an_epoch_ends_with_its_images_or_its_steps(tmp_path: Path) -> None:
    class Counting(Observer):
        steps = 0

        def step(self) -> None:
            self.steps += 1

    for available, expected in ((2, 2), (3, 3), (5, 3)):
        counting = Counting()
        search(tmp_path / str(available), problem(available), epochs=1, observer=counting)
        assert counting.steps == expected


@pytest.mark.parametrize("part", ["weights", "alphas"])
def test_a_loss_that_is_not_finite_is_named_with_its_epoch_and_a_remedy(tmp_path: Path, part: str) -> None:
    """A broken alpha breaks the next weight loss too, and that one is named first."""
    sentence = r"the weight loss is nan in search epoch 1; lower search\.weight_lr \(now 0\.025\)"
    with pytest.raises(NonFiniteLossError, match=sentence):
        search(tmp_path, problem(**{part: batches(3, 0, factor=math.inf)}))
    assert not (tmp_path / "checkpoints").exists()
    assert not (tmp_path / "genotype.json").exists()


def test_the_alpha_factor_multiplies_the_rate_that_the_method_chose(tmp_path: Path) -> None:
    quick, slow = AdamUpdate(lr=0.03), AdamUpdate(lr=0.001)
    _, wanted = search(tmp_path / "quick", problem(), replace(DARTS, update=quick))
    settings = SearchSettings(alpha_lr_factor=30.0)
    _, found = search(tmp_path / "slow", problem(), replace(DARTS, update=slow), settings=settings)
    for event, twin in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.tensor(event.gates["cell"]), torch.tensor(twin.gates["cell"]))


@pytest.mark.parametrize(("fraction", "resting"), [(0.0, 0), (0.25, 1), (0.4, 2), (0.5, 2)])
def test_a_warm_up_lets_alpha_rest_for_its_share_of_the_epochs_and_no_longer(
    tmp_path: Path, fraction: float, resting: int
) -> None:
    _, events = search(tmp_path, problem(), replace(DARTS, rules=(WarmUp(fraction),)), epochs=4)
    assert [event.alpha_loss is None for event in events] == [epoch < resting for epoch in range(4)]
    gates = [event.gates for event in events]
    assert all(gates[epoch] == gates[0] for epoch in range(resting))
    assert gates[resting] != gates[max(0, resting - 1)] or resting == 0


class Noting(Rule):
    """Notes when it is called, and stops where it is told to."""

    def __init__(self, notes: list[tuple[str, str, int]], name: str, stop_after: int = 99) -> None:
        self.notes, self.name, self.stop_after = notes, name, stop_after

    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        self.notes.append((self.name, "before", search.epoch))
        return plan

    def after_epoch(self, search: SearchView) -> Outcome:
        self.notes.append((self.name, "after", search.epoch))
        return Outcome(plan=search.plan.stopped("enough") if search.epoch == self.stop_after else None)


def test_rules_act_around_every_epoch_in_their_order(tmp_path: Path) -> None:
    notes: list[tuple[str, str, int]] = []
    search(tmp_path, problem(), replace(DARTS, rules=(Noting(notes, "a"), Noting(notes, "b"))))
    around = [("a", "before", 0), ("b", "before", 0), ("a", "after", 1), ("b", "after", 1)]
    assert notes == around + [(name, when, epoch + 1) for name, when, epoch in around]


def test_a_rule_that_stops_ends_the_search_with_a_recorded_reason_and_a_resume_stays_stopped(tmp_path: Path) -> None:
    rule = Noting([], "a", stop_after=1)
    genotype, events = search(tmp_path, problem(), replace(DARTS, rules=(rule,)), epochs=3)
    assert [event.event for event in events] == ["epoch", "stop"]
    assert events[-1].reason == "enough"
    again, events = search(tmp_path, problem(), replace(DARTS, rules=(rule,)), epochs=3)
    assert again == genotype
    assert [event.event for event in events] == ["epoch", "stop"]


def test_an_epoch_recorded_but_not_saved_is_recorded_once_after_a_resume(tmp_path: Path) -> None:
    search(tmp_path, problem(), epochs=2)
    with RunDirectory(tmp_path) as run:
        run.events.append(run.events.read()[-1].model_copy(update={"epoch": 3}))
        run.events.append(PhaseEnd(phase="data", seconds=1.0))
    _, events = search(tmp_path, problem(), epochs=2)
    assert [getattr(event, "epoch", None) for event in events] == [1, 2, None]


def test_weights_and_alpha_step_on_one_batch_as_one_gradient_descent_on_both(tmp_path: Path) -> None:
    """By hand: both optimisers are plain, so a step on the same batch is one joint step."""
    given, twin = problem(steps=1), Linear()
    alpha = make_alpha(tmp_path / "start").requires_grad_()
    recipe = Recipe(gradient=FirstOrder(), update=SgdUpdate(lr=0.5), images="same-batch")
    settings = SearchSettings(weight_lr=0.1, momentum=0.0, weight_decay=0.0, grad_clip=None)
    batch = next(given.make_batches("same-batch").weights.in_order())
    loss = nn.functional.cross_entropy(twin(batch.images, {"cell": alpha.softmax(-1)}), batch.labels)
    joint = dict(twin.named_parameters())
    at_alpha, *at_weights = torch.autograd.grad(loss, [alpha, *joint.values()])
    with RunDirectory(tmp_path / "run") as run:
        run_search(given, recipe, settings, run, length=Length(1, 1), seed=0, observer=Observer())
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    torch.testing.assert_close(saved["alphas"]["cell"], alpha - 0.5 * at_alpha)
    for (name, weight), slope in zip(joint.items(), at_weights, strict=True):
        torch.testing.assert_close(saved["supernet"][name], weight - 0.1 * slope)


STAGED = replace(
    DARTS, earlier=(Stage(DARTS, 1 / 3, KeepStrongest(3)), Stage(replace(DARTS, deeper=2), 1 / 3)), deeper=4
)


def staged_problem(requests: list[SupernetRequest]) -> SearchProblem:
    """Every stage gets a new supernet, and leaves its request."""

    def make(request: SupernetRequest) -> nn.Module:
        requests.append(request)
        return Linear()

    return replace(problem(), make_supernet=make)


def test_every_stage_has_a_supernet_of_its_own_with_what_the_stage_before_left(tmp_path: Path) -> None:
    requests: list[SupernetRequest] = []
    _, events = search(tmp_path, staged_problem(requests), STAGED, epochs=6)
    assert [event.stage for event in events] == [0, 0, 1, 1, 2, 2]
    assert [event.epoch for event in events] == [1, 2, 3, 4, 5, 6]
    assert [(request.stage, request.deeper) for request in requests] == [(0, 0), (1, 2), (2, 4)]
    assert [{len(names) for names in request.live["cell"]} for request in requests] == [{5}, {3}, {3}]
    last = torch.tensor(events[1].gates["cell"])
    for row, names in enumerate(requests[1].live["cell"]):
        assert {SPACE.ops[column] for column in last[row].topk(3).indices} == set(names)
    gates = torch.tensor(events[-1].gates["cell"])
    assert ((gates > 0).sum(dim=1) == 3).all()
    rates = [event.learning_rate for event in events]
    assert rates[0] == rates[2] == rates[4] > rates[1]


def test_a_rate_that_does_not_restart_spans_all_stages(tmp_path: Path) -> None:
    going_on = replace(DARTS, restarts_rate=False)
    recipe = replace(going_on, earlier=(Stage(going_on, 0.5),))
    _, events = search(tmp_path, staged_problem([]), recipe, epochs=4)
    assert [event.learning_rate for event in events] == [cosine(epoch, 4, 0.025, 0.001) for epoch in range(4)]


class Killed(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("stop_at", range(1, 6))
def test_a_staged_search_stopped_anywhere_and_resumed_is_never_stopped(tmp_path: Path, stop_at: int) -> None:
    class StopAt(Observer):
        def epoch(self, event: Epoch) -> None:
            if event.epoch == stop_at:
                raise Killed

    genotype, events = search(tmp_path / "whole", staged_problem([]), STAGED, epochs=6)
    with pytest.raises(Killed):
        search(tmp_path / "halved", staged_problem([]), STAGED, epochs=6, observer=StopAt())
    again, resumed = search(tmp_path / "halved", staged_problem([]), STAGED, epochs=6)
    assert again == genotype
    assert timeless(resumed) == timeless(events)


def test_stages_share_the_epochs_and_each_has_one_at_least() -> None:
    assert stage_spans([1 / 3, 1 / 3, 1 / 3], 75) == [(0, 25), (25, 50), (50, 75)]
    assert stage_spans([0.01, 0.99], 3) == [(0, 1), (1, 3)]
    assert stage_spans([0.98, 0.01, 0.01], 4) == [(0, 2), (2, 3), (3, 4)]
    with pytest.raises(SettingsError, match=r"in 3 stages and needs as many epochs at least, not 2"):
        stage_spans([1 / 3, 1 / 3, 1 / 3], 2)


class Counted:
    """A penalty that pulls the first alpha up, and notes how far the search was."""

    def __init__(self) -> None:
        self.progress: list[float] = []

    def __call__(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:
        assert set(cells) == {"cell"}
        self.progress.append(progress)
        return -100 * alphas["cell"][0, 0]


def test_a_penalty_joins_the_loss_of_alpha_and_no_other(tmp_path: Path) -> None:
    counted = Counted()
    recipe = Recipe(gradient=FirstOrder(), update=SgdUpdate(lr=0.01), penalties=(counted,))
    _, events = search(tmp_path / "pulled", problem(), recipe)
    _, plain = search(tmp_path / "plain", problem(), replace(recipe, penalties=()))
    assert counted.progress == [0.0] * 3 + [0.5] * 3
    assert events[0].gates["cell"][0][0] > plain[0].gates["cell"][0][0] + 0.1
    first = [run[0].alpha_loss for run in (events, plain)]
    assert abs(first[0] - first[1]) < 1, "the recorded loss is the cross-entropy alone"


class Shaken:
    """A perturbation that doubles the gates, and asks for a loss."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def __call__(self, architecture, alphas, loss, progress, generator) -> dict[str, Tensor]:
        assert progress == 0
        gates = architecture.draw(alphas, generator, of_alpha=True).gates
        self.losses.append(loss(gates).item())
        return {name: 2 * gate for name, gate in gates.items()}


def test_a_perturbation_shakes_the_gates_of_the_weight_step_alone(tmp_path: Path) -> None:
    shaken = Shaken()
    _, events = search(tmp_path / "shaken", problem(), replace(DARTS, perturbation=shaken), epochs=1)
    _, plain = search(tmp_path / "plain", problem(), DARTS, epochs=1)
    assert len(shaken.losses) == 3
    assert events[0].weight_loss != plain[0].weight_loss
    assert events[0].gates != plain[0].gates, "through the weights, alpha feels it from the second step on"


def test_alphas_that_a_rule_hands_over_decide_the_genotype(tmp_path: Path) -> None:
    class Earlier(Rule):
        def after_epoch(self, search: SearchView) -> Outcome:
            chosen = torch.zeros(6, 5)
            chosen[:, 3] = 1.0
            return Outcome({}, {"measured": 7.0}, {"cell": chosen}, search.plan.stopped("found"))

    genotype, events = search(tmp_path, problem(), replace(DARTS, rules=(Earlier(),)))
    assert {choice.op for choice in genotype["cell"].choices} == {SPACE.ops[3]}
    assert events[0].figures == {"measured": 7.0}
    again, _ = search(tmp_path, problem(), replace(DARTS, rules=(Earlier(),)))
    assert again == genotype


def pacing(seconds: float | None, *, done: int, epochs: int, recipe: Recipe = DARTS) -> StageSearch:
    """A search of 20 steps a pass, so many epochs of which are done."""
    settings = SearchSettings(seconds=seconds)
    length = Length(epochs, 10)
    found = StageSearch(problem(20), recipe, settings, 0, (0, epochs), length, 0, initial_live(recipe, SPACE))
    found.state.epoch = done
    return found


@pytest.mark.parametrize(
    ("taken", "steps"),
    [
        ([], 10),  # nothing is known yet
        ([(10, 10.0)], 10),  # a second a step, and 90 seconds for 9 epochs
        ([(10, 20.0)], 4),  # two seconds a step, and 80 seconds for 9 epochs
        ([(10, 2.0)], 20),  # more than the images give
        ([(10, 10.0), (10, 40.0)], 1),  # four seconds a step, and 50 seconds for 8 epochs
        ([(10, 500.0)], 1),  # too late for more than one each
    ],
)
def test_every_epoch_gets_an_equal_part_of_the_time_that_is_left(taken: list[tuple[int, float]], steps: int) -> None:
    found = pacing(100.0, done=len(taken), epochs=10)
    found.plan_steps([search_epoch(steps=number, seconds=seconds) for number, seconds in taken])
    assert found.num_steps == steps


def test_the_time_of_decisions_does_not_shorten_the_learning() -> None:
    found = pacing(100.0, done=1, epochs=10)
    found.plan_steps([search_epoch(steps=10, seconds=500.0, deciding_seconds=490.0)])
    assert found.num_steps == 10


def test_a_selection_that_tries_in_the_end_has_a_third_of_the_time_for_that() -> None:
    found = pacing(150.0, done=1, epochs=10, recipe=replace(DARTS, selection=SampleAndValidate(2)))
    found.plan_steps([search_epoch(steps=10, seconds=10.0)])
    assert found.num_steps == 10


def test_the_time_of_an_epoch_is_that_of_its_rules_too(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Slow(Rule):
        def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
            time.sleep(0.2 + search.epoch)
            return plan

    _, events = search(tmp_path, problem(2), replace(DARTS, rules=(Slow(),)), epochs=1)
    assert events[0].seconds >= 0.2


def test_without_a_time_to_keep_to_the_pace_is_never_changed() -> None:
    found = pacing(None, done=1, epochs=10)
    found.plan_steps([search_epoch(steps=10, seconds=500.0)])
    assert found.num_steps == 10


def test_a_search_that_is_late_takes_fewer_steps_and_records_them(tmp_path: Path) -> None:
    _, events = search(tmp_path, problem(20), settings=SearchSettings(seconds=1e-6), epochs=3)
    assert [event.steps for event in events] == [3, 1, 1]

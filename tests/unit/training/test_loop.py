import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.data import Augmentation, AugmentSettings, Batch, Batches, ImageSet, ImageView, Normalization
from dartboard.errors import NonFiniteLossError
from dartboard.runs import (
    Epoch,
    Event,
    Length,
    Objective,
    Observer,
    RunDirectory,
    Score,
    TimeLimit,
    TrainEpoch,
    make_generator,
    seeded_initialization,
)
from dartboard.space import PUBLISHED, DropPath, Genotype, Network, parse_genotype
from dartboard.testing import Stopped, timeless
from dartboard.training import ModelCard, TrainingData, TrainSettings, network_training, train_network
from dartboard.training.network_training import NetworkTraining
from dartboard.training.schedule import learning_rate
from resuming import StopIn

NB201 = parse_genotype("|nor_conv_1x1~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|")
PLAIN = TrainSettings(auxiliary_weight=0.0, drop_path=0.0)


@dataclass
class Fixed:
    """The same batches in every epoch."""

    batches: list[Batch]

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, _generator: torch.Generator, *, mirrored: None, skipped: int) -> Iterator[Batch]:  # noqa: ARG002
        return iter(self.batches[skipped:])

    def in_order(self) -> Iterator[Batch]:
        return iter(self.batches)


def batches(count: int, seed: int, factor: float = 1.0) -> Fixed:
    generator = torch.Generator().manual_seed(seed)
    return Fixed(
        [
            Batch(factor * torch.randn(6, 3, 8, 8, generator=generator), torch.randint(3, (6,), generator=generator))
            for _ in range(count)
        ]
    )


def make_card(genotype: Genotype = NB201) -> ModelCard:
    return ModelCard(
        genotype=genotype.to_json(),
        init_channels=4,
        layers=3 if genotype.space == "darts" else 1,
        stem="cifar",
        classes=("a", "b", "c"),
        image_shape=(3, 8, 8),
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
    )


def train(
    folder: Path,
    settings: TrainSettings,
    *,
    data: Fixed | None = None,
    validation: Fixed | None = None,
    epochs: int = 2,
    number: int = 0,
    card: ModelCard | None = None,
    observer: Observer | None = None,
    time_limit: TimeLimit | None = None,
    objective: Objective = "accuracy",
) -> tuple[Network, list[Event]]:
    with RunDirectory(folder) as run:
        network = train_network(
            TrainingData(data or batches(2, 0), validation, torch.device("cpu"), objective=objective),
            card or make_card(),
            settings,
            run,
            number=number,
            epochs=epochs,
            seed=0,
            observer=observer or Observer(),
            time_limit=time_limit,
        )
        return network, run.events.read()


def rates(settings: TrainSettings, epochs: int, steps_per_epoch: int) -> list[float]:
    total = epochs * steps_per_epoch
    return [learning_rate(settings, step, total, steps_per_epoch) for step in range(total + 1)]


def test_the_cosine_changes_once_an_epoch_by_the_formula_and_would_reach_the_end_after_the_last() -> None:
    found = rates(TrainSettings(lr=0.025, lr_min=0.001), 600, 3)
    for epoch in range(601):
        wanted = 0.001 + 0.012 * (1 + math.cos(math.pi * epoch / 600))
        assert found[3 * epoch : 3 * epoch + 3] == pytest.approx([wanted] * len(found[3 * epoch : 3 * epoch + 3]))
    assert found[0] == 0.025
    assert found[-1] == 0.001


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.5, 0.99])
@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (1, 2), (10, 7), (30, 20)])
def test_one_cycle_rises_to_the_top_falls_to_the_end_and_never_jumps(epochs: int, steps: int, fraction: float) -> None:
    settings = TrainSettings(lr=0.1, lr_min=0.0, schedule="one-cycle", warmup_fraction=fraction)
    found, total = rates(settings, epochs, steps), epochs * steps
    rising = max(1, round(fraction * total))
    assert found[0] == pytest.approx(0.01)
    assert found[rising] == pytest.approx(0.1 if rising < total else found[-1])
    assert found[-1] == pytest.approx(0.0 if rising < total else 0.1)
    assert found[: rising + 1] == sorted(found[: rising + 1])
    assert found[rising:] == sorted(found[rising:], reverse=True)
    largest = max(0.09 / rising, 0.1 * math.pi / 2 / max(1, total - rising))
    assert max(abs(a - b) for a, b in pairwise(found)) <= largest + 1e-12


def test_the_rate_of_every_step_reaches_the_optimizer(tmp_path: Path) -> None:
    """With a gradient norm clipped to 1 and no momentum, a step is as long as the rate."""
    settings = PLAIN.model_copy(
        update={"lr": 0.4, "momentum": 0.0, "weight_decay": 0.0, "grad_clip": 1e-3, "schedule": "one-cycle"}
    )
    with seeded_initialization(0, "train", 0, "weights"):
        fresh = make_card().build()
    network, events = train(tmp_path, settings, data=batches(1, 0), epochs=1)
    change = torch.cat([(a - b).flatten() for a, b in zip(network.parameters(), fresh.parameters(), strict=True)])
    assert change.norm().item() == pytest.approx(0.04 * 1e-3, rel=1e-2)
    assert events[0].learning_rate == pytest.approx(0.04)


def one_step_by_hand(settings: TrainSettings, batch: Batch, loss_of: Any) -> Network:
    with seeded_initialization(0, "train", 0, "weights"):
        network = make_card().build()
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=settings.lr,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.nesterov,
    )
    network.train()
    loss_of(network(batch.images), batch.labels).backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    return network


def smoothed(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with 0.3 of the target spread over all three classes, by its definition."""
    target = 0.7 * functional.one_hot(labels, 3) + 0.1
    return -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()


@pytest.mark.parametrize(("changes", "loss"), [({}, functional.cross_entropy), ({"label_smoothing": 0.3}, smoothed)])
def test_one_step_is_cross_entropy_clipping_and_sgd(tmp_path: Path, changes: dict[str, Any], loss: Any) -> None:
    settings = PLAIN.model_copy(update={"nesterov": True, **changes})
    data = batches(1, 0)
    network, events = train(tmp_path, settings, data=data, epochs=1)
    wanted = one_step_by_hand(settings, data.batches[0], loss)
    for name, weight in wanted.named_parameters():
        torch.testing.assert_close(network.get_parameter(name), weight, rtol=1e-5, atol=1e-7)
    with seeded_initialization(0, "train", 0, "weights"):
        logits = make_card().build().train()(data.batches[0].images)
    assert events[0].train_loss == pytest.approx(loss(logits, data.batches[0].labels).item(), rel=1e-5)


def test_the_auxiliary_head_adds_its_weighted_loss_to_training_and_nothing_to_the_record(tmp_path: Path) -> None:
    card, data = make_card(PUBLISHED["darts-v2"]), batches(1, 0)
    settings = PLAIN.model_copy(
        update={"auxiliary_weight": 0.4, "momentum": 0.0, "weight_decay": 0.0, "grad_clip": None}
    )
    network, events = train(tmp_path, settings, data=data, card=card, epochs=1)
    with seeded_initialization(0, "train", 0, "weights"):
        twin = card.build(auxiliary=True).train()
    images, labels = data.batches[0]
    logits, auxiliary = twin.forward_with_auxiliary(images)
    assert auxiliary is not None
    main = functional.cross_entropy(logits, labels)
    (main + 0.4 * functional.cross_entropy(auxiliary, labels)).backward()
    for name, weight in twin.named_parameters():
        assert weight.grad is not None
        wanted = weight - 0.025 * weight.grad
        torch.testing.assert_close(network.get_parameter(name), wanted, rtol=1e-4, atol=1e-6)
    assert events[0].train_loss == pytest.approx(main.item(), rel=1e-5)


def test_without_an_auxiliary_weight_no_head_is_built(tmp_path: Path) -> None:
    network, _ = train(tmp_path, PLAIN, card=make_card(PUBLISHED["darts-v2"]), epochs=1)
    assert network.auxiliary_head is None


def test_drop_path_grows_linearly_from_zero_and_draws_from_its_own_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[DropPath] = []

    def watched(probability: float, generator: torch.Generator) -> DropPath:
        seen.append(DropPath(probability, generator))
        return seen[-1]

    monkeypatch.setattr(network_training, "DropPath", watched)
    train(tmp_path, PLAIN.model_copy(update={"drop_path": 0.2}), epochs=4)
    assert [drop.probability for drop in seen] == pytest.approx([0.0, 0.05, 0.1, 0.15])
    assert [drop.generator.initial_seed() for drop in seen] == [
        make_generator(0, "train", 0, "drop-path", epoch).initial_seed() for epoch in range(4)
    ]


def test_validation_is_scored_after_every_epoch_without_moving_the_network(tmp_path: Path) -> None:
    validation = batches(2, 5)
    network, events = train(tmp_path / "with", PLAIN, validation=validation)
    without, _ = train(tmp_path / "without", PLAIN)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, without.state_dict()[name])
    network.eval()
    images, labels = (torch.cat(parts) for parts in zip(*validation.batches, strict=True))
    with torch.no_grad():
        logits = network(images)
    assert events[-1].validation_accuracy == pytest.approx((logits.argmax(1) == labels).double().mean().item())
    assert events[-1].validation_loss == pytest.approx(functional.cross_entropy(logits, labels).item(), rel=1e-5)


@pytest.mark.parametrize("decay_norms", [True, False])
def test_weight_decay_spares_batch_norms_only_where_asked(decay_norms: bool, tmp_path: Path) -> None:
    """Each weight moves by the rate times the decay times itself, from where it moves without decay."""
    still = PLAIN.model_copy(update={"lr": 0.4, "momentum": 0.0, "weight_decay": 0.0, "grad_clip": None})
    with seeded_initialization(0, "train", 0, "weights"):
        fresh = make_card().build()
    plain, _ = train(tmp_path / "plain", still, data=batches(1, 0), epochs=1)
    changes = {"weight_decay": 0.5, "decay_norms": decay_norms}
    decayed, _ = train(tmp_path / "decayed", still.model_copy(update=changes), data=batches(1, 0), epochs=1)
    norms = {id(weight) for part in fresh.modules() if isinstance(part, nn.BatchNorm2d) for weight in part.parameters()}
    assert 0 < len(norms) < len(list(fresh.parameters()))
    for start, without, found in zip(fresh.parameters(), plain.parameters(), decayed.parameters(), strict=True):
        # What no output depends on has no gradient and rests.
        spared = torch.equal(start, without) or (id(start) in norms and not decay_norms)
        torch.testing.assert_close(found, without - (0 if spared else 0.4 * 0.5 * start))


ACCURACIES = (0.1, 0.99, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 0.7, 0.6)
BALANCED = (0.1, 0.99, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 0.4, 0.5)
"""Of the validation images after every epoch: the second one was lucky, and only the last three count."""


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize(("objective", "epoch"), [("accuracy", 9), ("balanced-accuracy", 10)])
def test_the_weights_of_the_best_late_epoch_are_kept_by_what_counts(
    objective: Objective, epoch: int, stopped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights: dict[int, dict[str, Tensor]] = {}

    def scored(training: NetworkTraining) -> Score:
        done = training.epoch
        weights[done + 1] = {name: weight.clone() for name, weight in training.network.state_dict().items()}
        return Score(1.0, ACCURACIES[done], BALANCED[done])

    monkeypatch.setattr(NetworkTraining, "validate", scored)
    settings = PLAIN.model_copy(update={"keep": "best"})
    if stopped:
        with pytest.raises(Stopped):
            train(tmp_path, settings, epochs=10, objective=objective, observer=StopIn(20))
    network, events = train(tmp_path, settings, epochs=10, objective=objective)
    (kept,) = [event for event in events if event.event == "kept"]
    assert (kept.epoch, kept.validation_accuracy) == (epoch, ACCURACIES[epoch - 1])
    assert kept.validation_balanced_accuracy == BALANCED[epoch - 1]
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, weights[epoch][name])


def test_without_validation_images_its_figures_are_null(tmp_path: Path) -> None:
    _, events = train(tmp_path, PLAIN, epochs=1)
    assert events[0].validation_loss is None
    assert events[0].validation_accuracy is None


SHORT: dict[str, Any] = {
    "schedule": "triangle",
    "optimizer": "muon",
    "decoupled_decay": True,
    "norm_shift_rate": 8.0,
    "norm_scale": "fixed",
    "norm_momentum": 0.4,
    "identity_start": True,
}
"""The recipe of short trainings, but for what needs whole data sets."""


@pytest.mark.parametrize("step", [1, 3, 4])
@pytest.mark.parametrize(
    "changes",
    [
        {"drop_path": 0.3, "schedule": "one-cycle"},
        SHORT | {"average": "lookahead", "progressive_resizing": True},
        SHORT | {"average": "ema", "steps_per_epoch": 1},
    ],
    ids=["papers", "lookahead of growing images", "ema in parts of a pass"],
)
def test_stopped_and_resumed_is_never_stopped_bit_for_bit(tmp_path: Path, step: int, changes: dict[str, Any]) -> None:
    settings, epochs = PLAIN.model_copy(update=changes), 4 // changes.get("steps_per_epoch", 2)
    whole, events = train(tmp_path / "whole", settings, epochs=epochs)
    with pytest.raises(Stopped):
        train(tmp_path / "stopped", settings, epochs=epochs, observer=StopIn(step))
    resumed, again = train(tmp_path / "stopped", settings, epochs=epochs)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])
    assert timeless(again) == timeless(events)


@pytest.mark.parametrize("steps", [2, 3, 5])
def test_images_are_drawn_once_a_pass_and_mirrored_in_every_second_pass_however_long_epochs_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    # The number of an image is in its first column, so a mirrored one has it in its last.
    pixels = np.zeros((20, 8, 8, 3), dtype=np.uint8)
    pixels[:, :, 0] = 10 * np.arange(1, 21)[:, None, None]
    view = ImageView(ImageSet(pixels, np.zeros(20, dtype=np.int64)), np.arange(20))
    augment = AugmentSettings(flip="alternating", crop_padding=0)
    plain = Augmentation(augment, Normalization((0.0,) * 3, (1 / 255,) * 3), (3, 8, 8))
    seen: list[Tensor] = []
    monkeypatch.setattr(NetworkTraining, "step", lambda _, batch, *_others: seen.append(batch.images[:, 0, 0]))
    settings = PLAIN.model_copy(update={"augment": augment, "steps_per_epoch": steps})
    epochs = 20 // steps
    train(tmp_path, settings, data=Batches(view, plain, batch_size=4, device="cpu"), epochs=epochs)  # type: ignore[arg-type]
    rows = torch.cat(seen)
    passes = rows[: len(rows) // 20 * 20].view(-1, 20, 8)
    sides = []
    for each in passes:
        numbers = each[:, 0] + each[:, -1]
        assert numbers.round().int().sort().values.tolist() == [10 * number for number in range(1, 21)]
        sides.append((each[:, -1] > 0)[numbers.argsort()])
    assert len(sides) >= 3
    assert 0 < sides[0].sum() < 20
    for first, second in pairwise(sides):
        assert torch.equal(first, ~second)


def test_small_images_come_first_and_do_the_work_of_fewer_whole_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, float]] = []
    step = NetworkTraining.step

    def recorded(own: NetworkTraining, batch: Batch, paths: Any, meter: Any, lr: float) -> None:
        seen.append((batch.images.shape[2], lr))
        step(own, batch, paths, meter, lr)

    monkeypatch.setattr(NetworkTraining, "step", recorded)
    settings = PLAIN.model_copy(update={"progressive_resizing": True, "schedule": "triangle", "lr": 0.01})
    _, events = train(tmp_path, settings, data=batches(9, 0), validation=batches(1, 1), epochs=8)
    epochs = [event for event in events if isinstance(event, TrainEpoch)]
    sides = [5 / 8, 5 / 8, 3 / 4, 3 / 4, 1.0, 1.0, 1.0, 1.0]
    assert [event.image_side for event in epochs] == sides
    assert [event.steps for event in epochs] == [19, 19, 14, 14, 9, 9, 9, 9]
    assert [pixels for pixels, _ in seen] == [5] * 38 + [6] * 28 + [8] * 36
    for event in epochs:
        assert event.whole_steps == pytest.approx(9, abs=0.25)
    # The rate follows the work, not the number of steps.
    rates = [lr for _, lr in seen]
    starts = [0, 19, 38, 52, 66, 75, 84, 93]
    plain = [learning_rate(settings, 9 * epoch, 72, 9) for epoch in range(8)]
    assert [rates[start] for start in starts] == pytest.approx(plain, rel=0.03)  # the end of its rise is a whole step


class Clock:
    """Says that every step takes a second, or what it is told."""

    def __init__(self, *seconds: float) -> None:
        self.seconds, self.now = list(seconds), 0.0

    def step(self) -> None:
        self.now += self.seconds.pop(0) if self.seconds else 1.0

    def perf_counter(self) -> float:
        return self.now


class Listener(Observer):
    """Moves the clock, and keeps what it hears."""

    def __init__(self, clock: Clock, stop_after: int | None = None) -> None:
        self.clock, self.stop_after = clock, stop_after
        self.notes: list[str] = []
        self.sizes: list[tuple[int, int, int]] = []

    def step(self) -> None:
        self.clock.step()

    def epoch(self, event: Epoch) -> None:
        if event.epoch == self.stop_after:
            raise KeyboardInterrupt

    def resize(self, *, epochs: int, steps: int, done: int) -> None:
        self.sizes.append((epochs, steps, done))

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def test_a_training_that_is_too_slow_has_fewer_steps_in_as_many_epochs_and_its_rate_still_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(*(1.5,) * 8)
    listener = Listener(clock)
    monkeypatch.setattr(network_training, "time", clock)
    settings = PLAIN.model_copy(update={"schedule": "one-cycle", "lr_min": 0.0})
    _, events = train(
        tmp_path,
        settings,
        data=batches(8, 0),
        epochs=5,
        observer=listener,
        time_limit=TimeLimit(40.0, Length(5, 8)),
    )
    assert [event.steps for event in events] == [8, 4, 6, 8, 8]  # a step seems to take 1.5 s, 1.25 s, then 1 s
    assert sum(event.seconds for event in events) == 38.0
    assert listener.sizes == [(5, 4, 1), (5, 6, 2), (5, 8, 3)]
    assert listener.notes == ["The training had 34 steps, 85% of the work planned, to fit its time limit."]
    falling = [event.learning_rate for event in events][1:]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] < 0.1 * settings.lr


def test_a_training_in_time_is_the_same_as_one_without_a_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free, _ = train(tmp_path / "free", PLAIN, data=batches(4, 0), epochs=3)
    clock = Clock()
    listener = Listener(clock)
    monkeypatch.setattr(network_training, "time", clock)
    kept, events = train(
        tmp_path / "kept",
        PLAIN,
        data=batches(4, 0),
        epochs=3,
        observer=listener,
        time_limit=TimeLimit(12.0, Length(3, 4)),
    )
    assert [event.steps for event in events] == [4, 4, 4]
    assert not listener.notes
    for name, weight in kept.state_dict().items():
        assert torch.equal(weight, free.state_dict()[name]), name


def test_a_resumed_training_goes_on_with_as_many_steps_as_it_was_fitted_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_training, "time", clock := Clock(*(1.5,) * 8))
    length = {"data": batches(8, 0), "epochs": 5, "time_limit": TimeLimit(40.0, Length(5, 8))}
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, PLAIN, observer=Listener(clock, stop_after=1), **length)  # type: ignore[arg-type]
    _, events = train(tmp_path, PLAIN, observer=Listener(clock), **length)  # type: ignore[arg-type]
    assert [event.steps for event in events] == [8, 4, 6, 8, 8]


def test_networks_of_one_run_differ_and_each_keeps_its_own_record(tmp_path: Path) -> None:
    first, _ = train(tmp_path, PLAIN, number=0)
    second, events = train(tmp_path, PLAIN, number=1)
    assert not torch.equal(first.backbone.classifier.weight, second.backbone.classifier.weight)
    assert [(event.run, event.epoch) for event in events] == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_a_loss_that_is_not_finite_is_named_with_its_epoch_and_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        NonFiniteLossError, match=r"the training loss is nan in epoch 1; lower train\.lr \(now 0\.025\)"
    ):
        train(tmp_path, PLAIN, data=batches(1, 0, factor=math.inf))
    assert not (tmp_path / "checkpoints").exists()


def test_weights_that_overflow_in_the_last_step_are_noticed_though_every_loss_was_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = NetworkTraining.step

    def overflowing(training: NetworkTraining, *given: Any) -> None:
        step(training, *given)
        training.network.backbone.classifier.weight.data[0, 0] = math.inf

    monkeypatch.setattr(NetworkTraining, "step", overflowing)
    with pytest.raises(NonFiniteLossError, match=r"weights .* no longer finite in epoch 1; lower train\.lr"):
        train(tmp_path, PLAIN, data=batches(1, 0))
    assert not (tmp_path / "checkpoints").exists()


def test_in_bfloat16_features_are_rounded_and_weights_are_not(tmp_path: Path) -> None:
    """A step goes the same way but for the rounding, which batch norms of six images make felt."""
    steps: dict[str, Tensor] = {}
    with seeded_initialization(0, "train", 0, "weights"):
        fresh = torch.cat([weight.flatten() for weight in make_card().build().parameters()])
    for precision in ("float32", "bfloat16"):
        settings = PLAIN.model_copy(update={"precision": precision})
        network, events = train(tmp_path / precision, settings, validation=batches(1, 1), epochs=1)
        assert {weight.dtype for weight in network.parameters()} == {torch.float32}
        assert {type(getattr(events[0], name)) for name in ("train_loss", "validation_accuracy")} == {float}
        steps[precision] = torch.cat([weight.detach().flatten() for weight in network.parameters()]) - fresh
    error = (steps["bfloat16"] - steps["float32"]).norm() / steps["float32"].norm()
    assert 1e-5 < error < 0.4

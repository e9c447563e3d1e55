import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from torch.nn import functional

from dartboard.runs import Meter, Observer, ScoreMeter
from made_up_events import train_epoch


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 1000))
def test_unequal_batches_give_the_mean_over_images(sizes: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(sum(sizes), 4, generator=generator)
    labels = torch.randint(4, (sum(sizes),), generator=generator)
    meter = Meter(torch.device("cpu"))
    for part, wanted in zip(logits.split(sizes), labels.split(sizes), strict=True):
        meter.add(functional.cross_entropy(part, wanted), part, wanted)
    read = meter.read()
    assert read is not None
    assert read[0] == pytest.approx(functional.cross_entropy(logits, labels).item(), rel=1e-5)
    assert read[1] == (logits.argmax(1) == labels).sum().item() / sum(sizes)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 1000))
def test_a_score_counts_every_class_that_has_images_alike(sizes: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(sum(sizes), 4, generator=generator)
    # Classes as uneven as 1 to 9, and often without images.
    labels = torch.multinomial(torch.tensor([9.0, 3.0, 1.0, 1.0]), sum(sizes), replacement=True, generator=generator)
    meter, plain = ScoreMeter(torch.device("cpu")), Meter(torch.device("cpu"))
    for part, wanted in zip(logits.split(sizes), labels.split(sizes), strict=True):
        for each in (meter, plain):
            each.add(functional.cross_entropy(part, wanted), part, wanted)
    score = meter.read()
    assert score is not None
    assert score[:2] == plain.read()
    predicted = logits.argmax(1)
    recalls = [(predicted[labels == each] == each).double().mean().item() for each in labels.unique()]
    assert score.balanced_accuracy == pytest.approx(sum(recalls) / len(recalls))
    if torch.isin(predicted, labels).all() and len(labels.unique()) > 1:  # scikit-learn warns of the other cases
        assert score.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert (score.by("accuracy"), score.by("balanced-accuracy")) == score[1:]


@pytest.mark.parametrize("meter", [Meter, ScoreMeter])
def test_nothing_counted_is_no_figure(meter: type[Meter | ScoreMeter]) -> None:
    assert meter(torch.device("cpu")).read() is None


def test_counting_keeps_no_graph() -> None:
    meter = Meter(torch.device("cpu"))
    logits = torch.zeros(2, 3, requires_grad=True)
    labels = torch.tensor([0, 1])
    meter.add(functional.cross_entropy(logits, labels), logits, labels)
    assert meter.read() == (pytest.approx(1.0986, abs=1e-4), 0.5)
    assert not meter._sums.requires_grad


def test_long_epochs_lose_no_image_to_rounding() -> None:
    meter = Meter(torch.device("cpu"))
    logits, labels = torch.eye(2).repeat(512, 1), torch.tensor([0, 1]).repeat(512)
    for _ in range(40):
        meter.add(torch.tensor(0.1), logits, labels)
    assert meter.read() == (pytest.approx(0.1, rel=1e-7), 1.0)


def test_a_plain_observer_hears_everything_and_does_nothing() -> None:
    observer = Observer()
    observer.plan({"data": "digits"})
    observer.note("a sentence")
    observer.begin("search", epochs=2, steps=3, done=0)
    observer.step()
    observer.epoch(train_epoch())
    observer.end("search")

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from dartboard.data import Batch
from dartboard.runs import Observer, RunDirectory
from dartboard.training import TrainingData, log_prior, train_network

from .test_loop import PLAIN, Fixed, make_card, train


def test_the_log_prior_is_that_of_the_counts_and_an_absent_class_counts_once() -> None:
    found = log_prior(np.array([0, 0, 0, 2, 2, 0]), 4)
    assert found.tolist() == pytest.approx([math.log(4 / 8), math.log(1 / 8), math.log(2 / 8), math.log(1 / 8)])
    assert found.dtype == torch.float32


def first_loss(folder: Path, batch: Batch, offset: torch.Tensor | None) -> float:
    """The training loss of one step."""
    with RunDirectory(folder) as run:
        data = TrainingData(Fixed([batch]), None, torch.device("cpu"), offset)
        train_network(data, make_card(), PLAIN, run, number=0, epochs=1, seed=0, observer=Observer())
        return float(run.events.read()[0].train_loss)


def test_the_loss_is_the_cross_entropy_of_the_adjusted_logits(tmp_path: Path) -> None:
    """Equation 10 with tau = 1, written out: log(1 + sum over others of (prior' / prior) exp(f' - f))."""
    generator = torch.Generator().manual_seed(3)
    batch = Batch(torch.randn(6, 3, 8, 8, generator=generator), torch.tensor([0, 0, 0, 0, 1, 2]))
    prior = torch.tensor([4 / 6, 1 / 6, 1 / 6])
    network, _ = train(tmp_path / "still", PLAIN.model_copy(update={"lr": 1e-30}), data=Fixed([batch]), epochs=1)
    with torch.no_grad():
        logits = network.train()(batch.images)
    chosen = logits.gather(1, batch.labels[:, None])
    written_out = torch.log((prior / prior[batch.labels][:, None] * torch.exp(logits - chosen)).sum(dim=1)).mean()
    adjusted = first_loss(tmp_path / "adjusted", batch, log_prior(batch.labels.numpy(), 3))
    assert adjusted == pytest.approx(written_out.item(), rel=1e-5)
    plain = first_loss(tmp_path / "plain", batch, None)
    assert plain == pytest.approx(functional.cross_entropy(logits, batch.labels).item(), rel=1e-5)
    assert abs(adjusted - plain) > 0.01


def test_equal_classes_are_trained_as_without_adjustment(tmp_path: Path) -> None:
    batch = Batch(torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2] * 2))
    equal = first_loss(tmp_path / "equal", batch, log_prior(batch.labels.numpy(), 3))
    assert equal == pytest.approx(first_loss(tmp_path / "plain", batch, None), rel=1e-5)

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import Tensor, nn

from dartboard.errors import NonFiniteLossError
from dartboard.training import Predictions, predict


def random_predictions(images: int = 200, classes: int = 5) -> Predictions:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(classes), images).astype(np.float32)
    return Predictions(rng.integers(0, classes, images), probabilities)


def test_accuracy_and_loss_are_scikit_learns() -> None:
    made = random_predictions()
    assert made.accuracy == pytest.approx(metrics.accuracy_score(made.labels, made.predicted))
    exact = made.probabilities.astype(np.float64)
    wanted = metrics.log_loss(made.labels, exact / exact.sum(axis=1, keepdims=True), labels=range(5))
    assert made.loss == pytest.approx(wanted, rel=1e-6)


def test_a_certain_mistake_has_a_large_but_finite_loss() -> None:
    made = Predictions(np.array([0]), np.array([[0.0, 1.0]], dtype=np.float32))
    assert made.loss == pytest.approx(-np.log(1e-12))


class Plain:
    """Batches of unequal size in a fixed order."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(7, 2, 1, 1, generator=generator)

        self.view = SimpleNamespace(labels=np.arange(7) % 2)

    def images_in_order(self) -> Iterator[Tensor]:
        for start, end in ((0, 4), (4, 7)):
            yield self.images[start:end]


def test_predict_gives_every_image_once_in_order_with_the_network_in_evaluation_mode() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(2), nn.Dropout(0.5), nn.Linear(2, 2)).train()
    batches = Plain()
    made = predict(network, batches)
    assert not network.training
    assert made.labels.tolist() == [0, 1, 0, 1, 0, 1, 0]
    with torch.no_grad():
        wanted = network(batches.images).softmax(dim=1)
    np.testing.assert_allclose(made.probabilities, wanted.numpy(), rtol=1e-6)
    assert made.probabilities.dtype == np.float32
    assert network[1].num_batches_tracked == 0


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 1e38])
def test_a_network_that_gives_no_finite_numbers_is_not_scored(weight: float) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.Linear(2, 2))
    nn.init.constant_(network[2].weight, weight)
    nn.init.constant_(network[1].weight, 1e3)
    with pytest.raises(NonFiniteLossError, match=r"for 7 images of 7 the trained network gives no finite numbers"):
        predict(network, Plain())

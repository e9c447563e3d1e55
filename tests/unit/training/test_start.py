"""What a network begins with, against its definition."""

from typing import Any

import torch
from torch import nn

from dartboard.data import Batch
from dartboard.space import PUBLISHED, Network
from dartboard.training import ModelCard, TrainingData, TrainSettings
from dartboard.training.network_training import NetworkTraining
from dartboard.training.start import begin_as_identity

PLAIN: dict[str, Any] = {"auxiliary_weight": 0.0, "drop_path": 0.0}


class Images:
    """One batch of images that are brighter at the top."""

    batch_size = 20

    def __init__(self) -> None:
        noise = torch.randn(20, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        self.images = (noise + torch.linspace(1, -1, 16)[:, None]).contiguous(memory_format=torch.channels_last)

    def __len__(self) -> int:
        return 1

    def in_order(self) -> list[Batch]:
        return [Batch(self.images, torch.zeros(20, dtype=torch.int64))]


def card(*, whitens: bool = False) -> ModelCard:
    return ModelCard(
        genotype=PUBLISHED["conv-stages-by-hand"].to_json(),
        init_channels=8,
        layers=9,
        stem="cifar",
        classes=("a", "b"),
        image_shape=(3, 16, 16),
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        whitens=whitens,
    )


def begun(settings: TrainSettings, *, whitens: bool = False) -> Network:
    data = TrainingData(Images(), None, torch.device("cpu"))  # type: ignore[arg-type]
    return NetworkTraining(data, card(whitens=whitens), settings, number=0, epochs=1, seed=0).network


def test_the_first_outputs_of_an_identity_start_are_the_inputs() -> None:
    layer = nn.Conv2d(4, 6, 3, padding=1, bias=False)
    before = layer.weight.detach().clone()
    begin_as_identity(nn.Sequential(layer))
    images = torch.randn(2, 4, 7, 7)
    outputs = layer(images)
    torch.testing.assert_close(outputs[:, :4], images)
    assert torch.equal(layer.weight[4:], before[4:])


def test_depthwise_and_pointwise_kernels_keep_their_weights_in_an_identity_start() -> None:
    layers = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 2))
    before = [weight.detach().clone() for weight in layers.parameters()]
    begin_as_identity(layers)
    assert all(map(torch.equal, before, layers.parameters()))


def test_fixed_scales_of_batch_norms_ask_for_no_gradient_and_the_momentum_is_that_of_the_settings() -> None:
    network = begun(TrainSettings(**PLAIN, norm_scale="fixed", norm_momentum=0.4))
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    assert norms
    assert all(not part.weight.requires_grad and part.bias.requires_grad for part in norms)
    assert {part.momentum for part in norms} == {0.4}


def test_a_whitening_stem_is_fitted_to_the_training_images() -> None:
    network = begun(TrainSettings(**PLAIN, whiten=True), whitens=True)
    stem = network.backbone.whitening
    assert stem is not None
    outputs = nn.functional.conv2d(Images().images, stem.filters)[:, :12]
    values = outputs.permute(1, 0, 2, 3).flatten(1).double()
    covariance = values @ values.T / values.shape[1]
    torch.testing.assert_close(covariance, torch.eye(12, dtype=torch.float64), atol=0.01, rtol=0)


def test_without_any_of_it_a_network_is_as_it_was_built() -> None:
    from dartboard.runs import seeded_initialization

    with seeded_initialization(0, "train", 0, "weights"):
        built = card().build()
    network = begun(TrainSettings(**PLAIN))
    assert all(map(torch.equal, built.state_dict().values(), network.state_dict().values()))

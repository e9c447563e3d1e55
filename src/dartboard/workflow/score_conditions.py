"""What proxies show to untrained networks: one batch of a dataset, or noise."""

import numpy as np
import torch

from dartboard.data import (
    PHOTOGRAPH_SIDE,
    ArrayData,
    Augmentation,
    AugmentSettings,
    DataSettings,
    ImageView,
    load_dataset,
    measure_normalization,
)
from dartboard.data.decode import Progress
from dartboard.estimate.proxies import Conditions
from dartboard.runs import make_generator
from dartboard.space import Stem

__all__ = ["dataset_conditions", "noise_conditions"]

_NOISE_SHAPE, _NOISE_CLASSES = (3, 32, 32), 10


def noise_conditions(batch_size: int, seed: int, device: torch.device | str = "cpu") -> Conditions:
    """A batch of standard normal noise of 3x32x32 pixels, with labels of 10 classes that are drawn as well.

    Args:
        batch_size: images in the batch.
        seed: of the noise.
        device: where the networks are to be.
    """
    generator = make_generator(seed, "proxies", "batch")
    images = torch.randn(batch_size, *_NOISE_SHAPE, generator=generator)
    labels = torch.randint(_NOISE_CLASSES, (batch_size,), generator=generator)
    return Conditions(images.to(device), labels.to(device), _NOISE_CLASSES)


def dataset_conditions(
    source: str | ArrayData,
    settings: DataSettings,
    batch_size: int,
    seed: int,
    device: torch.device | str = "cpu",
    *,
    progress: Progress | None = None,
) -> Conditions:
    """A batch of the training images of a dataset, normalised and not varied.

    Args:
        source: the dataset, as for `load_dataset`.
        settings: how it is read.
        batch_size: images in the batch; all where the dataset has fewer.
        seed: which images are drawn.
        device: where the networks are to be.
        progress: called now and then with the numbers of images decoded and to be decoded.

    Raises:
        DataError: there is no usable dataset.
    """
    dataset = load_dataset(source, settings, progress=progress)
    everything = ImageView(dataset.train, np.arange(len(dataset.train), dtype=np.int64))
    augmentation = Augmentation(AugmentSettings(), measure_normalization(everything), dataset.image_shape)
    order = torch.randperm(len(everything), generator=make_generator(seed, "proxies", "batch"))
    rows = order[:batch_size].sort().values.numpy()
    images = augmentation.plain(torch.from_numpy(dataset.train.read(rows))).contiguous()
    labels = torch.from_numpy(dataset.train.true_labels[rows])
    stem: Stem = "imagenet" if min(dataset.image_shape[1:]) >= PHOTOGRAPH_SIDE else "cifar"
    return Conditions(images.to(device), labels.to(device), len(dataset.classes), stem=stem)

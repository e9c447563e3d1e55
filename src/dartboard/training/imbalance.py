"""What a training does about classes of unequal size."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Imbalance", "log_prior"]

Imbalance = Literal["none", "balanced-sampling", "logit-adjustment"]
"""What is done about such classes; `TrainSettings.imbalance` explains each value."""


def log_prior(labels: npt.NDArray[np.int64], num_classes: int) -> Tensor:
    """The logarithm of each class's share of the training images, float32, shape (classes,).

    It is added to the logits inside of the training loss, and only there. Then the plain argmax of the logits is
    trained for the balanced error (tau = 1). A class without images counts as a class with one image.

    Args:
        labels: class of each training image, shape (images,).
        num_classes: number of classes.

    Paper: Menon et al. 2021, arXiv:2007.07314, eq. 10.
    """
    counts = np.maximum(np.bincount(labels, minlength=num_classes), 1)
    return torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))

"""Testing a trained network, once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from dartboard.data import Batches
from dartboard.space import Network

__all__ = ["Predictions", "class_probabilities", "predict"]


@dataclass(frozen=True)
class Predictions:
    """What a network says of some images.

    Attributes:
        labels: true classes, int64, shape (images,).
        probabilities: float32, shape (images, classes).
    """

    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The most probable class of each image, shape (images,)."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def accuracy(self) -> float:
        """Share of images whose most probable class is the true one."""
        return float((self.predicted == self.labels).mean())

    @property
    def loss(self) -> float:
        """Mean cross-entropy per image in nats."""
        chosen = self.probabilities[np.arange(len(self.labels)), self.labels]
        return float(-np.log(np.maximum(chosen.astype(np.float64), 1e-12)).mean())


def predict(network: Network, batches: Batches) -> Predictions:
    """Run the network over every image once, without augmentation; raises DataError where there are no labels."""
    return Predictions(batches.view.labels, class_probabilities(network, batches))


@torch.no_grad()
def class_probabilities(network: Network, batches: Batches) -> npt.NDArray[np.float32]:
    """What the network gives each class for each image, in order, float32, shape (images, classes)."""
    network.eval()
    logits = [network(images).float() for images in batches.images_in_order()]
    return np.concatenate([functional.softmax(each, dim=1).cpu().numpy() for each in logits])

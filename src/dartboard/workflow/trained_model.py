"""The trained network of a run as a module of torch that carries what belongs to it: preprocessing and classes."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dartboard.data import Augmentation, AugmentSettings, DataSettings, Images, index_objects, load_images
from dartboard.runs import Observer
from dartboard.space import Network
from dartboard.training import ModelCard
from dartboard.workflow.predict import load_trained, predict_with

__all__ = ["TrainedModel", "load_run"]


class TrainedModel(nn.Module):
    """A trained network with its preprocessing, its classes and its test-time views.

    Images are given as they come: the path of an image file, a PIL image, a uint8 array (height, width) or (height,
    width, channels), an array of several of them, or a list. Everything else is that of the run.

    >>> import dartboard
    >>> model = dartboard.load("runs/flowers")  # doctest: +SKIP
    >>> model.predict("daisy.jpg")  # doctest: +SKIP
    ['daisy']

    Args:
        network: the trained network.
        card: description of the network.

    Attributes:
        network: the network, which takes prepared images.
        card: description of the network.
        classes: class names in the order of the outputs.
    """

    def __init__(self, network: Network, card: ModelCard) -> None:
        super().__init__()
        self.network = network
        self.card = card
        self.classes = card.classes
        self.eval()

    def forward(self, images: Images) -> Tensor:
        """The logits, mean over the views of an image, float32, shape (images, classes).

        Args:
            images: prepared images, or images as they come, which are prepared first.
        """
        prepared = isinstance(images, Tensor) and images.is_floating_point()
        logits: Tensor = self.network(images if prepared else self.prepare(images))
        return logits

    def prepare(self, images: Images) -> Tensor:
        """What the network takes: float32, shape (images, channels, height, width), normalised, on its device.

        Raises:
            DataError: something is no image, or cannot be read as one.
        """
        read = load_images(index_objects(images, self._channels), DataSettings(), self.card.reading).images
        pixels = torch.from_numpy(read.read(np.arange(len(read), dtype=np.int64))).to(self._device)
        return Augmentation(AugmentSettings(), self.card.normalization, self.card.image_shape).plain(pixels)

    def probabilities(self, images: Images) -> npt.NDArray[np.float32]:
        """The probability of each class for each image, shape (images, classes), as `dartboard predict` gives them.

        Raises:
            DataError: something is no image, or cannot be read as one.
        """
        training, index = self.training, index_objects(images, self._channels)
        model = (self.network, self.card)
        found = predict_with(model, index, DataSettings(), device=self._device, observer=Observer())
        self.train(training)
        return found.probabilities

    def predict(self, images: Images) -> list[str]:
        """The name of the most probable class of each image; raises the errors of `probabilities`."""
        return [self.classes[number] for number in self.probabilities(images).argmax(axis=1).tolist()]

    @property
    def _channels(self) -> int:
        return self.card.image_shape[0]

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device


def load_run(run: Path) -> TrainedModel:
    """The trained network of a run, on the CPU, in evaluation mode; no code is executed.

    Raises:
        RunDirectoryError: there is no trained network.
        CheckpointError: the files of the network are damaged.
    """
    return TrainedModel(*load_trained(run))

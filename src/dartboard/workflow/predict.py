"""Predictions with the trained network of a run, and its export."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dartboard.config import resolve
from dartboard.data import (
    ArrayData,
    Augmentation,
    AugmentSettings,
    Batches,
    DataSettings,
    GivenImages,
    ImageView,
    SourceIndex,
    load_images,
)
from dartboard.devices import find_device
from dartboard.errors import RunDirectoryError
from dartboard.runs import Observer, read_json
from dartboard.session.batches import EVALUATION_BATCH
from dartboard.space import Network
from dartboard.training import (
    ExportedModel,
    ImagePredictions,
    ModelCard,
    check_exportable,
    class_probabilities,
    export_model,
    load_model,
)
from dartboard.wording import count, shortened

__all__ = ["check_trained", "export_network", "load_trained", "predict_given", "predict_images", "predict_with"]

_NAMED = 3
"""Number of images left out that a note names; all of them are counted, and the table has a row for each."""


def predict_images(
    run: Path, source: str | Path | ArrayData | None, layer: Mapping[str, Any], *, device: str, observer: Observer
) -> ImagePredictions:
    """Predict the test images of a source, or all images if there is no test split.

    The images are resized and normalised as in the run.

    Args:
        run: the run directory of a finished training; nothing in it is changed.
        source: any dataset, labelled or not, or a folder of images, or one image file.
        layer: settings of `data`; they take precedence over the run's names of columns.
        device: as in the settings of a run.
        observer: is told about the reading of the images.

    Raises:
        DartboardError: there is no trained network, the images cannot be read, or the device is not available.
    """
    return predict_given(run, source, layer, device=device, observer=observer)[0]


def predict_given(
    run: Path, source: str | Path | ArrayData | None, layer: Mapping[str, Any], *, device: str, observer: Observer
) -> tuple[ImagePredictions, GivenImages]:
    """What `predict_images` gives, and the images themselves as they were read."""
    target, model, settings = find_device(device), load_trained(run), _settings(run, layer)
    given = _read(model[1], source, settings, observer)
    return _predict(model, given, settings, target), given


def export_network(run: Path, path: Path) -> ExportedModel:
    """Write the trained network of a run as one file that works without dartboard.

    Args:
        run: the run directory of a finished training.
        path: the file to write; its ending chooses the format.

    Raises:
        RunDirectoryError: there is no trained network, or the file cannot be written.
        CheckpointError: the files of the network are damaged.
        ExportError: the network cannot be exported, or a package for the export is missing.
    """
    check_trained(run)
    check_exportable(path)
    return export_model(*load_trained(run), path)


def predict_with(
    model: tuple[Network, ModelCard],
    source: str | Path | ArrayData | SourceIndex | None,
    settings: DataSettings,
    *,
    device: torch.device,
    observer: Observer,
) -> ImagePredictions:
    """Predict with a network in memory: the test images of a source, or all images if there is no test split.

    Args:
        model: the network, which is moved to the device and stays there, and its card with image shape and
            normalisation.
        source: any dataset, labelled or not, or a folder of images, or one image file, or images that are listed
            already.
        settings: settings for reading the source.
        device: device on which the network computes.
        observer: is told about the reading of the images.

    Returns:
        The names of the images, the classes, and probabilities of shape (images, classes).

    Raises:
        DataError: the images cannot be read.
    """
    return _predict(model, _read(model[1], source, settings, observer), settings, device)


def _read(
    card: ModelCard, source: str | Path | ArrayData | SourceIndex | None, settings: DataSettings, observer: Observer
) -> GivenImages:
    given = load_images(source, settings, card.reading, progress=observer.reading, note=observer.note)
    if given.left_out:
        observer.note(_told_left_out(given))
    return given


def _predict(
    model: tuple[Network, ModelCard], given: GivenImages, settings: DataSettings, device: torch.device
) -> ImagePredictions:
    network, card = model
    view = ImageView(given.images, np.arange(len(given.images), dtype=np.int64))
    batches = Batches(
        view,
        Augmentation(AugmentSettings(), card.normalization, card.image_shape),
        batch_size=EVALUATION_BATCH,
        device=device,
        memory_mib=settings.memory_mib,
        workers=settings.workers,
    )
    started = time.perf_counter()
    found = class_probabilities(network.to(device), batches)
    seconds = time.perf_counter() - started
    probabilities = np.full((len(given.names), len(card.classes)), np.nan, dtype=np.float32)
    probabilities[np.delete(np.arange(len(given.names)), list(given.left_out))] = found
    return ImagePredictions(given.names, card.classes, probabilities, seconds, given.true_classes, given.left_out)


def _told_left_out(given: GivenImages) -> str:
    named = [f"{shortened(given.names[row])} ({why})" for row, why in given.left_out.items()]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    were = "was" if len(named) == 1 else "were"
    return f"{count(len(named), 'broken image')} {were} left out: {', '.join(named[:_NAMED])}{more}."


def load_trained(run: Path) -> tuple[Network, ModelCard]:
    """The trained network of a run and its description; raises what `load_model` raises."""
    check_trained(run)
    return load_model(run)


def check_trained(run: Path) -> None:
    """Refuse a folder without a trained network.

    Raises:
        RunDirectoryError: there is none.
    """
    if not (run / "model.json").is_file():
        raise RunDirectoryError(
            f"{run} holds no trained network (model.json); name the run directory of a finished run or training."
        )


def _settings(run: Path, layer: Mapping[str, Any]) -> DataSettings:
    path = run / "settings.json"
    recorded = read_json(path) if path.is_file() else {}
    own = recorded.get("data", {}) if isinstance(recorded, dict) else {}
    return resolve(DataSettings, {name: value for name, value in own.items() if name.endswith("_column")}, layer)

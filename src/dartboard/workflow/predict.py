"""Using the trained model of a run: predicting images, and exporting it."""

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
    ImageView,
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

__all__ = ["export_network", "predict_images", "predict_with"]


def predict_images(
    run: Path, source: str | Path | ArrayData | None, layer: Mapping[str, Any], *, device: str, observer: Observer
) -> ImagePredictions:
    """Predict the test images of a source, or all where it has no test split, sized and normalised as in the run.

    Args:
        run: the run directory of a training that has ended; nothing in it is changed.
        source: any dataset, labelled or not, or a folder of images.
        layer: settings of `data`, above those of the run; the names of the columns are used.
        device: as in the settings of a run.
        observer: hears of the reading.

    Raises:
        DartboardError: there is no such model, the images cannot be read, or the device is not available.
    """
    _check_trained(run)
    target = find_device(device)
    return predict_with(load_model(run), source, _settings(run, layer), device=target, observer=observer)


def export_network(run: Path, path: Path) -> ExportedModel:
    """Write the trained network of a run as one file that needs no dartboard (see `dartboard.training.export_model`).

    Raises:
        RunDirectoryError: there is no such model, or the file cannot be written.
        CheckpointError: the model is damaged.
        ExportError: it cannot be exported, or packages for that are absent.
    """
    _check_trained(run)
    check_exportable(path)
    return export_model(*load_model(run), path)


def predict_with(
    model: tuple[Network, ModelCard],
    source: str | Path | ArrayData | None,
    settings: DataSettings,
    *,
    device: torch.device,
    observer: Observer,
) -> ImagePredictions:
    """Predict images with a model in memory: the test images of a source, or all where it has no test split.

    Args:
        model: the network, which is left on the device, and how images are sized and normalised for it.
        source: any dataset, labelled or not, or a folder of images.
        settings: how the source is read.
        device: where the network computes.
        observer: hears of the reading.

    Raises:
        DataError: the images cannot be read.
    """
    network, card = model
    images = load_images(source, settings, card.image_shape, progress=observer.reading)
    augmentation = Augmentation(AugmentSettings(), card.normalization, card.image_shape)
    view = ImageView(images, np.arange(len(images), dtype=np.int64))
    batches = Batches(
        view,
        augmentation,
        batch_size=EVALUATION_BATCH,
        device=device,
        memory_mib=settings.memory_mib,
        workers=settings.workers,
    )
    started = time.perf_counter()
    probabilities = class_probabilities(network.to(device), batches)
    return ImagePredictions(images.names, card.classes, probabilities, time.perf_counter() - started)


def _check_trained(run: Path) -> None:
    if not (run / "model.json").is_file():
        raise RunDirectoryError(
            f"{run} holds no trained model (model.json); name the run directory of a run or training that has ended."
        )


def _settings(run: Path, layer: Mapping[str, Any]) -> DataSettings:
    path = run / "settings.json"
    recorded = read_json(path) if path.is_file() else {}
    own = recorded.get("data", {}) if isinstance(recorded, dict) else {}
    return resolve(DataSettings, {name: value for name, value in own.items() if name.endswith("_column")}, layer)

"""Verbs that use the trained network of a run: load, predict, evaluate, export."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dartboard.data import ArrayData, Data, DataSettings, given_arrays, recorded_source
from dartboard.devices import find_device
from dartboard.display import fitting_observer
from dartboard.runs import Observer, check_new_file
from dartboard.space import Network
from dartboard.training import EXPORT_ENDINGS, PREDICTION_ENDINGS, ExportedModel, ImagePredictions, ModelCard
from dartboard.workflow import (
    Evaluation,
    TrainedModel,
    evaluate_run,
    export_network,
    load_run,
    predict_images,
    predict_with,
)
from dartboard.workflow.opening import Layer, Place

__all__ = ["evaluate", "export", "load", "predict", "predict_in_memory"]


def load(run_directory: Place, *, device: str = "cpu") -> TrainedModel:
    """The trained network of a run as a module of torch, with its preprocessing, its classes and its test-time views.

    >>> import dartboard
    >>> model = dartboard.load("runs/flowers")  # doctest: +SKIP
    >>> model.predict(["rose.jpg", "daisy.jpg"])  # doctest: +SKIP
    ['rose', 'daisy']

    Args:
        run_directory: the run; its folder `baselines/NAME` holds the network of a baseline.
        device: "auto", or a torch device such as "cpu", "cuda:1" or "mps".

    Returns:
        The model: `model.prepare(images)` makes the input of `model(input)`, which gives logits;
        `model.probabilities(images)` and `model.predict(images)` are what `dartboard.predict` says.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    target = find_device(device)
    return load_run(Path(run_directory)).to(target)


def predict(
    run_directory: Place,
    data: Data | None = None,
    layer: Layer | None = None,
    *,
    out: Place | None = None,
    overwrite: bool = False,
    device: str = "auto",
    observer: Observer | None = None,
) -> ImagePredictions:
    """Predict images with the trained network of a run: the test images of `data`, or all if there is no test split.

    Args:
        run_directory: the run; it provides the image size, the normalisation and the classes.
        data: a dataset as in `run`. Labels are not needed; a folder of images without class folders or a single image
            file is allowed.
        layer: settings of `data`, such as `{"image_column": "file"}`, where they differ from those of the run; with
            `{"skip_broken": True}`, images that cannot be read are left out.
        out: file to write the predictions to: the classes as integers (.npy), or a table of names, predictions, labels
            where they are known, and probabilities (.csv); None for none.
        overwrite: replace `out` if it exists.
        device: "auto", or a torch device such as "cpu", "cuda:1" or "mps".
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.

    Returns:
        The names of the images, the classes, and the probability of each class for each image.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    if out is not None:
        check_new_file(Path(out), PREDICTION_ENDINGS, overwrite=overwrite)
    with observer or fitting_observer() as watching:
        predictions = predict_images(Path(run_directory), _source(data), layer or {}, device=device, observer=watching)
    if out is not None:
        predictions.write(Path(out))
    return predictions


def predict_in_memory(
    network: Network, card: ModelCard, images: npt.NDArray[Any], *, device: str = "auto"
) -> npt.NDArray[np.float32]:
    """Predict images in an array with a network in memory; the scikit-learn classifier uses this.

    Args:
        network: the trained network; it is moved to the device and stays there.
        card: image shape, normalisation and classes of the network.
        images: shape (images, height, width) or (images, height, width, channels), of the type of numbers that the
            network was trained on: others than uint8 are scaled by the ranges of `card`.
        device: "auto", or a torch device such as "cpu", "cuda:1" or "mps".

    Returns:
        The probability of each class, shape (images, classes), columns in the order of `card.classes`.

    Raises:
        DataError: the images have a wrong shape or type.
        SettingsError: there is no such device.
    """
    source = ArrayData({"images": images})
    target = find_device(device)
    return predict_with((network, card), source, DataSettings(), device=target, observer=Observer()).probabilities


def evaluate(
    run_directory: Place,
    data: Data | None = None,
    layer: Layer | None = None,
    *,
    out: Place | None = None,
    overwrite: bool = False,
    device: str = "auto",
    observer: Observer | None = None,
) -> Evaluation:
    """Measure the accuracy of the trained network of a run on labelled images: the test images of `data`, or all.

    Labels are matched with the classes of the network by their names. Images of classes that the network does not know
    do not count, nor do images without a label.

    Args:
        run_directory: the run; its folder `baselines/NAME` holds the network of a baseline.
        data: a dataset as in `run`. Where it has no test split, all its images are taken.
        layer: settings of `data`, as in `predict`.
        out: file to write the predictions to, as in `predict`; None for none.
        overwrite: replace `out` if it exists.
        device: "auto", or a torch device such as "cpu", "cuda:1" or "mps".
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.

    Returns:
        Accuracy with its interval, the scores of each class, the confusion matrix, and what does not count.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    if out is not None:
        check_new_file(Path(out), PREDICTION_ENDINGS, overwrite=overwrite)
    with observer or fitting_observer() as watching:
        evaluation, predictions = evaluate_run(
            Path(run_directory), _source(data), layer or {}, device=device, observer=watching
        )
    if out is not None:
        predictions.write(Path(out))
    return evaluation


def _source(data: Data | None) -> str | Path | ArrayData | None:
    return given_arrays(data) or recorded_source(data).get("source")


def export(run_directory: Place, out: Place, *, overwrite: bool = False) -> ExportedModel:
    """Write the trained network of a run as one file that works without dartboard.

    The file takes uint8 images of shape (batch, height, width, channels) and returns probabilities of the classes.

    Args:
        run_directory: the run; its folder `baselines/NAME` holds the network of a baseline.
        out: the file: .onnx (needs the extra `export`), or .pt2 (a program of torch.export).
        overwrite: replace `out` if it exists.

    Returns:
        The image shape of the file, and the largest difference between the file and the network on random images.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    check_new_file(Path(out), EXPORT_ENDINGS, overwrite=overwrite)
    return export_network(Path(run_directory), Path(out))

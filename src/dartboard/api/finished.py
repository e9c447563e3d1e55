"""Verbs that work on an existing run: select, analyse, predict, export, report."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dartboard.api.opening import Layer, Place, begin, opened
from dartboard.data import ArrayData, Data, DataSettings, given_arrays, recorded_source
from dartboard.devices import find_device
from dartboard.records import Comparison, Result
from dartboard.reports import write_comparison, write_report
from dartboard.runs import Observer, check_new_file
from dartboard.session import finished_result
from dartboard.settings import stored_request
from dartboard.space import Network
from dartboard.training import EXPORT_ENDINGS, PREDICTION_ENDINGS, ExportedModel, ImagePredictions, ModelCard
from dartboard.workflow import (
    analyse_search,
    analysis_directory,
    analysis_settings,
    export_network,
    finish_run,
    plan_analysis,
    predict_images,
    predict_with,
    reselect_genotype,
    reselection_directory,
    reselection_settings,
)

__all__ = ["analyse", "export", "predict", "predict_in_memory", "report", "select"]


def select(
    run_directory: Place,
    name: str,
    options: Layer | None = None,
    *,
    data: Data | None = None,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.select(...)",
) -> Result:
    """Select another architecture from the supernet of a finished search, without searching again.

    Args:
        run_directory: run directory of the search; nothing in it is changed.
        name: name of the selection; `dartboard.list_selections()` lists them with their options.
        options: options of the selection, by name.
        data: the images of the search, where they were given as arrays; otherwise the run has recorded their place.
        out: the run directory of the selection; None makes a new one beside that of the search.
        resume: continue the selection in `out`, or begin it there.
        observer: is told about progress; `dartboard.progress()` shows it.
        command: text to record as the command that was typed.

    Returns:
        The summary; its `reselection` holds the architecture that the search had chosen.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    settings = reselection_settings(Path(run_directory), name, dict(options or {}))
    place = reselection_directory(settings, Path(out) if out else None, resume=resume)
    with opened(data, stored_request(settings), place, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        begin(session, ("search",))
        reselect_genotype(session)
        return finish_run(session, command)


def analyse(
    run_directory: Place,
    name: str,
    options: Layer | None = None,
    *,
    data: Data | None = None,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.analyse(...)",
) -> Result:
    """Analyse the supernet of a finished search, without searching again.

    Args:
        run_directory: run directory of the search; nothing in it is changed.
        name: name of the analysis; `dartboard.list_analyses()` lists them with their options.
        options: options of the analysis, by name.
        data: the images of the search, where they were given as arrays; otherwise the run has recorded their place.
        out: the run directory of the analysis; None makes a new one beside that of the search.
        resume: continue the analysis in `out`, or begin it there; finished measurements are not repeated.
        observer: is told about progress; `dartboard.progress()` shows it.
        command: text to record as the command that was typed.

    Returns:
        The summary; its `analysis` holds the findings, its `genotype` is that of the search.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    settings = analysis_settings(Path(run_directory), name, dict(options or {}))
    place = analysis_directory(settings, Path(out) if out else None, resume=resume)
    with opened(data, stored_request(settings), place, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        measurements = plan_analysis(session)
        begin(session, ())
        analyse_search(session, measurements)
        return finish_run(session, command)


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
        observer: is told about progress; `dartboard.progress()` shows it.

    Returns:
        The names of the images, the classes, and the probability of each class for each image.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    if out is not None:
        check_new_file(Path(out), PREDICTION_ENDINGS, overwrite=overwrite)
    source = given_arrays(data) or recorded_source(data).get("source")
    with observer or Observer() as watching:
        predictions = predict_images(Path(run_directory), source, layer or {}, device=device, observer=watching)
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
        images: shape (images, height, width) or (images, height, width, channels), uint8 or floats from 0 to 1.
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


def report(run_directory: Place) -> Path:
    """Write the report of a run or a comparison again, from the files in its directory.

    Args:
        run_directory: the run, finished or not, or the directory of a comparison.

    Returns:
        Path of the page: `report.html` of a run, or `comparison.html` of a comparison.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    path = Path(run_directory)
    return write_comparison(path) if Comparison.exists(path) else write_report(path)

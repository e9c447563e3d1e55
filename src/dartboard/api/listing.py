"""Verbs that list things: the contents of a dataset, and the things that are registered under a name."""

from pathlib import Path
from typing import Any

from dartboard.config import resolve
from dartboard.data import (
    Data,
    DatasetDescription,
    DataSettings,
    describe_dataset,
    draw_contact_sheet,
    given_arrays,
    recorded_source,
)
from dartboard.display import fitting_observer
from dartboard.runs import Observer, check_new_file, write_atomically
from dartboard.settings import describe_settings
from dartboard.workflow import list_registered
from dartboard.workflow.opening import Layer, Place

__all__ = [
    "describe",
    "list_analyses",
    "list_baselines",
    "list_choice_rules",
    "list_methods",
    "list_operations",
    "list_presets",
    "list_proxies",
    "list_sections",
    "list_selections",
    "list_settings",
    "list_spaces",
    "list_studies",
    "list_watches",
]


def describe(
    data: Data | None = None,
    layer: Layer | None = None,
    *,
    contact_sheet: Place | None = None,
    overwrite: bool = False,
    observer: Observer | None = None,
) -> DatasetDescription:
    """Read a dataset and describe its contents; broken images are listed, and raise no error.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None means scikit-learn's digits.
        layer: settings of `data`, such as `{"image_column": "file"}`.
        contact_sheet: a .png file that will show some images of each class; None draws nothing.
        overwrite: replace `contact_sheet` if it exists.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.

    Returns:
        Classes, counts, sizes, broken images, duplicates between training and test, and what else the check found.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    sheet = Path(contact_sheet) if contact_sheet is not None else None
    if sheet is not None:
        check_new_file(sheet, (".png",), overwrite=overwrite)
    source = given_arrays(data) or recorded_source(data).get("source")
    settings = resolve(DataSettings, layer or {})
    with observer or fitting_observer() as watching:
        description, dataset = describe_dataset(source, settings, progress=watching.reading)
    if sheet is not None:
        write_atomically(sheet, lambda stream: stream.write(draw_contact_sheet(dataset)))
    return description


def list_methods() -> list[dict[str, Any]]:
    """The registered search methods: name, summary, paper, options with their defaults."""
    return list_registered("methods")


def list_settings(prefix: str = "", *, preset: str | None = None) -> list[dict[str, Any]]:
    """All settings of a run: name, type in words, default, meaning.

    Args:
        prefix: the beginning of dotted names, such as "train.augment"; empty for all.
        preset: name of a preset; the settings that it sets then also have its value ("preset").

    Raises:
        DartboardError: no setting begins like that, or there is no such preset.
    """
    return describe_settings(prefix, preset)


def list_spaces() -> list[dict[str, Any]]:
    """The registered search spaces: name, summary, paper, options, possible cells, and form in the fast engine."""
    return list_registered("spaces")


def list_studies() -> list[dict[str, Any]]:
    """The ready studies, each the protocol of a paper: name, summary, paper."""
    return list_registered("studies")


def list_operations() -> list[dict[str, Any]]:
    """The registered candidate operations of the search spaces: name, summary, paper."""
    return list_registered("operations")


def list_presets() -> list[dict[str, Any]]:
    """The registered presets (layers of settings below the user's own): name, summary, paper, space, method."""
    return list_registered("presets")


def list_proxies() -> list[dict[str, Any]]:
    """The registered zero-cost proxies: name, summary, paper, what they look at."""
    return list_registered("proxies")


def list_choice_rules() -> list[dict[str, Any]]:
    """The registered rules that choose among the searches of several seeds: name, summary, paper."""
    return list_registered("choice-rules")


def list_baselines() -> list[dict[str, Any]]:
    """The registered baselines (networks that are trained for comparison with the one found): name, summary, paper."""
    return list_registered("baselines")


def list_selections() -> list[dict[str, Any]]:
    """The registered selections from the supernet of a finished search: name, summary, paper, options."""
    return list_registered("selections")


def list_analyses() -> list[dict[str, Any]]:
    """The registered analyses of a finished search: name, summary, paper, options."""
    return list_registered("analyses")


def list_watches() -> list[dict[str, Any]]:
    """The registered watches, which measure while a search goes on: name, summary, paper, options."""
    return list_registered("watches")


def list_sections() -> list[dict[str, Any]]:
    """The registered sections of a report: name, summary, paper."""
    return list_registered("sections")

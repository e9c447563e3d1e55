"""What a study asks for: grids of methods, spaces, data sets, seeds and settings, as people write them."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from dartboard.config import Settings, parse_overrides, resolve
from dartboard.data.given import recorded_source
from dartboard.errors import DataError, SettingsError
from dartboard.wording import names_in, parts_in, printable
from dartboard.workflow.contenders import refuse_repeated

__all__ = [
    "DataPlace",
    "Grid",
    "StudyRequest",
    "data_places",
    "read_seeds",
    "read_varied",
    "request",
]

MOST_SEEDS = 100

Trains = Literal["all", "chosen", "none"]


class Grid(Settings):
    """One table of a study: every method in every space on every data set with every seed and every varied value."""

    title: str = ""
    """Heading of the table; empty for the only one."""

    methods: tuple[str, ...] = ()
    """Methods, each with options of its own, as in `p-darts{search.layers=5}` or `darts-minus:auxiliary_gate=0.3`."""

    spaces: tuple[str, ...] = ()
    """Search spaces; without any, one that fits all methods."""

    data: tuple[str, ...] = ()
    """Data sets: folders or files, hf:owner/name, `digits`, or names in the folder of DARTBOARD_DATA; without any,
    digits."""

    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1, 2)
    """Seeds: a number of them, a list as in 2,20,200, or a range as in 0-3."""

    vary: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """Dotted name of a setting -> the values that it takes in turn."""

    settings: dict[str, Any] = Field(default_factory=dict)
    """Settings that all trials share, nested or dotted, as `--set` takes them; `preset` is one of them."""

    choose: str | None = None
    """Choice rule that takes one of the seeds of each method (`dartboard choice-rules`); its figure stands beside the
    mean over all seeds."""

    train: Trains = "all"
    """Which architectures are trained and tested: all, only that of the seed that `choose` takes, or none."""

    transfer: tuple[str, ...] = ()
    """Pairs A:B of data sets: what is searched on A is trained and tested on B."""

    @field_validator("methods", "spaces", "data", "transfer", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return names_in(value) if isinstance(value, str) else value

    @field_validator("seeds", mode="before")
    @classmethod
    def _read_seeds(cls, value: Any) -> Any:
        try:
            return read_seeds(value)
        except ValueError as error:
            raise PydanticCustomError("seeds", "{told}", {"told": str(error)}) from error

    @field_validator("vary", mode="before")
    @classmethod
    def _read_vary(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: each if isinstance(each, list | tuple) else (each,) for key, each in value.items()}


class StudyRequest(Settings):
    """A study as it is asked for: what all its tables share, and the tables."""

    documents = frozenset({"settings", "vary"})

    name: str = "study"
    """Name of the study; that of a ready one, or of the file."""

    source: str = ""
    """The paper whose protocol it is; empty for a study of one's own."""

    tables: tuple[Grid, ...] = ()
    """The tables."""

    notes: tuple[str, ...] = ()
    """Sentences about the study, such as how it differs from the paper."""

    scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the lengths of all searches and trainings that is done."""

    skip_unfit: bool = False
    """Leave out methods in the spaces that they do not fit, instead of refusing the study."""


def request(content: Mapping[str, Any], *, name: str, changes: Mapping[str, Any] | None = None) -> StudyRequest:
    """A study from the keys of a file or of a ready study; what stands beside `tables` is shared by all of them.

    Args:
        content: keys of `StudyRequest` and of `Grid`.
        name: its name where the content has none.
        changes: keys of `Grid` that take the place of those of every table, except `settings`, which are laid over.

    Raises:
        SettingsError: a key is unknown, or a value does not fit.
    """
    own = {key: value for key, value in content.items() if key in StudyRequest.model_fields and key != "tables"}
    shared = {key: value for key, value in content.items() if key not in StudyRequest.model_fields}
    tables = content.get("tables") or [{}]
    if not isinstance(tables, Sequence) or not all(isinstance(table, Mapping) for table in tables):
        raise SettingsError("the tables of a study must be a list of keys with values, as in tables: [{methods: ...}].")
    grids = []
    for table in tables:
        keys = {**shared, **table, **{key: value for key, value in (changes or {}).items() if key != "settings"}}
        layers = [each.get("settings") or {} for each in (shared, table, changes or {})]
        keys["settings"] = _laid_over(layers)
        grids.append(resolve(Grid, {"vary": {}, **{key: value for key, value in keys.items() if key != "vary"}}))
        if "vary" in keys:
            grids[-1] = _with_varied(grids[-1], keys["vary"])
    asked = resolve(StudyRequest, {"name": name, **own})
    return asked.model_copy(update={"tables": tuple(grids)})


def _laid_over(layers: Sequence[Any]) -> dict[str, Any]:
    """Dotted settings of several layers, later ones winning."""
    found: dict[str, Any] = {}
    for layer in layers:
        if not isinstance(layer, Mapping):
            raise SettingsError(f"the settings of a study must be keys with values, not {layer!r}.")
        found |= _dotted(layer)
    return found


def _dotted(layer: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in layer.items():
        is_group = isinstance(value, Mapping) and value and f"{prefix}{key}" != "method.options"
        found |= _dotted(value, f"{prefix}{key}.") if is_group else {f"{prefix}{key}": value}
    return found


def _with_varied(grid: Grid, varied: Any) -> Grid:
    """The grid with varied settings, whose dotted names would otherwise be read as groups."""
    if not isinstance(varied, Mapping):
        raise SettingsError(f"the varied settings of a study must map settings to lists of values, not {varied!r}.")
    return grid.model_copy(update={"vary": {key: _values(key, value) for key, value in _dotted(varied).items()}})


def _values(key: str, value: Any) -> tuple[Any, ...]:
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not values:
        raise SettingsError(f"the varied setting '{key}' has no values; give some, as in --vary {key}=1,2.")
    refuse_repeated(f"value of {key}", [str(each) for each in values])
    return values


def read_seeds(value: Any) -> tuple[int, ...]:
    """The seeds of a number (4: the seeds 0 to 3), of a list such as "2,20,200", or of a range such as "0-3".

    >>> read_seeds(2), read_seeds("2,20"), read_seeds("5-7")
    ((0, 1), (2, 20), (5, 6, 7))

    Raises:
        ValueError: they cannot be read, one is named twice, or there are more than a hundred; it says so as the end of
            a sentence.
    """
    told = "input should be a number of seeds, or seeds as in 2,20,200 or 0-3"
    if isinstance(value, int):
        value = str(value)
    parts = value.split(",") if isinstance(value, str) else [str(each) for each in value]
    found: list[int] = []
    for part in parts:
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not match:
            raise ValueError(told)
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first >= MOST_SEEDS:
            raise ValueError(f"{told}, and at most {MOST_SEEDS} of them")
        found += range(first, last + 1)
    if isinstance(value, str) and len(parts) == 1 and "-" not in value:
        if not 1 <= found[0] <= MOST_SEEDS:
            raise ValueError(f"input should give from 1 to {MOST_SEEDS} seeds")
        return tuple(range(found[0]))
    if len(set(found)) < len(found):
        twice = next(seed for seed in found if found.count(seed) > 1)
        raise ValueError(f"the seed {twice} is given twice, but every trial needs its own")
    if not 1 <= len(found) <= MOST_SEEDS:
        raise ValueError(f"input should give from 1 to {MOST_SEEDS} seeds")
    return tuple(found)


def read_varied(texts: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """The varied settings by their texts, as in "search.weight_lr=0.001,0.005"; values are YAML.

    Raises:
        SettingsError: a text cannot be read, or names a setting or a value twice.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not key.strip() or not values.strip():
            raise SettingsError(f"'{text}' does not say what is varied; write --vary search.weight_lr=0.001,0.005.")
        if key.strip() in found:
            raise SettingsError(f"the setting '{key.strip()}' is varied twice; give all its values to one --vary.")
        read = [parse_overrides([f"{key.strip()}={part}"])[key.strip()] for part in parts_in(values)]
        found[key.strip()] = _values(key.strip(), read)
    return found


@dataclass(frozen=True)
class DataPlace:
    """A data set of a study.

    Attributes:
        label: its name in tables.
        source: where it is, as the setting `source` says it.
    """

    label: str
    source: str | None


def data_places(names: Sequence[str]) -> dict[str, DataPlace]:
    """The data sets by the names that they are given by.

    Args:
        names: paths, hf:owner/name, "digits", or names of folders in that of DARTBOARD_DATA.

    Raises:
        DataError: there is no such data set, or two have the same name.
    """
    refuse_repeated("data set", list(names))
    places = {name: _data_place(name) for name in names}
    labels: dict[str, str] = {}
    for name, place in places.items():
        if place.label in labels:
            raise DataError(
                f"the data sets {labels[place.label]} and {name} are both called '{place.label}'; rename one of them, "
                "since a table could not tell them apart."
            )
        labels[place.label] = name
    return places


def _data_place(name: str) -> DataPlace:
    if name == "digits":
        return DataPlace("digits", None)
    if name.startswith("hf:"):
        return DataPlace(name.removeprefix("hf:"), name)
    source = recorded_source(name)["source"]
    root = os.environ.get("DARTBOARD_DATA")
    if not Path(source).exists() and root and (Path(root) / name).exists():
        source = str((Path(root) / name).resolve())
    if not Path(source).exists():
        where = f" or in {root}, which DARTBOARD_DATA names" if root else ""
        raise DataError(f"there is no data set '{name}' here{where}; give a folder, a file, hf:owner/name or digits.")
    path = Path(source)
    return DataPlace(printable(path.stem if path.is_file() else path.name), source)

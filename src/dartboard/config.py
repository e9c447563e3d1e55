"""Settings: frozen, typed, resolved from layers (defaults < recipe < file < overrides), unknown keys refused."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from dartboard.errors import SettingsError, suggest

__all__ = [
    "Settings",
    "changed_keys",
    "in_long_form",
    "mapping_of",
    "merged",
    "nest",
    "parse_overrides",
    "read_settings_file",
    "reason_of",
    "resolve",
    "settings_named",
]

_ALL = "dartboard settings lists all of them."
_LONGEST = 200
"""Characters of a list of known settings beyond which it is not shown; other classes of settings have few."""


class Settings(BaseModel):
    """Base of every settings class: frozen, and unknown keys are an error. Field descriptions are the manual.

    Layers of settings are merged key by key. What a subclass says here decides how its group is merged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    short_form: ClassVar[str | None] = None
    """Key that a bare text in place of the group stands for, as `method: darts` stands for `method.name: darts`. What
    a layer gives together with this key is meant for its value, and is left out where a later layer has another."""

    documents: ClassVar[frozenset[str]] = frozenset()
    """Keys of mappings that mean something only as a whole: a later one takes the place of an earlier one."""

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        return {cls.short_form: value} if cls.short_form and isinstance(value, str) else value


S = TypeVar("S", bound=Settings)


class _Loader(yaml.SafeLoader):
    """Safe YAML that reads `1e-3` as a number, as YAML 1.2 does; PyYAML follows version 1.1, where it is a text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)

_UNREADABLE = (yaml.YAMLError, ValueError, AttributeError, RecursionError)
"""What reading YAML can raise. The last three come from an impossible date, a wrong tag and very deep nesting."""


def resolve(cls: type[S], *layers: Mapping[str, Any]) -> S:
    """Build settings from layers, later ones winning.

    Args:
        cls: the settings class at the root of the tree.
        layers: mappings whose keys may be nested, dotted (`"search.batch_size"`) or both.

    Raises:
        SettingsError: a key is unknown (the nearest are named) or a value does not fit.
    """
    try:
        return cls.model_validate(merged(cls, *layers))
    except ValidationError as error:
        raise SettingsError(_explain(cls, error.errors()[0])) from error


def merged(cls: type[Settings], *layers: Mapping[str, Any]) -> dict[str, Any]:
    """Layers as one layer in long form, later ones winning; values are not checked.

    Args:
        cls: the settings class at the root of the tree.
        layers: mappings whose keys may be nested, dotted or both.

    Raises:
        SettingsError: one key is used both as a value and as a group, or has two values.
    """
    into: dict[str, Any] = {}
    for layer in _meant(cls, [in_long_form(cls, layer) for layer in layers]):
        _merge(into, layer, cls)
    return into


def parse_overrides(assignments: Sequence[str]) -> dict[str, Any]:
    """Read `key.sub=value` texts; values are YAML, so `true`, `3`, `1e-3`, `[1, 2]` and `null` mean what they say.

    Raises:
        SettingsError: a text has no `=` or a value is not YAML.
    """
    values: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"the setting '{text}' is not of the form key=value, as in search.epochs=9.")
        try:
            values[key.strip()] = _read_yaml(value)
        except _UNREADABLE as error:
            raise SettingsError(f"the value in '{text}' cannot be read: quote it or check its brackets.") from error
    return values


def read_settings_file(path: Path) -> dict[str, Any]:
    """Read a YAML or JSON file of settings, nested or dotted.

    Raises:
        SettingsError: the file is missing, is not YAML, or is not a mapping.
    """
    try:
        content = _read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror or error}.") from error
    except _UNREADABLE as error:
        raise SettingsError(f"the settings file {path} is not YAML: {' '.join(str(error).split())}.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"the settings file {path} holds a {type(content).__name__}; it must map keys to values.")
    return content


def in_long_form(cls: type[Settings], layer: Mapping[str, Any]) -> dict[str, Any]:
    """A layer as nested mappings, without short forms, so that it merges with other layers key by key.

    Args:
        cls: the settings class at the root of the tree.
        layer: a mapping whose keys may be nested, dotted or both.

    Raises:
        SettingsError: it is no mapping, or one key is used both as a value and as a group, or has two values.
    """
    return nest(_long_keys(cls, mapping_of(layer)))


def mapping_of(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The layer itself, as calls from Python give it.

    Raises:
        SettingsError: it is no mapping.
    """
    if not isinstance(layer, Mapping):
        raise SettingsError(
            f"settings of class {type(layer).__name__} are not understood; give a dict such as {{'search.epochs': 9}}."
        )
    return layer


def nest(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted keys into nested mappings.

    >>> nest({"a.b": 1, "a": {"c": 2}})
    {'a': {'b': 1, 'c': 2}}

    Raises:
        SettingsError: one key is used both as a value and as a group, or has two values.
    """
    result: dict[str, Any] = {}
    for key, value in layer.items():
        _insert(result, str(key), value)
    return result


def settings_named(entries: Sequence[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """The entries of the manual whose names begin with `prefix`.

    Raises:
        SettingsError: none does; the nearest names are offered.
    """
    found = [each for each in entries if each["name"].startswith(prefix)]
    if not found:
        parts = [each["name"].split(".") for each in entries]
        near = suggest(prefix, {".".join(path[:length]) for path in parts for length in range(1, len(path) + 1)})
        advice = near if near.startswith("did you mean") else _ALL
        raise SettingsError(f"there is no setting '{prefix}'; {advice}")
    return found


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted keys whose values differ between two nested mappings, sorted."""
    changed: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        left, right = old.get(key), new.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            changed += changed_keys(left, right, f"{prefix}{key}.")
        elif left != right:
            changed.append(prefix + key)
    return changed


def _insert(into: dict[str, Any], key: str, value: Any, prefix: str = "") -> None:
    head, dot, rest = key.partition(".")
    is_group = bool(dot) or isinstance(value, Mapping)
    if head in into and isinstance(into[head], dict) != is_group:
        raise SettingsError(f"the setting '{prefix}{head}' is given both as a value and as a group; keep one.")
    if not is_group:
        if into.get(head, value) != value:
            raise SettingsError(f"the setting '{prefix}{head}' is given twice, with different values; keep one.")
        into[head] = value
        return
    group = into.setdefault(head, {})
    for inner, below in ((rest, value),) if dot else value.items():
        _insert(group, str(inner), below, f"{prefix}{head}.")


def _read_yaml(text: str) -> Any:
    return yaml.load(text, _Loader)


def _merge(into: dict[str, Any], new: Mapping[str, Any], cls: type[Settings] | None) -> None:
    """Put a layer over those below.

    Args:
        into: the layers below, nested.
        new: the layer, nested and without short forms.
        cls: the class of these settings; None where they are options that have none.
    """
    for key, value in new.items():
        below, is_document = into.get(key), cls is not None and key in cls.documents
        if isinstance(value, Mapping) and isinstance(below, dict) and not is_document:
            _merge(below, value, _group(cls, key))
        else:
            into[key] = _copied(value)


def _meant(cls: type[Settings], layers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The layers without what was meant for another value of a short form than that of the last layer with one."""
    meant = [dict(layer) for layer in layers]
    for key in cls.model_fields:
        holders = [layer for layer in meant if isinstance(layer.get(key), Mapping)]
        if (group := _group(cls, key)) is None or not holders:
            continue
        parts = _meant(group, [layer[key] for layer in holders])
        short = group.short_form
        named = [part[short] for part in parts if short in part] if short else []
        for layer, part in zip(holders, parts, strict=True):
            layer[key] = {short: part[short]} if short in part and part[short] != named[-1] else part
    return meant


def _copied(value: Any) -> Any:
    return {key: _copied(inner) for key, inner in value.items()} if isinstance(value, Mapping) else value


def _long_keys(cls: type[Settings], layer: Mapping[str, Any]) -> dict[str, Any]:
    """The layer with the key of the long form in place of every short one."""
    keys: dict[str, Any] = {}
    for key, value in layer.items():
        name = str(key)
        group: type[Settings] | None = cls
        for part in name.split("."):
            group = _group(group, part)
        if group is not None and group.short_form and isinstance(value, str):
            name = f"{name}.{group.short_form}"
        elif group is not None and isinstance(value, Mapping):
            value = _long_keys(group, value)
        if name in keys and keys[name] != value:
            raise SettingsError(f"the setting '{name}' is given twice, with different values; keep one.")
        keys[name] = value
    return keys


def _group(cls: type[Settings] | None, key: str) -> type[Settings] | None:
    """The class of the group of settings called `key`, which may also be null; None where `key` is no group."""
    field = cls.model_fields.get(key) if cls is not None else None
    if field is None:
        return None
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Settings)), None)


def _explain(cls: type[Settings], detail: ErrorDetails) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = list(_dotted_fields(cls))
        near = suggest(place, known)
        return f"there is no setting '{place}'; {near if len(near) < _LONGEST else _ALL}"
    if isinstance(detail["input"], (dict, list)) or detail["type"] == "missing":
        return f"the setting '{place}' does not fit: {reason_of(detail)}."
    given = "empty" if detail["input"] is None else repr(detail["input"])
    return f"the setting '{place}' cannot be {given}: {reason_of(detail)}."


def reason_of(detail: ErrorDetails) -> str:
    """Why a value does not fit, as the end of a sentence."""
    told = detail["msg"].removeprefix("Value error, ")
    told = re.sub(r"a valid dictionary( or instance of \w+)?", "keys with values", told)
    told = told.replace("a valid tuple", "a list").replace("a valid string", "a text")
    return told[:1].lower() + told[1:]


def _dotted_fields(cls: type[Settings], prefix: str = "") -> Iterator[str]:
    for name, field in cls.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Settings):
            yield from _dotted_fields(kind, f"{prefix}{name}.")
        else:
            yield prefix + name

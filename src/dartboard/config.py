"""Settings: frozen, typed, resolved from layers (defaults < recipe < file < overrides), unknown keys refused."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from dartboard.errors import SettingsError, suggest

__all__ = ["Settings", "changed_keys", "nest", "parse_overrides", "read_settings_file", "resolve", "settings_named"]


class Settings(BaseModel):
    """Base of every settings class: frozen, and unknown keys are an error. Field descriptions are the manual."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


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
    merged: dict[str, Any] = {}
    for layer in layers:
        _merge(merged, nest(layer))
    try:
        return cls.model_validate(merged)
    except ValidationError as error:
        raise SettingsError(_explain(cls, error.errors()[0])) from error


def parse_overrides(assignments: Sequence[str]) -> dict[str, Any]:
    """Read `key.sub=value` texts; values are YAML, so `true`, `3`, `1e-3`, `[1, 2]` and `null` mean what they say.

    Raises:
        SettingsError: a text has no `=` or a value is not YAML.
    """
    values: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"the override '{text}' is not of the form key=value, as in search.epochs=9.")
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


def nest(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted keys into nested mappings.

    >>> nest({"a.b": 1, "a": {"c": 2}})
    {'a': {'b': 1, 'c': 2}}

    Raises:
        SettingsError: one key is used both as a value and as a group.
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
        near = suggest(prefix, [each["name"] for each in entries])
        advice = near if near.startswith("did you mean") else "dartboard settings lists all of them."
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
        into[head] = value
        return
    group = into.setdefault(head, {})
    for inner, below in ((rest, value),) if dot else value.items():
        _insert(group, str(inner), below, f"{prefix}{head}.")


def _read_yaml(text: str) -> Any:
    return yaml.load(text, _Loader)


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _explain(cls: type[Settings], detail: ErrorDetails) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"there is no setting '{place}'; {suggest(place, _dotted_fields(cls))}"
    if isinstance(detail["input"], (dict, list)) or detail["type"] == "missing":
        return f"the setting '{place}' does not fit: {detail['msg'][0].lower() + detail['msg'][1:]}."
    return f"the setting '{place}' cannot be {detail['input']!r}: {detail['msg'][0].lower() + detail['msg'][1:]}."


def _dotted_fields(cls: type[Settings], prefix: str = "") -> Iterator[str]:
    for name, field in cls.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Settings):
            yield from _dotted_fields(kind, f"{prefix}{name}.")
        else:
            yield prefix + name

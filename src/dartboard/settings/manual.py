"""All settings of a run as a list: name, type in words, default, meaning, and what a preset sets.

`python docs/generate.py` writes the list to docs/settings.md and to `manual.json` beside this file, from which the
command line reads it, and all about spaces and presets, without importing torch.
"""

import inspect
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dartboard.config import Settings, nest, settings_named
from dartboard.settings.presets import AUTO, PRESETS
from dartboard.settings.tree import FALLBACK, RunSettings
from dartboard.space import get_space

__all__ = ["MANUAL", "describe_settings", "preset_layer"]

MANUAL = Path(__file__).with_name("manual.json")
"""The list as a file: all settings, what each preset sets, and the lists of presets and spaces."""

_WORDS: Mapping[Any, str] = {str: "text", int: "integer", float: "number", bool: "true or false", type(None): "null"}


def describe_settings(prefix: str = "", preset: str | None = None) -> list[dict[str, Any]]:
    """All settings whose names begin with `prefix`, in the order of the tree.

    Args:
        prefix: the beginning of dotted names, such as "train" or "train.augment".
        preset: name of a preset; each record then also has what it sets ("preset"), where it sets that.

    Returns:
        For each setting its name, type in words, default, and meaning.

    Raises:
        SettingsError: no setting begins like that.
        UnknownNameError: there is no such preset.
    """
    layer = {} if preset is None else _flat(preset_layer(preset))
    entries = settings_named(list(_entries(RunSettings())), prefix)
    return [{**each, **({"preset": layer[each["name"]]} if each["name"] in layer else {})} for each in entries]


def preset_layer(preset: str) -> dict[str, Any]:
    """What a preset sets, nested, for the space that it is made for or, where that is open, for the usual one."""
    factory = PRESETS[preset].factory
    space = FALLBACK["space"] if factory.space == AUTO else factory.space
    chosen = {key: value for key, value in (("space", factory.space), ("method.name", factory.method)) if value != AUTO}
    return nest({**chosen, **factory(get_space(space))})


def _entries(defaults: Settings, prefix: str = "") -> Iterator[dict[str, Any]]:
    """The settings of a group, with the defaults that the group has in the tree."""
    for name, field in type(defaults).model_fields.items():
        kind, plain = field.annotation, getattr(defaults, name)
        if isinstance(kind, type) and issubclass(kind, Settings):
            yield from _entries(plain, f"{prefix}{name}.")
        else:
            yield {
                "name": f"{prefix}{name}",
                "type": _field_words(field),
                "default": list(plain) if isinstance(plain, tuple) else plain,
                "meaning": " ".join((field.description or "").split()),
            }


def _flat(layer: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in layer.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _field_words(field: FieldInfo) -> str:
    return _words(field.annotation, _limits(field.metadata))


def _words(kind: Any, limits: str = "") -> str:
    """A type in words; the limits go to the numbers in it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner = [
            limit for each in arguments[1:] for limit in (each.metadata if isinstance(each, FieldInfo) else [each])
        ]
        return _words(arguments[0], _limits(inner) or limits)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(each, limits) for each in arguments)
    if origin is Literal:
        return " or ".join(f'"{each}"' for each in arguments)
    if origin is tuple:
        return f"list of {_words(arguments[0])}"
    if kind in (int, float):
        return f"{_WORDS[kind]}{limits}"
    if origin is dict:
        return "keys and values"
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return "keys and values"
    return _WORDS.get(kind, "any value")


def _limits(metadata: list[Any]) -> str:
    """The limits of a number, as they follow its kind."""
    low = next((f"{each.ge:g} or more" for each in metadata if getattr(each, "ge", None) is not None), "")
    low = next((f"above {each.gt:g}" for each in metadata if getattr(each, "gt", None) is not None), low)
    high = next((f"at most {each.le:g}" for each in metadata if getattr(each, "le", None) is not None), "")
    high = next((f"below {each.lt:g}" for each in metadata if getattr(each, "lt", None) is not None), high)
    told = ", ".join(filter(None, (low, high)))
    return f" ({told})" if told else ""

"""Options of what is asked for by name: they are checked, and refused where they would do nothing."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import ValidationError, validate_call

from dartboard.config import reason_of
from dartboard.errors import SettingsError, suggest

__all__ = ["Need", "call_with_options", "needs", "needs_of"]

Factory = TypeVar("Factory", bound=Callable[..., Any])

_CONDITION = re.compile(r"(?P<option>\w+)(?:(?P<sign>!=|=|>)(?P<value>\S+))?")
_NEEDS: dict[Callable[..., Any], Mapping[str, tuple["Need", ...]]] = {}


@dataclass(frozen=True)
class Need:
    """What another option must be, so that an option does anything.

    Attributes:
        option: name of the other option.
        sign: how its value is compared: "=", "!=", ">", or "" where it must not be null.
        value: the value that it is compared with, as text.
    """

    option: str
    sign: str
    value: str

    @classmethod
    def of(cls, condition: str) -> Self:
        """The need that a text such as "update=sgd", "gradient!=reinforce", "drop_path>0" or "reference" tells.

        Raises:
            ValueError: the text has another form.
        """
        match = _CONDITION.fullmatch(condition)
        if match is None:
            raise ValueError(f"'{condition}' is no condition of the form option, option=value, option!=value, option>1")
        return cls(match["option"], match["sign"] or "", match["value"] or "")

    def holds(self, value: Any) -> bool:
        """Whether the other option has a value that fits."""
        if self.sign == "":
            return value is not None
        if self.sign == ">":
            return value is not None and float(value) > float(self.value)
        return (_text(value) == self.value) == (self.sign == "=")

    def __str__(self) -> str:
        """The condition, as `of` reads it."""
        return f"{self.option}{self.sign}{self.value}"

    @property
    def remedy(self) -> str:
        """What to do, so that it holds."""
        if self.sign == "":
            return f"give {self.option}"
        if self.sign == ">":
            return f"set {self.option} above {self.value}"
        return f"set {self.option}={self.value}" if self.sign == "=" else f"give {self.option} another value"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def needs(**conditions: str | tuple[str, ...]) -> Callable[[Factory], Factory]:
    """Declare what options of the decorated factory need of its other options; elsewhere they are refused.

    Args:
        conditions: option -> one or several conditions, as `Need.of` reads them.

    Raises:
        ValueError: a condition has another form, or names an option that the factory does not have.
    """
    told = {
        option: tuple(map(Need.of, (texts,) if isinstance(texts, str) else texts))
        for option, texts in conditions.items()
    }

    def declare(factory: Factory) -> Factory:
        known = inspect.signature(factory).parameters
        for name in {*told, *(need.option for own in told.values() for need in own)} - set(known):
            raise ValueError(f"{factory.__name__} has no option '{name}'")
        _NEEDS[factory] = told
        return factory

    return declare


def needs_of(factory: Callable[..., Any]) -> Mapping[str, tuple[Need, ...]]:
    """What the options of a factory need: option -> the needs, all of which must hold."""
    return _NEEDS.get(factory, {})


def call_with_options(kind: str, name: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    """Call a registered factory with options from the user.

    Args:
        kind: kind of the registered thing, for messages ("method").
        name: registry name.
        factory: its keyword arguments are the options.
        options: values of the options, by name.

    Raises:
        SettingsError: there is no option of that name, the value does not fit, or the option would do nothing beside
            the others.
    """
    known = inspect.signature(factory).parameters
    for key in options:
        if key not in known:
            hint = suggest(key, known) if known else "it has none."
            raise SettingsError(f"the {kind} '{name}' has no option '{key}'; {hint}")
    try:
        made = validate_call(factory)(**options)
    except ValidationError as error:
        detail = error.errors()[0]
        raise SettingsError(
            f"the option '{detail['loc'][0]}' of the {kind} '{name}' cannot be {detail['input']!r}: "
            f"{reason_of(detail)}."
        ) from error
    _refuse_idle(f"of the {kind} '{name}'", factory, options)
    return made


def _refuse_idle(owner: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse options that do nothing beside the values of the others."""
    defaults = inspect.signature(factory).parameters
    for option, own in needs_of(factory).items():
        for need in own if option in options else ():
            value = options.get(need.option, defaults[need.option].default)
            if not need.holds(value):
                beside = f"without {need.option}" if value is None else f"with {need.option}={_text(value)}"
                raise SettingsError(
                    f"the option '{option}' {owner} does nothing {beside}; leave it out, or {need.remedy}."
                )

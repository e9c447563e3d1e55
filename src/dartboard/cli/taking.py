"""Verbs that take their options as one object."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["takes"]

O = TypeVar("O", bound="DataclassInstance")  # noqa: E741 - the customary single letter, and no number can be meant


def takes(options: type[O]) -> Callable[[Callable[[O], None]], Callable[..., None]]:
    """Show typer the fields of `options` as the parameters of the decorated function, which receives one object."""

    def decorate(function: Callable[[O], None]) -> Callable[..., None]:
        def command(**values: Any) -> None:
            function(options(**values))

        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__annotations__ = {field.name: field.type for field in fields(options)}
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if field.default is MISSING else field.default,
                    annotation=field.type,
                )
                for field in fields(options)
            ]
        )
        return command

    return decorate

"""The base class of the sections of a report, and their registry."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from markupsafe import Markup
from pydantic import BaseModel, ValidationError

from dartboard.errors import RunDirectoryError
from dartboard.records import RunRecords
from dartboard.registry import Registry, leaving_out
from dartboard.reports.templates import render
from dartboard.runs import first_fault
from dartboard.space import Genotype

__all__ = ["SECTIONS", "Section", "checked", "plain", "section", "sections_in_order", "working"]

Told = TypeVar("Told")
Document = TypeVar("Document", bound=BaseModel)


class Section(Generic[Told]):
    """One section of a report: its facts about a run, and their form on the page and in the terminal.

    A section must define `read`, and may override the other methods. Its facts are a frozen dataclass or one of the
    documents of `dartboard.records`.

    Attributes:
        order: its place on the page; sections with a smaller order come first.
        title: its headline on the page; a section without a title continues the section above it.
        needs: a sentence for the page if the section has no facts; without such a sentence the section is left out.
    """

    order: float = 1050
    title: str = ""
    needs: str = ""

    def read(self, run: RunRecords) -> Told | None:
        """The facts of the section about a run; None if there are none.

        Raises:
            RunDirectoryError: a file of the run is damaged.
        """
        raise NotImplementedError

    def missing(self, run: RunRecords) -> str:  # noqa: ARG002 - for those that override it, as in all methods below
        """The sentence for the page if the section has no facts; empty to leave the section out."""
        return self.needs

    def headline(self, told: Told) -> str:  # noqa: ARG002
        """The headline of the section; override it if it depends on the facts."""
        return self.title

    def html(self, told: Told) -> Markup:
        """The HTML below the headline, from the template beside the section's file with the values `told` and `drawn`.

        A section without a template has no HTML, unless it overrides this method.
        """
        file = Path(inspect.getfile(type(self))).with_suffix(".html.j2")
        if not file.exists():
            return Markup("")
        return render(file.name, beside=file.parent, told=told, drawn=self.drawn(told))

    def drawn(self, told: Told) -> Mapping[str, Any]:  # noqa: ARG002
        """The figures that the template shows, by name."""
        return {}

    def lines(self, told: Told) -> dict[str, str]:  # noqa: ARG002
        """The rows of the section in the terminal and in a notebook: heading -> text."""
        return {}


SECTIONS: Registry[Callable[[], Section[Any]]] = Registry("report section", "dartboard.report_sections", gives=Section)


def section(name: str) -> Callable[[type[Section[Told]]], type[Section[Told]]]:
    """Register the decorated class as the section `name`; the name is also its key in `facts.json`."""

    def register(made: type[Section[Told]]) -> type[Section[Told]]:
        SECTIONS.add(name, made)
        return made

    return register


def checked(make: type[Document], content: object, file: Path) -> Document:
    """Plain data of a file, read as a document.

    Args:
        make: type of the document.
        content: the plain data.
        file: the file that holds the data.

    Raises:
        RunDirectoryError: the data do not have the form of the document; the message names the file.
    """
    try:
        return make.model_validate(content)
    except ValidationError as error:
        raise RunDirectoryError(
            f"{file} does not hold what a run writes there ({first_fault(error)}); restore it, or delete it to go "
            "without it."
        ) from error


def sections_in_order() -> dict[str, Section[Any]]:
    """All registered sections by name, in the order of the page; a broken one of another package is left out."""
    made = {}
    for entry in SECTIONS:
        with leaving_out(SECTIONS.kind, entry.name, entry.place):
            made[entry.name] = SECTIONS.made(entry.name, entry.factory)
    return dict(sorted(made.items(), key=lambda item: item[1].order))


def working(name: str, section: Section[Any]) -> AbstractContextManager[None]:
    """Leave out a section of another package that fails, with a warning that names it."""
    return leaving_out(SECTIONS.kind, name, f"{type(section).__module__}.{type(section).__qualname__}")


def plain(told: object) -> Any:
    """Facts as plain data for `facts.json`; fields with `metadata={"plain": False}` are left out."""
    if isinstance(told, Genotype):
        return told.to_json()
    if isinstance(told, BaseModel):
        return told.model_dump(mode="json", by_alias=True)
    if is_dataclass(told):
        kept = (entry.name for entry in fields(told) if entry.metadata.get("plain", True))
        return {name: plain(getattr(told, name)) for name in kept}
    if isinstance(told, Mapping):
        return {str(key): plain(value) for key, value in told.items()}
    if isinstance(told, Sequence) and not isinstance(told, str):
        return [plain(value) for value in told]
    if isinstance(told, Path):
        return str(told)
    if isinstance(told, float) and not math.isfinite(told):
        return None
    return told

"""The methods of a comparison or a study, each with options and settings of its own, as users write them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dartboard.config import parse_overrides
from dartboard.errors import SettingsError, UnknownNameError, suggest
from dartboard.parts import METHODS
from dartboard.wording import listing, parts_in

__all__ = ["Contender", "read_contenders", "refuse_repeated", "refuse_unknown"]


@dataclass(frozen=True)
class Contender:
    """One method of a comparison.

    Attributes:
        label: name and options, as the user gave them.
        layer: its settings: the method, and those that only it has.
    """

    label: str
    layer: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Registry name of the method."""
        return str(self.layer["method"]["name"])

    @property
    def own(self) -> dict[str, Any]:
        """Dotted name -> value of the settings that only this contender has."""
        return {key: value for key, value in self.layer.items() if key != "method"}

    @property
    def folder(self) -> str:
        """Its label in characters that are safe in the name of a folder."""
        return re.sub(r"[^\w.=-]+", "-", self.label).strip("-")


def read_contenders(texts: Sequence[str], groups: Sequence[str] = ("search",)) -> tuple[Contender, ...]:
    """The contenders by their texts, such as "darts", "darts-minus:auxiliary_gate=0.3" or "p-darts{search.layers=5}".

    Args:
        texts: names, with options of the method and dotted names of settings behind a colon or in braces.
        groups: the groups of settings in which contenders may differ.

    Raises:
        UnknownNameError: there are no such methods; all of them are named.
        SettingsError: there is no contender, one is named twice, or has a setting in which contenders cannot differ.
    """
    contenders = tuple(_contender(text.strip(), groups) for text in texts)
    if not contenders:
        raise SettingsError("there is nothing to compare; name methods, as in --methods darts,gdas,random.")
    refuse_unknown("method", (each.name for each in contenders), [entry.name for entry in METHODS])
    refuse_repeated("method", [each.folder for each in contenders])
    return contenders


def refuse_unknown(kind: str, names: Iterable[str], known: Sequence[str]) -> None:
    """Refuse names that are not known, all of them in one sentence.

    Raises:
        UnknownNameError: there are such names.
    """
    missing = list(dict.fromkeys(name for name in names if name not in known))
    if len(missing) == 1:
        raise UnknownNameError(f"there is no {kind} '{missing[0]}'; {suggest(missing[0], known)}")
    if missing:
        told = (f"'{name}' ({suggest(name, known).rstrip('.?')})" for name in missing)
        near = (f"'{name}'" for name in missing)
        hints = all(suggest(name, known).startswith("did you mean") for name in missing)
        listed = f"dartboard {kind}s lists all of them."
        raise UnknownNameError(f"there are no {kind}s {listing(told if hints else near)}; {listed}")


def refuse_repeated(kind: str, labels: Sequence[str]) -> None:
    """Refuse a list that names something twice.

    Raises:
        SettingsError: it does.
    """
    for label, times in Counter(labels).items():
        if times > 1:
            raise SettingsError(f"the {kind} '{label}' is named twice; name every {kind} once.")


def _contender(text: str, groups: Sequence[str]) -> Contender:
    """A contender by its text.

    Raises:
        SettingsError: the braces do not close, or a setting is of another group.
    """
    method, brace, rest = text.partition("{")
    if brace:
        options, closing, after = rest.rpartition("}")
        if not closing or after.strip() or ":" in method:
            raise SettingsError(
                f"the contender '{text}' cannot be read; its settings stand in braces behind the name, as in "
                "'p-darts{search.layers=5}'."
            )
    else:
        method, _, options = text.partition(":")
    given = parse_overrides([part for part in parts_in(options) if part.strip()])
    settings = {key: value for key, value in given.items() if "." in key}
    for key in settings:
        if key.partition(".")[0] not in groups:
            allowed = listing([f"{group}.NAME" for group in groups])
            raise SettingsError(
                f"the contender '{text}' has '{key}', but only options of the method and settings of the "
                f"search ({allowed}) can differ between contenders; give it to all by --set {key}={settings[key]}."
                if groups == ("search",)
                else f"the contender '{text}' has '{key}', but only options of the method and settings of search and "
                f"training ({allowed}) can differ between contenders; give it to all by --set {key}={settings[key]}."
            )
    own = {key: value for key, value in given.items() if key not in settings}
    return Contender(text, {"method": {"name": method.strip(), "options": own}, **settings})

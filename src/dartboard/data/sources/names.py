"""Names as text: what files and labels are called, the same on every system, and the order of classes."""

import math
import os
import re
import unicodedata
from collections.abc import Iterable

from dartboard.wording import printable

__all__ = ["alike", "class_name", "file_text", "order_classes", "path_text", "same_name"]


def file_text(name: str) -> str:
    r"""The name of a file as the system gives it, as text that can be written and printed.

    File names are bytes. They are read as UTF-8 whatever the locale says; bytes that are none, and control characters,
    become escapes such as \xe9, so that different names stay different.
    """
    if name.isascii():
        return printable(name)
    try:
        content = os.fsencode(name)
    except UnicodeEncodeError:  # a name that the system cannot have, which is text already
        return printable(name)
    return printable(content.decode("utf-8", errors="backslashreplace"))


def path_text(text: str) -> str:
    """The text of a table as the system calls a file of that name: the inverse of `file_text` without its escapes."""
    return text if text.isascii() else os.fsdecode(text.encode("utf-8", errors="surrogateescape"))


def same_name(text: str) -> str:
    """The one form of a name that Unicode can write in several: an accent of its own joins its letter (NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def class_name(text: str) -> str:
    """The name of a class: one Unicode form, without blanks around it or control characters in it."""
    return printable(same_name(text).strip())


def alike(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that may be spellings of one: they differ in case, blanks, signs between words, or zeros.

    >>> alike(["Cat", "cat", "dog", "hot_dog", "hot-dog", "1", "01", "a", "A"])
    [['Cat', 'cat'], ['hot_dog', 'hot-dog'], ['1', '01']]
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_spelling(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _spelling(name: str) -> str:
    if not math.isnan(value := _number(name)):
        return repr(value)
    # Single letters are classes of letters, small and capital.
    return re.sub(r"[\s_.-]+", "", name).casefold() or name if len(name) > 1 else name


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Different class names in their order: by size if all are numbers, else as texts; the same on every machine.

    >>> order_classes(["10", "9", "010"]), order_classes(["b", "10", "9"])
    (('9', '010', '10'), ('10', '9', 'b'))
    """
    texts = sorted(set(names))
    values = {text: _number(text) for text in texts}
    if any(math.isnan(value) for value in values.values()):
        return tuple(texts)
    return tuple(sorted(texts, key=lambda text: values[text]))


def _number(text: str) -> float:
    """The number that the text is; not a number (NaN) where it is none."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan

"""What sources call their splits: a rule on the words of a name, for folders, files, columns and the Hub."""

import re
from collections.abc import Mapping

from dartboard.data.sources.index import SplitName

__all__ = ["SPLIT_WORDS", "split_and_rest", "split_of"]

SPLIT_WORDS: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "validate": "validation",
    "validating": "validation",
    "dev": "validation",
    "development": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
    "tst": "test",
    "holdout": "test",
}
"""The words for the splits, in lower case."""

_BESIDE = (
    "set|sets|data|dataset|datasets|split|splits|subset|part|partition|fold|folder|folders|dir|image|images|img|imgs|"
    "photo|photos|picture|pictures|pic|pics|file|files|sample|samples|example|examples"
)
"""Words that may stand beside the word for a split and say nothing more."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")
_JOINED = re.compile(rf"({'|'.join(sorted(SPLIT_WORDS, key=len, reverse=True))})({_BESIDE})")


def split_and_rest(name: str) -> tuple[SplitName, str] | None:
    """The split that a name means, and what else it says; None for a name without exactly one word for a split.

    Words begin at capitals and after all that is no letter; numbers count for nothing.

    >>> split_and_rest("seg_train"), split_and_rest("TestSet"), split_and_rest("hold-out"), split_and_rest("cats")
    (('train', 'seg'), ('test', ''), ('test', ''), None)
    """
    words = [part for word in _WORD.findall(_whole(name)) for part in _parts(word.lower())]
    found = [word for word in words if word in SPLIT_WORDS]
    if len(found) != 1:
        return None
    return SPLIT_WORDS[found[0]], " ".join(
        word for word in words if word != found[0] and not re.fullmatch(_BESIDE, word)
    )


def split_of(name: str) -> SplitName | None:
    """The split that a name means if it says nothing else, else None.

    >>> split_of("Training"), split_of("test_set"), split_of("public_test")
    ('train', 'test', None)
    """
    found = split_and_rest(name)
    return found[0] if found and not found[1] else None


def _whole(name: str) -> str:
    """The name with "hold out", in any spelling of its middle, as one word."""
    return re.sub(r"(?i)(?<![a-z])(hold|held)[\W_]*out(?![a-z])", " holdout ", name)


def _parts(word: str) -> tuple[str, ...]:
    """The two words of "trainset", else the word itself."""
    joined = _JOINED.fullmatch(word)
    return (joined[1], joined[2]) if joined else (word,)

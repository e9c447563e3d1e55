"""docs/settings.md: every setting with its type, default and meaning, and what each preset sets; from the code."""

import json
from collections.abc import Iterator, Sequence

from dartboard.settings import PRESETS
from dartboard.settings.manual import describe_settings

__all__ = ["settings_page"]

GROUPS = {
    "": "The run",
    "data": "Reading and dividing the data",
    "search": "The search",
    "search.augment": "Augmentation in the search",
    "train": "The training",
    "train.augment": "Augmentation in the training",
}
"""Beginning of the names -> heading."""


def settings_page() -> str:
    """The whole page."""
    return "\n\n".join(_parts()) + "\n"


def _parts() -> Iterator[str]:
    entries = describe_settings()
    yield "# Settings"
    yield (
        f"All {len(entries)} settings of a run. `--set NAME=VALUE` sets one, a YAML or JSON file (`--config`) several, "
        "and in Python a mapping with nested or dotted keys. Later layers win: defaults, the preset, the settings "
        "of the method's paper, automatic choices, file, `--set`. Presets that are small on purpose (`quick`, `smoke`) "
        "come after the paper; the plan and the report name what they replace."
    )
    yield (
        "    dartboard settings train.augment        # this list, for names that begin like that\n"
        "    dartboard settings --preset darts-cifar # with what a preset sets"
    )
    yield (
        "The default is what holds without a preset; a run begins with the preset `quick` unless you name another, and "
        "[below](#what-presets-set) is what each of them sets."
    )
    for prefix, heading in GROUPS.items():
        yield f"## {heading}"
        yield _table(
            ("setting", "type", "default", "meaning"),
            [
                (f"`{each['name']}`", each["type"], f"`{json.dumps(each['default'])}`", each["meaning"])
                for each in entries
                if _group(each["name"]) == prefix
            ],
        )
    yield "## What presets set"
    yield "A preset depends on the space; this is what each sets for its own space, or for `nas-bench-201` without one."
    for entry in PRESETS:
        told = [each for each in describe_settings(preset=entry.name) if "preset" in each]
        yield f"### {entry.name}"
        yield f"{entry.summary}."
        values = [f"`{each['name']}={json.dumps(each['preset'])}`" for each in told]
        yield ", ".join(values) + "."


def _group(name: str) -> str:
    """The longest beginning in `GROUPS` that a name has."""
    parts = name.split(".")[:-1]
    while ".".join(parts) not in GROUPS:
        parts.pop()
    return ".".join(parts)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    cells = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)

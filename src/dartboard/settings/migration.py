"""Settings of runs by earlier versions: renames old keys to their present names."""

from collections.abc import Mapping
from typing import Any

__all__ = ["RENAMED", "migrate"]

RENAMED: Mapping[str, str] = {"decisions": "automatic_choices", "yardsticks": "baselines"}
"""Old key of a `settings.json` -> its present name."""


def migrate(layer: Mapping[str, Any]) -> dict[str, Any]:
    """A layer of settings with old keys renamed; all other keys are kept, and checked later.

    >>> migrate({"yardsticks": True, "decisions": [{"setting": "yardsticks", "value": True, "reason": "time"}]})
    {'baselines': True, 'automatic_choices': [{'setting': 'baselines', 'value': True, 'reason': 'time'}]}
    """
    renamed = {RENAMED.get(key, key): value for key, value in layer.items()}
    choices = renamed.get("automatic_choices")
    if isinstance(choices, list | tuple):
        renamed["automatic_choices"] = [_renamed_choice(each) for each in choices]
    return renamed


def _renamed_choice(choice: Any) -> Any:
    if not isinstance(choice, Mapping) or choice.get("setting") not in RENAMED:
        return choice
    return {**choice, "setting": RENAMED[choice["setting"]]}

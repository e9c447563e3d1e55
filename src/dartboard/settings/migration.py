"""Settings of runs that an earlier version made: what their keys are called now."""

from collections.abc import Mapping
from typing import Any

__all__ = ["RENAMED", "migrate"]

RENAMED: Mapping[str, str] = {"decisions": "automatic_choices", "yardsticks": "baselines"}
"""Key that a `settings.json` may have -> what it is called now."""


def migrate(layer: Mapping[str, Any]) -> dict[str, Any]:
    """A layer of settings under the names of today; every other key is left to be checked.

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

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
    renamed = _limited({RENAMED.get(key, key): value for key, value in layer.items()})
    choices = renamed.get("automatic_choices")
    if isinstance(choices, list | tuple):
        renamed["automatic_choices"] = [_renamed_choice(each) for each in choices]
    return renamed


_OLD_LIMIT = "max_multiply_adds"


def _limited(layer: dict[str, Any]) -> dict[str, Any]:
    """The layer with `limits.macs` in place of `train.max_multiply_adds`, which also made networks as wide as it could.

    >>> _limited({"train.max_multiply_adds": 600_000_000})
    {'limits': {'macs': 600000000, 'width': 'widest'}}
    """
    train, dotted = layer.get("train"), f"train.{_OLD_LIMIT}"
    if isinstance(train, Mapping) and _OLD_LIMIT in train:
        most = train[_OLD_LIMIT]
        layer = {**layer, "train": {key: value for key, value in train.items() if key != _OLD_LIMIT}}
    elif dotted in layer:
        most = layer[dotted]
        layer = {key: value for key, value in layer.items() if key != dotted}
    else:
        return layer
    if most is None:
        return layer
    return {**layer, "limits": {**layer.get("limits", {}), "macs": most, "width": "widest"}}


def _renamed_choice(choice: Any) -> Any:
    if not isinstance(choice, Mapping) or choice.get("setting") not in RENAMED:
        return choice
    return {**choice, "setting": RENAMED[choice["setting"]]}

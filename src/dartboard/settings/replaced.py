"""Which settings of a method's paper a run does not have, and what has taken their place."""

from collections.abc import Mapping
from typing import Any

from dartboard.config import Settings, in_long_form
from dartboard.parts.recipe import Recipe, make_recipe
from dartboard.settings.presets import AUTO, PRESETS
from dartboard.settings.published import OPTION, Published, published_in, smallest_in
from dartboard.settings.tree import RunSettings
from dartboard.space import SearchSpace, get_space
from dartboard.wording import plain_value

__all__ = ["ReplacedSetting", "replaced_settings"]


class ReplacedSetting(Settings):
    """A setting of the method's paper that something has replaced."""

    setting: str
    """Dotted name of the setting."""

    published: Any
    """Its value in the paper of the method."""

    value: Any
    """Its value in this run."""

    by: str
    """What replaced it: the preset, an automatic choice, or the settings given."""

    def __str__(self) -> str:
        value = "as many as fit" if self.value is None else plain_value(self.value)
        return f"{self.setting} {value} for {plain_value(self.published)} ({self.by})"


def replaced_settings(settings: RunSettings) -> tuple[ReplacedSetting, ...]:
    """The settings of the method's paper that a run does not have; none where nothing is searched."""
    if settings.genotype is not None or AUTO in (settings.space, settings.method.name):
        return ()
    space, recipe = get_space(settings.space), make_recipe(settings.method.name, settings.method.options)
    values, found = _by_name(settings.model_dump(mode="json")), []
    for name, value in _named(published_in(space, recipe, settings.preset)).items():
        now = values.get(name, value)
        if now != value:
            by = _replacer(settings, space, recipe, name, now)
            found.append(ReplacedSetting(setting=name, published=value, value=now, by=by))
    return tuple(found)


def _replacer(settings: RunSettings, space: SearchSpace, recipe: Recipe, name: str, value: Any) -> str:
    """What has set a setting to a value, as far as the resolved settings tell."""
    if any(choice.setting == name for choice in settings.automatic_choices):
        return "an automatic choice"
    preset = PRESETS[settings.preset].factory
    if not preset.is_small:
        return "your settings"
    made = in_long_form(RunSettings, PRESETS.made(settings.preset, lambda: preset(space)))
    own = {**_by_name(made), **_named(smallest_in(space, recipe))}
    return f"the preset {settings.preset}" if name in own and own[name] == value else "your settings"


def _named(published: Published) -> dict[str, Any]:
    return {**published.settings, **{f"{OPTION}{name}": value for name, value in published.options.items()}}


def _by_name(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names, with groups beside what they hold."""
    named: dict[str, Any] = {}
    for key, value in nested.items():
        named[prefix + key] = value
        if isinstance(value, Mapping):
            named |= _by_name(value, f"{prefix}{key}.")
    return named

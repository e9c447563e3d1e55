"""Which settings of a method's paper a run does not have, and what has taken their place."""

from typing import Any

from dartboard.config import Settings, in_long_form
from dartboard.parts.recipe import Recipe, make_recipe
from dartboard.settings.presets import AUTO, PRESETS
from dartboard.settings.published import OPTION, published_in, smallest_in
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
    published, plain = published_in(space, recipe), settings.model_dump(mode="json")
    values = {f"search.{key}": value for key, value in plain["search"].items()}
    values |= {f"{OPTION}{key}": value for key, value in plain["method"]["options"].items()}
    wanted = {**published.settings, **{f"{OPTION}{key}": value for key, value in published.options.items()}}
    return tuple(
        ReplacedSetting(setting=name, published=value, value=values[name], by=_replacer(settings, space, recipe, name))
        for name, value in wanted.items()
        if values.get(name, value) != value
    )


def _replacer(settings: RunSettings, space: SearchSpace, recipe: Recipe, name: str) -> str:
    """What has set a setting, as far as the resolved settings tell."""
    if any(choice.setting == name for choice in settings.automatic_choices):
        return "an automatic choice"
    preset = PRESETS[settings.preset].factory
    if not preset.is_small:
        return "your settings"
    smallest = smallest_in(space, recipe)
    made = in_long_form(RunSettings, PRESETS.made(settings.preset, lambda: preset(space))).get("search", {})
    own = {f"search.{key}": value for key, value in made.items()} | dict(smallest.settings)
    own |= {f"{OPTION}{key}": value for key, value in smallest.options.items()}
    group, now = settings.search.model_dump(mode="json"), settings.method.options
    value = now.get(name.removeprefix(OPTION)) if name.startswith(OPTION) else group[name.removeprefix("search.")]
    return f"the preset {settings.preset}" if name in own and own[name] == value else "your settings"

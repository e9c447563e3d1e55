"""A study as it is asked for becomes trials, and the tables that they fill; nothing is read or written."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from dartboard.engine.finished.seed_choice import CHOICE_RULES
from dartboard.errors import DataError, SettingsError
from dartboard.records.study import Study, StudyBlock
from dartboard.settings.automatic import CHOSEN_SPACES
from dartboard.settings.presets import AUTO, PRESETS
from dartboard.settings.tree import FALLBACK, RunSettings, asked_settings
from dartboard.space import get_space
from dartboard.wording import listing
from dartboard.workflow.contenders import Contender, read_contenders, refuse_repeated
from dartboard.workflow.studies.building import TrialBuilder, Variant
from dartboard.workflow.studies.fitting import (
    refuse_given_elsewhere,
    refuse_ignored,
    refuse_unfit,
    why_ignored,
    why_unfit,
)
from dartboard.workflow.studies.grid import DataPlace, Grid, StudyRequest, data_places
from dartboard.workflow.studies.scaling import told_lengths

__all__ = ["expand"]

Pairs = Sequence[tuple[DataPlace, DataPlace]]


def expand(asked: StudyRequest, command: str = "") -> Study:
    """All trials of a study and the tables that they fill.

    Args:
        asked: the study.
        command: text to record as the command that was typed.

    Raises:
        UnknownNameError: methods, spaces, a preset or a rule do not exist.
        SettingsError: a setting does not fit, is given twice, or changes nothing where it is varied.
        RecipeError: methods do not fit a space; all of them are named.
        DataError: there is no such data set.
    """
    read = [(grid, *_read(grid)) for grid in asked.tables]
    unfit = {
        (contender.label, space): why
        for _, contenders, spaces, _ in read
        for contender, space in product(contenders, spaces)
        if (why := why_unfit(contender, space))
    }
    if not asked.skip_unfit:
        refuse_unfit(unfit)
    builder, ignored = TrialBuilder(asked.scale), dict[tuple[str, str], str]()
    tables = [
        (grid, space, pair, list(_variants(grid, contenders, space, pair, unfit, ignored)))
        for grid, contenders, spaces, pairs in read
        for space, pair in product(spaces, pairs)
    ]
    if not asked.skip_unfit:
        refuse_ignored(ignored)
    blocks = tuple(
        _block(builder, grid, space, pair, variants, unfit) for grid, space, pair, variants in tables if variants
    )
    if not blocks:
        raise SettingsError("no method fits its space, so nothing is left of the study; name other methods or spaces.")
    return Study(
        name=asked.name,
        source=asked.source,
        scale=asked.scale,
        notes=asked.notes,
        blocks=blocks,
        trials=tuple(trial.to_json() for trial in builder.ordered()),
        command=command,
    )


def _read(grid: Grid) -> tuple[tuple[Contender, ...], tuple[str, ...], Pairs]:
    """The methods, spaces and pairs of data sets (searched on, tested on) of a table."""
    contenders = read_contenders(grid.methods, ("search", "train"))
    refuse_given_elsewhere(grid)
    if grid.choose is not None:
        CHOICE_RULES[grid.choose]
    if grid.train == "chosen" and grid.choose is None:
        raise SettingsError("no rule says which seed is trained; name one, as in --choose best-supernet.")
    if grid.choose is not None and len(grid.seeds) < 2:
        raise SettingsError(f"{grid.choose} has only one seed to choose from; give more, as in --seeds 4.")
    refuse_repeated("space", grid.spaces)
    for space in grid.spaces:
        get_space(space)
    return contenders, grid.spaces or (_open_space(grid, contenders),), _pairs(grid)


def _open_space(grid: Grid, contenders: Sequence[Contender]) -> str:
    """The space of a table that names none: that of the preset, or the first that every method fits."""
    preset = PRESETS[asked_settings(_preset_of(grid)).preset].factory
    if preset.space != AUTO:
        return str(preset.space)
    for space in dict.fromkeys((FALLBACK["space"], *CHOSEN_SPACES)):
        if not any(why_unfit(contender, str(space)) for contender in contenders):
            return str(space)
    raise SettingsError("no space fits all of these methods; name some with --spaces, and add --skip-unfit.")


def _preset_of(grid: Grid) -> dict[str, Any]:
    return {"preset": grid.settings["preset"]} if "preset" in grid.settings else {}


def _pairs(grid: Grid) -> Pairs:
    """The data sets that are searched on and tested on.

    Raises:
        DataError: a pair is not of the form A:B.
    """
    transfers = [_transfer(text) for text in grid.transfer]
    refuse_repeated("transfer", [f"{first}:{second}" for first, second in transfers])
    if transfers and grid.train == "none":
        raise SettingsError("what is searched on one data set is trained on another, so --transfer needs trainings.")
    names = dict.fromkeys(name for pair in transfers for name in pair)
    own = grid.data or (() if transfers else ("digits",))
    refuse_repeated("data set", own)
    places = data_places(list(dict.fromkeys((*own, *names))))
    return [(places[name], places[name]) for name in own] + [(places[a], places[b]) for a, b in transfers]


def _transfer(text: str) -> tuple[str, str]:
    first, colon, second = text.strip().rpartition(":")
    if not colon or not first or not second or first == "hf" or first == second:
        raise DataError(f"'{text}' names no two data sets; write A:B for a search on A and a training on B.")
    return first.strip(), second.strip()


def _variants(
    grid: Grid,
    contenders: Sequence[Contender],
    space: str,
    pair: tuple[DataPlace, DataPlace],
    unfit: Mapping[tuple[str, str], str],
    ignored: dict[tuple[str, str], str],
) -> Iterator[Variant]:
    """The rows of a table; a method that a varied setting changes nothing for is there once, and is told of."""
    for contender in contenders:
        if (contender.label, space) in unfit:
            continue
        plain = Variant(grid, contender, space, {}, *pair)
        counting = dict(grid.vary)
        for key in grid.vary:
            if why := why_ignored(contender, key, plain.resolved, grid):
                ignored[contender.label, key] = why
                del counting[key]
        for values in product(*counting.values()):
            variant = Variant(grid, contender, space, dict(zip(counting, values, strict=True)), *pair)
            assert isinstance(variant.resolved, RunSettings)  # what does not fit is refused here
            yield variant


def _block(
    builder: TrialBuilder,
    grid: Grid,
    space: str,
    pair: tuple[DataPlace, DataPlace],
    variants: Sequence[Variant],
    unfit: Mapping[tuple[str, str], str],
) -> StudyBlock:
    rows = tuple(builder.row(variant) for variant in variants)
    left = [method for method, where in unfit if where == space and method in grid.methods]
    told = dict.fromkeys(told_lengths(row.lengths) for row in rows if row.lengths)
    notes = [f"Lengths are {builder.scale:g} of those of the protocol: {each}." for each in told]
    if left:
        verb, end = ("does", "is") if len(left) == 1 else ("do", "are")
        notes.append(f"{listing(left)} {verb} not fit {space}, and {end} left out.")
    return StudyBlock(
        title=grid.title,
        space=space,
        data=pair[0].label,
        tested_on=pair[1].label,
        preset=variants[0].resolved.preset,
        seeds=grid.seeds,
        train=grid.train,
        choose=grid.choose,
        rows=rows,
        notes=tuple(notes),
    )

"""The selection of another architecture from the supernet of a finished search."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dartboard.config import resolve
from dartboard.engine.finished.reselection import Reselection, make_reselection
from dartboard.engine.loop import run_reselection
from dartboard.errors import CheckpointError
from dartboard.records import GenotypeForms, ReselectionRecord
from dartboard.runs import RunDirectory
from dartboard.session.finished import check_same_images, directory_beside, finished_run, trained_supernet
from dartboard.session.search import learned_recipe, search_problem
from dartboard.session.session import Session
from dartboard.session.sizes import search_length
from dartboard.settings.genotype import read_genotype
from dartboard.settings.migration import migrate
from dartboard.settings.tree import ALONE, RunSettings
from dartboard.space import Genotype

__all__ = ["reselect_genotype", "reselection_directory", "reselection_settings"]

_SKIP = "skip_connect"


def reselection_settings(
    run_directory: Path, name: str, options: dict[str, Any], limits: Mapping[str, Any] | None = None
) -> RunSettings:
    """The settings of a selection: those of the search, with the name and options of the selection.

    Raises:
        RunDirectoryError: there is no run, or its search has not ended.
        CheckpointError: the run has no trained supernet, or one that this selection cannot use.
        UnknownNameError: there is no such selection.
        SettingsError: an option does not fit.
    """
    wanted, source = make_reselection(name, options), finished_run(run_directory)
    given = {"reselection": {"run": str(source.path), "name": name, "options": options}}
    before: Mapping[str, Any] = source.read_as("settings.json", migrate)
    asked = {key: value for key, value in wanted.search.items() if value is not None}
    if not asked and before.get("budget") and before["search"].get("decision_images", "all") == "all":
        asked["decision_images"] = "adaptive"  # as the plan of a budget chooses
    settings = resolve(
        RunSettings,
        before,
        given,
        ALONE,
        {"search": asked} if wanted.epochs else {},
        {"limits": limits} if limits else {},
    )
    _check_supernet(settings, wanted, trained_supernet(source))
    return settings


def _check_supernet(settings: RunSettings, wanted: Reselection, trained: dict[str, Any]) -> None:
    """Refuse supernets in which the selection cannot try single operations or cannot train further.

    Raises:
        CheckpointError: the supernet is one of these.
    """
    assert settings.reselection is not None
    name, run = settings.reselection.name, RunDirectory(Path(settings.reselection.run))
    recipe = learned_recipe(settings, run)
    why = ""
    if wanted.tries and any(trained["decisions"].values()):
        why = "decided edges during the search, and the other operations of these edges were no longer trained"
    elif (
        wanted.tries
        and not wanted.epochs
        and (recipe.mixing.attention or recipe.mixing.end or recipe.mixing.auxiliary_skip)
    ):
        why = "mixes attention or auxiliary skip connections, and no architecture can be tried without them"
    elif wanted.epochs and recipe.hypernetwork:
        why = "has its weights from a hypernetwork, and cannot be trained further without it"
    if why:
        raise CheckpointError(
            f"'{name}' tries operations in the supernet, but the supernet of {settings.method.name} in "
            f"{settings.reselection.run} {why}; select from a run of another method."
        )


def reselection_directory(settings: RunSettings, out: Path | None, *, resume: bool) -> Path:
    """Run directory of the selection: `out`, or a folder RUN-NAME beside the search, which is new without `resume`."""
    asked = settings.reselection
    assert asked is not None
    return directory_beside(asked.run, asked.name, out, resume=resume)


def reselect_genotype(session: Session) -> Genotype:
    """Select an architecture, unless the run directory holds one already, and record it in `selection.json`.

    Raises:
        RunDirectoryError: the dataset is not the one that the supernet was trained on.
    """
    settings, run = session.settings, session.run
    asked = settings.reselection
    assert asked is not None
    source = RunDirectory(Path(asked.run))
    check_same_images(session, source)
    with session.phase("search"):
        if not run.has("genotype.json"):
            run_reselection(
                search_problem(session),
                learned_recipe(settings, source),
                make_reselection(asked.name, asked.options),
                settings.search,
                run,
                source=source,
                length=search_length(session),
                seed=settings.seed,
                observer=session.observer,
            )
    before, after = read_genotype(source.path), read_genotype(run.path)
    record = ReselectionRecord(
        name=asked.name,
        run=asked.run,
        genotype_before=GenotypeForms.of(before),
        skips_before=before.operation_counts.get(_SKIP, 0),
        skips=after.operation_counts.get(_SKIP, 0),
    )
    record.write(run.path)
    return after

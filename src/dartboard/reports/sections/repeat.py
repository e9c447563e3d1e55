"""Everything that is needed to repeat a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.wording import Verbatim, dotted

__all__ = ["RepeatFacts", "RepeatSection"]


@dataclass(frozen=True)
class RepeatFacts:
    """The facts that determine a run; None if they were not recorded.

    Attributes:
        seed: root of every random stream.
        settings: dotted key -> value as text.
        trained: the settings that the network trained differs in, with its own values; empty unless a contest chose
            a network of another space, size or start.
        finished: time of the end, ISO 8601, UTC.
    """

    seed: int | None
    device: str | None
    command: str | None
    versions: Mapping[str, str]
    run_directory: str
    finished: str | None
    settings: Mapping[str, str]
    trained: Mapping[str, str]


@section("repeat")
class RepeatSection(Section[RepeatFacts]):
    """Everything that is needed to repeat a run: command, settings, seed and versions."""

    order = 1100
    title = "How to repeat this run"

    def read(self, run: RunRecords) -> RepeatFacts:
        """The facts in the summary; for an unfinished run, those in its settings."""
        result, settings = run.result, run.settings
        given = {key: value for key, value in settings.items() if key != "automatic_choices"}
        return RepeatFacts(
            seed=result.seed if result else settings.get("seed"),
            device=run.device,
            command=result.command if result else run.beginning.command if run.beginning else None,
            versions=result.versions if result else {},
            run_directory=result.run_directory if result else str(run.path.resolve()),
            finished=result.finished if result else None,
            settings=dotted(given),
            trained=_trained(run, dotted(given)),
        )

    def lines(self, told: RepeatFacts) -> dict[str, str]:
        """The paths of the report and the run directory."""
        place = told.run_directory
        return {"report": Verbatim(f"{place}/report.html"), "run directory": Verbatim(place)}


def _trained(run: RunRecords, settings: Mapping[str, str]) -> dict[str, str]:
    """What the winner of a contest has in place of settings; these stay as they were, since they repeat the contest."""
    if run.contest is None or run.contest.winner is None:
        return {}
    winner = run.contest.chosen
    train: dict[str, Any] = {"init_channels": winner.init_channels, "layers": winner.layers}
    if run.result and run.result.train_start:
        train["start"] = run.result.train_start
    own = dotted({"space": winner.genotype.genotype.space, "train": train})
    return {key: value for key, value in own.items() if settings.get(key) != value}

"""What a study asks for and what came of it: the content of `study.json` and `table.json`."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from dartboard.records.comparison import Comparison
from dartboard.records.notebook import view_of
from dartboard.runs import Document, Record

__all__ = ["Study", "StudyBlock", "StudyRecord", "StudyRow"]


class StudyRow(Record):
    """One row of a table of a study: a method with its varied settings, and the trials of all its seeds."""

    label: str
    """The method, and the values of the varied settings."""

    method: str
    """Name and options of the method alone."""

    varied: dict[str, str] = Field(default_factory=dict)
    """Varied setting that counts for the method -> its value."""

    searched: tuple[str, ...]
    """Keys of the trials that searched, in the order of the seeds."""

    trained: tuple[str, ...] = ()
    """Keys of the trials that trained and tested, in the order of the seeds; those of `searched` where one trial did
    both, and empty where not every architecture was trained."""

    shorts: tuple[str, ...] = ()
    """Keys of the short trainings by which a choice rule compares the seeds; empty for rules without."""

    chosen: str | None = None
    """Key of the trial that trained the architecture of the chosen seed; null where all were trained."""

    lengths: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Setting -> its value in the protocol, and that of this study; empty unless the study is scaled."""


class StudyBlock(Record):
    """One table of a study: a space, a data set, and the rows that are compared."""

    title: str
    """Heading of the table; empty for the only one."""

    space: str
    """Search space of all trials."""

    data: str
    """Name of the data set that was searched on."""

    tested_on: str
    """Name of the data set that was trained and tested on."""

    preset: str
    """Preset of all trials."""

    seeds: tuple[int, ...]
    """The seeds; every row has one search with each."""

    train: str
    """Which architectures are trained: "all", "chosen" or "none"."""

    choose: str | None
    """The choice rule; null without one."""

    rows: tuple[StudyRow, ...]
    """The rows, in the order in which the user named methods and values."""

    notes: tuple[str, ...] = ()
    """Sentences about the table, such as what was left out."""


class Study(Document):
    """The resolved grid of a study: all its trials, and the tables that they fill."""

    file: ClassVar[str] = "study.json"
    written_by: ClassVar[str] = "study"

    name: str
    """Name of the study."""

    source: str
    """The paper whose protocol it is; empty for a study of one's own."""

    scale: float
    """Share of the lengths of all searches and trainings that is done."""

    notes: tuple[str, ...]
    """Sentences about the study."""

    blocks: tuple[StudyBlock, ...]
    """The tables."""

    trials: tuple[dict[str, Any], ...]
    """The trials, each after those that it needs: key, labels, settings, folder, needs, task."""

    command: str
    """The command that was typed."""


class StudyRecord(Document):
    """What came of a study so far, which `--json` prints."""

    file: ClassVar[str] = "table.json"
    written_by: ClassVar[str] = "study"

    name: str
    """Name of the study."""

    source: str
    """The paper whose protocol it is; empty for a study of one's own."""

    scale: float
    """Share of the lengths of all searches and trainings that was done."""

    notes: tuple[str, ...]
    """Sentences about the study."""

    tables: tuple[Comparison, ...]
    """One comparison for each table; its methods are the rows."""

    titles: tuple[str, ...]
    """Headings of the tables."""

    trials: int
    """Number of trials of the whole study."""

    done: int
    """Number of trials that have ended."""

    failed: dict[str, str]
    """Key of each trial that failed -> the reason."""

    command: str
    """The command that was typed."""

    run_directory: str
    """Directory of the study."""

    finished: str
    """Time of this summary, ISO 8601, UTC."""

    @property
    def path(self) -> Path:
        """Directory of the study."""
        return Path(self.run_directory)

    def _repr_html_(self) -> str:
        """The HTML that a notebook shows."""
        return view_of(self)

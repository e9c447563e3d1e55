"""What came of the trials of a study so far, as one comparison for each of its tables."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dartboard.errors import RunDirectoryError
from dartboard.estimate import TABLE_SPACE, agreements, find_tables
from dartboard.records import (
    ChosenRun,
    ComparedRun,
    Comparison,
    DataFinding,
    Result,
    Study,
    StudyBlock,
    StudyRecord,
    StudyRow,
    TrialResult,
)
from dartboard.records.comparison import summary_of
from dartboard.records.trials import RunFigures
from dartboard.runs import RunDirectory
from dartboard.workflow.studies.trial import Trial, chosen_seed

__all__ = ["StudyTable", "read_result"]

_BASELINE = "random"
_OF_SEARCH = ("search_images", "search_steps", "search_seconds", "collapse")


def read_result(trial: Trial, study_folder: Path) -> TrialResult | None:
    """The figures of a trial that has ended, without making anything; None if it has not ended.

    Args:
        trial: the trial.
        study_folder: directory of the study.
    """
    run = RunDirectory(study_folder / trial.folder)
    if not (run.has("result.json") and run.has("facts.json")):
        return None
    try:
        result = Result.read(run.path)
    except RunDirectoryError:
        return None
    if trial.task in ("run", "train") and result.test_accuracy is None and not run.has("model.json"):
        return None
    place = {"key": trial.key, "task": trial.task, "labels": dict(trial.labels), "folder": trial.folder}
    return TrialResult.of(result, run, **place)


class StudyTable:
    """Collects the results of a study from its run directories, and writes `table.json`.

    Args:
        study: the study.
        folder: its directory.
    """

    def __init__(self, study: Study, folder: Path) -> None:
        self.study, self.folder = study, folder
        self.trials = {trial.key: trial for trial in map(Trial.from_json, study.trials)}
        self.results: dict[str, TrialResult] = {}
        self._findings: dict[str, tuple[DataFinding, ...]] = {}
        self._agreements = agreements(find_tables()) if self._has_tables else ()

    @property
    def _has_tables(self) -> bool:
        return any(block.space == TABLE_SPACE for block in self.study.blocks)

    def refresh(self) -> None:
        """Read the trials that have ended since."""
        for key, trial in self.trials.items():
            if key not in self.results and (result := read_result(trial, self.folder)):
                self.results[key] = result

    def missing(self) -> list[Trial]:
        """The trials that have not ended, in their order."""
        return [trial for key, trial in self.trials.items() if key not in self.results]

    def write(self, failed: Mapping[str, str]) -> StudyRecord:
        """Summarise the study so far in `table.json`.

        Args:
            failed: key of each trial that failed -> the reason.
        """
        self.refresh()
        failed = {key: reason for key, reason in failed.items() if key not in self.results}
        study = self.study
        record = StudyRecord(
            name=study.name,
            source=study.source,
            scale=study.scale,
            notes=study.notes,
            tables=tuple(self._comparison(block, failed) for block in study.blocks),
            titles=tuple(_title(study, block) for block in study.blocks),
            trials=len(self.trials),
            done=len(self.results),
            failed=failed,
            command=study.command,
            run_directory=str(self.folder),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        record.write(self.folder)
        return record

    def _comparison(self, block: StudyBlock, failed: Mapping[str, str]) -> Comparison:
        runs = [run for row in block.rows for run in self._runs(block, row, failed)]
        order = {seed: place for place, seed in enumerate(block.seeds)}
        baseline = next((row.method for row in block.rows if row.method == _BASELINE), block.rows[0].label)
        ended = [key for row in block.rows for key in (*row.searched, *row.trained) if key in self.results]
        return Comparison(
            dataset=block.data if block.data == block.tested_on else f"{block.tested_on} (searched on {block.data})",
            findings=self._found(ended),
            space=block.space,
            preset=block.preset,
            seeds=block.seeds,
            trained=block.train != "none",
            baseline=baseline if len(block.rows) > 1 else None,
            methods=tuple(
                summary_of(row.label, _baseline_of(row, block.rows), runs).model_copy(
                    update={"chosen": self._chosen(block, row)}
                )
                for row in block.rows
            ),
            runs=tuple(sorted(runs, key=lambda run: order[run.seed])),
            agreements=self._agreements if block.space == TABLE_SPACE else (),
            wanted=len(block.seeds) * len(block.rows),
            errors=block.train != "none",
            differs=_differing(block),
            notes=block.notes,
            command=self.study.command,
            run_directory=str(self.folder),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _runs(self, block: StudyBlock, row: StudyRow, failed: Mapping[str, str]) -> list[ComparedRun]:
        """The runs of a row: figures of search and training together, for every seed with which both have ended."""
        runs = []
        for place, seed in enumerate(block.seeds):
            keys = [row.searched[place], *row.trained[place : place + 1]]
            labels: dict[str, Any] = {"method": row.label, "seed": seed, "folder": self.trials[keys[-1]].folder}
            if reasons := [failed[key] for key in keys if key in failed]:
                runs.append(ComparedRun(**labels, failure=reasons[0]))
            elif all(key in self.results for key in keys):
                runs.append(ComparedRun(**labels, **_together([self.results[key] for key in keys])))
        return runs

    def _chosen(self, block: StudyBlock, row: StudyRow) -> ChosenRun | None:
        """The seed that the rule takes, once all that it compares has ended."""
        needed = (*row.searched, *row.shorts)
        if block.choose is None or any(key not in self.results for key in needed):
            return None
        place, violated = chosen_seed(block.choose, row.searched, row.shorts, self.folder)
        tested = row.chosen or (row.trained[place] if row.trained else None)
        result = self.results.get(tested) if tested else None
        return ChosenRun(
            rule=block.choose,
            of=len(block.seeds),
            seed=block.seeds[place],
            test_accuracy=result.test_accuracy if result else None,
            std=result.test_accuracy_std if result else None,
            rule_violated=violated,
        )

    def _found(self, keys: Sequence[str]) -> tuple[DataFinding, ...]:
        """What the check of the data found: of each kind, what the first trial found that has any."""
        found: dict[str, list[DataFinding]] = {}
        for key in keys:
            if key not in self._findings:
                self._findings[key] = Result.read(self.folder / self.trials[key].folder).dataset.findings
            of_trial: dict[str, list[DataFinding]] = {}
            for finding in self._findings[key]:
                of_trial.setdefault(finding.kind, []).append(finding)
            found = of_trial | found
        return tuple(finding for findings in found.values() for finding in findings)


def _together(results: Sequence[TrialResult]) -> dict[str, Any]:
    """The figures of a search and of the training of what it found."""
    searched, trained = results[0], results[-1]
    figures = {name: getattr(trained, name) for name in RunFigures.model_fields}
    figures |= {name: getattr(searched, name) for name in _OF_SEARCH}
    memory = [result.memory for result in results if result.memory is not None]
    devices = dict.fromkeys(result.device for result in results if result.device)
    return {**figures, "memory": max(memory, default=None), "device": ", ".join(devices) or None}


def _baseline_of(row: StudyRow, rows: Sequence[StudyRow]) -> str | None:
    """The row that a row is compared with: the method `random` with the same values, without any, or the first row."""
    if len(rows) < 2:
        return None
    others = [each for each in rows if each.method == _BASELINE]
    same = [each for each in others if each.varied == row.varied]
    return (*same, *others, *rows)[0].label


def _differing(block: StudyBlock) -> tuple[str, ...]:
    """Settings beside those of the search in which the rows of a table differ."""
    varied = (key for row in block.rows for key in row.varied)
    own = (key for row in block.rows for key in re.findall(r"[{,]\s*(train\.[\w.]+)=", row.method))
    return tuple(key for key in dict.fromkeys((*varied, *own)) if not key.startswith(("search.", "method.")))


def _title(study: Study, block: StudyBlock) -> str:
    place = f"{block.space} on {block.data}"
    if block.data != block.tested_on:
        place = f"{block.space}, searched on {block.data}, trained and tested on {block.tested_on}"
    several = {(each.space, each.data, each.tested_on) for each in study.blocks if each.title == block.title}
    if block.title and len(several) == 1:
        return block.title
    return f"{block.title}: {place}" if block.title else place

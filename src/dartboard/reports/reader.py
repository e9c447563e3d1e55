"""Reads one run directory into facts; takes what is there and says what is missing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from dartboard.errors import RunDirectoryError
from dartboard.records import Baselines, Timetable
from dartboard.reports.analyses import DiscretisationFacts, ShufflingFacts, read_analysis
from dartboard.reports.facts import CandidateFacts, ChoiceFacts, DatasetFacts, Facts, FinalistFacts, FinalistsFacts
from dartboard.reports.history import read_search, read_training
from dartboard.reports.outcome import read_baselines, read_examples, read_test
from dartboard.runs import EventLog, read_json
from dartboard.settings.migration import migrate
from dartboard.space.genotype import Genotype, parse_genotype

__all__ = ["read_facts"]

_Told = TypeVar("_Told")

_MARKS = ("settings.json", "events.jsonl", "genotype.json", "scores.json", "result.json")

_NEEDS = {
    "genotype": "No architecture has been recorded here yet: genotype.json is missing.",
    "search": "No search was recorded in this run directory, so nothing tells how the cells were found.",
    "training": "No training was recorded in this run directory: the network has not been trained from scratch.",
    "test": "No test scores were recorded in this run directory: scores.json is missing.",
    "examples": "No example pictures were recorded: examples.npz is missing.",
    "cost": "No durations or sizes were recorded: result.json is missing and no phase has ended.",
}


_WITHOUT_LABELS = (
    "The test images have no labels, so no test accuracy can be given; predictions.csv and predictions.npy hold what "
    "the network says of them."
)
_WITHOUT_TEST = "No images were set aside for a test (data.test_fraction=0), so no test accuracy can be given."


def read_facts(path: Path) -> Facts:
    """Read a run directory; nothing in it is changed and no lock is taken, so a running run can be read too.

    Args:
        path: the run directory of a search, of a training, or of a whole run, finished or not.

    Raises:
        RunDirectoryError: `path` is no run directory, or one of its files is damaged.
    """
    _check(path)
    settings, result, scores = (_read_mapping(path / name) for name in ("settings.json", "result.json", "scores.json"))
    settings = migrate(settings)
    events = [event.to_json() for event in EventLog(path / "events.jsonl").read()]
    with _reading(path / "genotype.json"):
        genotype = _genotype(path, result)
    space = _text(result.get("space") or settings.get("space")) or (genotype.space if genotype else None)
    with _reading(path / "result.json"):
        dataset = _dataset(path, result, settings)
    with _reading(path / "events.jsonl"):
        search = read_search(events, genotype)
        training = read_training(events)
        seconds = _seconds(result, events)
    with _reading(path / "scores.json"):
        test = read_test(path, scores, dataset) if scores else None
    analysis = _read(path / "analysis.json", read_analysis)
    with _reading(path / "examples.npz"):
        correct, wrong = read_examples(path, dataset)
    with _reading(path / "settings.json"):
        automatic_choices = _automatic_choices(settings)
    predicted = test is None and (path / "predictions.npy").exists()
    facts = Facts(
        run_directory=str(result.get("run_directory") or path.resolve()),
        dataset=dataset,
        space=space,
        # Without a search the setting is a mere default: the architecture came from elsewhere.
        method=_text(result.get("method")) or (_named(settings.get("method")) if search else None),
        seed=result.get("seed", settings.get("seed")),
        device=_text(result.get("device") or settings.get("device")),
        genotype=genotype,
        genotype_text=genotype.to_text() if genotype else None,
        parameters=result.get("parameters"),
        multiply_adds=result.get("multiply_adds"),
        validation_accuracy=result.get("validation_accuracy"),
        seconds=seconds,
        choice=_read(path / "choice.json", _choice),
        finalists=_read(path / "finalists.json", _finalists),
        search=search,
        training=training,
        test=test,
        baselines=read_baselines(baselines.to_json()["networks"]) if (baselines := Baselines.find(path)) else (),
        correct=correct,
        wrong=wrong,
        settings=tuple(_dotted({key: value for key, value in settings.items() if key != "automatic_choices"})),
        versions=tuple((str(key), str(value)) for key, value in _mapping(result.get("versions")).items()),
        command=_command(result.get("command")),
        finished=_text(result.get("finished")),
        missing={},
        description=_description(path / "description.md"),
        predicted=predicted,
        automatic_choices=automatic_choices,
        planned=tuple(timetable.seconds.items()) if (timetable := Timetable.find(path)) else (),
        budget=settings.get("budget"),
        discretisation=analysis if isinstance(analysis, DiscretisationFacts) else None,
        shuffling=analysis if isinstance(analysis, ShufflingFacts) else None,
    )
    return replace(facts, missing=_missing(facts))


def _automatic_choices(settings: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (str(each["setting"]), _setting_text(each["value"]), str(each["reason"]))
        for each in settings.get("automatic_choices") or ()
    )


def _missing(facts: Facts) -> dict[str, str]:
    """Section -> what it would need, for those of which nothing is there."""
    there = {
        "genotype": facts.genotype,
        "search": facts.search,
        "training": facts.training,
        "test": facts.test,
        "examples": facts.correct or facts.wrong,
        "cost": facts.seconds or facts.parameters,
    }
    untested = {"test": _WITHOUT_TEST} if facts.dataset.test == 0 else {}
    needs = {**_NEEDS, **({"test": _WITHOUT_LABELS} if facts.predicted else untested)}
    return {section: sentence for section, sentence in needs.items() if not there[section]}


def _check(path: Path) -> None:
    if not path.is_dir():
        raise RunDirectoryError(
            f"there is no folder {path} to report on; name the run directory of a search or training."
        )
    if not any((path / name).exists() for name in _MARKS):
        raise RunDirectoryError(
            f"{path} is no run directory of dartboard: it holds none of {', '.join(_MARKS)}; name the folder that "
            "--out gave to a search or training."
        )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever an unexpected content provokes into one sentence that names the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RunDirectoryError(
            f"{path} does not hold what a run writes there ({type(error).__name__}: {error}); restore it, or delete it "
            "to report on the rest."
        ) from error


def _read(path: Path, read: Callable[[Mapping[str, Any]], _Told]) -> _Told:
    """What a file of keys and values tells; one that is not there holds none."""
    with _reading(path):
        return read(_read_mapping(path))


def _read_mapping(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    content = read_json(path)
    if not isinstance(content, dict):
        raise RunDirectoryError(f"{path} is damaged: it holds a {type(content).__name__} instead of keys and values.")
    return content


def _genotype(path: Path, result: Mapping[str, Any]) -> Genotype | None:
    if (path / "genotype.json").exists():
        return Genotype.from_json(read_json(path / "genotype.json"))
    text = _mapping(result.get("genotype")).get("text")
    return parse_genotype(text, result.get("space")) if text else None


def _dataset(path: Path, result: Mapping[str, Any], settings: Mapping[str, Any]) -> DatasetFacts:
    recorded = _mapping(result.get("dataset"))
    name = recorded.get("name") or _named(settings.get("data")) or path.resolve().name
    return DatasetFacts(
        name=str(name),
        train=recorded.get("train"),
        validation=recorded.get("validation"),
        test=recorded.get("test"),
        classes=tuple(str(entry) for entry in recorded.get("classes", ())),
        shape=tuple(int(side) for side in recorded.get("shape", ())),
        notes=tuple(str(note) for note in recorded.get("notes", ())),
    )


def _choice(recorded: Mapping[str, Any]) -> ChoiceFacts | None:
    if not recorded:
        return None
    return ChoiceFacts(
        rule=str(recorded["rule"]),
        rule_violated=bool(recorded["rule_violated"]),
        mean=recorded["accuracy_mean"],
        std=recorded["accuracy_std"],
        candidates=tuple(
            CandidateFacts(
                seed=int(candidate["seed"]),
                genotype=Genotype.from_json(candidate["genotype"]["json"]),
                supernet_accuracy=candidate["supernet_accuracy"],
                short_train_accuracy=candidate["short_train_accuracy"],
                rejected=candidate["rejected"],
                chosen=bool(candidate["chosen"]),
            )
            for candidate in recorded["candidates"]
        ),
        objective=str(recorded.get("objective", "accuracy")),
    )


def _finalists(recorded: Mapping[str, Any]) -> FinalistsFacts | None:
    if not recorded:
        return None
    return FinalistsFacts(
        epochs=int(recorded["epochs"]),
        finalists=tuple(
            FinalistFacts(
                number=int(finalist["number"]),
                genotype=Genotype.from_json(finalist["genotype"]["json"]),
                validation_accuracy=float(finalist["validation_accuracy"]),
                chosen=bool(finalist["chosen"]),
                page=f"{finalist['folder']}/report.html",
            )
            for finalist in recorded["finalists"]
        ),
        objective=str(recorded.get("objective", "accuracy")),
    )


def _seconds(result: Mapping[str, Any], events: list[dict[str, Any]]) -> tuple[tuple[str, float], ...]:
    recorded = _mapping(result.get("seconds"))
    if not recorded:
        ended = [event for event in events if event["event"] == "phase" and event.get("seconds") is not None]
        recorded = {str(event["phase"]): event["seconds"] for event in ended}
    return tuple((str(name), float(value)) for name, value in recorded.items() if value is not None)


def _description(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _dotted(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _setting_text(value)


def _setting_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_setting_text(entry) for entry in value) or "none"
    return "none" if value is None or value == {} else str(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return str(value) if value else None


def _named(value: object) -> str | None:
    return _text(_mapping(value).get("name")) if isinstance(value, Mapping) else _text(value)


def _command(value: object) -> str | None:
    return " ".join(str(part) for part in value) if isinstance(value, list) else _text(value)

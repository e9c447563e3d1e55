"""The part of docs/run-directory.md that says which files a run leaves and what they hold, from the code.

The page keeps what is written by hand above and below two comments; `docs/generate.py` writes what is between them.
"""

import inspect
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from dartboard.records import DOCUMENTS
from dartboard.runs import EVENTS, Document, Event
from dartboard.training import ModelCard

__all__ = ["run_directory_page"]

BEGIN, END = "<!-- written by docs/generate.py -->", "<!-- the end of what docs/generate.py writes -->"

OTHERS = (
    (
        "settings.json",
        "start",
        "Every resolved setting as the run began; a resumed run must have the same. The network "
        "trained may have another space and size if a contest chose it: `model.json` has its own.",
    ),
    ("description.md", "start", "The description that the dataset brings along, if it has one."),
    ("events.jsonl", "every step", "What happened, one event a line."),
    (
        "checkpoints/search.pt, checkpoints/train-N.pt",
        "search, train",
        "The state after the last completed epoch; read without executing code.",
    ),
    (
        "candidates/seed-N/",
        "search, with `--seeds`",
        "A run directory for the search with that seed (with `best-short-train` also its short training); its images "
        "are those of the run.",
    ),
    (
        "finalists/N/",
        "finalists, with `--finalists`",
        "A run directory for the short training of the N-th architecture that the search proposed, the first of which "
        "is what it found; its images are those of the run.",
    ),
    (
        "genotype.json",
        "search, finalists",
        "The architecture: `[operation, node, predecessor]` per cell kind, and a fourth entry for the attention that "
        "follows the operation, where there is one; `KIND_attention` is that at the end of a cell.",
    ),
    (
        "model.safetensors",
        "train",
        "The weights of the first network; its metadata hold the class names and the preprocessing, as JSON.",
    ),
    ("model.json", "train", "How this network is built and how it is fed."),
    (
        "predictions.npz",
        "evaluation",
        "`labels`, `predicted`, `probabilities` of the first network, in the order of the test split.",
    ),
    (
        "predictions.csv, predictions.npy",
        "evaluation",
        "In place of scores, where the test images have no labels: name, prediction and probabilities of each; the "
        "predicted classes as integers.",
    ),
    ("examples.npz", "evaluation", "Pictures for the report."),
    ("baselines/NAME/", "run, with the setting `baselines`", "A run directory for each baseline."),
    ("METHOD/seed-N/", "compare", "A run directory for each run of a comparison."),
    ("report.html, facts.json", "report", "The page, and every number on it."),
    (
        "README.md",
        "report",
        "What the trained network is and how to load it, with the metadata of the Hugging Face Hub (a model card). It "
        "is written once, at the end, so you can change it, and add a licence.",
    ),
    ("error.log", "any step", "All about an error of dartboard itself, or of another package, if there was one."),
    ("comparison.html", "compare", "The page of a comparison."),
    ("comparison.md, comparison.tex", "compare", "Its tables: methods, pairs of methods, and published figures."),
    (
        "comparison.csv, comparison-pairs.csv, comparison-published.csv",
        "compare",
        "A row for each run, for each pair of methods with its tests, and for each published figure beside it.",
    ),
    (
        "figures/NAME.svg, figures/NAME.pdf",
        "compare, once all runs are done",
        "Accuracy against cost, accuracy by the table over epochs, and critical differences, one column wide.",
    ),
)
"""Files that no document describes: name, the step that writes it, and what it holds."""

STEPS = ("start", "every step", "search", "finalists", "train", "evaluation", "run", "select", "analyse", "compare")
"""The steps of a run in their order."""

WORDS: dict[Any, str] = {str: "text", int: "integer", float: "number", bool: "true or false", type(None): "null"}


def run_directory_page(page: Path) -> str:
    """The whole page, what is written by hand in it as it is."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n" + "\n\n".join(_parts()) + f"\n\n{END}{after}"


def _parts() -> Iterator[str]:
    yield _table(("file", "written by", "content"), _files())
    yield (
        "Each of the documents below also has `schema`, the version of its keys: 1 where nothing else is said, or "
        "where it is missing. Accuracies are fractions, times are in seconds."
    )
    told: set[type[BaseModel]] = set()
    for document in DOCUMENTS:
        yield f"## {document.file}"
        yield from _text(document)
        yield from _version(document)
        yield from _fields(document, told, leave_out=("layout",))
    yield "## model.json"
    yield from _text(ModelCard)
    yield from _fields(ModelCard, told)
    yield "## Events"
    yield (
        "Every line of `events.jsonl` has `event` and `phase`. Losses are means per image in nats, accuracies are "
        "fractions, and epochs are numbered from 1."
    )
    for event in EVENTS:
        yield _heading(event)
        yield from _text(event)
        yield from _fields(event, told, ("event", "phase", *(["figures"] if event.figures_are_flat else [])))


def _files() -> list[tuple[str, str, str]]:
    """All files in the order of the steps that write them."""
    rows = [*OTHERS, *((each.file, each.written_by, _summary(each)) for each in DOCUMENTS)]
    order = {step: place for place, step in enumerate(STEPS)}
    rows.sort(key=lambda row: order.get(row[1].partition(",")[0], len(order)))
    return [(", ".join(map(_name, names.split(", "))), step, content) for names, step, content in rows]


def _name(file: str) -> str:
    """The name of a file, as a link where a section tells what is in it."""
    told = {"events.jsonl": "events", "model.json": "modeljson", **{each.file: _anchor(each) for each in DOCUMENTS}}
    return f"[`{file}`](#{told[file]})" if file in told else f"`{file}`"


def _anchor(document: type[Document]) -> str:
    return document.file.replace(".", "")


def _heading(event: type[Event]) -> str:
    fields = event.model_fields
    phase = "" if fields["phase"].is_required() else f" of phase `{fields['phase'].default}`"
    return f"### `{fields['event'].default}`{phase}"


def _summary(cls: object) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def _text(cls: type[BaseModel]) -> list[str]:
    """The paragraphs of a docstring."""
    return [" ".join(paragraph.split()) for paragraph in (inspect.getdoc(cls) or "").split("\n\n")]


def _version(cls: type[Document]) -> Iterator[str]:
    """What became of older versions, if there were any."""
    version = cls.model_fields["layout"].default
    formerly = f"The file of version 1 was called `{cls.formerly}`." if cls.formerly else ""
    if version > 1:
        yield " ".join((f"Version {version}.", _summary(cls.migrate), formerly)).strip()
    elif formerly:
        yield formerly.replace(" of version 1 was", " was once")


def _fields(cls: type[BaseModel], told: set[type[BaseModel]], leave_out: Sequence[str] = ()) -> Iterator[str]:
    """A table of the keys, and one for each kind of record inside that no table has told yet."""
    rows, inside = [], []
    for name, field in cls.model_fields.items():
        if name not in leave_out:
            rows.append((f"`{field.alias or name}`", _kind(field.annotation), field.description or ""))
            inside += [each for each in _records(field.annotation) if each not in told]
    if rows:
        yield _table(("key", "type", "meaning"), rows)
    for record in dict.fromkeys(inside):
        told.add(record)
        if not issubclass(record, Document):
            yield f"**{record.__name__}**: {_summary(record)}"
            yield from _fields(record, told)


def _kind(annotation: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if annotation in WORDS:
        return WORDS[annotation]
    if origin in (Union, types.UnionType):
        return " or ".join(map(_kind, arguments))
    if origin is Literal:
        return " or ".join(f'"{value}"' for value in arguments)
    if origin in (tuple, list) and (len(arguments) == 1 or arguments[-1] is Ellipsis):
        return f"list of {_plural(_kind(arguments[0]))}"
    if origin is tuple:
        return f"[{', '.join(map(_kind, arguments))}]"
    if origin is dict:
        return f"{_kind(arguments[1])} by name"
    if inspect.isclass(annotation) and issubclass(annotation, Document):
        return f"as [{annotation.file}](#{_anchor(annotation)})"
    return annotation.__name__ if inspect.isclass(annotation) and issubclass(annotation, BaseModel) else "any"


def _plural(words: str) -> str:
    first, space, rest = words.partition(" ")
    return f"{first}s{space}{rest}" if first in ("text", "integer", "number", "list") else words


def _records(annotation: Any) -> list[type[BaseModel]]:
    """The kinds of records that a type mentions."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [record for each in get_args(annotation) for record in _records(each)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    cells = [[" ".join(cell.split()).replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)

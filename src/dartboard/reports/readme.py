"""README.md of a run: what the trained network is and how to use it, with the metadata of the Hugging Face Hub.

The Hub calls such a file a model card (https://huggingface.co/docs/hub/model-cards): YAML between two lines of dashes,
then Markdown. The licence is left to the user, and a file that is there already is never overwritten.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dartboard.data import HUB_PREFIX
from dartboard.records import Result, RunRecords
from dartboard.reports.measures import wilson_interval
from dartboard.reports.verdict import run_verdict
from dartboard.runs import write_text
from dartboard.training import ModelCard
from dartboard.wording import count, listing, percent, thousands

__all__ = ["write_readme"]

_MOST_CLASSES = 100
"""Largest number of classes that are listed; model.json holds all of them."""

_LICENCE = "# license: is yours to choose, as in `license: apache-2.0`; the images may have terms of their own"


_FITS = {"crop": "are cut about their centre", "pad": "are surrounded by black", "stretch": "are stretched"}
"""What happens to images of another shape, in words."""


def write_readme(path: Path) -> None:
    """Write README.md beside the trained network of a finished run, unless it is there already.

    Raises:
        RunDirectoryError: a file of the run is damaged, or README.md cannot be written.
    """
    run = RunRecords(path)
    if run.result is not None and run.model_card is not None and not (path / "README.md").exists():
        write_text(path / "README.md", readme(run, run.result, run.model_card))


def readme(run: RunRecords, result: Result, card: ModelCard) -> str:
    """The text of README.md."""
    front = yaml.safe_dump(_metadata(run, result), sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{front}{_LICENCE}\n---\n\n" + "\n\n".join(_parts(run, result, card)) + "\n"


def _metadata(run: RunRecords, result: Result) -> dict[str, Any]:
    source = str(run.settings.get("source") or "")
    hub = source.removeprefix(HUB_PREFIX) if source.startswith(HUB_PREFIX) else ""
    tags = ["image-classification", "neural-architecture-search", "dartboard", result.space, result.method]
    metadata: dict[str, Any] = {
        "library_name": "dartboard",
        "pipeline_tag": "image-classification",
        "tags": [tag for tag in dict.fromkeys(tags) if tag],
        **({"datasets": [hub]} if hub else {}),
        "metrics": ["accuracy"],
    }
    if result.test_accuracy is not None:
        tested = {
            "task": {"type": "image-classification"},
            "dataset": {"name": result.dataset.name, "type": hub or _slug(result.dataset.name), "split": "test"},
            "metrics": [{"type": "accuracy", "value": round(result.test_accuracy, 6), "name": "test accuracy"}],
        }
        metadata["model-index"] = [{"name": _slug(run.path.resolve().name), "results": [tested]}]
    return metadata


def _slug(name: str) -> str:
    """A name as the Hub takes it: letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "images"


def _parts(run: RunRecords, result: Result, card: ModelCard) -> Iterator[str]:
    name = _text(result.dataset.name)
    started = "from the weights of the search" if result.train_start == "supernet" else "from scratch"
    yield f"# An image classifier for {name}"
    yield (
        f"It tells {count(len(card.classes), 'class', 'classes')} apart. {_origin(run, result, card)} dartboard, a "
        f"library for differentiable architecture search, trained it {started}."
    )
    yield _figures(run, result)
    yield from _use(card)
    yield "## Classes"
    shown = [f"`{_text(each)}`" for each in card.classes[:_MOST_CLASSES]]
    more = f" and {len(card.classes) - _MOST_CLASSES} more (`model.json`)" if len(card.classes) > _MOST_CLASSES else ""
    yield f"In the order of the outputs: {', '.join(shown)}{more}."
    yield "## Data"
    data = result.dataset
    yield (
        f"{name}: {data.train:,} images for training, {data.validation:,} for validation, {data.test:,} for the test. "
        + " ".join(map(_text, data.notes))
    ).strip()
    yield "## Limits"
    yield " ".join(_limits(run, result))
    yield "## How it was made"
    yield f"    {' '.join(result.command.split())}"
    made = ", ".join(f"{library} {version}" for library, version in result.versions.items())
    yield f"On {_text(result.device)}, with {made}, seed {result.seed}, {result.finished}. Architecture:"
    yield f"    {' '.join(result.genotype.text.split())}"


def _origin(run: RunRecords, result: Result, card: ModelCard) -> str:
    """One sentence that says where the architecture comes from."""
    space = _text(str(card.genotype.get("space", result.space)))
    if run.contest and run.contest.winner not in (None, "found"):
        won = _text(run.contest.chosen.what)
        return f"Its architecture is {won} (space `{space}`), which won a contest of short trainings."
    found = f"was found by the search method `{result.method}` in" if result.method else "belongs to"
    return f"Its architecture {found} the search space `{space}`."


def _figures(run: RunRecords, result: Result) -> str:
    rows = {
        "test accuracy": _accuracy(run, result),
        "balanced accuracy": percent(result.balanced_accuracy) if result.balanced_accuracy is not None else "",
        "parameters": thousands(result.parameters),
        "multiply-adds for one image": thousands(result.multiply_adds),
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {text} |" for key, text in rows.items() if text)])


def _accuracy(run: RunRecords, result: Result) -> str:
    if result.test_accuracy is None:
        return "not measured"
    networks = len(run.scores.runs) if run.scores else 1
    if networks > 1:
        return f"{percent(result.test_accuracy, result.test_accuracy_std)} over {networks} trainings"
    if not result.dataset.test:
        return percent(result.test_accuracy)
    low, high = (percent(end, digits=1) for end in wilson_interval(result.test_accuracy, result.dataset.test))
    return f"{percent(result.test_accuracy)} of {count(result.dataset.test, 'image')} (95% interval {low} to {high})"


def _use(card: ModelCard) -> Iterator[str]:
    channels, height, width = card.image_shape
    kind = {1: "gray", 3: "RGB"}.get(channels, f"{channels} channels")
    means, stds = (", ".join(f"{value:.4g}" for value in values) for values in (card.mean, card.std))
    yield "## Use"
    yield (
        "```python\nimport dartboard\n\n"
        'model = dartboard.load("PATH/TO/THIS/FOLDER")  # a module of torch\n'
        'model.predict("picture.jpg")  # paths, PIL images or uint8 arrays, one or many\n'
        "model.probabilities(pictures)  # columns in the order of model.classes\n```"
    )
    yield (
        "It needs `model.safetensors` and `model.json` of this folder. Preprocessing is part of the model: images "
        f"become {kind}, {height}x{width} pixels (height x width; images of another shape {_FITS[card.fit]}); their "
        f"pixels are divided by 255 and normalised with mean {means} and standard deviation {stds}."
        + (" The logits are the mean over an image and its mirror image." if card.views == "mirrored" else "")
    )
    yield "`dartboard export` writes the network as one ONNX file, which needs neither dartboard nor torch."


def _limits(run: RunRecords, result: Result) -> Iterator[str]:
    if result.test_accuracy is None:
        yield "The network was not tested."
    else:
        yield (
            "The accuracy is that on test images of the same dataset, which were used once. It says little about "
            "images of another origin; `dartboard evaluate` measures it on yours."
        )
    if told := run_verdict(run):
        yield _text(told)
    elif result.method:
        yield f"It was not compared with {listing(['a random architecture', 'another network'], last='or')}."


def _text(text: str) -> str:
    """A text on one line, without what Markdown would take for markup or HTML."""
    return " ".join(text.split()).replace("`", "'").replace("<", "&lt;").replace("|", "\\|")

"""Writes the page of every search method, the tables of methods and spaces, and that of all else that is registered.

    python docs/generate.py            # docs/methods/*.md, spaces.md, settings.md and the like; `make docs`
    python docs/generate.py --check    # exit code 1 when a page does not say what the code says

The page of a method holds its docstring, its options, its parts, the search settings of its paper, and what
`benchmarks/collapse.py` measured, where it has measured the method. The page of the run directory holds the docstrings
of what a run records, and result.schema.json is the JSON schema of a result.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from run_directory import run_directory_page
from settings_page import settings_page

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.parts.describe import describe_recipe
from dartboard.parts.fits import does_fit
from dartboard.parts.options import needs_of
from dartboard.parts.recipe import METHODS, Recipe, make_recipe
from dartboard.records import Result
from dartboard.registry import Entry
from dartboard.settings import PRESETS
from dartboard.settings.manual import MANUAL, describe_settings
from dartboard.settings.published import published_in, published_steps
from dartboard.shelves import REGISTRIES, Shelf
from dartboard.space import SPACES, get_space
from dartboard.wording import listing, plain_value
from dartboard.workflow import list_registered

DOCS = Path(__file__).resolve().parent
COLLAPSE = DOCS.parent / "benchmarks" / "results" / "collapse.json"
SLOTS = (
    "relaxation",
    "edges",
    "mixing",
    "gradient",
    "update",
    "images",
    "penalties",
    "weight_penalties",
    "perturbation",
    "rules",
    "selection",
)


def pages() -> dict[Path, str]:
    """Every page by its path."""
    measured = json.loads(COLLAPSE.read_text(encoding="utf-8")) if COLLAPSE.is_file() else {}
    folder = DOCS / "methods"
    return {folder / f"{entry.name}.md": _page(entry, measured) for entry in METHODS} | {
        folder / "README.md": _index(),
        DOCS / "spaces.md": _spaces(),
        DOCS / "settings.md": settings_page(),
        MANUAL: _manual(),
        DOCS / "registries.md": _registries(),
        DOCS / "run-directory.md": run_directory_page(DOCS / "run-directory.md"),
        DOCS / "result.schema.json": json.dumps(Result.model_json_schema(by_alias=True), indent=2) + "\n",
    }


def _manual() -> str:
    """What the command line lists without importing what it tells of."""
    told = {entry.name: describe_settings(preset=entry.name) for entry in PRESETS}
    content = {
        "settings": describe_settings(),
        "presets": {
            name: {each["name"]: each["preset"] for each in found if "preset" in each} for name, found in told.items()
        },
        "lists": {kind: list_registered(kind) for kind in ("presets", "spaces")},
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _page(entry: Entry[Any], measured: Mapping[str, Any]) -> str:
    summary, text, options = _docstring(entry)
    recipe = make_recipe(entry.name, {})
    parts = [f"# {entry.name}", summary, *text]
    heading = REGISTRIES["methods"].heading(entry.group)
    parts.append(f"Listed under: [{heading}](README.md#{_anchor(heading)}).")
    if entry.paper:
        parts.append(f"Paper: {_link(entry.paper)}.")
    parts.append("    dartboard run DATA --method " + entry.name)
    if options:
        parts += ["## Options", "`--set method.options.NAME=VALUE`", _table(("option", "default", "meaning"), options)]
    stages = describe_recipe(recipe)
    for number, slots in enumerate(stages, start=1):
        title = "## Parts" if len(stages) == 1 else f"## Parts of stage {number} of {len(stages)}"
        parts += [title, _table(("slot", "part"), [(slot, f"`{part}`") for slot, part in slots.items()])]
    parts += [*_published(recipe), *_rate_of_alpha(entry.name, recipe)]
    parts += _measured(entry.name, measured)
    return "\n\n".join(parts) + "\n"


def _published(recipe: Recipe) -> Iterator[str]:
    """What the paper sets, by family of spaces, and the number of steps that the rate of alpha is meant for."""
    families = {family: settings for family, settings in recipe.published_in.items() if settings}
    if recipe.published or families:
        told = [_assignments(recipe.published)] if recipe.published else []
        told += [f"{_place(place)} {_assignments(settings)}" for place, settings in families.items()]
        text = "; ".join(told)
        yield "## Settings of the paper"
        yield (
            f"{text[0].upper()}{text[1:]}. They take the place of the defaults, and of presets that are not small on "
            "purpose; your own settings override them."
        )
    if recipe.smallest:
        least = {name: value for settings in recipe.smallest.values() for name, value in settings.items()}
        yield f"Presets that are small on purpose (`quick`, `smoke`) take {_assignments(least)}."


def _rate_of_alpha(name: str, recipe: Recipe) -> Iterator[str]:
    """For how many steps of alpha its rate is meant."""
    updates = [stage.recipe.update for stage in recipe.stages if stage.recipe.update is not None]
    if not updates:
        return
    yield "## Rate of alpha"
    if not any(update.follows_length for update in updates):
        yield "It is the same in searches of any length."
        return
    told: dict[str, list[str]] = {}
    for space in map(get_space, ("darts", "nas-bench-201")):
        if does_fit(recipe, space):
            steps = published_steps(space, make_recipe(name, published_in(space, recipe).options))
            text = listing(f"{each:,}" for each in dict.fromkeys(steps)) + (" a stage" if len(steps) > 1 else "")
            told.setdefault(text, []).append(f"`{space.name}`")
    each = listing(f"{steps} in {listing(spaces)}" for steps, spaces in told.items())
    yield (
        f"The paper's is meant for so many steps of alpha: {each}. A search of fewer steps raises it in proportion, to "
        "0.012 at most; one that you give by `method.options.alpha_lr` stays as it is."
    )


def _place(place: str) -> str:
    """Where settings of a paper hold: in a family of spaces, or under a preset."""
    kind, _, name = place.rpartition(":")
    return f"under the preset `{name}`" if kind else f"in `{name}`"


def _assignments(settings: Mapping[str, Any]) -> str:
    """Settings of the search, or options of the method, as `--set` takes them."""
    return ", ".join(
        f"`{name if '.' in name else f'search.{name}'}={_option(value)}`" for name, value in settings.items()
    )


def _option(value: object) -> str:
    return f"[{', '.join(map(_option, value))}]" if isinstance(value, tuple | list) else plain_value(value)


def _docstring(entry: Entry[Any]) -> tuple[str, list[str], list[tuple[str, str, str]]]:
    """First line, further paragraphs, and (option, default, meaning)."""
    summary, _, rest = entry.docstring.partition("\n")
    text, _, arguments = rest.partition("Args:\n")
    meanings = {
        match["name"]: " ".join(match["meaning"].split())
        for match in re.finditer(r"^    (?P<name>\w+): (?P<meaning>.+(?:\n {8,}.+)*)", arguments, re.MULTILINE)
    }
    needs = needs_of(entry.factory)
    options = [
        (
            f"`{name}`",
            f"`{_shown(option)}`".replace("|", r"\|"),
            " ".join([meanings.get(name, ""), *(f"Only with `{need}`." for need in needs.get(name, ()))]),
        )
        for name, option in entry.options.items()
    ]
    return summary, [paragraph for paragraph in text.strip().split("\n\n") if paragraph], options


def _shown(option: object) -> str:
    """The default of an option as Python writes it; long fractions in six digits."""
    return plain_value(option) if isinstance(option, float) else repr(option)


def _measured(name: str, measured: Mapping[str, Any]) -> Iterator[str]:
    records = measured.get("methods", {}).get(name)
    if records:
        yield "## Measured here"
        yield (
            f"{measured['what']} Mean and standard deviation over {len(records['percentiles'])} seeds: percentile "
            f"{records['percentile_mean']:.1f} ± {records['percentile_std']:.1f}, skip connections "
            f"{records['skips_mean']:.1f} ± {records['skips_std']:.1f} of 6, {records['cpu_seconds_mean']:.0f} s "
            f"of one thread a search. `{measured['command']}`, {measured['machine']}, {measured['date']}; see "
            "[benchmarks](../benchmarks.md)."
        )


def _index() -> str:
    shelf = REGISTRIES["methods"]
    parts = [
        "# Search methods",
        "Every method is a recipe: one part a slot. Of methods in several stages the last one is shown. They are "
        "listed by what one takes them for. Not sure which? See [choose a method](../choose-a-method.md).",
    ]
    for group, heading in shelf.groups.items():
        rows = []
        for entry in METHODS:
            if entry.group == group:
                slots = describe_recipe(make_recipe(entry.name, {}))[-1]
                rows.append((f"[{entry.name}]({entry.name}.md)", *(_short(slots.get(slot, "")) for slot in SLOTS)))
        parts += [f"## {heading}", _table(("method", *SLOTS), rows)]
    return "\n\n".join(parts) + "\n"


def _spaces() -> str:
    rows = []
    for entry in SPACES:
        space = entry.factory()
        options = ", ".join(f"`{name}={default}`" for name, default in entry.options.items())
        operations = ", ".join(space.ops) + (" (each edge has some of them)" if space.edge_ops else "")
        shape = f"{len(space.cell.edges)} in each of {', '.join(space.cell_kinds)}"
        count = space.num_architectures
        size = f"{count:,}" if count < 10**12 else f"{count:.2e}"
        rows.append((f"`{entry.name}`", entry.summary, options, shape, operations, size, _link(entry.paper)))
    header = ("space", "what it is", "options", "edges", "operations", "architectures", "paper")
    return (
        "# Search spaces\n\n"
        "    dartboard run DATA --space NAME\n\n"
        "A space with options is named with them: `--space darts:nodes=3` has cells of three computed nodes. Published "
        "genotypes and tables of accuracies belong to the spaces without options. Architectures are counted as choices "
        "of kept edges and of an operation on each; some of them are the same network.\n\n"
        + _table(header, rows)
        + "\n\n## Options\n\n"
        + _table(("space", "option", "default", "meaning"), list(_space_options()))
        + "\n"
    )


def _space_options() -> Iterator[tuple[str, ...]]:
    """Every option of every space, with its meaning."""
    for entry in SPACES:
        for option in _docstring(entry)[2]:
            yield (f"`{entry.name}`", *option)


_PAGES = {"methods": "methods/README.md", "spaces": "spaces.md"}
"""Kinds that have a page of their own."""


def _registries() -> str:
    parts = [
        "# What can be asked for by name",
        "Everything here is one decorated function, ours or that of an installed package. A package names, in an "
        "entry point of the group given, a module whose import registers; what it adds is then found by the command "
        "line, its help texts, the pages and these lists as what is built in is.",
    ]
    for kind, shelf in REGISTRIES.items():
        parts += [f"## {shelf.what[:1].upper()}{shelf.what[1:]}", *_registry(kind, shelf)]
    return "\n\n".join(parts) + "\n"


def _registry(kind: str, shelf: Shelf) -> Iterator[str]:
    told = f"`dartboard {kind}` lists them, in Python `dartboard.list_{kind.replace('-', '_')}()`."
    if shelf.use:
        told += f" On the command line: `{shelf.use}`."
    if shelf.options:
        told += f" Options: `{shelf.options}`."
    module, _, _ = shelf.registry.partition(":")
    yield f"{told} Decorator: `{module}.{shelf.decorator}`; entry-point group: `{shelf.group}`."
    if kind in _PAGES:
        yield f"They have a [page of their own]({_PAGES[kind]})."
        return
    rows = []
    for entry in shelf.open():
        options = ", ".join(f"`{name}={value}`" for name, value in entry.options.items() if shelf.options)
        rows.append((f"`{entry.name}`", entry.summary, *([options] if shelf.options else []), _link(entry.paper)))
    yield _table(("name", "what it is", *(["options"] if shelf.options else []), "paper"), rows)


def _anchor(heading: str) -> str:
    """The anchor that Markdown gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _short(part: str) -> str:
    """A part without its settings."""
    return re.sub(r"\([^()]*(\([^()]*\))?[^()]*\)", "", part)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _link(paper: str) -> str:
    return re.sub(r"arXiv:(\d{4}\.\d{5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", paper)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is not up to date")
    check = parser.parse_args().check
    wanted = pages()
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    stale += [path for path in (DOCS / "methods").glob("*.md") if path not in wanted]
    if check:
        sys.exit(f"not up to date: {', '.join(path.name for path in stale)}; run `make docs`." if stale else 0)
    for path in stale:
        if path in wanted:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    print(f"{len(stale)} of {len(wanted)} pages written")


if __name__ == "__main__":
    main()

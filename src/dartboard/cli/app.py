"""The command line: arguments -> settings -> one call of the Python API -> exit code.

Importing torch takes a second, so commands import the API when they run: `--help` stays quick.
"""

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from dartboard.config import parse_overrides, read_settings_file
from dartboard.errors import DartboardError

if TYPE_CHECKING:
    from dartboard.pipeline import Result

__all__ = ["main"]

app = typer.Typer(
    name="dartboard",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="""Differentiable neural architecture search on images.

From a dataset to a searched, retrained, tested and reported network:

  [bold]dartboard run[/] PICTURES        search, retrain, test and report
  [bold]dartboard run[/]                 the same on scikit-learn's digits
  [bold]dartboard search[/] PICTURES     only search an architecture
  [bold]dartboard train[/] PICTURES --genotype darts-v2    only train a given one

PICTURES is a folder of class folders (with or without train/, val/, test/) or Hugging Face parquet files.
Every verb leaves its result in a run directory (--out) and goes on after an interruption with --resume.
""",
)

Data = Annotated[
    Path | None,
    typer.Argument(metavar="[DATA]", help="A folder of class folders, or parquet files. Without it: the digits."),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Run directory. Without it: a new one under runs/.")]
Seed = Annotated[int | None, typer.Option(help="Root of every random stream.  [default: 0]", show_default=False)]
Space = Annotated[str | None, typer.Option(help="Search space; see: dartboard spaces.", show_default=False)]
Method = Annotated[str | None, typer.Option(help="Search method; see: dartboard methods.", show_default=False)]
Preset = Annotated[
    str | None,
    typer.Option(help="quick, darts-cifar, nas-bench-201, nas-bench-201-12, smoke.  [default: quick]"),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N, mps.  [default: auto]")]
Runs = Annotated[int | None, typer.Option(min=1, help="Networks to train from different seeds.  [default: 1]")]
SkipBroken = Annotated[bool, typer.Option("--skip-broken", help="Leave out files that are no readable images.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in the run directory, or begin it.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", help="YAML file of settings.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as search.batch_size=96. May be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object, and nothing else.")]
Genotype = Annotated[
    str,
    typer.Option(help="A run directory, a JSON file, a NAS-Bench-201 string, or a published name such as darts-v2."),
]


@app.command()
def run(
    data: Data = None,
    out: Out = None,
    space: Space = None,
    method: Method = None,
    preset: Preset = None,
    seed: Seed = None,
    runs: Runs = None,
    device: Device = None,
    skip_broken: SkipBroken = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Search an architecture, train it from scratch, test it once, write the report."""
    layers = _layers(
        config, overrides, space=space, method=method, preset=preset, seed=seed, runs=runs, device=device,
        skip_broken=skip_broken,
    )  # fmt: skip
    with _reporting(as_json) as (observer, finish):
        from dartboard import api

        finish(api.run(data, *layers, out=out, resume=resume, observer=observer, command=_command()))


@app.command()
def search(
    data: Data = None,
    out: Out = None,
    space: Space = None,
    method: Method = None,
    preset: Preset = None,
    seed: Seed = None,
    device: Device = None,
    skip_broken: SkipBroken = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Search an architecture; the test images are not touched."""
    layers = _layers(
        config, overrides, space=space, method=method, preset=preset, seed=seed, device=device, skip_broken=skip_broken
    )
    with _reporting(as_json) as (observer, finish):
        from dartboard import api

        finish(api.search(data, *layers, out=out, resume=resume, observer=observer, command=_command()))


@app.command()
def train(
    genotype: Genotype,
    data: Data = None,
    out: Out = None,
    space: Space = None,
    preset: Preset = None,
    seed: Seed = None,
    runs: Runs = None,
    device: Device = None,
    skip_broken: SkipBroken = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Train a given architecture from scratch, test it once, write the report."""
    layers = _layers(
        config, overrides, space=space, preset=preset, seed=seed, runs=runs, device=device, skip_broken=skip_broken
    )
    with _reporting(as_json) as (observer, finish):
        from dartboard import api

        finish(
            api.train(data, *layers, genotype=genotype, out=out, resume=resume, observer=observer, command=_command())
        )


@app.command()
def report(
    run_directory: Annotated[Path, typer.Argument(help="The run directory.")],
    as_json: Json = False,
) -> None:
    """Write the report of a run anew, from what its directory holds."""
    from dartboard import api

    page = api.report(run_directory)
    typer.echo(json.dumps({"report": str(page)}) if as_json else str(page))


@app.command()
def methods(as_json: Json = False) -> None:
    """List the search methods."""
    from dartboard import api

    _list("method", api.methods(), as_json)


@app.command()
def spaces(as_json: Json = False) -> None:
    """List the search spaces."""
    from dartboard import api

    _list("space", api.spaces(), as_json)


def main() -> None:
    """Run the command line; user errors become one sentence on standard error and exit code 2."""
    try:
        app(standalone_mode=False)
    except typer.Exit as error:
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        _fail(f"{error.format_message()} Try: dartboard --help", 2)
    except DartboardError as error:
        _fail(str(error), 2)
    except KeyboardInterrupt:
        _fail("interrupted; the last whole epoch is saved, and the same command with --resume goes on from there.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(sentence: str, code: int) -> None:
    Console(stderr=True).print(f"[bold red]dartboard:[/] {sentence}", highlight=False, soft_wrap=True)
    sys.exit(code)


def _layers(config: Path | None, overrides: list[str] | None, **options: Any) -> list[dict[str, Any]]:
    """The settings file, then the options, then the overrides."""
    places = {"method": "method.name", "runs": "train.runs", "skip_broken": "data.skip_broken"}
    given = {
        places.get(name, name): value for name, value in options.items() if value is not None and value is not False
    }
    return [read_settings_file(config) if config else {}, given, parse_overrides(overrides or [])]


def _command() -> str:
    return shlex.join(["dartboard", *sys.argv[1:]])


@contextmanager
def _reporting(as_json: bool) -> Iterator[tuple[Any, Callable[["Result"], None]]]:
    """A display on standard error while the run lasts; its result on standard output at the end."""
    from dartboard.cli.display import make_display

    results: list[Result] = []
    with make_display(Console(stderr=True)) as display:
        yield display, results.append
    for result in results:
        if as_json:
            typer.echo(json.dumps(result.to_json()))
        else:
            _print_result(result)


def _print_result(result: "Result") -> None:
    from dartboard.cli.display import duration

    table = Table.grid(padding=(0, 2))
    rows = {
        "test accuracy": _percent(result.test_accuracy, result.test_accuracy_std),
        "validation accuracy": _percent(result.validation_accuracy),
        "parameters": f"{result.parameters:,}",
        "multiply-adds": f"{result.multiply_adds:,}",
        "genotype": result.genotype.text,
        "time": ", ".join(f"{name} {duration(seconds)}" for name, seconds in result.seconds.items()),
        "report": str(result.path / "report.html"),
        "everything": str(result.path),
    }
    for heading, text in rows.items():
        if text:
            table.add_row(f"[bold]{heading}", text)
    Console().print(table, highlight=False, soft_wrap=True)


def _percent(accuracy: float | None, deviation: float | None = None) -> str:
    if accuracy is None:
        return ""
    return f"{accuracy:.2%}" + (f" ± {deviation:.2%}" if deviation else "")


def _list(kind: str, entries: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(entries))
        return
    table = Table(kind, "what it is", "paper", box=None, header_style="dim")
    for entry in entries:
        table.add_row(f"[bold]{entry['name']}", entry["summary"], entry["paper"])
    Console().print(table, highlight=False)

"""Whatever can be asked for by name is one decorated function, wherever it stands: here, in a test."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from markupsafe import Markup
from torch import nn
from typer.testing import CliRunner

from dartboard import api
from dartboard.cli.app import app
from dartboard.engine import (
    Chart,
    ChoiceRule,
    FinishedSearch,
    Measurement,
    Probes,
    Reselection,
    Seen,
    StageSearch,
    Watch,
    analysis,
    choice_rule,
    reselection,
    watch,
)
from dartboard.estimate.proxies import Untrained, proxy
from dartboard.parts import AdamUpdate, FirstOrder, Recipe, Threshold, method
from dartboard.records import RunRecords
from dartboard.reports import Section, section
from dartboard.runs import SearchEpoch
from dartboard.session import BaselineNetwork, Session, baseline
from dartboard.settings import preset, resolve_settings
from dartboard.shelves import REGISTRIES
from dartboard.space import CellTopology, Cost, Genotype, Norm, SearchSpace, op, parse_genotype, space
from dartboard.space.skeleton import NasBench201Skeleton
from dartboard.workflow.studies import expand, ready_study, request

REPOSITORY = Path(__file__).parents[2]

OURS = {
    "methods": "hasty",
    "spaces": "two-nodes",
    "operations": "half_pool_5x5",
    "presets": "hurried",
    "choice-rules": "unfussy",
    "baselines": "twin",
    "selections": "largest",
    "analyses": "headcount",
    "watches": "epochs-seen",
    "proxies": "letters",
    "studies": "two-seeds",
    "sections": "counted",
}
"""Kind -> what the fixture below registers of it."""


@pytest.fixture
def _extensions() -> Iterator[None]:
    """Registers one of each kind, and forgets them afterwards."""
    _register_what_a_search_is_made_of()
    _register_what_stands_around_a_search()
    _register_a_study()
    yield
    for kind, name in OURS.items():
        REGISTRIES[kind].open().remove(name)


def _register_what_a_search_is_made_of() -> None:
    @op("half_pool_5x5", cost=lambda *_: Cost())
    def half_pool(channels: int, stride: int, norm: Norm) -> nn.Module:
        """Mean over 5x5."""
        return nn.AvgPool2d(5, stride=stride, padding=2)

    @space("two-nodes")
    def two_nodes() -> SearchSpace:
        """Three edges, three operations."""
        return SearchSpace(
            name="two-nodes",
            ops=("skip_connect", "half_pool_5x5", "nor_conv_1x1"),
            cell=CellTopology(num_inputs=1, num_nodes=2, output="last", projects_inputs=False, edges_per_node=None),
            skeleton=NasBench201Skeleton(),
            normalized_ops=frozenset({"half_pool_5x5"}),
            reference_size=(4, 1),
            small_size=(4, 1),
        )

    @method("hasty", paper="none")
    def hasty(*, haste: float = 0.1) -> Recipe:
        """First order with large steps."""
        return Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=haste))


class Headcount:
    """Counts the operations of every edge."""

    learns = False

    def refuse(self, _space: SearchSpace) -> None:
        """No space is refused."""

    def measurements(self, finished: FinishedSearch) -> list[Measurement]:
        """One measurement."""
        return [Measurement("operations", lambda: {"count": len(finished.problem.space.ops)})]

    def conclude(self, measured: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """The count itself."""
        return dict(measured["operations"])


class EpochsSeen(Watch):
    """Tells the number of the epoch."""

    title = "Epochs that were seen"
    charts = (Chart("The number of the epoch.", "epoch", {"number": "number"}),)

    def __init__(self, times: int) -> None:
        self.times = times

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen:  # noqa: ARG002
        """The number, so many times."""
        return Seen({"number": float(self.times * epoch.epoch)})


def _register_a_study() -> None:
    @ready_study("two-seeds")
    def two_seeds() -> Mapping[str, Any]:
        """Random architectures with two seeds."""
        return {"methods": ["random"], "seeds": 2, "settings": {"preset": "smoke"}}


def _register_what_stands_around_a_search() -> None:
    @preset("hurried", space="two-nodes", method="hasty")
    def hurried(space: SearchSpace) -> dict[str, Any]:
        """Less than a second."""
        size = {"batch_size": 32, "init_channels": 4, "layers": space.skeleton.fewest_layers, "epochs": 1}
        return {
            "search": {**size, "steps_per_epoch": 2, "validation_images": 32},
            "train": {**size, "steps_per_epoch": 2, "auxiliary_weight": 0.0, "drop_path": 0.0, "augment.cutout": 0},
        }

    @choice_rule("unfussy")
    def unfussy() -> ChoiceRule:
        """Whatever the supernets say."""
        return ChoiceRule()

    @baseline("twin")
    def twin(session: Session, found: Genotype) -> BaselineNetwork:
        """The network found, once more."""
        size = session.settings.train
        return BaselineNetwork("the same network", found, size.init_channels, size.layers)

    @reselection("largest")
    def largest(*, least: float = 0.5) -> Reselection:
        """The gates above a bar of one's own."""
        return Reselection(lambda trained: replace(trained, rules=(), selection=Threshold(least)))

    @analysis("headcount")
    def headcount(*, least: int = 1) -> Headcount:
        """How many operations there are."""
        assert least
        return Headcount()

    @watch("epochs-seen")
    def epochs_seen(*, times: int = 1) -> EpochsSeen:
        """Which epochs are seen."""
        return EpochsSeen(times)

    @proxy("letters", initialisations=1)
    def letters(untrained: Untrained) -> float:
        """How long the text of an architecture is."""
        return len(untrained.genotype.to_text())

    @section("counted")
    class Counted(Section[int]):
        """What a headcount found."""

        title = "Counted"

        def read(self, run: RunRecords) -> int | None:
            """The count of an analysis of ours."""
            analysed = run.analysis
            return analysed.findings["count"] if analysed and analysed.name == "headcount" else None

        def html(self, told: int) -> Markup:
            """One sentence."""
            return Markup("<p>{} operations were counted.</p>").format(told)


LAYERS = {
    "space": "two-nodes",
    "preset": "smoke",
    "device": "cpu",
    "method": {"name": "hasty", "options": {"haste": 0.2}},
    "search": {"epochs": 1, "steps_per_epoch": 2, "validation_images": 32},
    "data.max_train_images": 100,
}


def test_there_is_an_extension_of_every_kind() -> None:
    assert OURS.keys() == REGISTRIES.keys()


@pytest.mark.usefixtures("_extensions")
def test_a_search_runs_with_a_method_an_operation_and_a_space_of_ones_own(tmp_path: Path) -> None:
    result = api.search(None, LAYERS, {"search.watch": "epochs-seen:times=7"}, out=tmp_path / "run")
    assert result.method == "hasty"
    facts = json.loads((tmp_path / "run" / "facts.json").read_text(encoding="utf-8"))
    assert facts["watches"]["watches"][0]["epochs"][0]["figures"] == {"number": 7.0}
    assert "Epochs that were seen" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert result.space == "two-nodes"
    found = parse_genotype(result.genotype.text, space="two-nodes")
    assert set(found.operation_counts) <= {"skip_connect", "half_pool_5x5", "nor_conv_1x1"}
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.usefixtures("_extensions")
def test_a_run_takes_a_preset_a_choice_rule_and_a_baseline_of_ones_own(tmp_path: Path) -> None:
    asked = {"preset": "hurried", "seeds": 2, "choose": "unfussy", "baselines": True}
    result = api.run(None, asked, {"device": "cpu", "data.max_train_images": 100}, out=tmp_path / "run")
    assert (result.space, result.method) == ("two-nodes", "hasty")
    assert result.choice is not None
    assert result.choice.rule == "unfussy"
    assert list(result.baselines) == ["by-hand", "random", "resnet", "twin"]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for told in ("unfussy", "the same network", "baselines/twin"):
        assert told in page


@pytest.mark.usefixtures("_extensions")
def test_a_finished_search_takes_a_selection_and_an_analysis_of_ones_own(tmp_path: Path) -> None:
    api.search(None, LAYERS, out=tmp_path / "run")
    selected = api.select(tmp_path / "run", "largest", {"least": 0.1})
    assert selected.reselection is not None
    assert selected.reselection.name == "largest"
    assert "largest" in (selected.path / "report.html").read_text(encoding="utf-8")
    analysed = api.analyse(tmp_path / "run", "headcount")
    assert analysed.analysis is not None
    assert (analysed.analysis.name, analysed.analysis.findings) == ("headcount", {"count": 3})
    assert "3 operations were counted." in (analysed.path / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("_extensions")
def test_a_study_of_ones_own_is_asked_for_by_name() -> None:
    entry = REGISTRIES["studies"].open()["two-seeds"]
    found = expand(request(entry.factory(), name=entry.name))
    assert [trial["labels"]["seed"] for trial in found.trials] == ["0", "1"]


@pytest.mark.usefixtures("_extensions")
def test_architectures_are_scored_by_a_proxy_of_ones_own() -> None:
    scores = api.score("nas-bench-201-resnet", proxies=["letters"], batch_size=2)
    assert scores.scores[0].figures["letters"] == len(scores.scores[0].architecture)


def shown() -> dict[str, str]:
    """Every block of Python in CONTRIBUTING.md that is no test, by the name that it would have as a module."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return {f"part_{number}": block for number, block in enumerate(blocks) if "my_package" not in block}


SHOWN = {
    "methods": ["my-darts"],
    "operations": ["wide_conv_3x3"],
    "spaces": ["darts-lean"],
    "presets": ["overnight"],
    "choice-rules": ["no-pooling"],
    "baselines": ["twin"],
    "selections": ["above-half"],
    "analyses": ["gate-sizes"],
    "watches": ["gate-entropy"],
    "proxies": ["depth-of-skips"],
    "studies": ["two-and-chance"],
    "sections": ["epoch-time"],
}


@pytest.fixture
def their_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All that CONTRIBUTING shows as the modules of somebody else's package, each imported as it stands."""
    (tmp_path / "their_package").mkdir()
    (tmp_path / "their_package" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name, block in shown().items():
        (tmp_path / "their_package" / f"{name}.py").write_text(block, encoding="utf-8")
    for name in shown():
        import_module(f"their_package.{name}")
    yield
    for kind, names in SHOWN.items():
        for name in names:
            REGISTRIES[kind].open().remove(name)
    for module in [name for name in sys.modules if name.partition(".")[0] == "their_package"]:
        del sys.modules[module]


@pytest.mark.usefixtures("their_package")
def test_all_that_contributing_shows_runs_as_it_stands_in_another_package(tmp_path: Path) -> None:
    for kind, names in SHOWN.items():
        for name in names:
            assert REGISTRIES[kind].open()[name].summary
    layers = {**LAYERS, "method": {"name": "my-darts", "options": {"alpha_lr": 0.01}}, "space": "nas-bench-201"}
    layers["search"] = {**LAYERS["search"], "watch": "gate-entropy"}
    result = api.search(None, {**layers, "seeds": 2, "choose": "no-pooling"}, out=tmp_path / "several")
    assert result.choice is not None
    assert result.choice.rule == "no-pooling"
    assert json.loads((tmp_path / "several" / "facts.json").read_text())["epoch-time"]["seconds"] > 0
    one = tmp_path / "several" / "candidates" / "seed-0"
    assert '"gate-entropy"' in (one / "events.jsonl").read_text(encoding="utf-8")
    selected = api.select(one, "above-half", {"least": 0.3}, out=tmp_path / "selected")
    assert selected.reselection is not None
    analysed = api.analyse(one, "gate-sizes", out=tmp_path / "analysed").analysis
    assert analysed is not None
    assert [len(found["largest"]) for found in analysed.findings.values()] == [6]
    overnight = resolve_settings({"preset": "overnight", "space": "darts-lean"})
    assert (overnight.search.epochs, overnight.train.epochs) == (100, 300)


@pytest.mark.usefixtures("_extensions")
@pytest.mark.parametrize("kind", OURS)
def test_extensions_are_listed_in_python_and_in_the_terminal(kind: str) -> None:
    entries = {entry["name"]: entry for entry in getattr(api, f"list_{kind.replace('-', '_')}")()}
    summary = entries[OURS[kind]]["summary"]
    assert summary
    shown = CliRunner().invoke(app, [kind], env={"COLUMNS": "200"}).stdout
    assert OURS[kind] in shown
    assert summary in shown


@pytest.mark.usefixtures("_extensions")
def test_extensions_are_listed_with_their_paper_and_options() -> None:
    [hasty] = [entry for entry in api.list_methods() if entry["name"] == "hasty"]
    assert hasty == {
        "name": "hasty",
        "summary": "First order with large steps",
        "paper": "none",
        "group": "Others",
        "options": {"haste": 0.1},
    }


@pytest.mark.usefixtures("_extensions")
@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("run", ["hurried", "Less than a second", "unfussy", "twin"]),
        ("select", ["largest", "The gates above a bar of one's own", "least=0.5"]),
        ("analyse", ["headcount", "How many operations there are", "least=1"]),
    ],
)
def test_extensions_are_in_the_help(verb: str, told: list[str]) -> None:
    shown = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "100"}).stdout
    assert [text for text in told if text not in shown] == []


@pytest.mark.usefixtures("_extensions")
def test_extensions_are_in_the_documentation(generate: ModuleType) -> None:
    pages = {path.name: text for path, text in generate.pages().items()}
    assert "# hasty" in pages["hasty.md"]
    assert "`two-nodes`" in pages["spaces.md"]
    elsewhere = {name for kind, name in OURS.items() if kind not in ("methods", "spaces")}
    assert [name for name in elsewhere if f"`{name}`" not in pages["registries.md"]] == []


def test_extensions_are_forgotten() -> None:
    assert [name for kind, name in OURS.items() if name in REGISTRIES[kind].open()] == []


def installed(folder: Path, points: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs commands where a package with these entry points is installed in a folder."""
    about = folder / "theirs-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(points)
    script = f"import sys; sys.path.insert(0, {str(folder)!r}); from dartboard.cli import main; main()"

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-c", script, *arguments]
        return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)

    return command


def test_what_an_installed_package_adds_is_in_the_help(tmp_path: Path) -> None:
    (tmp_path / "their_presets.py").write_text(
        "from dartboard.settings import preset\n\n\n"
        '@preset(\'leisurely\')\ndef leisurely(space):\n    """A whole week."""\n    return {}\n'
    )
    shown = installed(tmp_path, "[dartboard.presets]\ntheirs = their_presets\n")("run", "--help").stdout
    assert "leisurely" in shown
    assert "A whole week" in shown
    assert "darts-cifar" in shown


def test_an_installed_package_that_is_broken_stops_nothing_but_what_asks_for_it(tmp_path: Path) -> None:
    command = installed(tmp_path, "[dartboard.presets]\ntheirs = no_such_module\n")
    shown = command("run", "--help")
    assert (shown.returncode, "darts-cifar" in shown.stdout) == (0, True)
    assert shown.stderr.startswith("dartboard: warning: an installed package adds to dartboard.presets")
    assert shown.stderr.count("\n") == 1
    asked = command("plan", "--preset", "leisurely")
    assert asked.returncode == 2
    assert "no preset 'leisurely'" in asked.stderr.splitlines()[-1]
    assert "No module named 'no_such_module'" in asked.stderr.splitlines()[-1]

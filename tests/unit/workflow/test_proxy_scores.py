"""Architectures scored together: names, notes, refusals, and what the command line and Python make of them."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from dartboard import api
from dartboard.cli.app import app
from dartboard.cli.ending import to_its_end
from dartboard.errors import DartboardError, GenotypeError, SettingsError
from dartboard.space import PUBLISHED

SMALL = {"batch_size": 4, "init_channels": 4, "layers": 1, "initialisations": 1, "device": "cpu"}
BLIND = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def test_architectures_are_ranked_beside_their_size() -> None:
    names = ["nas-bench-201-resnet", "nas-bench-201-9930", BLIND]
    found = api.score(names, proxies=["naswot", "az-nas"], **SMALL)
    assert found.proxies == ("naswot", "az-nas", "params", "macs")
    resnet, best, blind = found.scores
    assert blind.figures["naswot"] is None  # all images have the same pattern
    assert blind.average_rank == 3.0
    assert {resnet.name, best.name} == {row[0] for row in found.cells()[:2]}
    assert set(resnet.figures) == {
        "naswot", "params", "macs", "az-nas", "az-nas.expressivity", "az-nas.progressivity", "az-nas.trainability",
        "az-nas.complexity",
    }  # fmt: skip
    assert resnet.figures["az-nas.complexity"] == resnet.figures["macs"]
    assert best.figures["az-nas"] <= 0
    assert json.loads(json.dumps(found.to_json()))["scores"][0]["architecture"] == resnet.architecture
    assert "noise" in found.images
    assert any("No dataset was given" in note for note in found.notes)
    assert list(found.texts()) == names[:2]


def test_one_architecture_has_no_rank_and_the_same_numbers() -> None:
    alone = api.score("nas-bench-201-resnet", proxies="naswot,az-nas", **SMALL)
    (one,) = alone.scores
    assert one.average_rank is None
    assert "az-nas" not in one.figures
    together = api.score(["nas-bench-201-9930", "nas-bench-201-resnet"], proxies=["az-nas", "naswot"], **SMALL).scores[
        1
    ]
    assert {name: together.figures[name] for name in one.figures} == one.figures


def test_random_architectures_differ_and_come_back() -> None:
    first, second = (api.score(random=5, proxies=["convs"], **SMALL) for _ in range(2))
    assert [each.architecture for each in first.scores] == [each.architecture for each in second.scores]
    assert len({each.architecture for each in first.scores}) == 5
    assert [each.name for each in first.scores] == [f"random-{number}" for number in range(1, 6)]
    assert {each.space for each in first.scores} == {"nas-bench-201"}
    other = api.score(random=1, proxies=["convs"], space="darts", **{**SMALL, "layers": 3})
    assert other.scores[0].space == "darts"


def test_a_batch_of_a_dataset_is_shown() -> None:
    images = np.random.default_rng(0).integers(0, 255, (12, 8, 8, 3), dtype=np.uint8)
    labels = np.arange(12) % 3
    found = api.score("nas-bench-201-resnet", (images, labels), proxies=["snip"], **{**SMALL, "batch_size": 64})
    assert found.images == "12 training images of the dataset, 8x8 pixels, 3 classes"
    assert any("only 12 training images" in note for note in found.notes)
    assert math.isfinite(found.scores[0].figures["snip"] or math.nan)


def test_the_embedded_digits_are_a_dataset_too() -> None:
    found = api.score("nas-bench-201-resnet", "digits", proxies=["params"], **SMALL)
    assert found.images == "4 training images of the dataset, 8x8 pixels, 10 classes"
    assert not any("No dataset" in note for note in found.notes)


@pytest.mark.parametrize(
    ("asked", "kind", "told"),
    [
        ({}, SettingsError, "no architecture is named"),
        ({"random": -1, "architectures": ["darts-v2"]}, SettingsError, "random architectures cannot be -1"),
        ({"architectures": ["darts-v2"], "space": "darts"}, SettingsError, "--random N"),
        ({"architectures": ["darts-v22"]}, GenotypeError, "darts-v2"),
        ({"random": 20_000}, SettingsError, "has 15625 architectures"),
        ({"random": 1, "proxies": ["synflo"]}, DartboardError, "synflow"),
        ({"random": 1, "proxies": []}, SettingsError, "no proxy is named"),
        ({"random": 1, "batch_size": 1}, SettingsError, "batch size cannot be 1"),
        ({"architectures": ["conv-stages-by-hand"], "layers": None}, SettingsError, "has no ReLU"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_sentence(
    asked: dict[str, object], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told) as found:
        api.score(**{"proxies": ["naswot"], **SMALL, **asked})  # type: ignore[arg-type]
    assert "\n" not in str(found.value)


def test_the_command_line_prints_a_table_and_json() -> None:
    small = (
        "--batch-size",
        "4",
        "--init-channels",
        "4",
        "--layers",
        "1",
        "--initialisations",
        "1",
        "--device",
        "cpu",
        "-q",
    )
    names = ("score", "nas-bench-201-resnet", "nas-bench-201-9930", "--proxies", "synflow,op-weights")
    shown = CliRunner().invoke(app, [*names, *small])
    assert shown.exit_code == 0, shown.output
    assert PUBLISHED["nas-bench-201-9930"].to_text() in shown.output
    assert "op-weights" in shown.output
    told = json.loads(CliRunner().invoke(app, [*names, *small, "--json"]).stdout)
    assert [each["name"] for each in told["scores"]] == list(names[1:3])


def test_a_refusal_ends_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["score", "conv-stages-by-hand", "--proxies", "naswot", "--batch-size", "2", "--init-channels", "4", "-q"]
    with pytest.raises(SystemExit) as ended:
        to_its_end(lambda: app(asked, standalone_mode=False))
    assert ended.value.code == 2
    assert "no ReLU" in capsys.readouterr().err

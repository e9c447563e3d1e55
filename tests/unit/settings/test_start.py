"""Where a search may start: how it is named, and what is refused in one sentence."""

import json
from pathlib import Path

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.cli.options import SearchOptions
from dartboard.errors import GenotypeError, SettingsError
from dartboard.settings import Request, check_method, resolve_settings, search_request
from dartboard.space import PUBLISHED

BY_HAND = PUBLISHED["conv-stages-by-hand"]
CELL = PUBLISHED["nas-bench-201-resnet"]


def asked(*layers: dict[str, object]) -> Request:
    return search_request(None, layers, ("search",))


def test_a_name_a_text_a_file_and_plain_data_are_the_same_start(tmp_path: Path) -> None:
    path = tmp_path / "genotype.json"
    path.write_text(json.dumps(BY_HAND.to_json()))
    for form in ("conv-stages-by-hand", BY_HAND.to_text(), str(path), str(tmp_path), BY_HAND.to_json()):
        settings = resolve_settings({"space": "conv-stages", "search.start_at": form})
        assert settings.search.start_at == BY_HAND.to_json()
        assert resolve_settings(json.loads(settings.model_dump_json())) == settings


def test_a_later_start_replaces_an_earlier_one_as_a_whole() -> None:
    by_hand = {"search": {"start_at": BY_HAND.to_json(), "start_lead": 1.0}}
    for later in (CELL.to_json(), "nas-bench-201-resnet"):
        search = resolve_settings(by_hand, {"search.start_at": later, "search.epochs": 3}).search
        assert (search.start_at, search.start_lead, search.epochs) == (CELL.to_json(), 1.0, 3)
    assert resolve_settings(by_hand, {"search.start_at": None}).search.start_at is None


def test_the_option_takes_a_text_as_it_is() -> None:
    [_, given, _] = SearchOptions(start_at=CELL.to_text(), space="nas-bench-201").layers()
    assert resolve_settings(given).search.start_at == CELL.to_json()


def test_an_open_space_is_that_of_the_start() -> None:
    request = asked({"search.start_at": "darts-v2", "budget": 60.0})
    assert request.asked.space == "darts"
    assert "space" in request.given
    assert asked({"budget": 60.0}).asked.space == "auto"
    assert asked({"search.start_at": "darts-v2", "space": "nas-bench-201"}).asked.space == "nas-bench-201"


@pytest.mark.parametrize(
    ("space", "method", "start", "sentence"),
    [
        (
            "conv-stages",
            "darts",
            "darts-v2",
            "architecture of the space 'darts', but the search is in 'conv-stages', of which the members known by "
            "name are conv-stages-by-hand, conv-stages-resnet and conv-stages-mobile; start at a member",
        ),
        ("proxyless", "darts", "darts-v2", "but the search is in 'proxyless', of which no member is known by name"),
        ("darts:nodes=3", "darts", "darts-v2", "but the search is in 'darts:nodes=3'"),
        ("darts", "random", "darts-v2", "^random learns no alpha of operations"),
        ("darts", "rsps", "darts-v2", "^rsps learns no alpha"),
        ("darts", "enas", "darts-v2", "^enas learns no alpha"),
        ("darts", "darts-pt-fixed", "darts-v2", "^darts-pt-fixed learns no alpha"),
        (
            "nas-bench-201",
            "gaea",
            "nas-bench-201-resnet",
            "^gaea does not search none, which the architecture in search.start_at has on the edge 0 -> 2 of the cell",
        ),
        (
            "nas-bench-201",
            "darts",
            CELL.to_text().replace("|none~0|", "|none~0~cbam|"),
            "^darts does not search cbam, which",
        ),
    ],
)
def test_what_cannot_be_the_start_is_refused_in_one_sentence(
    space: str, method: str, start: str, sentence: str
) -> None:
    settings = resolve_settings({"space": space, "method": method, "search.start_at": start})
    with pytest.raises(SettingsError, match=sentence) as caught:
        check_method(settings)
    assert "\n" not in str(caught.value)
    check_method(resolve_settings({"space": space, "method": method}))


def test_a_start_that_is_no_architecture_is_refused() -> None:
    with pytest.raises(GenotypeError, match="did you mean 'darts-v"):
        resolve_settings({"search.start_at": "darts-v3"})
    broken = {**CELL.to_json(), "cell": CELL.to_json()["cell"][1:]}
    with pytest.raises(GenotypeError, match="has 0 incoming edges"):
        check_method(resolve_settings({"space": "nas-bench-201", "method": "darts", "search.start_at": broken}))

"""Pareto fronts: which architectures are on them, and their page."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.errors import SettingsError
from dartboard.records import GenotypeForms, ParetoFront, ParetoPoint, on_front
from dartboard.reports import write_pareto
from dartboard.space import PUBLISHED
from dartboard.workflow import parse_sweep

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


@given(PAIRS)
def test_an_architecture_is_on_the_front_if_no_other_is_as_good_in_both_and_better_in_one(
    pairs: list[tuple[int, int]],
) -> None:
    def is_beaten(cost: int, accuracy: int) -> bool:
        return any((a, b) != (cost, accuracy) and a <= cost and b >= accuracy for a, b in pairs)

    assert on_front([(float(a), float(b)) for a, b in pairs]) == [not is_beaten(*pair) for pair in pairs]


def front() -> ParetoFront:
    genotype = GenotypeForms.of(PUBLISHED["nas-bench-201-resnet"])
    points = [
        ParetoPoint(name=name, genotype=genotype, cost=cost, accuracy=accuracy, front=False, report=f"{name}/report")
        for name, cost, accuracy in (("b <i>", 3e6, 0.9), ("a", 1e6, 0.5), ("c", 4e6, 0.8))
    ]
    return ParetoFront.of(
        points, dataset="flowers", cost="macs", accuracy="validation accuracy", command="x", directory="runs"
    )


def test_the_front_is_in_the_order_of_cost_and_can_be_read_again(tmp_path: Path) -> None:
    made = front()
    assert [(each.name, each.front) for each in made.points] == [("a", True), ("b <i>", True), ("c", False)]
    made.write(tmp_path)
    assert ParetoFront.read(tmp_path) == made


def test_every_point_of_the_page_leads_to_its_architecture_without_a_network(tmp_path: Path) -> None:
    front().write(tmp_path)
    page = write_pareto(tmp_path).read_text(encoding="utf-8")
    links = re.findall(r'<a xlink:href="#(pareto-point-\d)"', page)
    assert sorted(links) == ["pareto-point-1", "pareto-point-2", "pareto-point-3"]
    assert all(f'id="{each}"' in page for each in links)
    assert "<i>" not in page.replace("</i>", "").partition("<main>")[2].replace("<i style", "")
    assert not re.findall(r'(?:src|href)="https?:', page)


def test_a_sweep_names_a_limit_and_its_values() -> None:
    sweep = parse_sweep("macs=50M, 10M,20M")
    assert (sweep.cost, sweep.texts, sweep.lowest) == ("macs", ("50M", "10M", "20M"), "10M")
    assert (sweep.folder("10M"), sweep.layer("10M")) == ("macs-10M", {"limits.macs": "10M"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("width=1,2", "is not of the form"),
        ("macs", "is not of the form"),
        ("macs=1M,1000k", "the limit 1000k twice"),
        ("latency=5", "needs a unit"),
    ],
)
def test_what_is_no_sweep_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        parse_sweep(text)

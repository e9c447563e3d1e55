"""Rows and figures in terminals of any width: nothing is cut, and what people copy stays whole."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dartboard.cli.output import print_comparison
from dartboard.display import LiveDisplay
from dartboard.records import ComparedRun, Comparison
from dartboard.records.comparison import summary_of
from dartboard.rows import Figures, Rows, Sentence, print_rows
from dartboard.wording import Verbatim
from made_up_events import search_epoch

GENOTYPE = "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=range(2, 6))" * 2
ROWS = {
    "test accuracy": "98.05%",
    "genotype": Verbatim(GENOTYPE),
    "baseline random": "98.05%  (a random architecture of the space; difference: -5.85 points, "
    "95% interval -8.91 to -3.06)",
    "time": "data 0.5 s, planning 4.7 s, search 11.8 s, train 9.1 s, evaluation 0.2 s, total 53.2 s",
}


def shown(content: object, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(content, highlight=False, soft_wrap=True)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_text_to_be_copied_is_one_piece_and_all_other_lines_fit(width: int) -> None:
    lines = shown(Rows(ROWS), width)
    assert any(GENOTYPE in line for line in lines)
    assert all(len(line) <= width for line in lines if GENOTYPE not in line)
    assert "…" not in "".join(lines)


@given(st.text("ab1 .-_%", max_size=200), st.integers(20, 120))
def test_words_of_a_sentence_are_kept_whole_and_in_order(sentence: str, width: int) -> None:
    assert " ".join(shown(Sentence(sentence), width)).split() == sentence.split()


@pytest.mark.parametrize("width", [60, 80])
def test_a_figure_stays_beside_its_unit(width: int) -> None:
    assert not any(re.search(r"\d$", line) for line in shown(Rows({"time": ROWS["time"]}), width))


def test_what_does_not_go_to_a_terminal_is_one_line_a_row() -> None:
    console = Console(file=io.StringIO(), width=20)
    print_rows(console, ROWS)
    assert len(console.file.getvalue().splitlines()) == len(ROWS)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_figures_of_an_epoch_fit_and_are_not_cut(width: int) -> None:
    figures = {"epoch": "3/50", "weight loss": "1.6957", "genotype": "4 avg_pool_3x3, 2 skip_connect, 1 nor_conv_1x1"}
    lines = shown(Figures("search", figures), width)
    assert all(len(line) <= width for line in lines)
    told = ["search", *(f"{name} {text}" for name, text in figures.items())]
    assert " ".join(lines).split() == " ".join(told).split()
    assert not any(re.search(r"(^| )\d$", line) for line in lines)


@pytest.mark.parametrize("width", [60, 80])
def test_a_live_display_cuts_no_word(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with LiveDisplay(console) as live:
        live.plan({"search": "darts in nas-bench-201: 3 epochs of 19 steps on two halves of 629 and 629 images"})
        live.begin("search", epochs=3, steps=19, done=0)
        live.epoch(search_epoch())
        live.begin("train", epochs=100, steps=1000, done=0)
    console.print(live.render())
    assert "…" not in console.file.getvalue()
    assert "0/100000 steps" in " ".join(console.file.getvalue().split())


@pytest.mark.parametrize("width", [60, 80, 110, 200])
def test_a_comparison_keeps_every_figure_whole(width: int, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    runs = [
        ComparedRun(method=name, seed=seed, folder=name, test_accuracy=0.5 + 0.1 * seed, skips=seed, parameters=9999)
        for seed in range(2)
        for name in ("darts-minus:auxiliary_gate=0.3", "random")
    ]
    names = ("darts-minus:auxiliary_gate=0.3", "random")
    comparison = Comparison(
        dataset="digits", space="darts", preset="smoke", seeds=(0, 1), trained=True, baseline="random",
        methods=tuple(summary_of(name, "random", runs) for name in names), runs=tuple(runs), wanted=4, command="",
        run_directory=str(tmp_path), finished="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr("dartboard.cli.output.Console", lambda: console)
    print_comparison(comparison, as_json=False)
    lines = console.file.getvalue().splitlines()
    assert sum("55.00 ± 7.07" in line for line in lines) == 2
    assert sum("darts-minus:auxiliary_gate=0.3" in line for line in lines) >= 1
    assert all(len(line) <= width for line in lines if str(tmp_path) not in line)

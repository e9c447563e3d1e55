"""What watches and decisions leave in the report, in facts.json and in the terminal."""

import json
import re
from pathlib import Path

import pytest

from dartboard import api
from dartboard.records import RunRecords
from dartboard.reports import SECTIONS
from dartboard.runs import Candidate, Contrast, DecisionMade, RunDirectory, Watched
from dartboard.space.genotype import parse_genotype

from .made_up import NAS_BENCH_201, FakeRun


def decision(
    edge: tuple[int, int], chosen: str, *, b: int, c: int, by_gate: str | None, **more: object
) -> DecisionMade:
    """A decision by perturbation between a skip connection and a convolution."""
    candidates = (
        Candidate(name="skip_connect", gate=0.6, accuracy=0.50, loss=1.5, images=2000),
        Candidate(name="nor_conv_3x3", gate=0.4, accuracy=0.48, loss=1.6, images=2000),
    )
    facts = {
        "by": "perturbation",
        "about": "operation",
        "round": 1,
        "epoch": 1,
        "step": 0,
        "kind": "cell",
        "source": edge[0],
        "target": edge[1],
        "candidates": candidates,
        "chosen": chosen,
        "runner_up": "skip_connect" if chosen != "skip_connect" else "nor_conv_3x3",
        "by_gate": by_gate,
        "measure": "accuracy",
        "images": 2000,
        "images_by": "all",
        "contrast": Contrast.of(b, c, 2000),
    }
    return DecisionMade.model_validate({**facts, **more})


def told(run: Path, name: str) -> dict[str, str]:
    """The rows of a section in the terminal."""
    section = SECTIONS[name].factory()
    found = section.read(RunRecords(run))
    return {} if found is None else section.lines(found)


def test_every_decision_is_in_the_table_with_scores_and_margin(run_path: Path) -> None:
    fake = FakeRun(run_path)
    fake.search(parse_genotype(NAS_BENCH_201))
    with RunDirectory(run_path) as run:
        run.events.append(decision((0, 1), "nor_conv_3x3", b=60, c=20, by_gate="skip_connect"))
        run.events.append(decision((0, 2), "skip_connect", b=21, c=20, by_gate="skip_connect", tie="loss", round=2))
    page = api.report(run_path).read_text(encoding="utf-8")
    facts = json.loads((run_path / "facts.json").read_text(encoding="utf-8"))["decisions"]
    counts = {name: facts[name] for name in ("operations", "compared", "weak", "ties", "by_gate", "agree", "skips")}
    assert counts == {"operations": 2, "compared": 2, "weak": 1, "ties": 1, "by_gate": 2, "agree": 1, "skips": 1}
    assert facts["decisions"][0]["contrast"]["z"] > 4
    rows = re.findall(r"<tr><td class=\"num\">.*?</tr>", page[page.index("every decision") :])
    assert len(rows) == 2
    for text in ("cell 0 → 1", "nor_conv_3x3", "(+40)", "4.47", "2000", "skip_connect 50.00%; nor_conv_3x3 48.00%"):
        assert text in rows[0]
    assert "loss" in rows[1]
    assert told(run_path, "decisions") == {
        "decisions": "2 decisions; 1 of 2 within two standard errors of the runner-up; 1 tie broken; the largest gate "
        "agrees on 1 of 2"
    }


def test_a_search_without_decisions_or_watches_has_no_such_sections(run_path: Path) -> None:
    FakeRun(run_path).search(parse_genotype(NAS_BENCH_201))
    api.report(run_path)
    facts = json.loads((run_path / "facts.json").read_text(encoding="utf-8"))
    assert not {"decisions", "watches"} & facts.keys()


def test_what_was_watched_is_drawn_and_concluded_from_the_record_alone(run_path: Path) -> None:
    fake = FakeRun(run_path)
    fake.search(parse_genotype(NAS_BENCH_201))
    with RunDirectory(run_path) as run:
        accuracies = [event.validation_accuracy for event in RunRecords(run_path).search_epochs]
        for epoch, accuracy in enumerate(accuracies, start=1):
            assert accuracy is not None
            figures = {"advantage": 2 * accuracy, "skip": 0.5, "convolution": None if epoch == 1 else 0.1}
            run.events.append(Watched(name="skip-advantage:pooled=max", epoch=epoch, seconds=1.5, figures=figures))
            run.events.append(Watched(name="of-another-package", epoch=epoch, seconds=0.0, figures={"x": float("nan")}))
    page = api.report(run_path).read_text(encoding="utf-8")
    part = page[page.index('id="part-watches"') :]
    part = part[: part.index("</section>")]
    assert part.count("<svg") == 2  # over the epochs, and against the accuracy
    assert "Advantage of skip connections" in part
    assert "of-another-package" in part
    facts = json.loads((run_path / "facts.json").read_text(encoding="utf-8"))["watches"]["watches"]
    assert [each["name"] for each in facts] == ["skip-advantage:pooled=max", "of-another-package"]
    assert facts[0]["seconds"] == 1.5 * len(accuracies)
    assert list(facts[0]["conclusions"].values()) == pytest.approx([1.0])
    assert facts[1]["epochs"][0]["figures"] == {"x": None}
    assert told(run_path, "watches")["watch skip-advantage:pooled=max"] == (
        f"{len(accuracies)} measurements; rank correlation with the accuracy of the supernet: 1.0"
    )

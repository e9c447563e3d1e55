"""What watches and decisions leave in the report, in facts.json and in the terminal."""

import json
import re
from pathlib import Path

import pytest

from dartboard import api
from dartboard.records import RunRecords
from dartboard.reports import SECTIONS
from dartboard.runs import (
    Candidate,
    CollapsedSearch,
    Contrast,
    DecisionMade,
    RunDirectory,
    SearchEpoch,
    Watched,
)
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


SKIPPED = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"


def collapsed(run_path: Path) -> None:
    """Leave a search whose cells have been nothing but skip connections from the third epoch on."""
    good, bad = parse_genotype(NAS_BENCH_201), parse_genotype(SKIPPED)
    FakeRun(run_path, epochs=6).search(bad)
    with RunDirectory(run_path) as run:
        events = run.events.read()
        run.events.keep(lambda _: False)
        for event in events:
            cell = {"genotype": (good if getattr(event, "epoch", 9) < 3 else bad).to_json()}
            run.events.append(event.model_copy(update=cell if isinstance(event, SearchEpoch) else {}))


def test_a_search_that_collapses_is_told_with_figures_and_advice(run_path: Path) -> None:
    collapsed(run_path)
    page = api.report(run_path).read_text(encoding="utf-8")
    facts = json.loads((run_path / "facts.json").read_text(encoding="utf-8"))["collapse"]
    assert (facts["signal"], facts["since"], facts["good"], facts["done"]) == ("skips", 3, 2, None)
    for text in ("6 of 6 of the kept operations of the cell are skip", "The last good epoch is 2.", "robust-darts"):
        assert text in page
    assert "since epoch 3" in told(run_path, "collapse")["the search collapses"]


def test_a_second_search_is_told_with_what_both_cost(run_path: Path) -> None:
    collapsed(run_path)
    CollapsedSearch(
        action="fallback",
        signal="skips",
        since=3,
        epoch=4,
        good=2,
        words="4 of 6 are skips",
        seconds=240.0,
        further_epochs=4,
        again="5 of 6 are skips",
    ).write(run_path)
    page = api.report(run_path).read_text(encoding="utf-8")
    done = json.loads((run_path / "facts.json").read_text(encoding="utf-8"))["collapse"]["done"]
    # Six epochs of a minute are on record, of which four belong to the second search.
    assert (done["architecture_from"], done["first_seconds"], done["second_seconds"]) == ("second", 240.0, 240.0)
    for text in ("of the second search", "The second search collapses as well: 5 of 6 are skips"):
        assert text in page
    assert told(run_path, "collapse")["what was done"].startswith("a second search, RobustDARTS")

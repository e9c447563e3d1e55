import base64
import html
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from dartboard.errors import RunDirectoryError
from dartboard.reports import write_report
from dartboard.reports.sections.examples import picture_uri
from dartboard.space.genotype import parse_genotype

from .made_up import DARTS_V2, NAS_BENCH_201, FakeRun, leave_baselines

VOID = {"meta", "img", "br", "link", "input", "wbr"}


class Outline(HTMLParser):
    """Collects ids, links and unclosed elements of a page."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.tags = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("src", "href", "xlink:href") if values.get(name)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(page):
    parsed = Outline()
    parsed.feed(page)
    return parsed


def test_the_page_is_well_formed_and_needs_no_other_file(finished_run):
    page = write_report(finished_run).read_text()
    parsed = outline(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert all(link.startswith(("data:", "#")) for link in parsed.links)
    assert "script" not in parsed.tags
    assert not re.search(r"@import|url\((?!#)", page)


def test_names_and_commands_with_markup_are_shown_and_never_run(finished_run):
    page = write_report(finished_run).read_text()
    assert "<b>star" not in page
    assert "&lt;b&gt;star&lt;/b&gt;" in page
    assert "&lt;script&gt;" in page


def test_the_contents_lead_to_every_part_of_the_page(finished_run):
    page = write_report(finished_run).read_text()
    named = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a></li>', page)
    assert [name for _, name in named] == re.findall(r"<section[^>]*>\s*<h2>([^<]+)</h2>", page)
    assert set(outline(page).ids) >= {place for place, _ in named}
    assert page.index("What next") < page.index('aria-label="Contents"') < page.index("<section")


def test_the_next_steps_name_the_network_that_is_best(finished_run):
    page = write_report(finished_run).read_text()
    (finished_run / "model.safetensors").touch()
    page = write_report(finished_run).read_text()
    assert f"dartboard predict {finished_run} IMAGES --out predictions.csv" in page
    assert f"dartboard export {finished_run} --out model.onnx" in page
    leave_baselines(finished_run)
    page = write_report(finished_run).read_text()
    assert f"dartboard export {finished_run}/baselines/random --out model.onnx" in page
    verdict, lead = '<p class="verdict">The search was not worth its time.', '<p class="lead">'
    assert page.index("<h1>") < page.index(verdict) < page.index(lead)
    assert all(link.startswith(("data:", "#")) for link in outline(page).links)


def test_the_next_steps_of_a_run_that_was_moved_name_where_it_lies_now(finished_run):
    (finished_run / "model.safetensors").touch()
    write_report(finished_run)
    moved = finished_run.rename(finished_run.parent / "elsewhere")
    assert f"dartboard export {moved} --out model.onnx" in write_report(moved).read_text()


def test_the_next_step_after_a_search_is_a_training(run_path):
    run, genotype = FakeRun(run_path), parse_genotype(NAS_BENCH_201)
    run.search(genotype)
    run.evaluate()
    run.finish(genotype)
    for source, data in ((None, "DATA"), ("some photographs", "'some photographs'"), ("arrays-0123", "DATA")):
        settings = json.loads((run_path / "settings.json").read_text()) | {"source": source}
        (run_path / "settings.json").write_text(json.dumps(settings))
        command = f"dartboard train {data} --genotype {run_path}"
        assert command in html.unescape(write_report(run_path).read_text())


def test_the_page_shows_accuracy_as_a_percentage_with_its_interval(finished_run):
    scores = json.loads((finished_run / "scores.json").read_text())
    page = write_report(finished_run).read_text()
    assert f"<dd>{100 * scores['test_accuracy_mean']:.2f}%</dd>" in page
    assert "95% interval" in page


def test_the_page_shows_the_spread_of_several_runs(run_path):
    FakeRun(run_path).evaluate(runs=3)
    page = write_report(run_path).read_text()
    assert re.search(r"<dd>\d\d\.\d\d% ± 0\.82%</dd>", page)


def test_both_cells_of_a_darts_genotype_are_drawn_with_their_gates(run_path):
    FakeRun(run_path, epochs=2).search(parse_genotype(DARTS_V2))
    page = write_report(run_path).read_text()
    for label in ("normal cell", "reduction cell", "Gates of every edge of the normal cell"):
        assert f'aria-label="{label}"' in page


def test_candidates_are_listed_with_what_became_of_them(run_path):
    run = FakeRun(run_path, epochs=2)
    run.search(parse_genotype(NAS_BENCH_201))
    run.choose({2: parse_genotype(NAS_BENCH_201), 20: parse_genotype(NAS_BENCH_201.replace("skip_connect", "none"))})
    choice = json.loads((run_path / "choice.json").read_text())
    choice["candidates"][1] |= {"rejected": "its cell has <no> skip_connect", "short_train_accuracy": 0.25}
    (run_path / "choice.json").write_text(json.dumps(choice))
    page = write_report(run_path).read_text()
    text = " ".join(re.sub(r"<[^>]*>", " ", page.partition("<h2>Candidates</h2>")[2]).split())
    for part in (
        "The search ran with 2 seeds; best-supernet chose",
        "2 5 nor_conv_3x3, 1 skip_connect 90.00% \u2013 chosen",
        "20 5 nor_conv_3x3, 1 none 80.00% 25.00% rejected: its cell has &lt;no&gt; skip_connect",
        "85.00% ± 5.00%",
        "Seed 20.",
        "The chosen search, with seed 2: 2 epochs",
    ):
        assert part in text
    assert page.count('aria-label="cell"') == 3
    parsed = outline(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))


def test_a_violated_rule_is_said_and_a_single_search_has_no_candidates(run_path):
    run = FakeRun(run_path, epochs=2)
    run.search(parse_genotype(NAS_BENCH_201))
    assert "Candidates" not in write_report(run_path).read_text()
    nothing = {"accuracy_mean": None, "accuracy_std": None}
    run.choose({2: parse_genotype(DARTS_V2)}, rule_violated=True, **nothing)
    page = write_report(run_path).read_text()
    assert "The rule rejects all searches, so the best of all was chosen." in page
    assert "The accuracy that decides" not in page
    assert "Seed 2, reduce cell." in page


def test_finalists_are_listed_with_what_became_of_them(run_path):
    run = FakeRun(run_path, epochs=2)
    run.search(parse_genotype(NAS_BENCH_201))
    assert "Finalists" not in write_report(run_path).read_text()
    run.compare_finalists(
        [parse_genotype(NAS_BENCH_201.replace("skip_connect", "none")), parse_genotype(NAS_BENCH_201)], 2
    )
    page = write_report(run_path).read_text()
    text = " ".join(re.sub(r"<[^>]*>", " ", page.partition("<h2>Finalists</h2>")[2]).split())
    for part in (
        "The search proposed 2 architectures",
        "Each was trained from scratch for 3 epochs, and the best on the validation images was chosen. The test images "
        "were not used.",
        "1 5 nor_conv_3x3, 1 none 79.00% 2 5 nor_conv_3x3, 1 skip_connect 90.00% chosen",
        "Cells of all finalists",
        "Finalist 2.",
    ):
        assert part in text
    assert all(link.startswith(("data:", "#")) for link in outline(page).links)
    assert page.count('aria-label="cell"') == 3
    parsed = outline(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))


def test_both_cells_of_every_finalist_are_drawn(run_path):
    run = FakeRun(run_path, epochs=2)
    run.search(parse_genotype(DARTS_V2))
    run.compare_finalists([parse_genotype(DARTS_V2)] * 2)
    assert "Finalist 2, reduce cell." in write_report(run_path).read_text()


def test_sections_without_facts_say_what_is_missing(run_path):
    FakeRun(run_path, epochs=1).search(parse_genotype(NAS_BENCH_201))
    page = write_report(run_path).read_text()
    assert page.count('<p class="missing">') == 2
    assert "scores.json is missing" in page
    assert "nan" not in re.sub(r"<[^>]*>", " ", page).lower().split()


def test_the_same_files_give_the_same_page(run_path):
    FakeRun(run_path).evaluate()
    assert write_report(run_path).read_text() == write_report(run_path).read_text()


def test_facts_are_left_beside_the_page_without_pictures(finished_run):
    write_report(finished_run)
    facts = json.loads((finished_run / "facts.json").read_text())
    scores = json.loads((finished_run / "scores.json").read_text())
    assert facts["summary"]["test_accuracy"] == scores["test_accuracy_mean"]
    assert facts["test"]["scores"] == scores
    assert facts["architecture"]["genotype"]["space"] == "nas-bench-201"
    assert set(facts["examples"]["wrong"][0]) == {"true", "predicted", "confidence"}


def test_a_folder_that_is_no_run_directory_is_left_untouched(tmp_path):
    with pytest.raises(RunDirectoryError, match="no run directory"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("shape", "size"), [((8, 8, 1), (8, 8)), ((32, 32, 3), (32, 32)), ((300, 150, 3), (48, 96))])
def test_pictures_keep_small_sizes_and_reduce_large_ones(shape, size):
    uri = picture_uri(np.zeros(shape, dtype=np.uint8))
    assert Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size == size

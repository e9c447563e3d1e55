"""The pages as a browser shows them: on a phone, a laptop and a wide screen, in both themes, and on paper."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dartboard.records import ComparedRun, Comparison, GenotypeForms
from dartboard.records.comparison import summary_of
from dartboard.reports import write_comparison, write_report
from dartboard.runs import write_json
from dartboard.space.genotype import parse_genotype
from unit.reports.made_up import DARTS_V2, NAS_BENCH_201, FakeRun, leave_baselines

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra 'browser'")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra 'browser'")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
WIDTHS = (390, 1000, 1600)
LONG = "a_class_whose_name_is_longer_than_others"
CLASSES = ["cat", "great white heron", LONG, "<b>star</b>", *(f"kind-{number}" for number in range(8))]
PAPER = 718
"""Width in pixels of A4 paper between margins of 1 cm."""

OUTSIDE = """() => {
    const width = document.documentElement.clientWidth
    const inside = element => element.closest('.table, .canvas')
    const reaches = element => element.getBoundingClientRect().right > width + 1
    return [...document.querySelectorAll('body *')].filter(each => reaches(each) && !inside(each))
        .map(each => `${each.tagName} ${each.textContent.slice(0, 40)}`)
}"""
"""Elements that reach beyond the right side of the page."""

BROKEN = """() => {
    const found = []
    for (const holder of document.querySelectorAll('td, th, dt, dd, h1, h2, li, figcaption, p')) {
        const texts = document.createTreeWalker(holder, NodeFilter.SHOW_TEXT)
        while (texts.nextNode()) {
            for (const word of texts.currentNode.data.matchAll(/[\\w.=%\u202f]+/g)) {
                const range = document.createRange()
                range.setStart(texts.currentNode, word.index)
                range.setEnd(texts.currentNode, word.index + word[0].length)
                const lines = new Set([...range.getClientRects()].map(each => Math.round(each.top)))
                if (lines.size > 1 && word[0].length <= 24) found.push(word[0])
            }
        }
    }
    return found
}"""
"""Words of at most 24 letters that stand on more than one line; a name may break at the signs that join its words."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report with all that is wide, and a comparison."""
    folder, genotype = tmp_path_factory.mktemp("pages"), parse_genotype(DARTS_V2)
    run = FakeRun(folder / "run", epochs=3, classes=CLASSES)
    run.search(genotype)
    run.choose({2: genotype, 20: genotype})
    run.compare_finalists([genotype, genotype])
    run.train(runs=2)
    run.evaluate(runs=2)
    run.finish(genotype)
    leave_baselines(run.path)
    (run.path / "model.safetensors").touch()
    choices = [
        {"setting": "search.start_lead", "value": 0.0625, "reason": "a reason that is as long as a sentence may be"},
        {"setting": "method.options.auxiliary_gate", "value": genotype.to_text(), "reason": "it is long"},
    ]
    write_json(run.path / "settings.json", {**run_settings(run.path), "automatic_choices": choices})
    return {"report": write_report(run.path), "comparison": write_comparison(compared(folder / "comparison"))}


def run_settings(path: Path) -> dict[str, Any]:
    from dartboard.runs import read_json

    return dict(read_json(path / "settings.json"))


def compared(folder: Path) -> Path:
    """A comparison with a failure and long names."""
    folder.mkdir()
    forms = GenotypeForms.of(parse_genotype(NAS_BENCH_201))
    methods = ("darts-minus:auxiliary_gate=0.3", "single-darts", "random")
    runs = [
        ComparedRun(
            method=name, seed=seed, folder=f"{name}/seed-{seed}", genotype=forms, test_accuracy=0.5 + 0.1 * seed,
            validation_accuracy=0.6, skips=1, parameters=10_000, multiply_adds=10**6, search_seconds=9.0,
            train_seconds=3.0,
        )
        for seed in range(3)
        for name in methods
    ]  # fmt: skip
    runs[4] = replace_run(runs[4], failure="the loss of the search is not finite after epoch 3; use a smaller rate")
    Comparison(
        dataset="photographs of flowers", space="nas-bench-201", preset="smoke", seeds=(0, 1, 2), trained=True,
        baseline="random", methods=tuple(summary_of(name, "random", runs) for name in methods), runs=tuple(runs),
        wanted=9, command="dartboard compare flowers", run_directory=str(folder), finished="2026-01-01T00:00:00+00:00",
    ).write(folder)  # fmt: skip
    return folder


def replace_run(run: ComparedRun, **changes: Any) -> ComparedRun:
    return run.model_copy(update=changes)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip(f"no browser was found ({', '.join(NAMES)})")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, pages: dict[str, Path]) -> Iterator[Callable[..., Any]]:
    """Opens one of the pages with all its details shown."""
    contexts = []

    def open_page(name: str, width: int, theme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(pages[name].as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["report", "comparison"])
def test_a_page_fits_its_window_keeps_words_whole_and_has_no_barrier(
    opened: Callable[..., Any], name: str, width: int, theme: str
) -> None:
    page = opened(name, width, theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(BROKEN) == []
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", ["report", "comparison"])
def test_a_printed_page_is_light_fits_the_paper_and_leaves_no_heading_alone(
    opened: Callable[..., Any], name: str
) -> None:
    page = opened(name, PAPER, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    after = "[...document.querySelectorAll('h1, h2, h3')].map(each => getComputedStyle(each).breakAfter)"
    assert set(page.evaluate(after)) == {"avoid"}
    inside = "[...document.querySelectorAll('figure, tr, .cards')].map(each => getComputedStyle(each).breakInside)"
    assert set(page.evaluate(inside)) == {"avoid"}


def test_a_finished_report_takes_few_sheets_of_paper(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(pages["report"].as_uri())
    sheets = len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format="A4")))
    page.close()
    assert 1 < sheets <= 10

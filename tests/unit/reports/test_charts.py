import base64
import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from dartboard.records import RunRecords
from dartboard.reports import read_facts, render_page
from dartboard.reports.charts.confusion_chart import draw_confusion
from dartboard.reports.charts.curves import Line, draw_lines
from dartboard.reports.sections.search import draw_curvature
from dartboard.reports.templates import render
from dartboard.space.genotype import parse_genotype

from .made_up import NAS_BENCH_201, FakeRun, told

LINES = (Line("training images", "#3b82c4", (1, 2, 3), (0.5, None, 0.25)),)


def test_the_same_chart_is_the_same_text_twice():
    assert draw_lines("a", "t", LINES, label="loss") == draw_lines("a", "t", LINES, label="loss")


def test_charts_of_different_names_share_no_id():
    first, second = (set(re.findall(r' id="([^"]+)"', draw_lines(name, "t", LINES, label="loss"))) for name in "ab")
    assert first
    assert not first & second


def test_every_reference_has_its_id():
    drawing = draw_lines("a", "t", LINES, label="loss")
    referenced = set(re.findall(r'href="#([^"]+)"', drawing)) | set(re.findall(r"url\(#([^)]+)\)", drawing))
    assert referenced == set(re.findall(r' id="([^"]+)"', drawing))


def test_a_chart_is_one_svg_element_without_prologue_or_rules_for_the_page():
    drawing = draw_lines("a", "t", LINES, label="loss")
    assert drawing.startswith("<svg ")
    assert ElementTree.fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"
    assert "<style" not in drawing
    assert "<metadata" not in drawing


def test_a_chart_takes_its_text_colour_from_the_page():
    drawing = draw_lines("a", "t", LINES, label="loss")
    assert "var(--muted" in drawing
    assert "#010a" not in drawing


def test_small_figures_keep_their_digits_on_the_axis():
    chart = draw_lines("small", "Small", [Line("one", "#123456", [1, 2, 3], [0.001, 0.002, 0.004])], label="x")
    ticks = re.findall(r"<text[^>]*>([^<]*)</text>", chart)
    assert {"0.001", "0.002", "0.004"} <= {tick.rstrip("0") for tick in ticks}
    assert not re.search(r'="[^"]*\.\d{3,}', chart.replace("viewBox", ""))  # places still have at most two decimals


def test_lines_without_any_value_draw_nothing():
    assert draw_lines("a", "t", (Line("x", "#000000", (1,), (None,)),), label="loss") == ""


@pytest.mark.parametrize(("size", "counts"), [(2, True), (20, True), (21, False), (120, False)])
def test_a_confusion_matrix_writes_counts_up_to_twenty_classes(size, counts):
    confusion = tuple(tuple(77 if row == column else 0 for column in range(size)) for row in range(size))
    drawing = draw_confusion(confusion, tuple(f"class {number}" for number in range(size)))
    assert drawing.count(">77<") == (size if counts else 0)
    assert len(drawing) < 100_000


def test_class_names_of_a_confusion_matrix_are_shown_as_they_are_written():
    drawing = draw_confusion(((1, 0), (0, 1)), ("<i>$x^2$</i>", "猫"))
    assert "<i>" not in drawing
    shown = ["".join(entry.itertext()) for entry in ElementTree.fromstring(drawing).iter()]
    assert "<i>$x^2$</i>" in shown
    assert "猫" in shown


def with_eigenvalues(epochs, values):
    return tuple(
        epoch.finished({"eigenvalue": value} if value is not None else {}, epoch.seconds)
        for epoch, value in zip(epochs, values, strict=True)
    )


def test_the_curvature_is_a_curve_through_the_epochs_that_measured_it(run_path):
    run = FakeRun(run_path, epochs=15)
    run.search(parse_genotype(NAS_BENCH_201))
    epochs = told(run_path).search.epochs
    assert draw_curvature(epochs) == ""
    values = tuple(0.1 * epoch.epoch if epoch.epoch % 2 else None for epoch in epochs)
    drawing = draw_curvature(with_eigenvalues(epochs, values))
    measured = tuple(epoch.epoch for epoch in epochs if epoch.epoch % 2)
    line = Line("largest eigenvalue", "#8b5cc7", measured, tuple(0.1 * epoch for epoch in measured))
    assert drawing == draw_lines("search-curvature", "Curvature in alpha", (line,), label="largest eigenvalue")


def test_the_page_shows_the_curvature_where_it_was_measured(run_path):
    run = FakeRun(run_path, epochs=2)
    run.search(parse_genotype(NAS_BENCH_201))
    records = RunRecords(run_path)
    facts = read_facts(records)
    sentence = "Curvature of the validation loss in alpha"
    assert sentence not in render_page(records, facts)
    search = replace(facts["search"], epochs=with_eigenvalues(facts["search"].epochs, (0.1, 0.2)))
    assert sentence in render_page(records, facts | {"search": search})


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance of an sRGB colour in [0, 1], by WCAG 2.2."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def theme_colours(theme: int, name: str) -> tuple[float, ...]:
    """A colour of the page's style in the light (0) or in the dark theme (1)."""
    block = re.findall(r":root\{([^}]*--ink[^}]*)\}", render("style.html.j2"))[theme]
    code = re.search(rf"--{name}:#([0-9a-f]+)", block)[1]
    code = code if len(code) == 6 else "".join(2 * digit for digit in code)
    return tuple(int(code[start : start + 2], 16) / 255 for start in (0, 2, 4))


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("place", [(0, 0), (0, 1)])
def test_counts_of_a_confusion_matrix_can_be_read_on_the_strongest_cell_in_both_themes(theme, place):
    confusion = [[0, 0], [0, 0]]
    confusion[place[0]][place[1]] = 77
    drawing = draw_confusion(tuple(map(tuple, confusion)), ("a", "b"))
    assert re.search(r"<text[^>]*fill: var\(--ink[^>]*>77<", drawing)
    encoded = re.search(r'href="data:image/png;base64,([^"]+)"', drawing)[1]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA")) / 255
    strongest = picture.reshape(-1, 4)[picture[..., 3].argmax()]
    opacity, surface = strongest[3], np.array(theme_colours(theme, "surface"))
    cell = tuple(opacity * strongest[:3] + (1 - opacity) * surface)
    assert 0.5 < opacity < 1
    assert contrast(theme_colours(theme, "ink"), cell) >= 4.5

"""The drawing of a layer-wise network, and the chart of its gates."""

import xml.etree.ElementTree as ElementTree

from dartboard.reports.charts.gate_charts import CellGates, EdgeGates
from dartboard.reports.charts.layer_charts import draw_layer_gates
from dartboard.reports.drawings.layer_diagram import draw_layers
from dartboard.space import get_space, parse_genotype

TEXT = (
    "proxyless: mbconv_3x3_e3 zero mbconv_5x5_e6~cbam zero | mbconv_7x7_e6 zero zero zero | "
    "mbconv_3x3_e3 zero zero zero | mbconv_3x3_e6 zero zero zero | mbconv_5x5_e3 zero zero zero | mbconv_7x7_e3"
)
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_row_a_stage_with_the_operation_of_every_block():
    genotype = parse_genotype(TEXT)
    shown = texts(draw_layers(genotype))
    assert [text for text in shown if text.startswith("stage")] == [f"stage {number}" for number in range(1, 7)]
    ops = [text for text in shown if text.startswith(("mbconv", "skip"))]
    assert ops == [choice.op for stage in genotype.stages for choice in stage]
    assert "cbam" in shown


def test_blocks_do_not_overlap_and_stay_within_the_drawing():
    root = ElementTree.fromstring(draw_layers(parse_genotype(TEXT)))
    _, _, width, height = map(float, root.get("viewBox").split())
    boxes = [tuple(float(rect.get(key)) for key in ("x", "y", "width", "height")) for rect in root.iter(f"{SVG}rect")]
    assert len(boxes) == 21
    for number, (x, y, w, h) in enumerate(boxes):
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
        for x2, y2, w2, h2 in boxes[:number]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_the_first_block_of_a_stage_has_no_shortcut_and_those_left_out_are_dashed():
    svg = draw_layers(parse_genotype(TEXT))
    assert svg.count("q0 ") == 15
    assert svg.count("stroke-dasharray") == TEXT.count("zero")


def test_gates_of_all_blocks_are_one_chart_with_a_frame_for_each_operation_kept():
    space = get_space("proxyless")
    kept = dict(parse_genotype(TEXT).cells)
    series = tuple((0.1, 0.1 + 0.01 * column) for column in range(len(space.ops)))

    def drawn(framed):
        ends = {kind: (kept[kind].choices[0].op,) if framed else () for kind in space.cell_kinds}
        edges = {kind: EdgeGates("0 → 1", 0, 1, ops, series) for kind, ops in ends.items()}
        return draw_layer_gates([CellGates(kind, space.ops, (1, 2), (edge,)) for kind, edge in edges.items()])

    shown = drawn(framed=True)
    assert shown.count("<path") - drawn(framed=False).count("<path") == 21
    for name in (*space.ops, "1.1", "6.1"):
        assert name in shown

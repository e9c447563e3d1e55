from xml.etree import ElementTree

from dartboard.reports import draw_cell
from dartboard.reports.colours import FAMILY_COLOURS
from dartboard.space.genotype import CellGenotype, Choice, parse_genotype

from .made_up import DARTS_V2, NAS_BENCH_201

SVG = "{http://www.w3.org/2000/svg}"


def texts(drawing):
    return ["".join(entry.itertext()) for entry in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def test_each_operation_of_the_cell_is_written_once_for_each_edge():
    written = texts(draw_cell(parse_genotype(DARTS_V2)["normal"], title="normal cell"))
    assert (written.count("sep_conv_3x3"), written.count("skip_connect"), written.count("dil_conv_3x3")) == (5, 2, 1)


def test_inputs_bear_the_names_of_the_literature_and_nodes_the_numbers_of_the_genotype():
    written = texts(draw_cell(parse_genotype(DARTS_V2)["normal"]))
    assert {"ck\u22122", "ck\u22121", "2", "3", "4", "5", "output", "concat"} <= set(written)


def test_a_cell_with_one_input_and_one_output_node_joins_nothing():
    written = texts(draw_cell(parse_genotype(NAS_BENCH_201)["cell"]))
    assert "ck\u22121" in written
    assert "ck\u22122" not in written
    assert "concat" not in written


def test_the_legend_names_the_families_that_occur_and_no_other():
    written = texts(draw_cell(parse_genotype(NAS_BENCH_201)["cell"]))
    assert [name for name in FAMILY_COLOURS if name in written] == ["convolution", "skip connection"]


def test_edges_of_none_are_dashed_and_others_are_not():
    none, skip = (draw_cell(CellGenotype((Choice(1, 0, name),), (1,))) for name in ("none", "skip_connect"))
    assert "stroke-dasharray" in none
    assert "stroke-dasharray" not in skip


def test_attention_stands_below_its_operation_in_one_box_and_in_the_description():
    drawing = draw_cell(CellGenotype((Choice(1, 0, "none", "<bam>"), Choice(2, 1, "nor_conv_1x1")), (2,)))
    written = texts(drawing)
    assert written.index("<bam>") == written.index("none") + 1
    assert "0 to 1: none, then <bam>; 1 to 2: nor_conv_1x1" in ElementTree.fromstring(drawing).findtext(f"{SVG}desc")
    lines = [entry for entry in ElementTree.fromstring(drawing).iter(f"{SVG}text") if "".join(entry.itertext())]
    upper, lower = (next(e for e in lines if "".join(e.itertext()) == text) for text in ("none", "<bam>"))
    assert upper.get("x") == lower.get("x")
    assert 10 < float(lower.get("y")) - float(upper.get("y")) < 20


def test_a_title_and_an_operation_with_markup_are_escaped():
    drawing = draw_cell(CellGenotype((Choice(1, 0, "<b>"),), (1,)), title='a "<cell>"')
    root = ElementTree.fromstring(drawing)
    assert root.findtext(f"{SVG}title") == 'a "<cell>"'
    assert root.get("role") == "img"
    assert "<b>" not in drawing


def test_the_same_cell_gives_the_same_drawing():
    cell = parse_genotype(DARTS_V2)["reduce"]
    assert draw_cell(cell) == draw_cell(cell)

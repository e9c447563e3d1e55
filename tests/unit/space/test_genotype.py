import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dartboard.errors import GenotypeError
from dartboard.space import ATTENTION, CellGenotype, Choice, Genotype, check_genotype, get_space, parse_genotype

from .strategies import loose_genotypes, strict_genotypes

PAIRS = "[('sep_conv_3x3', 0), ('skip_connect', 1)]"
EMPTY_NODES = Genotype("nas-bench-201", (("cell", CellGenotype((Choice(2, 0, "none"),), (3,))),))


@given(strict_genotypes)
def test_every_architecture_survives_text(genotype: Genotype) -> None:
    assert parse_genotype(genotype.to_text()) == genotype
    assert str(genotype) == genotype.to_text()


@given(loose_genotypes)
@example(EMPTY_NODES)
def test_cells_with_any_number_of_edges_survive_text(genotype: Genotype) -> None:
    assert parse_genotype(genotype.to_text()) == genotype


@given(st.one_of(strict_genotypes, loose_genotypes))
def test_every_genotype_survives_json(genotype: Genotype) -> None:
    assert Genotype.from_json(json.loads(json.dumps(genotype.to_json()))) == genotype


@given(st.one_of(strict_genotypes, loose_genotypes))
def test_every_operation_is_counted(genotype: Genotype) -> None:
    counts = genotype.operation_counts
    choices = [choice for _, cell in genotype.cells for choice in cell.choices]
    assert sum(counts.values()) == len(choices) + sum(bool(choice.attention) for choice in choices)
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert set(counts) <= {*get_space(genotype.space).ops, *ATTENTION}


def test_pairs_stand_for_two_edges_a_node() -> None:
    genotype = parse_genotype(f"Genotype(normal={PAIRS[:-1]}, ('none', 2)], normal_concat=range(2, 4))")
    assert genotype["normal"].choices == (
        Choice(2, 0, "sep_conv_3x3"),
        Choice(2, 1, "skip_connect"),
        Choice(3, 2, "none"),
    )
    assert genotype["normal"].outputs == (2, 3)


@pytest.mark.parametrize("outputs", ["range(2, 6)", "[2, 3, 4, 5]", "(2, 3, 4, 5)", "list(range(2, 6))"])
def test_outputs_may_be_a_range_or_a_list(outputs: str) -> None:
    text = f"Genotype(normal={PAIRS}, normal_concat={outputs})"
    assert parse_genotype(text)["normal"].outputs == (2, 3, 4, 5)


def test_blanks_line_breaks_and_a_module_name_do_not_matter() -> None:
    text = f"\n genotypes.Genotype(\n  normal={PAIRS},\n  normal_concat=range(2, 3),\n)\n"
    assert parse_genotype(text) == parse_genotype(f"Genotype(normal={PAIRS}, normal_concat=range(2,3))")


def test_the_notation_tells_the_space_unless_it_is_named() -> None:
    assert parse_genotype("|none~0|").space == "nas-bench-201"
    assert parse_genotype(f"Genotype(normal={PAIRS}, normal_concat=[2])").space == "darts"
    assert parse_genotype("|none~0|", "mine").space == "mine"


def test_json_is_operation_node_predecessor() -> None:
    genotype = parse_genotype(f"Genotype(normal={PAIRS}, normal_concat=[2])")
    assert genotype.to_json() == {
        "space": "darts",
        "normal": [["sep_conv_3x3", 2, 0], ["skip_connect", 2, 1]],
        "normal_concat": [2],
    }


ATTENTIVE = CellGenotype((Choice(2, 0, "sep_conv_3x3", "cbam"), Choice(2, 1, "skip_connect")), (2,))


@pytest.mark.parametrize(
    ("genotype", "text"),
    [
        (
            Genotype("darts", (("normal", ATTENTIVE),)),
            "Genotype(normal=[('sep_conv_3x3', 0, 'cbam'), ('skip_connect', 1)], normal_concat=range(2, 3))",
        ),
        (
            Genotype("darts", (("normal", CellGenotype(ATTENTIVE.choices[:1] * 3, (2,))),)),
            "Genotype(normal=[('sep_conv_3x3', 0, 2, 'cbam'), ('sep_conv_3x3', 0, 2, 'cbam'), "
            "('sep_conv_3x3', 0, 2, 'cbam')], normal_concat=range(2, 3))",
        ),
        (
            Genotype(
                "nas-bench-201", (("cell", CellGenotype((Choice(1, 0, "none"), Choice(2, 1, "x", "bam")), (2,))),)
            ),
            "|none~0|+|x~1~bam|",
        ),
    ],
)
def test_attention_stands_last_in_text(genotype: Genotype, text: str) -> None:
    assert genotype.to_text() == text
    assert parse_genotype(text) == genotype


def test_attention_stands_last_in_json_and_only_where_there_is_some() -> None:
    genotype = Genotype("darts", (("normal", ATTENTIVE),))
    entries = [["sep_conv_3x3", 2, 0, "cbam"], ["skip_connect", 2, 1]]
    assert genotype.to_json() == {"space": "darts", "normal": entries, "normal_concat": [2]}
    assert genotype.operation_counts == {"cbam": 1, "sep_conv_3x3": 1, "skip_connect": 1}


def test_a_choice_is_another_one_with_attention() -> None:
    assert Choice(2, 0, "none") == Choice(2, 0, "none", "") != Choice(2, 0, "none", "identity")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "__import__(normal=[], normal_concat=[2])",
        "os.system(normal=[], normal_concat=[2])",
        "Genotype(normal=__import__('os').listdir('.'), normal_concat=range(2, 6))",
        "Genotype(normal=[('none', 0)], normal_concat=range(2, __import__('os').getpid()))",
        "Genotype(normal=[(open('stolen', 'w').name, 0)], normal_concat=[2])",
        "Genotype(normal=[(lambda: 1)(), 0], normal_concat=[2])",
        "(Genotype := print)(normal=[], normal_concat=[2])",
    ],
)
def test_text_that_would_execute_something_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GenotypeError, match="the genotype text cannot be read"):
        parse_genotype(text)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "darts_v2",
        "Genotype",
        "Genotype()",
        "Genotype(1, normal=[], normal_concat=[2])",
        f"Genotype(normal={PAIRS})",
        f"Genotype(normal={PAIRS}, normal_concat=[])",
        f"Genotype(normal={PAIRS}, normal_concat=2)",
        f"Genotype(normal={PAIRS}, normal_concat=['2'])",
        f"Genotype(normal={PAIRS}, normal_concat=range())",
        f"Genotype(normal={PAIRS}, normal_concat=range(2, 6, 0))",
        "Genotype(normal=list(), normal_concat=[2])",
        "Genotype(normal_concat=[2])",
        "Genotype(normal=[()], normal_concat=[2])",
        "Genotype(normal=[('none',)], normal_concat=[2])",
        "Genotype(normal=[('none', '0')], normal_concat=[2])",
        "Genotype(normal=[('none', True)], normal_concat=[2])",
        "Genotype(normal=[('none', 0, None)], normal_concat=[2])",
        "Genotype(normal=[('none', 0, 2, 'bam', 'cbam')], normal_concat=[2])",
        "Genotype(normal=[('none', 0, 'bam', 2)], normal_concat=[2])",
        "Genotype(normal=[('none', 0, 'bam', 'cbam')], normal_concat=[2])",
        "Genotype(normal=[('none', 0, 2, 2)], normal_concat=[2])",
        "Genotype(normal=[('none', 0, 2, None)], normal_concat=[2])",
        "Genotype(normal='abc', normal_concat=[2])",
        "Genotype(normal=7, normal_concat=[2])",
        "Genotype(**{'normal': []})",
        f"Genotype(normal={PAIRS}, normal_concat=[2]",
        "Genotype(normal=\0)",
        "Genotype(normal=" + "-" * 5000 + "1, normal_concat=[2])",
        "-" * 100_000 + "1",
    ],
    ids=lambda text: text[:60].replace("\0", "NUL") or "empty",
)
def test_malformed_calls_are_refused_with_a_short_sentence(text: str) -> None:
    with pytest.raises(GenotypeError, match="the genotype text cannot be read") as caught:
        parse_genotype(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("|none~0", "|none~0"),
        ("|none~0|+|none~0|none~1", "|none~0|none~1"),
        ("|none~0|none~0|+none~0|", "none~0|"),
        ("|none~0|+|none|none~1|", "|none|none~1|"),
        ("|none~0|+|none~zero|", "|none~zero|"),
        ("||none~0|", "||none~0|"),
        ("|none~0|+", ""),
        ("|none~0|++|none~0|", ""),
        ("|none~-1|", "|none~-1|"),
        ("|none~" + "9" * 5000 + "|", "|none~9"),
        ("|none~0~|", "|none~0~|"),
        ("|none~0~bam~cbam|", "|none~0~bam~cbam|"),
        ("|__import__('os')~0|", "|__import__('os')~0|"),
    ],
    ids=lambda text: text[:40] or "empty",
)
def test_malformed_edge_strings_are_refused_at_their_place(text: str, place: str) -> None:
    with pytest.raises(GenotypeError, match=r"is not of the form \|operation~node\|") as caught:
        parse_genotype(text)
    assert str(caught.value).startswith(f"'{place}")


@given(st.text(max_size=60))
@example("|" + "a~0|" * 3)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        genotype = parse_genotype(text)
    except GenotypeError:
        return
    assert isinstance(genotype, Genotype)


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        None,
        "text",
        {"normal": []},
        {"space": "darts", "normal": []},
        {"space": "darts", "normal": [["none", 2]], "normal_concat": [2]},
        {"space": "darts", "normal": [["none", "2", 0]], "normal_concat": [2]},
        {"space": "darts", "normal": [["none", 2.0, 0]], "normal_concat": [2]},
        {"space": "darts", "normal": [["none", True, 0]], "normal_concat": [2]},
        {"space": "darts", "normal": [["none", 2, 0, None]], "normal_concat": [2]},
        {"space": "darts", "normal": [["none", 2, 0, "bam", "cbam"]], "normal_concat": [2]},
        {"space": "darts", "normal": None, "normal_concat": [2]},
        {"space": "darts", "normal": [], "normal_concat": [None]},
        {"space": "darts", "normal": [], "normal_concat": 3},
    ],
    ids=str,
)
def test_incomplete_json_is_refused_with_the_wanted_form(content: Any) -> None:
    with pytest.raises(GenotypeError, match=r"needs entries \[operation, node, predecessor\] and a '_concat' list"):
        Genotype.from_json(content)


def test_an_input_taken_twice_in_one_way_is_read_but_is_no_strict_architecture() -> None:
    twice = "[('skip_connect', 1), ('skip_connect', 1)" + ", ('none', 0), ('none', 1)" * 3 + "]"
    genotype = parse_genotype(
        f"Genotype(normal={twice}, normal_concat=range(2, 6), reduce={twice}, reduce_concat=range(2, 6))".replace(
            "none", "skip_connect"
        )
    )
    check_genotype(genotype, get_space("darts"), strict=False)
    with pytest.raises(GenotypeError, match="node 2 of the normal cell takes node 1 twice"):
        check_genotype(genotype, get_space("darts"))

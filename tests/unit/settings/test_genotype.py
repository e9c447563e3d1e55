import json
from pathlib import Path

import pytest

from dartboard.errors import DartboardError, GenotypeError, RunDirectoryError, UnknownNameError
from dartboard.settings import read_genotype
from dartboard.space import PUBLISHED, Genotype, get_space, parse_genotype

TEXT = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|skip_connect~2|"
CELL = parse_genotype(TEXT)
DARTS = PUBLISHED["darts-v2"]


@pytest.mark.parametrize("genotype", [CELL, DARTS], ids=["nas-bench-201", "darts"])
def test_a_run_directory_a_file_and_a_text_name_the_same_architecture(tmp_path: Path, genotype: Genotype) -> None:
    path = tmp_path / "genotype.json"
    path.write_text(json.dumps(genotype.to_json()))
    assert read_genotype(tmp_path) == read_genotype(str(tmp_path)) == genotype
    assert read_genotype(path) == genotype
    assert read_genotype(genotype.to_text()) == genotype
    assert read_genotype(f"  {genotype.to_text()}\n") == genotype


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_name_is_read(name: str) -> None:
    genotype = read_genotype(name)
    assert genotype == PUBLISHED[name]
    assert get_space(genotype.space).name == genotype.space


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("darts-v3", r"'darts-v3' is neither a run directory, nor .*; did you mean 'darts-v[12]'"),
        ("x" * 5000, "is neither a run directory"),
        ("normal=" + DARTS.to_text(), "is neither a run directory"),
        ("bad\0name", "is neither a run directory"),
        ("|nor_conv_3x3~0|+nope", r"'nope' is not of the form"),
        ("|nor_conv_3x3~0|", "node 2 of the cell has 0 incoming edges|output of the cell"),
        (TEXT.replace("none", "sep_conv_3x3"), r"edge 0 -> 2 of the cell uses 'sep_conv_3x3'"),
        ("Genotype(normal=[('sep_conv_3x3', 0)])", "cannot be read"),
        ("Genotype(__import__('os').getcwd())", "cannot be read"),
        (DARTS.to_text().replace("sep_conv_3x3", "none", 1), "uses 'none'"),
    ],
    ids=lambda value: value[:20],
)
def test_what_names_no_architecture_is_answered_with_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(GenotypeError, match=sentence) as caught:
        read_genotype(name)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_genotype_is_told_from_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(GenotypeError, match=r"holds no genotype\.json; name the run directory of a finished search"):
        read_genotype(tmp_path)


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        ("{", RunDirectoryError, "damaged"),
        ("[1]", GenotypeError, "holds no genotype"),
        ("{}", GenotypeError, "not complete"),
        (json.dumps({"space": "enas", "cell": [], "cell_concat": []}), UnknownNameError, "no space 'enas'"),
        (json.dumps({**CELL.to_json(), "cell_concat": [2]}), GenotypeError, "must come from the nodes"),
        (json.dumps({**CELL.to_json(), "space": "darts"}), GenotypeError, "has the cells normal, reduce"),
        (json.dumps({**CELL.to_json(), "cell": [["skip_connect", 1]]}), GenotypeError, "not complete"),
        (json.dumps({**CELL.to_json(), "cell": 3}), GenotypeError, "not complete"),
    ],
)
def test_a_file_that_holds_no_architecture_is_answered_with_one_sentence(
    tmp_path: Path, content: str, kind: type[DartboardError], sentence: str
) -> None:
    (tmp_path / "genotype.json").write_text(content)
    with pytest.raises(kind, match=sentence):
        read_genotype(tmp_path)

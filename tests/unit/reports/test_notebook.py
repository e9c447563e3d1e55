"""What a notebook shows of a result."""

from typing import Any
from xml.etree import ElementTree

import pytest

from dartboard.records import Baseline, ComparedMethod, ComparedRun, Comparison, DatasetRecord, GenotypeForms, Result
from dartboard.records.comparison import Spread
from dartboard.reports import tabulate
from dartboard.space import PUBLISHED, parse_genotype

NB201 = parse_genotype("|nor_conv_1x1~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|skip_connect~2|")


def made_up(**changes: Any) -> Result:
    facts = {
        "dataset": DatasetRecord(
            name="pets", train=8, validation=2, test=4, classes=("cat", "dog"), shape=(1, 8, 8), notes=()
        ),
        "space": "nas-bench-201",
        "method": "darts",
        "seed": 0,
        "genotype": GenotypeForms.of(NB201),
        "parameters": 1_234_567,
        "multiply_adds": 3_000,
        "seconds": {"total": 75.0},
        "validation_accuracy": 0.75,
        "test_accuracy": 0.875,
        "test_accuracy_std": 0.0125,
        "device": "cpu",
        "versions": {},
        "command": "dartboard.run(...)",
        "run_directory": "runs/<pets>",
        "finished": "",
    }
    return Result(**(facts | changes))


def cells(result: Result) -> dict[str, str]:
    """Heading -> text of the table's rows; the page must be well-formed for that."""
    page = ElementTree.fromstring(result._repr_html_())
    return {row[0].text: "".join(row[1].itertext()) for row in page.iter("tr")}


def test_a_notebook_shows_accuracies_baselines_size_and_the_way_to_the_report() -> None:
    resnet = Baseline(
        what="a plain ResNet-12",
        test_accuracy=0.9,
        test_accuracy_std=None,
        parameters=1,
        multiply_adds=1,
        difference=-0.025,
        interval=(-0.05, 0.01),
        run_directory="",
    )
    assert cells(made_up(baselines={"resnet": resnet})) == {
        "test accuracy": "87.50% ± 1.25%",
        "validation accuracy": "75.00%",
        "parameters": "1,234,567",
        "multiply-adds": "3,000",
        "genotype": NB201.to_text(),
        "baseline resnet": "90.00%  (a plain ResNet-12; difference of the network found: -2.50 points, 95% interval "
        "-5.00 to +1.00)",
        "time": "total 1 min 15 s",
        "report": "runs/<pets>/report.html",
        "run directory": "runs/<pets>",
    }


def test_what_was_not_measured_is_not_shown() -> None:
    shown = cells(made_up(test_accuracy=None, test_accuracy_std=None, validation_accuracy=None, seconds={}))
    assert "test accuracy" not in shown
    assert "validation accuracy" not in shown


@pytest.mark.parametrize(("genotype", "pictures"), [(NB201, 1), (PUBLISHED["darts-v2"], 2)])
def test_every_cell_is_drawn(genotype, pictures) -> None:
    page = made_up(genotype=GenotypeForms.of(genotype), space=genotype.space)._repr_html_()
    assert page.count("<svg") == pictures
    for choice in genotype.cells[0][1].choices:
        assert choice.op in page


def test_a_genotype_of_a_space_that_is_not_there_is_shown_as_text() -> None:
    forms = GenotypeForms(text="a text", plain={"space": "gone"})
    assert "<svg" not in made_up(genotype=forms)._repr_html_()
    assert cells(made_up(genotype=forms))["genotype"] == "a text"


def compared(method: str) -> ComparedMethod:
    empty = dict.fromkeys(ComparedMethod.model_fields) | {"tables": ()}
    return ComparedMethod(
        **(empty | {"method": method, "runs": 2, "failures": 0, "test_accuracy": Spread(mean=0.5, std=0.01)})
    )


def test_a_comparison_is_shown_as_its_table_with_the_way_to_its_page() -> None:
    names = ("darts", "<b>mine</b>")
    comparison = Comparison(
        dataset="pets",
        space="nas-bench-201",
        trained=True,
        baseline="darts",
        methods=tuple(map(compared, names)),
        runs=tuple(ComparedRun(method=name, seed=0, folder=name, test_accuracy=0.5) for name in names),
        wanted=4,
        command="",
        run_directory="runs/both",
        finished="",
    )
    page = ElementTree.fromstring(comparison._repr_html_())
    texts = ["".join(cell.itertext()) for row in page.iter("tr") for cell in row]
    assert [text for text in tabulate(comparison).headings if text not in texts] == []
    assert "<b>mine</b>" in texts, "names are escaped"
    assert any(link.get("href") == "runs/both/comparison.html" for link in page.iter("a"))
    assert [note for note in tabulate(comparison).notes if note not in "".join(page.itertext())] == []

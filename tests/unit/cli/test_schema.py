"""The schema of results in docs/ is that of the code."""

import json
from pathlib import Path

from dartboard.records import Result

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "result.schema.json"


def test_the_documented_schema_is_that_of_the_result() -> None:
    """`make docs` writes the file anew."""
    assert json.loads(SCHEMA.read_text()) == Result.model_json_schema(by_alias=True)


def test_the_schema_asks_for_everything_that_a_result_says() -> None:
    properties = json.loads(SCHEMA.read_text())["properties"]
    assert properties.keys() >= {
        "schema", "dataset", "space", "method", "seed", "genotype", "parameters", "multiply_adds", "seconds",
        "validation_accuracy", "test_accuracy", "device", "versions", "command", "run_directory",
    }  # fmt: skip

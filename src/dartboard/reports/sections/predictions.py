"""Where the predictions of test images without labels lie; in the terminal alone."""

from pathlib import Path

from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section

__all__ = ["PredictionsSection"]


@section("predictions")
class PredictionsSection(Section[Path]):
    """Where the predictions of test images without labels lie."""

    order = 880

    def read(self, run: RunRecords) -> Path | None:
        """The table of the predictions, where there is nothing to score."""
        path = run.path / "predictions.csv"
        return path if path.is_file() and run.scores is None else None

    def lines(self, told: Path) -> dict[str, str]:
        """The file, and why there is no accuracy."""
        return {"predictions": f"{told} (the test images have no labels, so no test accuracy can be given)"}

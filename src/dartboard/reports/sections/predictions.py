"""The path of the predictions for test images without labels; shown only in the terminal."""

from pathlib import Path

from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section

__all__ = ["PredictionsSection"]


@section("predictions")
class PredictionsSection(Section[Path]):
    """The path of the predictions for test images without labels."""

    order = 880

    def read(self, run: RunRecords) -> Path | None:
        """The table of predictions, if the test images have no labels."""
        path = run.path / "predictions.csv"
        return path if path.is_file() and run.scores is None else None

    def lines(self, told: Path) -> dict[str, str]:
        """The file, and the reason why there is no accuracy."""
        return {"predictions": f"{told} (the test images have no labels, so no test accuracy can be given)"}

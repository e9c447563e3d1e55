"""The commands that go on from a run: with its network, with its architecture, or with the run itself."""

import shlex
from dataclasses import dataclass

from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.reports.verdict import better_baseline, described

__all__ = ["NextSteps", "NextStepsSection", "Step"]

_UNNAMED = "arrays-"
"""How the fingerprint of arrays begins, which no command can name."""


@dataclass(frozen=True)
class Step:
    """One thing to do next: what it does, and the command that does it."""

    purpose: str
    command: str


@dataclass(frozen=True)
class NextSteps:
    """What to do next.

    Attributes:
        steps: the commands, the most useful one first.
        better: description of the baseline whose network the commands use, since it is better than the network found;
            empty for the network of the run itself.
    """

    steps: tuple[Step, ...]
    better: str = ""


@section("next-steps")
class NextStepsSection(Section[NextSteps]):
    """The commands that go on from a run: predict and export, train after a search, or resume what has not ended."""

    order = 10

    def read(self, run: RunRecords) -> NextSteps | None:
        """The commands for what the run has left; None for an analysis."""
        result = run.result
        if result is None and run.beginning is not None:
            return NextSteps(
                (Step("Go on with this run, which has not ended", run.beginning.command_to_resume(run.path)),)
            )
        if result is None or run.analysis is not None:
            return None
        if (run.path / "model.safetensors").exists():
            place, better = run.path, ""
            best = better_baseline(run.baselines.networks) if run.baselines else None
            if run.baselines and best is not None:
                place, better = place / "baselines" / best, described(run.baselines.networks[best])
            return NextSteps(_uses(str(place)), better)
        source = run.settings.get("source") or ("digits" if result.dataset.name == "digits" else _UNNAMED)
        data = "DATA" if source.startswith(_UNNAMED) else source
        command = shlex.join(["dartboard", "train", data, "--genotype", str(run.path)])
        return NextSteps((Step("Train the architecture found, test it, and write a report of both", command),))


def _uses(place: str) -> tuple[Step, ...]:
    return (
        Step(
            "Classify other images; IMAGES is a folder of them",
            shlex.join(["dartboard", "predict", place, "IMAGES", "--out", "predictions.csv"]),
        ),
        Step(
            "Write the network as one file that works without dartboard",
            shlex.join(["dartboard", "export", place, "--out", "model.onnx"]),
        ),
    )

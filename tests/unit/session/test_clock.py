from pathlib import Path

from dartboard.runs import PhaseEnd, RunDirectory
from dartboard.session.clock import Clock, worked_seconds
from made_up_events import search_epoch, train_epoch


def test_the_clock_counts_earlier_tries_and_runs_inside(tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as run:
        run.write("settings.json", {})
        run.events.append(PhaseEnd(phase="data", seconds=2.0))
        run.events.append(search_epoch(seconds=3.0))
        run.events.append(PhaseEnd(phase="search", seconds=4.0))
        run.events.append(train_epoch(seconds=5.0))
        (tmp_path / "baselines" / "random").mkdir(parents=True)
        RunDirectory(tmp_path / "baselines" / "random").events.append(train_epoch(seconds=7.0))
        assert worked_seconds(run) == 2 + 4 + 5 + 7
        run.events.append(PhaseEnd(phase="baselines", seconds=8.0))
        assert worked_seconds(run) == 2 + 4 + 5 + 8
    assert 18.0 <= Clock(earlier=18.0).spent < 19.0

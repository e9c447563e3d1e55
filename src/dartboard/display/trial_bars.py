"""The trials of a study that are being worked on, as a bar each, or as a line."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table

from dartboard.runs import StudyProgress, TrialProgress
from dartboard.wording import count, duration, shortened

__all__ = ["TrialBars", "describe_study", "describe_trial"]

_NARROW = 100
"""Width of a terminal in characters below which names of trials are shortened."""


def describe_study(progress: StudyProgress) -> str:
    """How far a study is, in a line.

    >>> describe_study(StudyProgress(4, 1, 0, (TrialProgress("a", "search", 1, 4),), 75))
    '1 of 4 trials done, 1 running, 2 waiting, left about 1 min 15 s'
    """
    waiting = progress.wanted - progress.done - progress.failed - len(progress.running)
    told = [f"{progress.done} of {count(progress.wanted, 'trial')} done"]
    told += [f"{number} {what}" for number, what in ((progress.failed, "failed"),) if number]
    told += [f"{len(progress.running)} running", f"{waiting} waiting"]
    if progress.left is not None:
        told.append(f"left about {duration(progress.left)}")
    return ", ".join(told)


def describe_trial(trial: TrialProgress) -> str:
    """What a trial is doing.

    >>> describe_trial(TrialProgress("a", "search", 1, 4)), describe_trial(TrialProgress("a"))
    ('search, epoch 1/4', 'starting')
    """
    return f"{trial.phase}, epoch {trial.epoch}/{trial.epochs}" if trial.phase else "starting"


class TrialBars:
    """A bar for each running trial, below one for the study.

    Args:
        progress: how far the study is.
    """

    def __init__(self, progress: StudyProgress) -> None:
        self._progress = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = self._progress
        hosts = {trial.host for trial in whole.running}
        table = Table.grid(padding=(0, 1))
        ended = whole.done + whole.failed
        longest = max(20, options.max_width - 60)
        for trial in whole.running:
            name = shortened(trial.key, longest) if options.max_width < _NARROW else trial.key
            place = f"on {trial.host}" if len(hosts) > 1 else ""
            left = "" if trial.left is None else f"{duration(trial.left)} left"
            bar = ProgressBar(total=1.0, completed=trial.share, width=16)
            table.add_row(name, bar, describe_trial(trial), left, place)
        above = Table.grid(padding=(0, 1))
        above.add_row(ProgressBar(total=max(1, whole.wanted), completed=ended, width=16), describe_study(whole))
        yield above
        yield table

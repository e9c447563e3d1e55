"""What the table of the methods of a comparison shows with the seeds that it has, in sentences."""

from collections.abc import Iterator, Sequence

from dartboard.records import CollapseSummary, Comparison, PairStatistics
from dartboard.reports.schedule_notes import schedule_notes
from dartboard.statistics import limit_sentence
from dartboard.wording import count, duration, listing

__all__ = ["table_notes", "what_counts", "what_it_shows"]

_MOST_METHODS = 5
"""From so many differences on, the notes say that some of them look real by chance."""


def what_counts(comparison: Comparison) -> tuple[str, str]:
    """The accuracy by which the methods are compared: its key, and its name in words."""
    if all(run.test_accuracy is None for run in comparison.runs):
        return "table_accuracy", "accuracy by the table after 12 epochs"
    if any(run.objective == "balanced-accuracy" for run in comparison.runs):
        return "balanced_accuracy", "balanced accuracy on the test images"
    return "test_accuracy", "test accuracy"


def what_it_shows(comparison: Comparison) -> str:
    """Which methods differ from the baseline beyond chance with these seeds, in one or two sentences; "" for none."""
    differences = {method.method: method.difference for method in comparison.methods if method.difference}
    other = comparison.baseline
    if comparison.statistics and any(pair.t_p is not None for pair in comparison.statistics.against_baseline):
        return _shown_by_tests(comparison.statistics.against_baseline)
    known = {name: spread.interval for name, spread in differences.items() if spread.interval}
    if not known:
        alone = f"With one seed nothing can be said about a difference to {other}: repeat it with --seeds 3 or more."
        return alone if differences else ""
    better = [name for name, (low, _) in known.items() if low > 0]
    worse = [name for name, (_, high) in known.items() if high < 0]
    return _told(other or "", better, worse, [name for name in known if name not in (*better, *worse)])


def _told(other: str, better: Sequence[str], worse: Sequence[str], even: Sequence[str]) -> str:
    told = [
        f"{listing(better)} {_are(better)} better than {other} beyond chance." if better else "",
        f"{listing(worse)} {_are(worse)} worse than {other} beyond chance." if worse else "",
        f"{listing(even)} cannot be told from {other} with these seeds." if even else "",
    ]
    return " ".join(filter(None, told))


def _shown_by_tests(pairs: Sequence[PairStatistics]) -> str:
    """The same by tests that are corrected for the number of methods, and what a verdict assumes."""
    apart = [pair for pair in pairs if pair.verdict in ("apart", "apart if normal")]
    better = [pair.first for pair in apart if (pair.difference or 0) > 0]
    worse = [pair.first for pair in apart if pair.first not in better]
    even = [pair.first for pair in pairs if pair not in apart]
    told = _told(pairs[0].second, better, worse, even)
    if assumed := [pair for pair in apart if pair.verdict == "apart if normal"]:
        least = min(pair.blocks for pair in assumed)
        told += (
            f" That {listing(pair.first for pair in assumed)} {_are([pair.first for pair in assumed])} so holds if "
            f"differences are normally distributed: {limit_sentence(least) or _TOO_MANY}"
        )
    return told


_TOO_MANY = "an exact test with so few seeds cannot tell it among so many methods."


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def table_notes(comparison: Comparison) -> Iterator[str]:
    """Sentences that explain the table of the methods, and say what it shows and what went wrong."""
    made = len(comparison.runs)
    other = f", but for {listing(comparison.differs)}" if comparison.differs else ""
    yield f"Mean ± sample standard deviation over seeds. All methods have the same images, seeds and recipe{other}."
    if made < comparison.wanted:
        yield f"{made} of {count(comparison.wanted, 'run')} {'is' if made == 1 else 'are'} done."
    if any(method.difference for method in comparison.methods):
        worth = what_counts(comparison)[1]
        yield f"The difference to {comparison.baseline} is that of {worth} between runs with the same seed."
    yield from comparison.notes
    yield from _chosen_seeds(comparison)
    yield from _devices(comparison)
    yield from _resolution(comparison)
    yield from schedule_notes(comparison)
    yield from (finding.sentence for finding in comparison.findings)
    for run in comparison.runs:
        if run.blind:
            yield f"{run.method} with seed {run.seed} found an architecture through which nothing of the images passes."
    for run in comparison.runs:
        if run.collapse:
            yield f"{run.method} with seed {run.seed} collapsed: {_after_collapse(run.collapse)}"
    for run in comparison.runs:
        if run.failure:
            yield f"{run.method} with seed {run.seed} failed: {run.failure}"


def _devices(comparison: Comparison) -> Iterator[str]:
    """On which devices times and memory were measured."""
    if devices := dict.fromkeys(run.device for run in comparison.runs if run.device):
        yield f"Times and memory are those on {listing(devices)}."


def _chosen_seeds(comparison: Comparison) -> Iterator[str]:
    """Which seeds a choice rule has taken."""
    told = [method for method in comparison.methods if method.chosen]
    chosen = [f"{each.method}: seed {each.chosen.seed}" for each in told if each.chosen]
    if told and told[0].chosen:
        yield f"{told[0].chosen.rule} looks at no test image; it takes of {listing(chosen)}."
    for each in told:
        if each.chosen and each.chosen.rule_violated:
            yield f"{each.chosen.rule} rejects every seed of {each.method}, so the best of all was taken."


def _after_collapse(told: CollapseSummary) -> str:
    """Which search an architecture is from, and what both cost."""
    if told.action == "fallback":
        return (
            f"its architecture is that of a second search, RobustDARTS, of {duration(told.second_seconds)}, after "
            f"{duration(told.first_seconds)} of the first."
        )
    epoch = "the last epoch" if told.good is None else f"epoch {told.good}"
    return f"its search was stopped after {duration(told.first_seconds)}, and its architecture is of {epoch}."


def _resolution(comparison: Comparison) -> Iterator[str]:
    """How large a difference must be to be told from chance with these seeds, and what was found."""
    if shown := what_it_shows(comparison):
        yield shown
    smallest = [
        f"{100 * (spread.interval[1] - spread.interval[0]) / 2:.2f} points for {method.method}"
        for method in comparison.methods
        if (spread := method.difference) and spread.interval
    ]
    if smallest:
        yield (
            "The 95% intervals are those of Student's t for the mean over the seeds. A mean difference is told from "
            f"chance where its interval does not hold 0; with these seeds that takes more than {listing(smallest)}. "
            "Four times as many seeds halve that at least."
        )
    if comparison.statistics and len(smallest) > 1:
        yield ("An interval is that of one method alone; what is said of methods above is corrected for their number.")
    elif len(smallest) >= _MOST_METHODS:
        yield "Of 20 methods that differ in nothing, one would be expected to seem different by chance."

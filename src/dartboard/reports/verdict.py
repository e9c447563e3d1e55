"""What a run shows about the worth of its search: the network found beside the baselines, in plain sentences."""

from collections.abc import Mapping

from dartboard.records import Baseline, Contest, RunRecords
from dartboard.wording import listing, percent, points, signed_points

__all__ = ["better_baseline", "described", "over_baselines", "over_contest", "run_verdict", "worth_of_search"]

_RANDOM = "random"
_COMPARABLE = 0.9
"""A baseline with a smaller share of the steps of the network found is not compared with it if it is not better."""


def run_verdict(run: RunRecords) -> str:
    """Whether the search of a run was worth its time, in a few sentences; empty where nothing was compared."""
    if run.baselines:
        return over_baselines(run.baselines.networks)
    if run.contest and run.contest.winner:
        return over_contest(run.contest)
    return ""


def over_baselines(baselines: Mapping[str, Baseline]) -> str:
    """The verdict on a network found beside trained baselines: what the search was worth, then the comparisons."""
    told = [worth] if (worth := worth_of_search(baselines)) else []
    better = [each for each in baselines.values() if each.interval[0] > 0 and not _too_short(each)]
    worse = {name: each for name, each in baselines.items() if each.interval[1] < 0}
    short = [each for each in baselines.values() if _too_short(each) and each not in worse.values()]
    even = [each for each in baselines.values() if each not in (*better, *worse.values(), *short)]
    if better:
        told.append(f"The network found is better than {listing(map(_by, better))}.")
    if worse:
        places = listing(f"baselines/{name}" for name in worse)
        told.append(f"The network found is worse than {listing(map(_by, worse.values()))}, kept in {places}.")
    if even:
        told.append(f"The test does not tell the network found from {listing(map(_between, even), last='or')}.")
    if short:
        told.append(
            f"The network found cannot be compared with {listing(map(described, short), last='or')}, since "
            f"{'that training was' if len(short) == 1 else 'those trainings were'} too short."
        )
    return " ".join(told)


def worth_of_search(baselines: Mapping[str, Baseline]) -> str:
    """Whether the search was worth its time, by a random architecture of the same space; empty where none tells."""
    random = baselines.get(_RANDOM)
    if random is None or (_too_short(random) and random.interval[1] >= 0):
        return ""
    low, high = random.interval
    if low > 0:
        return "The search was worth its time."
    if high < 0:
        return "The search was not worth its time."
    return "The test does not show that the search was worth its time."


def _too_short(baseline: Baseline) -> bool:
    return bool(baseline.steps and baseline.wanted_steps and baseline.steps / baseline.wanted_steps < _COMPARABLE)


def _by(baseline: Baseline) -> str:
    """The baseline, and how far the network found is from it."""
    of = "" if baseline.objective == "accuracy" else f" of {baseline.objective.replace('-', ' ')}"
    return f"{described(baseline)} (by {points(abs(baseline.difference), signed=False)}{of})"


def _between(baseline: Baseline) -> str:
    """The baseline, and the interval of the difference from it."""
    low, high = map(signed_points, baseline.interval)
    return f"{described(baseline)} (95% interval of the difference: {low} to {high} points)"


def described(baseline: Baseline) -> str:
    """The baseline in words that a sentence can go on after."""
    return baseline.what.rstrip(",")  # records of earlier versions end with a comma where a training was cut short


def better_baseline(baselines: Mapping[str, Baseline]) -> str | None:
    """Name of the baseline that is better than the network found by most, beyond chance; None if none is."""
    better = [name for name, each in baselines.items() if each.interval[1] < 0]
    return min(better, key=lambda name: baselines[name].difference, default=None)


def over_contest(contest: Contest) -> str:
    """The verdict of a contest: which network was trained, and what the search was worth after the first round."""
    chosen = contest.chosen
    if not contest.rounds:
        return f"There was no time to compare networks, so {chosen.what} was trained."
    others = listing(each.what for each in contest.contestants if each is not chosen)
    told = f"Short trainings chose {chosen.what} over {others} ({percent(chosen.accuracies[-1])} in the last round)."
    if contest.worth is None:
        return told
    low, high = contest.worth.interval
    if low > 0:
        found = "was better than"
    elif high < 0:
        found = "was worse than"
    else:
        found = "could not be told from"
    return (
        f"{told} After the first round the network found {found} a random architecture of the space (difference on "
        f"the validation images: {points(contest.worth.difference)}, 95% interval {signed_points(low)} to "
        f"{signed_points(high)})."
    )

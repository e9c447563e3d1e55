"""How numbers read on the page: percentages, counts, durations, and the sentence that sums the run up."""

from collections.abc import Sequence

from dartboard.reports.facts import BaselineFacts, Facts, TestFacts

__all__ = ["accuracy_text", "compact", "count", "duration", "number", "percent", "points", "summary", "verdict"]

_DASH = "\u2013"

_COMPARABLE = 0.9
"""Share of the steps of the network found that another must have had for its accuracy to say anything."""


def percent(fraction: float | None, digits: int = 2) -> str:
    """A fraction as a percentage.

    >>> percent(0.9312)
    '93.12%'
    """
    return _DASH if fraction is None else f"{100 * fraction:.{digits}f}%"


def count(value: int | None) -> str:
    """A count with its thousands apart, by a narrow space that does not break."""
    return _DASH if value is None else f"{value:,}".replace(",", "\u202f")


def compact(value: int | None) -> str:
    """A large count in three or four digits.

    >>> compact(3349342)
    '3.35 M'
    """
    if value is None:
        return _DASH
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {letter}"
    return str(value)


def points(fraction: float) -> str:
    """A difference of two percentages, with its sign.

    >>> points(-0.0123)
    '\N{MINUS SIGN}1.23 points'
    """
    return f"{100 * fraction:+.2f} points".replace("-", "\N{MINUS SIGN}")


def verdict(baselines: Sequence[BaselineFacts]) -> str:
    """Whether the search was worth its time, in plain words; empty without baselines."""
    return " ".join(_verdict(each) for each in baselines)


def _verdict(baseline: BaselineFacts) -> str:
    low, high = baseline.interval
    difference = points(baseline.difference)
    if baseline.objective != "accuracy":
        difference += f" of {baseline.objective.replace('-', ' ')}"
    if baseline.trained < _COMPARABLE and high >= 0:
        return f"Of {baseline.what} nothing follows, since so short a training compares with no other."
    if low > 0:
        return f"The network found is better than {baseline.what}, by {difference}."
    if high < 0:
        folder = baseline.page.rpartition("/")[0]
        return (
            f"The network found is worse than {baseline.what}, by {difference}; that one is kept in "
            f"{folder}, from where dartboard predict takes it as well."
        )
    return (
        f"Between the network found and {baseline.what} this test shows no difference "
        f"({difference}, within what chance does)."
    )


def number(value: float | None, digits: int = 4) -> str:
    """A plain figure, such as a loss."""
    return _DASH if value is None else f"{value:.{digits}f}"


def duration(seconds: float | None) -> str:
    """A duration in its two largest units.

    >>> duration(7980)
    '2 h 13 min'
    """
    if seconds is None:
        return _DASH
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if round(seconds / 60) < 48 * 60:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h"


def accuracy_text(test: TestFacts) -> str:
    """The test accuracy with its spread over several runs."""
    if test.std is None:
        return percent(test.accuracy)
    return f"{100 * test.accuracy:.2f} ± {100 * test.std:.2f}%"


def summary(facts: Facts) -> str:
    """The run in two or three plain sentences."""
    sentences = [_search_sentence(facts)]
    if facts.test:
        sentences.append(_test_sentence(facts.test, facts.training[0].epochs[-1] if facts.training else None))
    elif facts.training:
        tested = "is not tested yet"
        if facts.predicted:
            tested = "no test accuracy can be given: the test images have no labels"
        elif facts.dataset.test == 0:
            tested = "is not tested: no images were set aside for a test"
        sentences.append(f"Its network was trained for {_epochs(len(facts.training[0].epochs))} and {tested}.")
    total = dict(facts.seconds).get("total")
    if total is not None:
        sentences.append(f"Everything took {duration(total)}" + (f" on {facts.device}." if facts.device else "."))
    return " ".join(sentences)


def _search_sentence(facts: Facts) -> str:
    images = _images(facts)
    where = f" in the space {facts.space}" if facts.space else ""
    if facts.analysed:
        return (
            f"On {images}, what {_named_method(facts)} had learned{where} was looked into; nothing was searched anew."
        )
    if facts.search:
        seeds = f" (chosen among {len(facts.choice.candidates)} seeds)" if facts.choice else ""
        text = f"On {images}, {_named_method(facts)} searched for {_epochs(len(facts.search.epochs))}{seeds}{where}"
    elif facts.method and facts.genotype:
        text = f"On {images}, an architecture that {facts.method} gave{where} was taken"
    else:
        text = f"On {images}, an architecture{where} was taken as given"
    if facts.finalists:
        text += (
            f"; of {len(facts.finalists.finalists)} architectures proposed, the best after a short training was taken"
        )
    size = f" with {compact(facts.parameters)} parameters" if facts.parameters is not None else ""
    if facts.search and not facts.genotype:
        return f"{text}; no architecture has come out yet."
    return f"{text}; the result is a network{size}." if size else f"{text}."


def _named_method(facts: Facts) -> str:
    return f"the method {facts.method}" if facts.method else "a method"


def _images(facts: Facts) -> str:
    dataset = facts.dataset
    parts = [
        f"{count(images)} {name}"
        for name, images in (("training", dataset.train), ("validation", dataset.validation), ("test", dataset.test))
        if images
    ]
    kinds = f" of {len(dataset.classes)} classes" if dataset.classes else ""
    return f"{dataset.name} ({', '.join(parts)} images{kinds})" if parts else dataset.name


def _epochs(epochs: int) -> str:
    return f"{epochs} epoch" + ("" if epochs == 1 else "s")


def _test_sentence(test: TestFacts, epochs: int | None) -> str:
    trained = f"Trained from scratch for {_epochs(epochs)}, it" if epochs else "It"
    if test.std is not None:
        result = f"{accuracy_text(test)} of the {count(test.images)} test images correctly ({len(test.runs)} runs)"
    else:
        result = f"{percent(test.accuracy)} of the {count(test.images)} test images correctly"
    if test.interval:
        result += f" (95% interval {percent(test.interval[0], 1)} to {percent(test.interval[1], 1)})"
    return f"{trained} classifies {result}."

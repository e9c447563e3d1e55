"""Why not the others: what speaks against each alternative to an automatic choice."""

from typing import Any

from dartboard.settings.situation import DENSE_SIDE, DENSE_SPACE, Rule, Situation

__all__ = ["OBJECTIONS", "why_not"]


def _always(_: Situation) -> bool:
    return True


def _unfit(space: str) -> Rule:
    return Rule("space", space, lambda s: space in s.unfit, "the method that was asked for does not fit it")


def _learns_little(s: Situation) -> bool:
    return s.data.images < 100 or (s.has_known and s.is_short)


OBJECTIONS: tuple[Rule, ...] = (
    _unfit(DENSE_SPACE),
    Rule(
        "space",
        DENSE_SPACE,
        lambda s: (s.image_size or s.data.side) < DENSE_SIDE,
        "its three stages divide the side of an image by 8, and these images have only {data.side} pixels a side",
    ),
    Rule("space", DENSE_SPACE, _always, "its networks are made for minutes on a processor, and here is more"),
    _unfit("nas-bench-201"),
    Rule(
        "space",
        "nas-bench-201",
        lambda s: s.space == "darts",
        "its cells are smaller than what can be searched in {time} on an accelerator",
    ),
    Rule(
        "space",
        "nas-bench-201",
        _always,
        "its cells add up many small operations, which keep a processor less busy than one dense convolution",
    ),
    _unfit("darts"),
    Rule(
        "space",
        "darts",
        _always,
        "a cell has 14 edges with 8 operations each, which take an accelerator and an hour or more to search",
    ),
    Rule(
        "space",
        "proxyless",
        _always,
        "its networks of 21 wide blocks are made for photographs, and for hours on an accelerator",
    ),
    Rule(
        "space",
        "a hierarchical space",
        _always,
        "it holds more architectures than a search within {time} can tell apart",
    ),
    Rule(
        "method.name",
        "single-darts",
        _learns_little,
        "even one backward pass on all images is too little to learn which architecture is good",
    ),
    Rule(
        "method.name",
        "darts",
        _learns_little,
        "it learns less in the same time than single-darts, as each half of the images serves one of two passes",
    ),
    Rule(
        "method.name",
        "darts",
        _always,
        "each half of the images serves one of two passes, and long searches end with too many skip connections",
    ),
    Rule(
        "method.name",
        "robust-darts",
        _always,
        "it guards against a collapse that comes in long searches, with steps of second order and measurements of the "
        "curvature; take it where a search with another method ends with skip connections",
    ),
    Rule(
        "method.name",
        "sdarts-rs",
        _always,
        "it makes the loss flat around alpha, which pays in long searches, and has two passes like darts",
    ),
    Rule("method.name", "random", _always, "it learns nothing; it is what a search is compared with"),
    Rule(
        "method.name",
        "trials of single networks (TPE, SMAC, evolution)",
        _always,
        "each of them would be trained alone, and few such trainings fit into {time}",
    ),
    Rule(
        "train.imbalance",
        "none",
        _always,
        "the network would then favour large classes, which the objective does not reward",
    ),
    Rule(
        "train.imbalance",
        "logit-adjustment",
        _always,
        "it favours rare classes at the cost of frequent ones, and the objective counts every image the same",
    ),
    Rule(
        "train.imbalance",
        "balanced-sampling",
        _always,
        "it shows the few images of rare classes again and again, so that they are learned by heart",
    ),
)
"""What speaks against alternatives; of those about one alternative the first that holds is told."""


def why_not(setting: str, value: Any, situation: Situation) -> dict[str, str]:
    """Alternative to the value that was chosen for a setting -> the reason against it.

    Args:
        setting: dotted name of the setting; few have named alternatives.
        value: the value that was chosen.
        situation: as it was when the value was chosen, with the space if that was chosen.
    """
    reasons: dict[str, str] = {}
    for rule in OBJECTIONS:
        if rule.setting == setting and rule.value != value and rule.value not in reasons and rule.holds(situation):
            reasons[rule.value] = rule.explained(situation)
    return reasons

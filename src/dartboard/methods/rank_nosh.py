"""RANK-NOSH."""

from dartboard.parts import Count, DiscreteSearch, NonNegative, Nosh, PredictedBest, Recipe, Share, method, needs
from dartboard.parts.discrete.ranking import Loss


@needs(screened="proxies")
@method("rank-nosh", paper="arXiv:2108.08019", group="discrete")
def rank_nosh(
    *,
    levels: tuple[Count, ...] = (10, 25, 50),
    share: Share = 0.5,
    start: Count = 32,
    added: Count = 8,
    members: Count = 96,
    candidates: Count = 10_000,
    networks: Count = 5,
    fit_steps: Count = 200,
    least: NonNegative = 0.001,
    loss: Loss = "logistic",
    proxies: tuple[str, ...] | None = None,
    screened: Count = 4,
) -> Recipe:
    """RANK-NOSH: a predictor learns the order of architectures whose trainings pause early.

    A pool of random architectures is trained to the first level; the better half goes on to the next level, and so on,
    while the others pause and stay. A predictor learns from pairs: two architectures are compared after the highest
    level that both have passed, since accuracies after different lengths do not compare. What it puts first joins the
    pool, and trainings that have paused go on when they are among the best. The answer is the best at the last level.

    Source: Wang et al. 2021, arXiv:2108.08019. Differs from the paper: it gives neither the levels nor the network of
    the predictor nor the making of pairs; the values here are choices. All trainings follow the schedule of the last
    level.

    Reference figures: CIFAR-10 error 2.53 % on average in the DARTS space, with a fifth of the budget of arch2vec
    (the paper).

    Args:
        levels: epochs after which trainings pause.
        share: of the architectures of a level that go on.
        start: random architectures before the first update.
        added: architectures that the predictor adds at every update.
        members: architectures in the end.
        candidates: architectures drawn at every update in a space too large to be listed, beside the neighbours of the
            ten best.
        networks: of the predictor, whose mean counts.
        fit_steps: of each network at every update.
        least: pairs whose accuracies differ by less, as a fraction, teach nothing.
        loss: of a pair, "logistic" or "hinge".
        proxies: zero-cost proxies that choose among `screened` times as many proposals before any training.
        screened: proposals for every one that is trained, with `proxies`.
    """
    return Recipe(
        discrete=DiscreteSearch(
            sampler=PredictedBest(candidates, networks=networks, steps=fit_steps, least=least, loss=loss),
            schedule=Nosh(levels, share, start, added, members),
            proxies=proxies or (),
            screened=screened if proxies else 1,
        ),
        published_in={
            "darts": {
                "method.options.levels": (5, 15, 45),
                "method.options.start": 16,
                "method.options.added": 4,
                "method.options.members": 64,
                "init_channels": 16,
                "layers": 8,
            }
        },
        smallest=SMALL_POOL,
    )


SMALL_POOL = {
    "": {
        "method.options.levels": (2, 4, 8),
        "method.options.start": 8,
        "method.options.added": 4,
        "method.options.members": 16,
    }
}
"""A pool that a preset for minutes can train."""

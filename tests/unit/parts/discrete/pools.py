"""Pools whose architectures are evaluated by a formula."""

from collections.abc import Callable

from dartboard.parts.discrete import Advance, DiscreteSearch, Member, Pool, Schedule
from dartboard.runs import make_generator
from dartboard.space import Genotype, SearchSpace

__all__ = ["evaluated", "followed", "numbered", "searched", "separable"]


def numbered(*accuracies: tuple[float, ...], epochs: tuple[int, ...] = (5, 15, 45)) -> Pool:
    """A pool of members without architectures, with these accuracies level by level."""
    return Pool(
        epochs=epochs,
        evaluated_by="training",
        members=tuple(
            Member(number=number, genotype={}, accuracies=each, epochs=epochs[len(each) - 1] if each else 0)
            for number, each in enumerate(accuracies)
        ),
    )


def evaluated(pool: Pool, step: Advance, accuracy: Callable[[Member], float]) -> Pool:
    """The pool after the members of a step have passed its level."""
    for number in step.numbers:
        member = pool.members[number]
        assert member.level == step.level - 1, "no level is skipped, and none is repeated"
        changes = {"accuracies": (*member.accuracies, accuracy(member)), "epochs": pool.epochs[step.level - 1]}
        pool = pool.with_member(member.model_copy(update=changes))
    return pool


def followed(schedule: Schedule, pool: Pool, until: int | None = None) -> Pool:
    """The pool at the end of a schedule, or when it asks for more than `until` members; the number is the accuracy."""
    while (step := schedule.next(pool)) is not None:
        if isinstance(step, Advance):
            pool = evaluated(pool, step, lambda member: member.number / 1000)
            continue
        if until is not None and len(pool.members) + step.wanted > until:
            break
        first = len(pool.members)
        pool = pool.joined(*(Member(number=first + place, genotype={}) for place in range(step.wanted)))
    return pool


def searched(
    search: DiscreteSearch, space: SearchSpace, accuracy: Callable[[Genotype], float], *, seed: int = 0
) -> Pool:
    """The pool of a whole search that evaluates architectures by a function."""
    pool = Pool(epochs=search.schedule.epochs, evaluated_by="training")
    while (step := search.schedule.next(pool)) is not None:
        if isinstance(step, Advance):
            pool = evaluated(pool, step, lambda member: accuracy(member.architecture))
            continue
        generator = make_generator(seed, "propose", len(pool.members))
        proposed = search.sampler.propose(pool, space, step.wanted, generator)
        if not proposed:
            return pool
        first = len(pool.members)
        pool = pool.joined(
            *(Member(number=first + place, genotype=each.to_json()) for place, each in enumerate(proposed))
        )
    return pool


def separable(genotype: Genotype) -> float:
    """An accuracy to which every edge adds by its operation, and more for later edges."""
    worth = {"none": 0.0, "skip_connect": 1.0, "nor_conv_1x1": 2.0, "nor_conv_3x3": 3.0, "avg_pool_3x3": 0.5}
    choices = [choice for _, cell in genotype.cells for choice in cell.choices]
    return sum(worth[choice.op] * (1 + place / 10) for place, choice in enumerate(choices)) / 30

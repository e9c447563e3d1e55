"""The limits of a run on its trained network: the width that meets them, what meets them, and what cannot."""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median_low

import torch

from dartboard.errors import SettingsError
from dartboard.parts.limits import ExpectedWithin, Limit, LimitedCost, choose_within, expected_name
from dartboard.parts.recipe import Recipe
from dartboard.parts.selection import StrongestEdges, UniformlyRandom
from dartboard.records import GenotypeForms, LimitMet, LimitsRecord
from dartboard.runs import SearchEpoch, SelectionDone, make_generator
from dartboard.session.latency import BATCHES, measured_latency, table_of
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan, with_size
from dartboard.settings.tree import Step
from dartboard.space import Genotype, get_space, name_or_text, network_cost, operation_costs
from dartboard.wording import compact, count, duration, listing

__all__ = [
    "check_limit",
    "costs_of",
    "fitted",
    "fitting_width",
    "limit_of",
    "limited_recipe",
    "measured_width",
    "told_value",
    "within_limit",
]

_WIDEST = 4096
_DRAWN = 15
"""Number of architectures drawn at random; that of the median cost says how wide networks of the space can be."""

_OPTIONS = {"params": "--max-params", "macs": "--max-macs", "latency": "--max-latency"}
_NOUNS = {"params": "parameters", "macs": "multiply-adds for one image", "latency": "for a batch"}


def costs_of(session: Session, genotype: Genotype, width: int | None = None) -> dict[str, float]:
    """Name of each limit that is set -> what the network of an architecture has of it.

    Args:
        session: the session.
        genotype: the architecture.
        width: `init_channels` of the network; None: that of the training.
    """
    space, limits = get_space(genotype.space), session.settings.limits.given
    train = session.settings.train
    sized = with_size(session, "train", {"init_channels": width or train.init_channels}, genotype.space)
    plan, (height, wide) = network_plan(sized, "train"), session.dataset.image_shape[1:]
    costs: dict[str, float] = {}
    if "params" in limits or "macs" in limits:
        cost = network_cost(space, genotype, plan, (height, wide))
        costs = {"params": float(cost.parameters), "macs": float(cost.multiply_adds)}
    if "latency" in limits:
        costs["latency"] = table_of(session, space, plan).network(genotype)
    return {name: costs[name] for name in limits}


def _meets(session: Session, genotype: Genotype, width: int | None = None) -> bool:
    limits = session.settings.limits.given
    return all(cost <= limits[name] for name, cost in costs_of(session, genotype, width).items())


def fitting_width(session: Session, genotype: Genotype) -> int | None:
    """The width that the network of an architecture gets under the limits; None where two channels are too many.

    It is `train.init_channels`, or the largest even width below it that fits; with `limits.width=widest` the largest
    even width that fits at all, as Single-DARTS (arXiv:2108.08128) scales its cell for ImageNet. A training that begins
    with the weights of the search keeps its width.
    """
    own, limits = session.settings.train.init_channels, session.settings.limits
    widest = limits.width == "widest" and bool(limits.given)
    if not widest and _meets(session, genotype):
        return own
    if session.settings.train.start != "fresh":
        return None
    low, high, most = 0, 2, _WIDEST if widest else own - 1
    while high <= most and _meets(session, genotype, high):
        low, high = high, 2 * high
    high = min(high, most // 2 * 2 + 2)
    while high - low > 2:
        middle = (low + high) // 4 * 2
        low, high = (middle, high) if _meets(session, genotype, middle) else (low, middle)
    return low or None


def fitted(session: Session, genotype: Genotype) -> Session:
    """The session with the width that the network of an architecture gets; the same where that is its own or none."""
    width = fitting_width(session, genotype) if session.settings.limits.given else None
    if width in (None, session.settings.train.init_channels):
        return session
    return with_size(session, "train", {"init_channels": width}, session.settings.space)


def within_limit(session: Session, genotype: Genotype) -> Session:
    """The session with the width that the limits allow the network of an architecture; the same without limits.

    Args:
        session: the session.
        genotype: the architecture to train.

    Raises:
        SettingsError: even the narrowest network of the architecture is above a limit.
    """
    limits, asked = session.settings.limits, session.settings.train.init_channels
    if not limits.given:
        return session
    record = LimitsRecord.find(session.run.path)
    if record is None or record.genotype.genotype != genotype:
        begun = session.run.has("checkpoints/train-0.pt")  # as wide as in the contest that it has won
        width = asked if begun else measured_width(session, genotype)
        if width is None:
            raise SettingsError(_refusal(session, genotype))
        sized = with_size(session, "train", {"init_channels": width}, genotype.space)
        record = _record(sized, genotype, asked)
        record.write(session.run.path)
        if width != asked or limits.width == "widest":
            told = listing(told_value(each.name, each.value) for each in record.limits)
            most = listing(told_value(each.name, each.limit) for each in record.limits)
            session.observer.note(
                f"The network has {width} channels, the largest even width with at most {most}: {told}."
            )
    return with_size(session, "train", {"init_channels": record.init_channels}, genotype.space)


def measured_width(session: Session, genotype: Genotype) -> int | None:
    """The width by `fitting_width`, or the largest even width below it whose latency keeps the limit when measured."""
    width, limit = fitting_width(session, genotype), session.settings.limits.latency
    if limit is None:
        return width
    train, batch = session.settings.train, session.settings.limits.latency_batch
    while width is not None:
        sized = with_size(session, "train", {"init_channels": width}, genotype.space)
        if (key := _measured_key(sized, genotype)) not in session.timed:
            session.timed[key] = measured_latency(sized, genotype, (batch,), exports=False)["network"][batch]
        if session.timed[key] <= limit:
            return width
        narrower = (width - 1) // 2 * 2
        width = narrower if narrower and train.start == "fresh" else None
    return None


def _record(session: Session, genotype: Genotype, asked: int) -> LimitsRecord:
    """What the network of an architecture has of everything limited.

    Args:
        session: with the width of the network.
        genotype: the architecture.
        asked: the width that the settings ask for.
    """
    limits, costs = session.settings.limits, costs_of(session, genotype)
    sizes = tuple(sorted({*BATCHES, limits.latency_batch}))
    latency = measured_latency(session, genotype, sizes) if limits.latency else {}
    met = []
    for name, limit in limits.given.items():
        foretold = costs[name] if name == "latency" else None
        value = costs[name]
        if name == "latency":
            value = session.timed.get(_measured_key(session, genotype), latency["network"][limits.latency_batch])
        met.append(LimitMet(name=name, limit=limit, value=value, foretold=foretold, met=value <= limit))
    events = session.run.events.read()
    chosen = [event.figures for event in events if isinstance(event, SelectionDone)]
    epochs = [event for event in events if isinstance(event, SearchEpoch)]
    figures = epochs[-1].figures if epochs else {}
    return LimitsRecord(
        limits=tuple(met),
        genotype=GenotypeForms.of(genotype),
        init_channels=session.settings.train.init_channels,
        asked_channels=asked,
        without_limits=next((each["without_limits"] for each in chosen if "without_limits" in each), None),
        expected={name: share for name in limits.given if (share := figures.get(expected_name(name))) is not None},
        latency={form: dict(seconds) for form, seconds in latency.items()},
        latency_batch=limits.latency_batch,
    )


def _measured_key(session: Session, genotype: Genotype) -> tuple[object, ...]:
    train, batch = session.settings.train, session.settings.limits.latency_batch
    return ("measured", genotype, train.init_channels, train.layers, train.stem, train.whiten, batch)


def told_value(name: str, value: float) -> str:
    """What a network has or may have of something limited, in words."""
    if name == "latency":
        return f"{1000 * value:.3g} ms"
    return f"{round(value):,} {_NOUNS[name]}"


def limit_of(session: Session) -> Limit | None:
    """What the architecture of a search must meet, at the width that its network will have; None without limits.

    With `limits.width=widest` every architecture has a width that meets them.
    """
    limits = session.settings.limits
    if not limits.given or limits.width == "widest":
        return None
    key = ("limit", session.settings.model_dump_json(), session.dataset.image_shape)
    if key not in session.timed:
        session.timed[key] = _limit_of(session)
    made: Limit = session.timed[key]
    return made


def _limit_of(session: Session) -> Limit:
    sized = with_size(session, "train", {"init_channels": _width_of_search(session)})
    return Limit(_limited_costs(sized), partial(_meets, sized))


def _width_of_search(session: Session) -> int:
    """The width at which architectures are chosen: that of the training, if the middle one of the space fits then.

    Otherwise it is the width at which that one fits, so that about half of all architectures can be chosen.
    """
    own = session.settings.train.init_channels
    typical = _typical(session)
    if _meets(session, typical) or session.settings.train.start != "fresh":
        return own
    return fitting_width(session, typical) or 2


def _typical(session: Session) -> Genotype:
    """Of some random architectures the one with the median cost, in units of the limits."""
    space, generator = get_space(session.settings.space), make_generator(0, "limits", "typical")
    drawn = [UniformlyRandom()(space, {}, generator) for _ in range(_DRAWN)]
    shares = [_share(session, each) for each in drawn]
    return drawn[shares.index(median_low(shares))]


def _share(session: Session, genotype: Genotype) -> float:
    limits = session.settings.limits.given
    return max(cost / limits[name] for name, cost in costs_of(session, genotype).items())


def _limited_costs(session: Session) -> tuple[LimitedCost, ...]:
    space, plan = get_space(session.settings.space), network_plan(session, "train")
    height, width = session.dataset.image_shape[1:]
    costs, limits = operation_costs(space, plan, (height, width)), session.settings.limits.given
    made = []
    for name, limit in limits.items():
        fixed: float
        operations: Mapping[str, tuple[tuple[float, ...], ...]]
        if name == "latency":
            table = table_of(session, space, plan)
            fixed, operations = table.fixed, table.operations
        else:
            fixed = float(costs.fixed_parameters if name == "params" else costs.fixed)
            operations = costs.parameters if name == "params" else costs.operations
        relative = {
            kind: tuple(tuple(value / limit for value in row) for row in rows) for kind, rows in operations.items()
        }
        made.append(LimitedCost(name, fixed / limit, relative))
    return tuple(made)


def limited_recipe(session: Session, recipe: Recipe) -> Recipe:
    """The recipe with the pull to the limits in every stage; the same without limits, or where alpha stays."""
    limit, pull = limit_of(session), session.settings.limits.pull
    if limit is None or not pull:
        return recipe
    return recipe.with_rules_first(ExpectedWithin(get_space(session.settings.space), limit.costs, pull))


def check_limit(session: Session, steps: Sequence[Step]) -> None:
    """Refuse limits that nothing can meet, or that other settings contradict, before anything is done.

    Raises:
        SettingsError: the smallest network is above a limit, or another setting decides the width.
    """
    settings = session.settings
    if not settings.limits.given or settings.analysis is not None:
        return
    if settings.limits.width == "widest" and "train" in steps:
        what = "a budget" if settings.budget is not None else ""
        what = f"train.start={settings.train.start}" if settings.train.start != "fresh" else what
        if what:
            raise SettingsError(
                f"limits.width=widest and {what} both decide how wide the trained network is; leave out one of them."
            )
    given = Genotype.from_json(settings.genotype) if settings.genotype else None
    smallest = given or _smallest(session)
    if fitting_width(session, smallest) is None:
        raise SettingsError(_refusal(session, smallest, searched=given is None))


def _smallest(session: Session) -> Genotype:
    """The cheapest architecture of the space that lets images through."""
    space = get_space(session.settings.space)
    shape = space.alpha_shape
    even = {kind: torch.ones(shape) for kind in space.cell_kinds}
    limit = Limit(_limited_costs(session), lambda _: True)
    costs = [
        sum(each.operations[kind][row][column] for each in limit.costs)
        for kind in space.cell_kinds
        for row in range(shape[0])
        for column in range(shape[1])
    ]
    top = 1 + max(costs)
    cheap = dict(even)
    for place, kind in enumerate(space.cell_kinds):
        own = torch.tensor(costs[place * shape[0] * shape[1] : (place + 1) * shape[0] * shape[1]]).reshape(shape)
        cheap[kind] = top - own
        if "none" in space.ops:
            cheap[kind][:, space.ops.index("none")] = 0.0
    chosen = choose_within(space, cheap, StrongestEdges(), make_generator(0, "limits"), limit)
    assert chosen is not None
    return chosen


def _refusal(session: Session, genotype: Genotype, *, searched: bool = False) -> str:
    train, limits = session.settings.train, session.settings.limits.given
    width = 2 if train.start == "fresh" else train.init_channels
    costs = costs_of(session, genotype, width)
    above = [name for name, cost in costs.items() if cost > limits[name]]
    told = listing(told_value(name, costs[name]) for name in above)
    most = listing(f"limits.{name}={_number(name, limits[name])}" for name in above)
    remedy = listing(("raise the limit", f"lower train.layers (now {train.layers})"), "or")
    narrow = count(width, "channel")
    if searched:
        what = f"the smallest network of '{genotype.space}' ({narrow}, {name_or_text(genotype)})"
    else:
        what = f"the narrowest network of this architecture ({narrow})"
    return f"{what} has {told}, more than {most}; {remedy}."


def _number(name: str, value: float) -> str:
    return (
        duration(value)
        if name == "latency" and value >= 1
        else f"{1000 * value:g}ms"
        if name == "latency"
        else (compact(round(value)).replace(" ", ""))
    )

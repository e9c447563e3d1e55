"""The proxies of a list of architectures, one architecture after the other."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

from dartboard.errors import ExtensionError, SettingsError
from dartboard.estimate.proxies.combination import rank_product
from dartboard.estimate.proxies.protocol import PROXIES, Conditions, Proxy, Untrained
from dartboard.space import Genotype, get_space

__all__ = ["ProxyFigures", "find_proxies", "refuse_proxies", "score_genotypes", "summed_up"]


@dataclass(frozen=True)
class ProxyFigures:
    """What a proxy says of an architecture.

    Attributes:
        values: name of a number -> its mean over the initialisations; the name is empty where there is only one.
        seconds: how long all initialisations took.
    """

    values: Mapping[str, float]
    seconds: float


def find_proxies(names: Iterable[str]) -> dict[str, Proxy]:
    """The proxies of these names, in this order; an underscore may stand for a hyphen.

    Raises:
        UnknownNameError: there is no such proxy; the nearest names are offered.
    """
    entries = (PROXIES[name if name in PROXIES else name.replace("_", "-")] for name in names)
    return {entry.name: entry.factory for entry in entries}


def refuse_proxies(genotypes: Iterable[Genotype], names: Sequence[str], conditions: Conditions) -> None:
    """Refuse what cannot be scored, before anything is.

    Raises:
        SettingsError: the network of an architecture cannot have one of the proxies, or there is no such network.
    """
    wanted = find_proxies(names)
    for genotype in genotypes:
        untrained = _untrained(genotype, conditions, 0)
        for name, proxy in wanted.items():
            if reason := proxy.refuse(untrained):
                raise SettingsError(
                    f"the network of {_shortened(genotype)} cannot have the proxy '{name}', since {reason}; leave "
                    "it out of --proxies."
                )


def score_genotypes(
    genotypes: Iterable[Genotype],
    names: Sequence[str],
    conditions: Conditions,
    *,
    seed: int = 0,
    initialisations: int | None = None,
) -> Iterator[dict[str, ProxyFigures]]:
    """Score architectures, each as soon as it is asked for.

    The same seed gives the same numbers, whatever else is scored. Nothing is trained and nothing that the caller holds
    is changed: every proxy has networks of its own.

    Args:
        genotypes: the architectures, of one space or of several.
        names: the proxies.
        conditions: the images, and the size of the networks.
        seed: root of weights and noise.
        initialisations: over how many initialisations means are taken; None for what each proxy asks for. Proxies that
            do not depend on the weights are measured once.

    Yields:
        Name of a proxy -> its figures, for each architecture.

    Raises:
        SettingsError: there is no such network.
        ExtensionError: a proxy of another package failed, or gave no numbers.
    """
    wanted = find_proxies(names)
    for genotype in genotypes:
        untrained = _untrained(genotype, conditions, seed)
        yield {name: _measured(name, proxy, untrained, initialisations) for name, proxy in wanted.items()}


def summed_up(names: Sequence[str], scored: Sequence[Mapping[str, ProxyFigures]]) -> dict[str, list[float]]:
    """One number for every proxy and architecture, the larger the better.

    Several numbers of one proxy are combined by `rank_product` among the architectures given.

    Args:
        names: the proxies.
        scored: the figures of every architecture.
    """
    return {name: _one_number(proxy, [each[name] for each in scored]) for name, proxy in find_proxies(names).items()}


def _one_number(proxy: Proxy, figures: Sequence[ProxyFigures]) -> list[float]:
    sign = -1.0 if proxy.lower_is_better else 1.0
    parts = list(figures[0].values) if figures else []
    columns = [[sign * each.values[part] for each in figures] for part in parts]
    return columns[0] if len(columns) == 1 else rank_product(columns)


def _measured(name: str, proxy: Proxy, untrained: Untrained, initialisations: int | None) -> ProxyFigures:
    own = proxy.initialisations
    count = own if own == 1 or initialisations is None else initialisations
    started = time.perf_counter()
    found = [_numbers(name, proxy, untrained.numbered(number)) for number in range(count)]
    seconds = time.perf_counter() - started
    return ProxyFigures({part: sum(each[part] for each in found) / count for part in found[0]}, seconds)


def _numbers(name: str, proxy: Proxy, untrained: Untrained) -> Mapping[str, float]:
    made = PROXIES.made(name, lambda: proxy(untrained))
    numbers = made if isinstance(made, Mapping) else {"": made}
    if not numbers or not all(isinstance(each, Real) for each in numbers.values()):
        raise ExtensionError(
            f"the proxy '{name}' ({PROXIES[name].place}) returns {type(made).__name__}; it must return a number, or a "
            "mapping from names to numbers."
        )
    return {part: float(each) for part, each in numbers.items()}


def _untrained(genotype: Genotype, conditions: Conditions, seed: int) -> Untrained:
    space = get_space(genotype.space)
    return Untrained(space, genotype, conditions.plan(space), conditions, seed)


def _shortened(genotype: Genotype) -> str:
    text = genotype.to_text()
    return text if len(text) <= 100 else f"{text[:97]}..."

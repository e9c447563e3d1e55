"""Zero-cost proxies: what an architecture is worth, guessed from networks that nobody has trained."""

from dartboard.estimate.proxies import (  # noqa: F401 - importing registers the proxies
    az_nas,
    gradients,
    patterns,
    sizes,
    spectra,
)
from dartboard.estimate.proxies.combination import average_rank, rank_product
from dartboard.estimate.proxies.protocol import PROXIES, Conditions, Proxy, Untrained, proxy
from dartboard.estimate.proxies.scores import ProxyFigures, find_proxies, refuse_proxies, score_genotypes, summed_up

__all__ = [
    "PROXIES",
    "Conditions",
    "Proxy",
    "ProxyFigures",
    "Untrained",
    "average_rank",
    "find_proxies",
    "proxy",
    "rank_product",
    "refuse_proxies",
    "score_genotypes",
    "summed_up",
]

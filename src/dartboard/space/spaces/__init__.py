"""Search spaces, one file each."""

from dartboard.space.spaces import (  # noqa: F401 - importing registers the spaces
    conv_stages,
    darts,
    nasbench201,
    proxyless,
    robust,
)
from dartboard.space.spaces.search_space import SPACES, SearchSpace, get_space, space

__all__ = ["SPACES", "SearchSpace", "get_space", "space"]

"""Search spaces, one file each."""

from dartboard.space.spaces import darts, nasbench201, proxyless, robust  # noqa: F401 - importing registers the spaces
from dartboard.space.spaces.search_space import SPACES, SearchSpace, get_space, space

__all__ = ["SPACES", "SearchSpace", "get_space", "space"]

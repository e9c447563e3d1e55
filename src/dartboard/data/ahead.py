"""Work that threads do in advance, and whose results come in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["map_ahead"]

T = TypeVar("T")
R = TypeVar("R")


def map_ahead(function: Callable[[T], R], items: Iterable[T], *, threads: int, ahead: int) -> Generator[R]:
    """`map(function, items)`, with the calls for the next items made while the caller is busy with a result.

    The threads end with the iterator: when it is exhausted, closed, or no longer referred to.

    Args:
        function: called in the threads.
        items: taken in the thread of the caller, a few ahead of the results.
        threads: how many threads; with 0, the caller's thread makes every call when its result is asked for.
        ahead: how many calls may be running or waiting beyond the one whose result is asked for; at least 1.
    """
    if not threads:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="dartboard-ahead")
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

import gc
import threading
import time
from itertools import count, islice

import pytest

from dartboard.data.ahead import map_ahead


def threads_ahead() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("dartboard-ahead")]


@pytest.mark.parametrize("threads", [0, 1, 2, 5])
def test_results_come_in_order_however_long_each_takes(threads) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item % 5 == 0 else 0)
        return item * item

    assert list(map_ahead(slow_first, range(17), threads=threads, ahead=3)) == [item * item for item in range(17)]
    assert threads_ahead() == []


def test_only_so_many_items_are_taken_ahead_and_all_by_the_caller() -> None:
    taken: list[int] = []

    def items():
        for item in count():
            assert threading.current_thread() is threading.main_thread()
            taken.append(item)
            yield item

    results = map_ahead(lambda item: item, items(), threads=2, ahead=3)
    assert taken == []
    assert list(islice(results, 2)) == [0, 1]
    assert taken == [0, 1, 2, 3, 4]
    results.close()


@pytest.mark.parametrize("end", ["closed", "forgotten"])
def test_an_abandoned_iterator_leaves_no_thread_and_begins_nothing_more(end) -> None:
    begun: list[int] = []
    released = threading.Event()

    def wait(item: int) -> None:
        begun.append(item)
        assert item == 0 or released.wait(10)

    results = map_ahead(wait, count(), threads=1, ahead=4)
    next(results)
    assert len(threads_ahead()) == 1
    threading.Timer(0.05, released.set).start()
    if end == "closed":
        results.close()
    del results
    gc.collect()
    assert threads_ahead() == []
    assert begun in ([0], [0, 1])


def test_an_error_arrives_in_its_place_and_ends_the_threads() -> None:
    def fail_at_three(item: int) -> int:
        if item == 3:
            raise OSError("disk")
        return item

    results = map_ahead(fail_at_three, count(), threads=2, ahead=4)
    assert list(islice(results, 3)) == [0, 1, 2]
    with pytest.raises(OSError, match="disk"):
        next(results)
    assert threads_ahead() == []

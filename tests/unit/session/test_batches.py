import threading

from dartboard.runs import RunDirectory
from dartboard.session.batches import part_batches
from dartboard.testing import open_small


def threads_ahead() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("dartboard-ahead")]


def threads_while_batching(folder, **data: object) -> int:
    with RunDirectory(folder) as run:
        session = open_small(run, {f"data.{name}": value for name, value in data.items()} | {"space": "nas-bench-201"})
        batches = part_batches(session, "train", session.settings.train.augment, 1)
        return max(len(threads_ahead()) for _ in batches.in_order())


def test_the_settings_say_what_is_held_in_memory_and_how_many_threads_read_the_rest(tmp_path) -> None:
    assert threads_while_batching(tmp_path) == 0
    assert threads_while_batching(tmp_path, memory_mib=0, workers=0) == 0
    assert threads_while_batching(tmp_path, memory_mib=0, workers=1) == 1
    assert 0 < threads_while_batching(tmp_path, memory_mib=0) <= 2

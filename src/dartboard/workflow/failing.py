"""A run that fails among others that go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dartboard.errors import DartboardError, DeviceMemoryError, NonFiniteLossError, fault_log
from dartboard.runs import Observer

__all__ = ["failing_alone"]


@contextmanager
def failing_alone(folder: Path, observer: Observer, fail: Callable[[str], None]) -> Iterator[None]:
    """Tell of a run that fails, so that the others go on; what these would meet as well is raised.

    Args:
        folder: directory of the run.
        observer: is told of the failure.
        fail: is called with the reason.
    """
    try:
        yield
    except (NonFiniteLossError, DeviceMemoryError) as error:
        observer.note(f"This run failed: {error}")
        fail(str(error))
    except (DartboardError, OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - a fault in one method must not cost the work on the others
        reason = f"{type(error).__name__}: {error}"
        observer.note(f"This run failed ({reason}); all about it is in {fault_log(error) or folder}.")
        fail(reason)

"""The verbs that look up what others have measured: an architecture in NAS-Bench-201, and figures of papers."""

from dartboard.records import PublishedFigure, find_published
from dartboard.workflow import TableQuery, query_tables
from dartboard.workflow.opening import Place

__all__ = ["published", "query"]


def published(
    method: str | None = None, *, space: str | None = None, data: str | None = None
) -> tuple[PublishedFigure, ...]:
    """What papers print of methods: figures with their source, schedule, and hardware where it is stated.

    Nothing of it was measured here. Figures of different schedules are different experiments.

    Args:
        method: name of a method; None stands for all.
        space: search space; "own" is a space of a method's own, "hand-designed" no search at all.
        data: data set, as in "cifar10" or "CIFAR-10".

    Returns:
        The figures, in the order of their sources; empty where none is of all that is asked.

    Raises:
        UnknownNameError: there is no figure of such a method, space or data set.
    """
    return find_published(method, space, data)


def query(architecture: Place | int) -> TableQuery:
    """What the tables of NAS-Bench-201 say of an architecture, by every schedule of training whose table is there.

    The benchmark has trained its 15,625 architectures for 12 epochs and for 200. The environment variable
    DARTBOARD_DATA names the folder of the tables, `nas-bench-201/nb201_12epochs.parquet` and
    `nas-bench-201/nb201_200epochs.parquet`. Figures of one schedule must not be compared with those of the other.

    Args:
        architecture: its number in the benchmark (0 to 15624), its text as in "|op~0|+|op~0|op~1|+...", a file like
            `genotype.json`, a published name, or a run directory. A folder that is called like a number is "./9930".

    Returns:
        Accuracy, percentile and rank on every data set after every schedule, the size of the network, and how far the
        schedules order the architectures alike.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    return query_tables(architecture if isinstance(architecture, str) else str(architecture))

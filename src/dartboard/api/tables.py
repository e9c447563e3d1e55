"""The verb that looks an architecture up in the tables of NAS-Bench-201: query."""

from dartboard.workflow import TableQuery, query_tables
from dartboard.workflow.opening import Place

__all__ = ["query"]


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

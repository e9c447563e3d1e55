"""The steps of an epoch as one recording: what the device is asked in every step is asked once."""

from dartboard.data import Batch
from dartboard.devices import Graph
from dartboard.engine.steps import Steps
from dartboard.engine.streams import Held

__all__ = ["RecordedSteps"]


class RecordedSteps:
    """The steps of an epoch: the first is run, the second is recorded, and the others repeat the recording.

    A recording holds the numbers of the epoch (learning rate, temperature, ...) as they are, and reads its batches in
    fixed places, into which those of every step are copied. Steps that differ in more than their batches, such as
    those that draw gates, and steps that the device cannot record are run one by one.

    Args:
        steps: of the epoch.
        graph: an empty one.

    Attributes:
        obstacle: why the steps were run one by one, the end of a sentence; empty where they were not.
    """

    def __init__(self, steps: Steps, graph: Graph) -> None:
        self.obstacle = ""
        self._steps = steps
        self._graph = graph
        self._take = self._first

    def __call__(self, batch: Batch) -> None:
        """One step of alpha, unless it rests, and one of the weights."""
        self._take(batch)

    def _first(self, batch: Batch) -> None:
        streams = self._steps.streams
        before = streams.drawn_so_far()
        self._graph.warm_up(lambda: self._steps(batch))
        if self._steps.are_alike and streams.drawn_so_far() == before:
            self._take = self._second
        else:
            self._run_one_by_one("they differ in more than their images, as where gates are drawn")

    def _second(self, batch: Batch) -> None:
        held = Held.of(batch)
        with self._steps.streams.held():
            try:
                self._graph.capture(lambda: self._steps(held.batch))
            except RuntimeError as error:
                reason, _, _ = str(error).partition("\n")
                self._run_one_by_one(f"the device could not record them: {reason}")
                self._steps.streams.rewind()
                self._steps(held.batch)
                return
        self._held, self._take = held, self._repeat
        self._graph.replay()

    def _run_one_by_one(self, obstacle: str) -> None:
        self.obstacle, self._take = obstacle, self._steps

    def _repeat(self, batch: Batch) -> None:
        self._held.take(batch)
        self._steps.streams.refill()
        self._graph.replay()

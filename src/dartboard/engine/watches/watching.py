"""The watches of one search: which of them measure after an epoch, and what they leave in the record."""

import math
import time
from collections.abc import Sequence

from dartboard.engine.stage import StageSearch
from dartboard.engine.watches.protocol import Probes, Watch, make_watch
from dartboard.errors import SettingsError
from dartboard.parts.recipe import Recipe
from dartboard.runs import RunDirectory, SearchEpoch, Watched
from dartboard.space import SearchSpace

__all__ = ["Watching", "refuse_watches", "watched_seconds"]


def refuse_watches(names: Sequence[str], space: SearchSpace, recipe: Recipe) -> None:
    """Refuse watches that do not exist, are named twice, or have nothing to measure.

    Raises:
        UnknownNameError: there is no such watch.
        SettingsError: a watch is one of the others, or an option of it does not fit.
    """
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"the watch '{name}' is named twice in search.watch; name it once.")
        make_watch(name).refuse(space, recipe)


def watched_seconds(run: RunDirectory) -> float:
    """Seconds that the watches of a search have taken so far."""
    return math.fsum(event.seconds for event in run.events.read() if isinstance(event, Watched))


class Watching:
    """The watches of a search. Each gets an equal part of the time that all may take.

    What they have taken is read from the run directory, so a resumed search knows it as well. The first measurement of
    every watch is always made; a later one only if the watch, with what its last measurement took, stays within its
    part of the time of the epochs so far.

    Args:
        names: of the watches, with their options.
        share: the most that all may take together, as a share of the time of the epochs.
        run: where their events go.
        seed: of the run.
    """

    def __init__(self, names: Sequence[str], share: float, run: RunDirectory, seed: int) -> None:
        self._watches: dict[str, Watch] = {name: make_watch(name) for name in names}
        self._share = share / max(1, len(names))
        self._run, self._seed = run, seed
        self._probes: tuple[StageSearch, Probes] | None = None

    def after(self, search: StageSearch, epoch: SearchEpoch) -> None:
        """Let every watch measure that has the time; each measurement is recorded.

        Args:
            search: the stage, as the epoch has left it.
            epoch: what the epoch has recorded; its event is in the run directory.
        """
        if not self._watches:
            return
        events = self._run.events.read()
        spent = math.fsum(event.seconds for event in events if isinstance(event, SearchEpoch))
        for name, watch in self._watches.items():
            own = [event.seconds for event in events if isinstance(event, Watched) and event.name == name]
            if own and math.fsum(own) + own[-1] > self._share * spent:
                continue
            started = time.perf_counter()
            seen = watch.measure(search, epoch, self._probes_of(search))
            if seen is not None:
                seconds = time.perf_counter() - started
                figures, parts = dict(seen.figures), tuple(dict(part) for part in seen.parts)
                self._run.events.append(
                    Watched(name=name, epoch=epoch.epoch, seconds=seconds, figures=figures, parts=parts)
                )

    def _probes_of(self, search: StageSearch) -> Probes:
        if self._probes is None or self._probes[0] is not search:
            self._probes = search, Probes(search, self._seed)
        return self._probes[1]

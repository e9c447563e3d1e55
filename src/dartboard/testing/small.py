"""A small space and random images for whole searches in a fraction of a second, and the results of such a search."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods, with which spaces are searched
from dartboard.data import Dataset, ImageSet, make_splits, measure_normalization
from dartboard.parts.discrete import Member, Pool
from dartboard.runs import Epoch, Event, Observer, PhaseEnd, RunDirectory
from dartboard.session import Session
from dartboard.settings import resolve_settings
from dartboard.space import SPACES, CellTopology, SearchSpace
from dartboard.space.skeleton import DartsSkeleton

__all__ = [
    "Outcome",
    "StopAfter",
    "Stopped",
    "fingerprint",
    "open_small",
    "outcome",
    "random_images",
    "small_space",
    "small_space_registered",
    "timeless",
]

_DURATIONS = ("seconds", "scoring_seconds", "deciding_seconds")

Outcome = dict[str, Any]
"""The results of a run, as `outcome` reads them."""


def small_space() -> SearchSpace:
    """A space of two nodes, four operations, and normal and reduction cells, for searches in a fraction of a second."""
    return SearchSpace(
        name="small",
        ops=("none", "max_pool_3x3", "skip_connect", "nor_conv_1x1"),
        cell=CellTopology(num_inputs=2, num_nodes=2, output="concat", projects_inputs=True, edges_per_node=2),
        skeleton=DartsSkeleton(),
        normalized_ops=frozenset({"max_pool_3x3"}),
        reference_size=(4, 3),
        small_size=(4, 3),
    )


@contextmanager
def small_space_registered() -> Iterator[None]:
    """A context in which the small space is registered under the name `small`."""
    SPACES.add("small", small_space)
    yield
    SPACES.remove("small")


class Stopped(Exception):
    """Stops a search in a test, as if the process had been killed."""


class StopAfter(Observer):
    """Raises `Stopped` after a number of whole epochs and a number of steps of the next epoch.

    Args:
        epochs: number of whole epochs.
        steps: number of steps of the next epoch; 0 stops between two epochs.
    """

    def __init__(self, epochs: int, steps: int = 0) -> None:
        self._epochs, self._steps, self._done = epochs, steps, 0

    def epoch(self, event: Epoch) -> None:  # noqa: ARG002 - the signature of observers
        """Count an epoch.

        Raises:
            Stopped: this was the last epoch.
        """
        self._done, self._epochs = 0, self._epochs - 1
        if self._epochs == 0 and self._steps == 0:
            raise Stopped

    def measured(self, name: str, done: int, total: int, *, phase: str = "analysis") -> None:  # noqa: ARG002
        """Count the evaluation of an architecture as an epoch.

        Raises:
            Stopped: this was the last one.
        """
        self._epochs -= 1
        if self._epochs == 0:
            raise Stopped

    def step(self) -> None:
        """Count a step.

        Raises:
            Stopped: this was the last step.
        """
        self._done += 1
        if self._epochs == 0 and self._done == self._steps:
            raise Stopped


def random_images(size: int) -> Dataset:
    """Three classes of 16 colour images each; the brightness of an image tells its class. There is no test set."""
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 3
    images = rng.integers(0, 120, (48, size, size, 3)) + 60 * labels[:, None, None, None]
    train = ImageSet(images.astype(np.uint8), labels.astype(np.int64))
    return Dataset("random", ("dark", "gray", "light"), train, None, None)


def open_small(run: RunDirectory, *layers: Mapping[str, Any], observer: Observer | None = None) -> Session:
    """A session of the smoke preset on random images, with batches of 6.

    Args:
        run: the folder of the run, already entered as a context.
        layers: settings that differ from those of the preset; later layers override earlier ones.
        observer: receives all events and messages.
    """
    defaults = {"space": "small", "preset": "smoke", "device": "cpu", "search.batch_size": 6, "train.batch_size": 12}
    settings = resolve_settings(defaults, *layers)
    dataset = random_images(settings.data.image_size or 8)
    splits = make_splits(dataset, settings.data, settings.split_seed)
    return Session(
        settings=settings,
        dataset=dataset,
        splits=splits,
        normalization=measure_normalization(splits.view(dataset, "train")),
        run=run,
        device=torch.device("cpu"),
        observer=observer or Observer(),
        data_seconds=0.0,
    )


def outcome(folder: Path) -> Outcome:
    """The results of a run: events without times, checkpoints with tensors as hashes, genotype, and pool if any."""
    with RunDirectory(folder) as run:
        told = [event for event in run.events.read() if not isinstance(event, PhaseEnd)]
        checkpoints = {
            path.name: fingerprint(torch.load(path, weights_only=True)["state"])
            for path in sorted(folder.glob("checkpoints/*.pt"))
        }
        pool = Pool.find(folder)
        return {
            "events": [event.to_json() for event in timeless(told)],
            "checkpoints": checkpoints,
            "genotype": run.read("genotype.json") if run.has("genotype.json") else None,
            **({"pool": [_timeless_member(member) for member in pool.members]} if pool else {}),
        }


def _timeless_member(member: Member) -> Member:
    return member.model_copy(update={"seconds": 0.0})


def timeless(events: Iterable[Event]) -> list[Event]:
    """The events with all durations 0, for comparing what runs did but not how long it took them."""
    return [event.model_copy(update={name: 0.0 for name in _DURATIONS if hasattr(event, name)}) for event in events]


def fingerprint(state: object) -> object:
    """The same tree with every tensor replaced by its shape and a hash of its bits."""
    if isinstance(state, dict):
        return {key: fingerprint(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [fingerprint(value) for value in state]
    if isinstance(state, torch.Tensor):
        return tuple(state.shape), hashlib.sha256(state.contiguous().numpy().tobytes()).hexdigest()
    return state

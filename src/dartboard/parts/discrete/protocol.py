"""What a search without a supernet is made of: a sampler proposes architectures, a schedule decides who trains on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, runtime_checkable

import torch

from dartboard.parts.discrete.pool import Pool
from dartboard.space import Genotype, SearchSpace

__all__ = ["Advance", "DiscreteSearch", "Predicting", "Propose", "Sampler", "Schedule"]


class Propose(NamedTuple):
    """So many new architectures join the pool.

    Attributes:
        wanted: how many.
    """

    wanted: int


class Advance(NamedTuple):
    """Members are trained on to the end of a level.

    Attributes:
        numbers: of the members.
        level: that they reach, from 1 on.
    """

    numbers: tuple[int, ...]
    level: int


class Schedule(ABC):
    """Decides from the pool alone what comes next, so that a search that was killed goes on from its pool.

    Attributes:
        epochs: at whose end a training pauses, level by level; all trainings share the curve of the last level.
    """

    epochs: tuple[int, ...]

    @property
    @abstractmethod
    def size(self) -> int:
        """Members of the pool in the end."""

    @property
    @abstractmethod
    def total_epochs(self) -> int:
        """Epochs of all trainings together."""

    @abstractmethod
    def next(self, pool: Pool) -> Propose | Advance | None:
        """What comes next; None when the search is over."""

    @abstractmethod
    def shrunk(self, share: float) -> "Schedule":
        """The same schedule with about this share of the members, and at least as many as it needs."""


class Sampler(Protocol):
    """Proposes architectures; what it proposes depends on its arguments alone."""

    def propose(self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator) -> Sequence[Genotype]:
        """New architectures, all different and none of them in the pool.

        Args:
            pool: what is known so far.
            space: the search space.
            count: how many; fewer, or none, where the space has no more.
            generator: on the CPU.
        """
        ...

    def shrunk(self, share: float) -> "Sampler":  # noqa: ARG002 - for samplers whose numbers grow with the pool
        """The same sampler for a pool of about this share of its size."""
        return self


@runtime_checkable
class Predicting(Protocol):
    """A `Sampler` that foretells the order of architectures."""

    def predict(
        self, pool: Pool, space: SearchSpace, genotypes: Sequence[Genotype], generator: torch.Generator
    ) -> list[float]:
        """A number for each architecture, higher for better; empty where the pool teaches nothing yet.

        The arguments are those of `Sampler.propose`, and the architectures to judge.
        """
        ...


@dataclass(frozen=True)
class DiscreteSearch:
    """A search that trains and compares architectures one by one.

    Attributes:
        sampler: proposes architectures.
        schedule: decides which of them are trained on.
        proxies: zero-cost proxies by which `screened` times as many proposals are ordered before any is trained, each
            by the mean of its ranks; empty for none.
        screened: proposals that are scored for every one that is trained.
    """

    sampler: Sampler
    schedule: Schedule
    proxies: tuple[str, ...] = ()
    screened: int = 1

    def shrunk(self, share: float) -> "DiscreteSearch":
        """The same search with about this share of the architectures."""
        return replace(self, sampler=self.sampler.shrunk(share), schedule=self.schedule.shrunk(share))

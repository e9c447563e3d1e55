"""One seed for many independent random streams: each purpose and epoch has its own generator.

A stream depends only on (seed, purpose, epoch), so a resumed run needs no saved generator state.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["Replayed", "derive_seed", "make_generator", "seeded_initialization"]


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed that depends on all arguments and on nothing else."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def make_generator(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for one purpose, such as `make_generator(seed, "search", "order", epoch)`."""
    generator = torch.Generator(device)
    generator.manual_seed(derive_seed(seed, *purpose))
    return generator


class Replayed:
    """A source that gives the same random numbers at every call.

    Args:
        generator: source of the numbers; the first call returns it.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator
        self._state: torch.Tensor | None = None

    def __call__(self) -> torch.Generator:
        """A generator that begins with the first of the numbers."""
        if self._state is None:
            self._state = self._generator.get_state()
            return self._generator
        return torch.Generator(self._generator.device).set_state(self._state)


@contextmanager
def seeded_initialization(seed: int, *purpose: str | int) -> Iterator[None]:
    """Seed torch's global CPU generator while modules draw their initial weights, then restore its state.

    Module constructors take no generator, so this is the only place that seeds the global one. Modules are built on the
    CPU and then moved, so the weights are the same on every device.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, *purpose))
        yield

"""Names to factories: methods, operations and spaces register themselves; other packages join by entry points."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from dartboard.errors import UnknownNameError, suggest

__all__ = ["Entry", "Registry"]

T = TypeVar("T", bound=Callable[..., object])


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered factory.

    Attributes:
        name: the registry name, the literature's own, in kebab case for methods and spaces.
        factory: what builds the thing.
        summary: first line of the factory's docstring.
        paper: where the thing was published (arXiv number or a citation); empty where there is none.
    """

    name: str
    factory: T
    summary: str
    paper: str


class Registry(Generic[T]):
    """A mapping from names to factories that explains itself when a name is unknown.

    Args:
        kind: what it holds, in the singular, for messages ("method").
        group: entry-point group through which installed packages add theirs ("dartboard.methods"); each entry
            point names a module whose import registers, loaded at the first look-up.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self._group = group
        self._entries: dict[str, Entry[T]] = {}
        self._plugins_loaded = False

    def add(self, name: str, factory: T, *, paper: str = "") -> None:
        """Register `factory` under `name`.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._entries:
            raise ValueError(f"the {self.kind} '{name}' is registered twice; choose another name for the second one.")
        summary = (factory.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        self._entries[name] = Entry(name, factory, summary, paper)

    def remove(self, name: str) -> None:
        """Forget `name`; for tests and notebooks that register the same thing again."""
        self._entries.pop(name, None)

    def __getitem__(self, name: str) -> Entry[T]:
        """The entry called `name`.

        Raises:
            UnknownNameError: nothing is registered under that name; the nearest names are offered.
        """
        self._load_plugins()
        if name not in self._entries:
            raise UnknownNameError(f"there is no {self.kind} '{name}'; {suggest(name, self._entries)}")
        return self._entries[name]

    def __iter__(self) -> Iterator[Entry[T]]:
        self._load_plugins()
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def __contains__(self, name: str) -> bool:
        self._load_plugins()
        return name in self._entries

    def _load_plugins(self) -> None:
        if not self._plugins_loaded:
            self._plugins_loaded = True
            for point in entry_points(group=self._group):
                point.load()

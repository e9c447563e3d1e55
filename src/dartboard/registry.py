"""Names to factories: methods, spaces and the like register themselves; other packages join by entry points."""

import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from dartboard.errors import DartboardError, DartboardWarning, ExtensionError, UnknownNameError, suggest

__all__ = ["Entry", "Registry", "leaving_out"]

T = TypeVar("T", bound=Callable[..., object])


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered factory.

    Attributes:
        name: the registry name, the literature's own, in kebab case for methods and spaces.
        factory: what builds the thing.
        docstring: what tells about the thing, without its indentation; by default the factory's.
        paper: where the thing was published (arXiv number or a citation); empty where there is none.
        group: under which heading it is listed, a key of the shelf's groups; empty where there are none.
    """

    name: str
    factory: T
    docstring: str
    paper: str
    group: str = ""

    @property
    def summary(self) -> str:
        """First line of the docstring, without a full stop."""
        return self.docstring.partition("\n")[0].rstrip(".")

    @property
    def options(self) -> dict[str, Any]:
        """The factory's arguments that have defaults, with these."""
        parameters = inspect.signature(self.factory).parameters.values()
        return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}

    @property
    def place(self) -> str:
        """Where the factory is written, as in "package.module.function"."""
        return f"{self.factory.__module__}.{getattr(self.factory, '__qualname__', type(self.factory).__qualname__)}"


class Registry(Generic[T]):
    """A mapping from names to factories that explains itself when a name is unknown.

    Args:
        kind: what it holds, in the singular, for messages ("method").
        group: entry-point group through which installed packages add theirs ("dartboard.methods"); each entry
            point names a module whose import registers, loaded at the first look-up.
        given: names of the arguments that a factory is called with by position; every other argument of a factory
            needs a default. None leaves the arguments unchecked.
        gives: class of what a factory returns; None leaves it unchecked.
    """

    def __init__(self, kind: str, group: str, *, given: Sequence[str] | None = (), gives: type | None = None) -> None:
        self.kind = kind
        self.group = group
        self.given = given
        self.gives = gives
        self._entries: dict[str, Entry[T]] = {}
        self._plugins_loaded = False
        self._faults: list[str] = []

    def add(
        self,
        name: str,
        factory: T,
        *,
        paper: str = "",
        group: str = "",
        written: Callable[..., object] | None = None,
    ) -> None:
        """Register `factory` under `name`.

        Args:
            name: the registry name.
            factory: what builds the thing.
            paper: where the thing was published.
            group: under which heading it is listed.
            written: the function that its author wrote, where `factory` is made around it; its docstring tells about
                the thing, and its arguments are checked.

        Raises:
            ValueError: the name is taken, or the factory cannot be called with the arguments that it will be given.
        """
        written = factory if written is None else written
        if name in self._entries:
            raise ValueError(f"the {self.kind} '{name}' is registered twice; choose another name for the second one.")
        self._refuse_other_arguments(name, written)
        self._entries[name] = Entry(name, factory, inspect.cleandoc(written.__doc__ or ""), paper, group)

    def remove(self, name: str) -> None:
        """Forget `name`; for tests and notebooks that register the same thing again."""
        self._entries.pop(name, None)

    def made(self, name: str, make: Callable[[], object]) -> Any:
        """What the factory called `name` gives.

        Args:
            name: the registry name.
            make: calls the factory.

        Raises:
            ExtensionError: a factory of another package failed, or gave no object of the class that these factories
                give.
        """
        place = self[name].place
        try:
            made = make()
        except DartboardError:
            raise
        except Exception as error:
            if is_ours(place):
                raise
            raise ExtensionError(
                f"the {self.kind} '{name}' ({place}) failed with {type(error).__name__}: {error}; repair or uninstall "
                "the package that registers it."
            ) from error
        if self.gives is not None and not isinstance(made, self.gives):
            returned = "None" if made is None else f"an object of class {type(made).__name__}"
            raise ExtensionError(
                f"the {self.kind} '{name}' ({place}) returns {returned}; it must return a {self.gives.__name__}."
            )
        return made

    def __getitem__(self, name: str) -> Entry[T]:
        """The entry called `name`.

        Raises:
            UnknownNameError: nothing is registered under that name; the nearest names are offered, and the packages
                that may have it but could not be imported.
        """
        self._load_plugins()
        if name not in self._entries:
            hint = suggest(name, self._entries)
            broken = f" It may belong to a package that is left out: {'; '.join(self._faults)}." if self._faults else ""
            raise UnknownNameError(f"there is no {self.kind} '{name}'; {hint}{broken}")
        return self._entries[name]

    def __iter__(self) -> Iterator[Entry[T]]:
        self._load_plugins()
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def __contains__(self, name: str) -> bool:
        self._load_plugins()
        return name in self._entries

    def __len__(self) -> int:
        self._load_plugins()
        return len(self._entries)

    def _refuse_other_arguments(self, name: str, written: Callable[..., object]) -> None:
        if self.given is None:
            return
        try:
            inspect.signature(written).bind(*self.given)
        except TypeError as error:
            wanted = f"with ({', '.join(self.given)})" if self.given else "without arguments"
            raise ValueError(
                f"the {self.kind} '{name}' does not fit: it is called {wanted}, so every other argument needs a "
                f"default ({error})"
            ) from error

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        for point in entry_points(group=self.group):
            self._load_plugin(point)

    def _load_plugin(self, point: EntryPoint) -> None:
        """Import what an entry point names; a package that cannot be imported is left out with a warning."""
        try:
            point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's module raises
            told = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            fault = (
                f"an installed package adds to {self.group} by the entry point '{point.name}' ({point.value}), which "
                f"cannot be imported: {told}"
            )
            self._faults.append(fault)
            tell(f"{fault}; it is left out, so repair or uninstall that package.")


def is_ours(place: str) -> bool:
    """Whether something is written in this package; `place` is its dotted name."""
    return place.startswith("dartboard.")


def tell(sentence: str) -> None:
    """Warn the user of something in another package that is left out; the work goes on."""
    warnings.warn(DartboardWarning(sentence), stacklevel=3)


@contextmanager
def leaving_out(kind: str, name: str, place: str) -> Iterator[None]:
    """Leave out what another package has registered if it fails, with a warning; our own faults are left as they are.

    Args:
        kind: what it is, in the singular.
        name: its registry name.
        place: where it is written, as in "package.module.Name".
    """
    try:
        yield
    except ExtensionError as error:
        if is_ours(place):
            raise
        tell(f"{str(error).rstrip('.')}; it is left out.")
    except DartboardError:
        raise
    except Exception as error:
        if is_ours(place):
            raise
        tell(
            f"the {kind} '{name}' ({place}) failed with {type(error).__name__}: {error}; it is left out, so repair or "
            "uninstall the package that registers it."
        )

"""Names to factories: methods, spaces and the like register themselves; other packages join by entry points."""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from dartboard.errors import DartboardError, DartboardWarning, ExtensionError, UnknownNameError, suggest

__all__ = ["REGISTRIES", "Entry", "Registry", "Shelf", "leaving_out"]

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


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where the things of one kind are registered. It names modules by their texts, since they stand in higher rooms.

    Attributes:
        what: what they are, in the plural.
        one: what one of them is, in messages.
        use: how one is asked for on the command line; empty where none is asked for by name.
        options: how an option of one is set there; empty where they have no options.
        group: entry-point group of other packages.
        registry: module and name of the registry, as in "module:NAME".
        decorator: name of the function that registers another.
        ours: module or package in which our own are registered.
        groups: key of a group -> its heading, in the order of lists; empty where things are listed by name alone.
    """

    what: str
    one: str
    use: str = ""
    options: str = ""
    group: str
    registry: str
    decorator: str
    ours: str
    groups: Mapping[str, str] = field(default_factory=dict)

    def heading(self, group: str) -> str:
        """The heading of a group; things of other packages may have none that is known here."""
        return self.groups.get(group, "Others")

    @property
    def module(self) -> str:
        """The module that holds the registry."""
        return self.registry.partition(":")[0]

    def open(self) -> Registry[Any]:
        """The registry with all that is ours in it; imports what that needs, torch among it."""
        import_module(self.ours)
        found: Registry[Any] = getattr(import_module(self.module), self.registry.partition(":")[2])
        return found


REGISTRIES: Mapping[str, Shelf] = {
    "methods": Shelf(
        what="search methods",
        one="method",
        use="--method NAME",
        options="--set method.options.OPTION=VALUE",
        group="dartboard.methods",
        registry="dartboard.parts:METHODS",
        decorator="method",
        ours="dartboard.methods",
        groups={
            "baseline": "No search, to compare with",
            "first": "A first search: cheap, or well known",
            "memory": "Little time and memory a step",
            "skips": "No collapse to skip connections",
            "sharpness": "A search that notices or smooths a sharp loss",
            "supernet": "A choice by the trained supernet, not by alpha",
            "steps": "A supernet that comes near the final network in steps",
            "exploration": "Gates that are drawn, to explore",
            "trials": "Architectures that are tried with shared weights, without a gradient of alpha",
            "competition": "Operations that compete in another way",
            "response": "How the weights respond to alpha",
            "attention": "Attention modules",
        },
    ),
    "spaces": Shelf(
        what="search spaces",
        one="space",
        use="--space NAME",
        options="--space NAME:OPTION=VALUE",
        group="dartboard.spaces",
        registry="dartboard.space:SPACES",
        decorator="space",
        ours="dartboard.space.spaces",
    ),
    "operations": Shelf(
        what="candidate operations of the search spaces",
        one="operation",
        group="dartboard.ops",
        registry="dartboard.space:OPS",
        decorator="op",
        ours="dartboard.space.ops",
    ),
    "presets": Shelf(
        what="presets, each a layer of settings below your own",
        one="preset",
        use="--preset NAME",
        group="dartboard.presets",
        registry="dartboard.settings:PRESETS",
        decorator="preset",
        ours="dartboard.settings.presets",
    ),
    "choice-rules": Shelf(
        what="rules that choose among the searches of several seeds",
        one="choice rule",
        use="--choose NAME",
        group="dartboard.choice_rules",
        registry="dartboard.engine:CHOICE_RULES",
        decorator="choice_rule",
        ours="dartboard.engine.finished.seed_choice",
    ),
    "baselines": Shelf(
        what="baselines that are trained beside the network found",
        one="baseline",
        use="--baselines",
        group="dartboard.baselines",
        registry="dartboard.session:BASELINES",
        decorator="baseline",
        ours="dartboard.session.baselines",
    ),
    "selections": Shelf(
        what="selections from the supernet of a finished search",
        one="selection",
        use="dartboard select RUN --with NAME",
        options="--set OPTION=VALUE",
        group="dartboard.selections",
        registry="dartboard.engine:RESELECTIONS",
        decorator="reselection",
        ours="dartboard.engine.finished.reselection",
    ),
    "analyses": Shelf(
        what="analyses of a finished search",
        one="analysis",
        use="dartboard analyse RUN --what NAME",
        options="--set OPTION=VALUE",
        group="dartboard.analyses",
        registry="dartboard.engine:ANALYSES",
        decorator="analysis",
        ours="dartboard.engine.finished.analyses",
    ),
    "watches": Shelf(
        what="watches, which measure while a search goes on",
        one="watch",
        use="--watch NAME,...",
        options="--watch NAME:OPTION=VALUE",
        group="dartboard.watches",
        registry="dartboard.engine:WATCHES",
        decorator="watch",
        ours="dartboard.engine.watches",
    ),
    "proxies": Shelf(
        what="zero-cost proxies, which guess what an architecture is worth before any training",
        one="proxy",
        use="dartboard score ARCH --proxies NAME,...",
        group="dartboard.proxies",
        registry="dartboard.estimate.proxies:PROXIES",
        decorator="proxy",
        ours="dartboard.estimate.proxies",
        groups={
            "size": "Size alone: the figures to beat",
            "gradients": "Gradients of a loss, or of the outputs",
            "patterns": "Patterns of ReLU signs",
            "responses": "How outputs answer to inputs and weights",
            "several": "Several numbers, combined by ranks",
        },
    ),
    "sections": Shelf(
        what="sections of a report",
        one="report section",
        group="dartboard.report_sections",
        registry="dartboard.reports:SECTIONS",
        decorator="section",
        ours="dartboard.reports.sections",
    ),
}
"""All that can be registered, by the word after `dartboard` that lists it; `dartboard.list_methods()` in Python."""

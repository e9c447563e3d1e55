"""What a search space is, and the registry of search spaces."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import Parameter, signature
from itertools import combinations, product
from math import prod
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dartboard.config import reason_of
from dartboard.errors import SettingsError, suggest
from dartboard.registry import Registry
from dartboard.space.ops import Size
from dartboard.space.skeleton import NetworkPlan, Skeleton, Stem
from dartboard.space.topology import CellTopology
from dartboard.wording import cell_name, count

__all__ = ["SPACES", "SearchSpace", "get_space", "space"]


@dataclass(frozen=True)
class SearchSpace:
    """All architectures that a search can find.

    Attributes:
        name: registry name, with its options where they differ from the defaults (`get_space`).
        ops: candidate operations, in the column order of every alpha.
        cell: the cell's graph.
        skeleton: the network around the cells.
        normalized_ops: operations that a supernet follows with a batch norm without scale and shift, so that all
            candidates of an edge have comparable size (DARTS: the poolings).
        reference_size: (init_channels, layers) of the published evaluation network.
        small_size: (init_channels, layers) of a network that trains in minutes on a CPU.
        edge_ops: cell kind -> for every edge the names of its operations; kinds not named here have all of them on
            every edge.
        known: name of a published architecture of the space that is known to be good (`PUBLISHED`); None without one.
        resnet: name of the published architecture of the space that is a ResNet; None without one.
        short_recipe: whether its networks are made for the recipe of short trainings: kernels that start as
            identities, whitened images, large rates.
        family: name under which methods give what their papers set in this space and in those made from it
            (`Recipe.published_in`); empty where no method names it.

    Raises:
        SettingsError: `edge_ops` does not fit the cells, or leaves an edge without an operation that can be chosen.
    """

    name: str
    ops: tuple[str, ...]
    cell: CellTopology
    skeleton: Skeleton
    normalized_ops: frozenset[str]
    reference_size: tuple[int, int]
    small_size: tuple[int, int]
    edge_ops: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict, hash=False)
    known: str | None = None
    resnet: str | None = None
    short_recipe: bool = False
    family: str = ""

    def __post_init__(self) -> None:
        for kind, edges in self.edge_ops.items():
            if kind not in self.cell_kinds:
                raise SettingsError(f"there are no '{kind}' cells in '{self.name}'; {suggest(kind, self.cell_kinds)}")
            if len(edges) != len(self.cell.edges):
                raise SettingsError(
                    f"the {cell_name(kind)} of '{self.name}' has {count(len(self.cell.edges), 'edge')}, but edge_ops "
                    f"names the operations of {len(edges)}; name those of every edge."
                )
            for name in {name for names in edges for name in names}:
                if name not in self.ops:
                    raise SettingsError(f"'{name}' is no operation of '{self.name}'; {suggest(name, self.ops)}")
            for row, edge in enumerate(self.cell.edges):
                if not self.selectable_on(kind, row):
                    raise SettingsError(
                        f"edge {edge.source} -> {edge.target} of the {cell_name(kind)} of '{self.name}' has no "
                        "operation that a discrete cell may take; name one in edge_ops."
                    )

    @property
    def cell_kinds(self) -> tuple[str, ...]:
        """Kinds of cells, each with an alpha of its own."""
        return self.skeleton.cell_kinds

    @property
    def alpha_shape(self) -> tuple[int, int]:
        """(edges, operations) of each alpha."""
        return len(self.cell.edges), len(self.ops)

    @property
    def selectable_ops(self) -> tuple[int, ...]:
        """Columns of `ops` that a discrete cell may take; without `none` where cells drop edges anyway."""
        if self.cell.edges_per_node is None:
            return tuple(range(len(self.ops)))
        return tuple(column for column, name in enumerate(self.ops) if name != "none")

    def ops_on(self, kind: str, row: int) -> tuple[str, ...]:
        """The operations of an edge, in the order of `ops`."""
        edges = self.edge_ops.get(kind)
        return self.ops if edges is None else tuple(name for name in self.ops if name in edges[row])

    def selectable_on(self, kind: str, row: int) -> tuple[int, ...]:
        """Columns of `ops` that a discrete cell may take on an edge; there is always at least one."""
        own = self.ops_on(kind, row)
        return tuple(column for column in self.selectable_ops if self.ops[column] in own)

    def selectable_columns(self, kind: str) -> tuple[tuple[int, ...], ...]:
        """For every edge the columns that a discrete cell may take."""
        return tuple(self.selectable_on(kind, row) for row in range(len(self.cell.edges)))

    @property
    def num_architectures(self) -> int:
        """In how many ways operations can be chosen for the edges that nodes keep; equal networks count separately."""
        total = 1
        for kind, node in product(self.cell_kinds, self.cell.nodes):
            counts = [len(self.selectable_on(kind, row)) for row in self.cell.incoming(node)]
            kept = min(len(counts), self.cell.edges_per_node or len(counts))
            total *= sum(prod(chosen) for chosen in combinations(counts, kept))
        return total

    def plan(
        self,
        *,
        in_channels: int,
        num_classes: int,
        init_channels: int,
        layers: int,
        stem: Stem = "cifar",
        image_size: Size | None = None,
        whitens: bool = False,
    ) -> NetworkPlan:
        """The network of a width and a depth.

        Args:
            in_channels: channels of the images.
            num_classes: outputs of the classifier.
            init_channels: width of the first cells.
            layers: depth, counted as the space's skeleton says.
            stem: how the network begins.
            image_size: (height, width) of the images in pixels; operations that must know the size of their maps
                (`gather_excite`) can only be built from a plan that has it.
            whitens: whether whitened 2x2 patches of the images come before the stem (`Whitening`).

        Raises:
            SettingsError: the space has no network of that width or depth.
        """
        plan = self.skeleton.plan(
            self.cell,
            in_channels=in_channels,
            num_classes=num_classes,
            init_channels=init_channels,
            layers=layers,
            stem=stem,
        )
        plan = replace(plan, whitens=whitens)
        return plan if image_size is None else plan.for_images(image_size)


SPACES: Registry[Callable[..., SearchSpace]] = Registry("space", "dartboard.spaces", gives=SearchSpace)


def space(name: str, *, paper: str = "") -> Callable[[Callable[..., SearchSpace]], Callable[..., SearchSpace]]:
    """Register the decorated function, which returns a `SearchSpace`, as the space `name`.

    Args:
        name: registry name. The arguments of the function, which must have defaults, are the space's options;
            `get_space` adds those that were changed to the name.
        paper: where the space was published.
    """

    def register(factory: Callable[..., SearchSpace]) -> Callable[..., SearchSpace]:
        SPACES.add(name, factory, paper=paper)
        return factory

    return register


def get_space(name: str) -> SearchSpace:
    """The space called `name`, such as "darts", or "darts:nodes=3" with options.

    The name of the space that is returned has only options that differ from their defaults, in the factory's order:
    "darts:nodes=4" gives "darts".

    Raises:
        UnknownNameError: no such space is registered; the nearest names are offered.
        SettingsError: the space has no such option, or the value does not fit.
    """
    base, _, text = name.partition(":")
    factory = SPACES[base].factory
    known = signature(factory).parameters
    given = {}
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        given[key] = _read_option(base, known, key, value)
    options = {key: given[key] for key, option in known.items() if key in given and given[key] != option.default}
    canonical = ",".join(f"{key}={value}" for key, value in options.items())
    made: SearchSpace = SPACES.made(base, lambda: factory(**options))
    return replace(made, name=f"{base}:{canonical}") if options else made


def _read_option(base: str, known: Mapping[str, Parameter], key: str, value: str) -> Any:
    if key not in known:
        hint = suggest(key, known) if known else "it has none."
        raise SettingsError(f"the space '{base}' has no option '{key}'; {hint}")
    try:
        return TypeAdapter(known[key].annotation).validate_python(value)
    except ValidationError as error:
        detail = error.errors()[0]
        raise SettingsError(
            f"the option '{key}' of the space '{base}' cannot be {value!r}: {reason_of(detail)}."
        ) from error

"""One architecture of NAS-Bench-201 in the benchmark's own tables: what `dartboard query` tells."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dartboard.errors import GenotypeError
from dartboard.estimate import SCHEDULES, TABLE_SPACE, find_table, find_tables
from dartboard.records import TableLookUp
from dartboard.runs import Record
from dartboard.settings.genotype import read_genotype
from dartboard.space import Genotype, get_space, lets_images_through, network_cost, parse_genotype
from dartboard.wording import Verbatim, html_sheet, html_table, listing

__all__ = ["TableQuery", "query_tables"]

_CHANNELS, _CELLS = 16, 5
_CLASSES, _IMAGE = 10, (32, 32)


class TableQuery(Record):
    """What the tables of NAS-Bench-201 say of one architecture, and its size in the benchmark's network."""

    architecture: str
    """The architecture in the notation of the benchmark."""

    index: int
    """Its number in the benchmark."""

    blind: bool
    """Whether nothing of the images passes through it."""

    parameters: int
    """Number of learned parameters of the benchmark's network for CIFAR-10: 16 channels, 5 cells a stage."""

    multiply_adds: int
    """Multiply-adds of that network for one image of 32 x 32 pixels."""

    tables: TableLookUp
    """Its accuracies by schedule."""

    notes: tuple[str, ...]
    """What must be known to read the figures, in sentences."""

    def to_json(self) -> dict[str, Any]:
        """Plain data, ready for `json.dumps`; accuracies are fractions."""
        return self.model_dump(mode="json")

    def rows(self) -> dict[str, str]:
        """Heading -> text of what is known of the architecture beside its accuracies."""
        blind = {"note": "nothing of the images passes through it"} if self.blind else {}
        return {
            "architecture": Verbatim(self.architecture),
            "index": str(self.index),
            "parameters": f"{self.parameters:,}",
            "multiply-adds": f"{self.multiply_adds:,}",
            **blind,
        }

    def _repr_html_(self) -> str:
        """The HTML that a notebook shows."""
        figures = html_table(self.tables.cells(), self.tables.headings())
        return html_sheet(html_table(self.rows().items()), figures, html_table([(note,) for note in self.notes]))


def query_tables(name: str | Path) -> TableQuery:
    """Look one architecture up in all tables that are there.

    Args:
        name: its number in the benchmark, its text, a JSON file like `genotype.json`, a published name, or a run
            directory.

    Raises:
        GenotypeError: the name stands for no architecture of the benchmark.
        DataError: no table is there, or one is damaged.
    """
    tables = find_tables() or {SCHEDULES[0]: find_table()}  # the latter says what is missing
    genotype = _numbered(int(str(name)), tables) if str(name).isdecimal() else read_genotype(name)
    if genotype.space != TABLE_SPACE:
        raise GenotypeError(
            f"the tables of NAS-Bench-201 hold no architecture of the space '{genotype.space}'; name one of the space "
            f"'{TABLE_SPACE}'."
        )
    found = TableLookUp.of(genotype)
    if found is None:
        paths = listing(table.path.name for table in tables.values())
        raise GenotypeError(
            f"{paths} {'do' if len(tables) > 1 else 'does'} not hold the architecture {genotype.to_text()}; name one "
            "of the benchmark's 15,625, which have no attention."
        )
    return _described(genotype, found)


def _numbered(index: int, tables: Mapping[int, Any]) -> Genotype:
    """The architecture of a number, by the first table."""
    table = next(iter(tables.values()))
    if index not in table.numbers:
        raise GenotypeError(f"there is no architecture {index} in NAS-Bench-201; they have the numbers 0 to 15624.")
    return parse_genotype(table.numbers[index])


def _described(genotype: Genotype, found: TableLookUp) -> TableQuery:
    space = get_space(TABLE_SPACE)
    plan = space.plan(in_channels=3, num_classes=_CLASSES, init_channels=_CHANNELS, layers=_CELLS, image_size=_IMAGE)
    cost = network_cost(space, genotype, plan, _IMAGE)
    return TableQuery(
        architecture=genotype.to_text(),
        index=found.schedules[0].index,
        blind=not lets_images_through(space, genotype, plan),
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        tables=found,
        notes=tuple(found.notes()),
    )

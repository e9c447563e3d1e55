"""A discrete architecture as frozen data, with its JSON and its text, both ways.

Text is the notation of the literature: `Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), ...)`
for spaces of normal and reduction cells, `|op~0|+|op~0|op~1|+...` for spaces of one cell kind. The literature has
no notation for layer-wise spaces; here they are written `SPACE: op op op | op op | ...`, block by block and stage by
stage. Attention comes last in all of them: `('sep_conv_3x3', 1, 'cbam')` as in Att-DARTS, `|op~0~cbam|`, `op~cbam`.
Attention at the end of a cell is written `normal_attention='cbam'`, and `+~cbam` after an edge string.
Reading never executes text.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from dartboard.errors import GenotypeError
from dartboard.space.topology import block_kinds, stage_lengths

__all__ = ["CellGenotype", "Choice", "Genotype", "current_name", "parse_genotype"]


@dataclass(frozen=True, order=True)
class Choice:
    """Node `target` of a cell receives `op` applied to node `source`.

    Attributes:
        target: node that receives.
        source: node that is read.
        op: operation.
        attention: operation that follows `op`, as in Att-DARTS (arXiv:2006.12874); empty for none.
    """

    target: int
    source: int
    op: str
    attention: str = ""


@dataclass(frozen=True)
class CellGenotype:
    """One kind of cell.

    Attributes:
        choices: the kept operations, ordered by target node.
        outputs: nodes that form the cell's output. A computed node that receives nothing may be missing; then the cell
            has no such node, and its output is narrower.
        attention: operation on the output of the cell, after its nodes are joined (Att-DARTS, arXiv:2006.12874, at the
            end of cells); empty for none.
    """

    choices: tuple[Choice, ...]
    outputs: tuple[int, ...]
    attention: str = ""


@dataclass(frozen=True)
class Genotype:
    """A discrete architecture.

    Attributes:
        space: name of the search space.
        cells: the cell kinds in the space's order.
    """

    space: str
    cells: tuple[tuple[str, CellGenotype], ...]

    def __getitem__(self, kind: str) -> CellGenotype:
        return dict(self.cells)[kind]

    @property
    def stages(self) -> tuple[tuple[Choice, ...], ...]:
        """For every stage of a layer-wise network, what each block holds; empty for networks of cells."""
        choices = iter([cell.choices[0] for _, cell in self.cells if len(cell.choices) == 1])
        lengths = stage_lengths([kind for kind, _ in self.cells])
        found = tuple(tuple(islice(choices, length)) for length in lengths)
        return found if sum(map(len, found)) == len(self.cells) else ()

    @property
    def operation_counts(self) -> dict[str, int]:
        """Operation -> how often it stands in the genotype, attention included, over all cells; most frequent first."""
        choices = [choice for _, cell in self.cells for choice in cell.choices]
        ops = [name for choice in choices for name in (choice.op, choice.attention) if name]
        ops += [cell.attention for _, cell in self.cells if cell.attention]
        return {op: ops.count(op) for op in sorted(set(ops), key=lambda op: (-ops.count(op), op))}

    def to_json(self) -> dict[str, Any]:
        """Plain data: {"space": ..., "normal": [[op, target, source], ...], "normal_concat": [...], ...}.

        Where attention follows an operation, its entry is [op, target, source, attention]; attention at the end of a
        cell is "normal_attention". Layer-wise networks are
        {"space": ..., "stages": [[[op], ...], ...]}, one entry a block, with attention [op, attention].
        """
        if self.stages:
            stages = [[_entry(choice, choice.op) for choice in stage] for stage in self.stages]
            return {"space": self.space, "stages": stages}
        content: dict[str, Any] = {"space": self.space}
        for kind, cell in self.cells:
            content[kind] = [_entry(choice, choice.op, choice.target, choice.source) for choice in cell.choices]
            content[f"{kind}_concat"] = list(cell.outputs)
            if cell.attention:
                content[f"{kind}_attention"] = cell.attention
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Genotype":
        """Read what `to_json` gave.

        Raises:
            GenotypeError: a key is missing, or an entry has another form.
        """
        try:
            if "stages" in content:
                stages = [[(str(op), _attention(further)) for op, *further in stage] for stage in content["stages"]]
                return _layer_wise(str(content["space"]), stages)
            kinds = [key for key in content if key != "space" and not key.endswith(_ENDINGS)]
            if not kinds:
                raise ValueError("it names no cell")
            cells = tuple(
                (
                    kind,
                    CellGenotype(
                        tuple(
                            Choice(_integer(target), _integer(source), str(op), _attention(further))
                            for op, target, source, *further in content[kind]
                        ),
                        tuple(_integer(node) for node in content[f"{kind}_concat"]),
                        _attention([name] if (name := content.get(f"{kind}_attention", "")) else ()),
                    ),
                )
                for kind in kinds
            )
            return cls(str(content["space"]), cells)
        except (KeyError, TypeError, ValueError) as error:
            raise GenotypeError(
                f"the genotype is not complete: each cell needs entries [operation, node, predecessor] and a '_concat' "
                f"list ({type(error).__name__}: {error})."
            ) from error

    def to_text(self) -> str:
        """The literature's notation; `parse_genotype` reads it back."""
        if self.stages:
            blocks = (" ".join("~".join(map(str, _entry(block, block.op))) for block in stage) for stage in self.stages)
            return f"{self.space}: {' | '.join(blocks)}"
        if [kind for kind, _ in self.cells] == ["cell"]:
            return _edge_string(self["cell"])
        fields = []
        for kind, cell in self.cells:
            fields.append(f"{kind}={_pairs(cell)}")
            fields.append(f"{kind}_concat={_range_text(cell.outputs)}")
            if cell.attention:
                fields.append(f"{kind}_attention={cell.attention!r}")
        return f"Genotype({', '.join(fields)})"

    def __str__(self) -> str:
        return self.to_text()


def parse_genotype(text: str, space: str | None = None) -> Genotype:
    """Read any of the notations.

    Args:
        text: `Genotype(...)`, `|op~0|+...` or `SPACE: op op | op ...`.
        space: name of the space; None: "darts" for the first notation ("darts:kinds=1" where it has one kind of cells,
            called `shared`), "nas-bench-201" for the second, and for the third the name that the text begins with.

    Raises:
        GenotypeError: the text is none of these; the message shows the part that cannot be read.
    """
    text = text.strip()
    if layers := LAYER_WISE.fullmatch(text):
        stages = [[block.partition("~")[::2] for block in stage.split()] for stage in layers[2].split("|")]
        return _layer_wise(space or layers[1], stages)
    if text.startswith("|"):
        return Genotype(space or "nas-bench-201", (("cell", _parse_edge_string(text)),))
    cells = _parse_call(text)
    alone = [kind for kind, _ in cells] == ["shared"]
    return Genotype(space or ("darts:kinds=1" if alone else "darts"), cells)


_ENDINGS = ("_concat", "_attention")
"""Endings of the keys that belong to a kind of cells."""

LAYER_WISE = re.compile(r"([\w.-]+(?::[\w.=,-]+)?):((?:\s+\w+(?:~\w+)?|\s+\|)+)\s*")
"""The text of a layer-wise network."""


_FORMERLY = {"proxyless": {"zero": "skip_connect"}, "proxyless-fairnas19": {"zero": "skip_connect"}}
"""Space -> names that its operations had in earlier versions, and those that they have now."""


def current_name(space: str, op: str) -> str:
    """The name that an operation of a space has now; what earlier versions wrote has others.

    >>> current_name("proxyless", "zero")
    'skip_connect'
    """
    return _FORMERLY.get(space.partition(":")[0], {}).get(op, op)


def _layer_wise(space: str, stages: Sequence[Sequence[tuple[str, str]]]) -> Genotype:
    """From (operation, attention) of every block, stage by stage."""
    if not stages or not all(stages):
        raise GenotypeError("every stage of a layer-wise genotype needs a block; one is empty.")
    kinds = block_kinds([len(stage) for stage in stages])
    named = [(current_name(space, op), attention) for stage in stages for op, attention in stage]
    blocks = [CellGenotype((Choice(1, 0, *block),), (1,)) for block in named]
    return Genotype(space, tuple(zip(kinds, blocks, strict=True)))


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not a node number")
    return value


def _edge_string(cell: CellGenotype) -> str:
    targets = range(1, max((*cell.outputs, *(choice.target for choice in cell.choices)), default=0) + 1)
    groups = (sorted(choice for choice in cell.choices if choice.target == target) for target in targets)
    text = "+".join("|" + "".join(f"{_edge_entry(choice)}|" for choice in group) for group in groups)
    return f"{text}+~{cell.attention}" if cell.attention else text


def _edge_entry(choice: Choice) -> str:
    return "~".join(str(part) for part in _entry(choice, choice.op, choice.source))


def _entry(choice: Choice, *parts: str | int) -> list[str | int]:
    """Parts of an entry, with the attention last where there is one."""
    return [*parts, choice.attention] if choice.attention else [*parts]


def _attention(parts: Sequence[object]) -> str:
    """The attention at the end of an entry: none or one name."""
    names = [part for part in parts if isinstance(part, str)]
    if len(names) != len(parts) or len(names) > 1:
        raise TypeError(f"{list(parts)!r} is not the name of an attention")
    return "".join(names)


def _parse_edge_string(text: str) -> CellGenotype:
    groups = text.split("+")
    last = re.fullmatch(r"~(\w+)", groups[-1])
    groups = groups[:-1] if last else groups
    choices = []
    for target, group in enumerate(groups, start=1):
        if not re.fullmatch(r"\|(\w+~\d{1,4}(~\w+)?\|)*", group):
            raise GenotypeError(
                f"'{group}' is not of the form |operation~node|operation~node|, in the genotype {text}."
            )
        for entry in filter(None, group.split("|")):
            name, source, *attention = entry.split("~")
            choices.append(Choice(target, int(source), name, *attention))
    return CellGenotype(tuple(choices), (len(groups),), last[1] if last else "")


def _pairs(cell: CellGenotype) -> str:
    first = min(cell.outputs, default=2)
    implied = [first + position // 2 for position in range(len(cell.choices))]
    is_implied = [choice.target for choice in cell.choices] == implied
    targets = [() if is_implied else (choice.target,) for choice in cell.choices]
    entries = [
        _entry(choice, choice.op, choice.source, *target) for choice, target in zip(cell.choices, targets, strict=True)
    ]
    return "[" + ", ".join(repr(tuple(entry)) for entry in entries) + "]"


def _range_text(nodes: Sequence[int]) -> str:
    if nodes and list(nodes) == list(range(nodes[0], nodes[-1] + 1)):
        return f"range({nodes[0]}, {nodes[-1] + 1})"
    return str(list(nodes))


def _parse_call(text: str) -> tuple[tuple[str, CellGenotype], ...]:
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or call.args or ast.unparse(call.func).rpartition(".")[2] != "Genotype":
            raise ValueError("it is not written Genotype(normal=[...], ...)")
        fields = {keyword.arg: _literal(keyword.value) for keyword in call.keywords if keyword.arg}
        kinds = [name for name in fields if not name.endswith(_ENDINGS)]
        if not kinds:
            raise ValueError("it names no cell")
        return tuple(
            (
                kind,
                replace(
                    _cell_from_pairs(fields[kind], fields[f"{kind}_concat"]),
                    attention=_attention([name] if (name := fields.get(f"{kind}_attention", "")) else ()),
                ),
            )
            for kind in kinds
        )
    except (SyntaxError, ValueError, TypeError, LookupError, RecursionError, MemoryError) as error:
        raise GenotypeError(f"the genotype text cannot be read ({error}): {text[:80]}") from error


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("range", "list"):
        values = [_literal(argument) for argument in node.args]
        return list(range(*values)) if node.func.id == "range" else values[0]
    return ast.literal_eval(node)


def _cell_from_pairs(pairs: Sequence[Sequence[Any]], outputs: Sequence[int]) -> CellGenotype:
    first = min(outputs)
    choices = []
    for position, (name, source, *further) in enumerate(pairs):
        is_implied = not further or isinstance(further[0], str)
        target = first + position // 2 if is_implied else _integer(further.pop(0))
        choices.append(Choice(target, _integer(source), str(name), _attention(further)))
    return CellGenotype(tuple(choices), tuple(_integer(node) for node in outputs))

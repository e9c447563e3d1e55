"""Reading a genotype from a run directory, a file, a published name, or its text."""

from pathlib import Path

from dartboard.errors import GenotypeError, suggest
from dartboard.runs import read_json
from dartboard.space import PUBLISHED, Genotype, SearchSpace, check_genotype, get_space, parse_genotype
from dartboard.space.genotype import LAYER_WISE

__all__ = ["check_member", "read_genotype"]


def read_genotype(name: str | Path) -> Genotype:
    """The genotype that `name` stands for, checked against its space.

    Args:
        name: a run directory, a JSON file like `genotype.json`, a published name ("darts-v2"), a NAS-Bench-201 string,
            `Genotype(...)` text, or the text of a layer-wise network.

    Raises:
        GenotypeError: the name stands for no genotype, or the genotype does not fit its space.
    """
    genotype = _find(str(name))
    check_member(genotype, get_space(genotype.space))
    return genotype


def check_member(genotype: Genotype, space: SearchSpace) -> None:
    """Accept an architecture of a space; a published one need not have the form that searches give.

    Raises:
        GenotypeError: it is not an architecture of the space.
    """
    check_genotype(genotype, space, strict=genotype not in PUBLISHED.values())


def _find(name: str) -> Genotype:
    if name in PUBLISHED:
        return PUBLISHED[name]
    if name.lstrip().startswith(("|", "Genotype(")) or LAYER_WISE.fullmatch(name.strip()):
        return parse_genotype(name)
    is_folder, is_file = _kind(Path(name))
    if is_folder and not (Path(name) / "genotype.json").is_file():
        raise GenotypeError(f"the folder {name} holds no genotype.json; name the run directory of a finished search.")
    if is_folder or is_file:
        path = Path(name) / "genotype.json" if is_folder else Path(name)
        content = read_json(path)
        if not isinstance(content, dict):
            raise GenotypeError(f"{path} holds no genotype; it must hold a JSON object with the cells of a space.")
        return Genotype.from_json(content)
    raise GenotypeError(
        f"{name[:80]!r} is neither a run directory, nor a JSON file, nor a genotype text, nor a published name; "
        f"{suggest(name, PUBLISHED)}"
    )


def _kind(path: Path) -> tuple[bool, bool]:
    """Whether `path` is a folder, and whether it is a file; both are false for a text that is too long for a path."""
    try:
        return path.is_dir(), path.is_file()
    except OSError:
        return False, False

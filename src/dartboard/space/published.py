"""Architectures of the literature by name, as data.

Notation: per computed node the kept `operation-predecessor` pairs, nodes separated by `|`; operations abbreviated as
in `_SHORT`, and after a further hyphen the attention that follows, as in `_ATTENTION`. A node without pairs (`-`) is
absent: the output does not join it, and edges that leave it are left out. Sources: the authors' released genotypes.

Three members of the space `conv-stages` are named as well, to be compared with what a search finds there:
`conv-stages-by-hand` is the network of airbench (arXiv:2404.00498), `conv-stages-resnet` has residual blocks
(arXiv:1512.03385) and `conv-stages-mobile` inverted residuals (arXiv:1801.04381) behind the first block of each stage.
"""

from dartboard.space.genotype import CellGenotype, Choice, Genotype, parse_genotype

__all__ = ["PUBLISHED", "name_or_text"]

_SHORT = {
    "m3": "max_pool_3x3",
    "a3": "avg_pool_3x3",
    "id": "skip_connect",
    "s3": "sep_conv_3x3",
    "s5": "sep_conv_5x5",
    "d3": "dil_conv_3x3",
    "d5": "dil_conv_5x5",
}

_ATTENTION = {"DA": "double_attention", "CBAM": "cbam", "BAM": "bam"}

_DARTS_CELLS = {
    "darts-v1": (
        "s3-1 s3-0 | id-0 s3-1 | id-0 s3-1 | s3-0 id-2",
        "m3-0 m3-1 | id-2 m3-0 | m3-0 id-2 | id-2 a3-0",
    ),
    "darts-v2": (
        "s3-0 s3-1 | s3-0 s3-1 | s3-1 id-0 | id-0 d3-2",
        "m3-0 m3-1 | id-2 m3-1 | m3-0 id-2 | id-2 m3-1",
    ),
    "p-darts": (
        "id-0 d3-1 | id-0 s3-1 | s3-1 s3-3 | s3-0 d5-4",
        "a3-0 s5-1 | s3-0 d5-2 | m3-0 d3-1 | d3-1 d5-3",
    ),
    "pc-darts-cifar": (
        "s3-1 id-0 | s3-0 d3-1 | s5-0 s3-1 | a3-0 d3-1",
        "s5-1 m3-0 | s5-1 s5-2 | s3-0 s3-3 | s3-1 s3-2",
    ),
    "pc-darts-imagenet": (
        "id-1 s3-0 | s3-0 id-1 | s3-1 s3-3 | s3-1 d5-4",
        "s3-0 id-1 | d5-2 m3-1 | s3-2 s3-1 | s5-0 s3-3",
    ),
    "gdas-v1": (
        "id-0 id-1 | id-0 s5-2 | s3-3 id-0 | s5-4 s3-3",
        "s5-0 s3-1 | s5-2 s5-1 | d5-2 s3-1 | s5-0 s5-2",
    ),
    "snas": (
        "s3-0 s3-1 | id-0 d3-1 | id-1 id-0 | id-0 s3-1",
        "m3-0 m3-1 | m3-1 id-2 | id-2 m3-1 | m3-0 d5-2",
    ),
    "drnas-cifar": (
        "s3-0 s5-1 | s3-1 s3-2 | id-0 s3-1 | s3-2 d5-3",
        "m3-0 s5-1 | d5-2 s5-1 | s5-1 d5-3 | id-4 s5-1",
    ),
    "drnas-imagenet": (
        "s3-1 s3-0 | s3-0 s3-1 | s3-0 d3-3 | id-0 s3-1",
        "m3-0 s3-1 | s3-0 id-2 | s3-0 s3-2 | s3-3 s3-1",
    ),
    "sgas-cri2-4": (
        "s3-0 s3-1 | s3-0 s3-1 | d5-0 d3-2 | s3-1 d5-3",
        "s5-0 d3-1 | m3-0 m3-1 | d3-0 d5-2 | m3-0 a3-1",
    ),
    "fair-darts-a": (
        "s3-0 s5-1 | - | m3-0 | s3-0",
        "m3-0 a3-1 | a3-0 d5-1 | a3-0 s5-1 | id-0 id-1",
    ),
    "fair-darts-b": (
        "s3-0 s3-1 | s3-1 | d3-0 s5-1 | d5-1",
        "id-0 d3-1 | id-0 d3-1 | m3-0 s3-1 | id-2 m3-0",
    ),
    "fair-darts-c": (
        "m3-0 s5-1 | - | d3-0 d5-2 | id-3 s3-0",
        "d3-1 d5-0 | d3-0 s3-1 | s5-0 s5-3 | s5-0 id-1",
    ),
    "fair-darts-d": (
        "s3-0 s5-1 | d3-1 m3-0 | d3-0 d3-1 | s3-0 d5-1",
        "m3-0 s5-1 | a3-0 d5-2 | d3-3 a3-0 | a3-0 id-3",
    ),
    "fair-darts-e": (
        "s3-0 s3-1 | - | d3-1 d3-2 | d3-0 d5-1",
        "m3-1 m3-0 | m3-1 m3-0 | s5-1 m3-0 | a3-0 d5-1",
    ),
    "fair-darts-f": (
        "m3-0 s3-1 | d3-1 | s5-1 | s3-0 s3-1",
        "m3-0 m3-1 | m3-0 d3-1 | d3-2 m3-0 | m3-0 s3-1",
    ),
    "fair-darts-g": (
        "s3-0 s3-1 | - | id-3 s5-1 | d3-0 s3-1",
        "a3-1 id-0 | id-2 m3-1 | s5-3 m3-0 | d3-1 d3-4",
    ),
    "att-darts": (
        "s3-0-DA s3-1-CBAM | s3-0-CBAM id-2-CBAM | id-0-CBAM s3-1-CBAM | id-0-CBAM id-2-CBAM",
        "m3-0-BAM d3-1-DA | a3-0-BAM id-2-CBAM | id-2-CBAM a3-0-BAM | id-2-CBAM a3-0-BAM",
    ),
    "darts-pt": (
        "s3-0 s3-1 | s5-0 d3-1 | id-0 id-2 | id-0 m3-4",
        "s3-0 a3-1 | d5-1 d3-2 | a3-0 m3-2 | s3-2 id-4",
    ),
}

_NB201_STRINGS = {
    "nas-bench-201-9930": (
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    ),
    "nas-bench-201-resnet": "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|",
}


_STAGES = {
    "conv-stages-by-hand": "dense_3x3 dense_3x3 skip_connect",
    "conv-stages-resnet": "residual_3x3 residual_3x3 residual_3x3",
    "conv-stages-mobile": "dense_3x3 mbconv_3x3_e3 mbconv_3x3_e3",
}
"""The blocks of every stage."""


def _darts_cell(text: str) -> CellGenotype:
    present, choices = {0, 1}, []
    for target, pairs in enumerate(text.split("|"), start=2):
        for pair in pairs.replace(" - ", " ").split():
            short, source, *attention = pair.split("-")
            if int(source) in present:
                choices.append(Choice(target, int(source), _SHORT[short], *(_ATTENTION[name] for name in attention)))
                present.add(target)
    return CellGenotype(tuple(choices), tuple(sorted(present - {0, 1})))


PUBLISHED: dict[str, Genotype] = {
    name: Genotype("darts", (("normal", _darts_cell(normal)), ("reduce", _darts_cell(reduce))))
    for name, (normal, reduce) in _DARTS_CELLS.items()
}
PUBLISHED |= {name: parse_genotype(text) for name, text in _NB201_STRINGS.items()}
PUBLISHED |= {name: parse_genotype(f"conv-stages: {stage} | {stage} | {stage}") for name, stage in _STAGES.items()}
"""Name of a published architecture -> its genotype."""


def name_or_text(genotype: Genotype) -> str:
    """The name of a published architecture; the text of any other."""
    return next((name for name, each in PUBLISHED.items() if each == genotype), genotype.to_text())

"""Neighbours and mutations differ in one decision; vectors tell architectures apart."""

import pytest
import torch

from dartboard.parts.discrete import Pool, encode, encoding_size, mutate, neighbours
from dartboard.parts.discrete.samplers import draw_new
from dartboard.runs import make_generator
from dartboard.space import Choice, Genotype, get_space

SPACES = {"nas-bench-201": 24, "darts": 120, "conv-stages": 48}
EMPTY = Pool(epochs=(1,), evaluated_by="training")


def drawn(space: str, count: int = 3) -> list[Genotype]:
    return draw_new(EMPTY, get_space(space), count, make_generator(0, "test"))


def decisions(genotype: Genotype) -> set[tuple[str, Choice]]:
    return {(kind, choice) for kind, cell in genotype.cells for choice in cell.choices}


@pytest.mark.parametrize(("space", "count"), SPACES.items())
def test_there_are_as_many_neighbours_as_the_papers_say_and_none_is_the_centre(space: str, count: int) -> None:
    for centre in drawn(space):
        around = neighbours(get_space(space), centre)
        assert len({each.to_text() for each in around}) == len(around) == count
        assert all(len(decisions(each) - decisions(centre)) == 1 for each in around)
        assert all(len(decisions(each)) == len(decisions(centre)) for each in around)


@pytest.mark.parametrize("space", [*SPACES, "robust-s1", "proxyless"])
def test_a_mutation_is_a_neighbour(space: str) -> None:
    made, generator = get_space(space), make_generator(1, "test")
    for centre in drawn(space, 2):
        around = set(neighbours(made, centre))
        assert all(mutate(made, centre, generator) in around for _ in range(20))


def test_half_of_the_mutations_in_the_darts_space_move_a_predecessor() -> None:
    made, generator, [centre] = get_space("darts"), make_generator(2, "test"), drawn("darts", 1)
    old = {(kind, choice.target, choice.source) for kind, choice in decisions(centre)}
    moved = 0
    for _ in range(400):
        new = {(kind, choice.target, choice.source) for kind, choice in decisions(mutate(made, centre, generator))}
        moved += new != old
    assert 160 < moved < 240


@pytest.mark.parametrize("space", SPACES)
def test_vectors_have_a_one_for_every_decision_and_differ(space: str) -> None:
    made = get_space(space)
    [centre] = drawn(space, 1)
    vector = encode(made, centre)
    assert vector.shape == (encoding_size(made),)
    assert vector.sum() == len(decisions(centre))
    others = torch.stack([encode(made, each) for each in neighbours(made, centre)])
    assert (others != vector).sum(1).eq(2).all()


def test_the_encoding_of_nas_bench_201_and_darts_have_the_sizes_of_the_paper() -> None:
    assert encoding_size(get_space("nas-bench-201")) == 6 * 5
    assert encoding_size(get_space("darts")) == 2 * 14 * 8

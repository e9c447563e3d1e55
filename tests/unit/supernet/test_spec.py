from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dartboard.errors import SettingsError
from dartboard.space import SearchSpace, get_space
from dartboard.supernet import Mixing, SupernetSpec
from dartboard.supernet.spec import SEARCH_NORM

DARTS = get_space("darts")
NB201 = get_space("nas-bench-201")


def make(space: SearchSpace = DARTS, *, width: int = 8, mixing: Mixing | None = None) -> SupernetSpec:
    layers = 3 if space.name == "darts" else 1
    plan = space.plan(in_channels=3, num_classes=10, init_channels=width, layers=layers)
    return SupernetSpec(space, plan, mixing or Mixing())


@pytest.mark.parametrize(
    ("attention", "sentence"),
    [
        (
            ("identity", "squeze_excite"),
            "no operation 'squeze_excite' to serve as attention; did you mean 'squeeze_exc",
        ),
        (("se",), "no operation 'se' to serve as attention; known: bam, cbam, double_attention, gather_excite, ident"),
        (("bam", "cbam", "bam"), "the attention 'bam' is named twice"),
    ],
)
def test_attention_that_is_unknown_or_named_twice_is_refused(attention: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Mixing(attention=attention)


def edges(*names: str, count: int = 14) -> list[list[str]]:
    return [list(names) for _ in range(count)]


def test_by_default_all_channels_go_through_the_operations_and_nothing_else_acts_on_an_edge() -> None:
    spec = make()
    assert spec.mixing == Mixing(channel_share=1, auxiliary_skip=False, attention=())
    assert spec.norm == SEARCH_NORM
    assert not spec.norm.affine
    assert not spec.norm.running


@pytest.mark.parametrize(("width", "share"), [(6, 4), (8, 3), (2, 4)])
def test_a_share_that_does_not_divide_the_channels_is_refused(width: int, share: int) -> None:
    wanted = f"1/{share} need a width divisible by {share}, but cells of the kind 'normal' have {width} channels"
    with pytest.raises(SettingsError, match=wanted):
        make(width=width, mixing=Mixing(channel_share=share))


@pytest.mark.parametrize(("width", "share"), [(8, 4), (6, 3), (4, 4), (2, 1)])
def test_a_share_that_divides_the_channels_is_taken(width: int, share: int) -> None:
    assert make(NB201, width=width, mixing=Mixing(channel_share=share)).mixing.channel_share == share


def test_operations_that_the_space_lacks_are_refused_and_the_nearest_offered() -> None:
    with pytest.raises(SettingsError, match=r"'sep_conv_3x4' is no operation of 'darts'.*sep_conv_3x3"):
        make().with_live({"normal": edges("skip_connect", "sep_conv_3x4")})


def test_an_operation_that_is_registered_but_not_of_the_space_is_refused() -> None:
    with pytest.raises(SettingsError, match="'sep_conv_7x7' is no operation of 'darts'"):
        make().with_live({"normal": edges("sep_conv_7x7")})


@pytest.mark.parametrize("count", [0, 13, 15])
def test_operations_for_another_number_of_edges_are_refused(count: int) -> None:
    with pytest.raises(SettingsError, match=f"the reduce cell has 14 edges, but operations are given for {count}"):
        make().with_live({"reduce": edges("none", count=count)})


@pytest.mark.parametrize(("space", "kind"), [(DARTS, "cell"), (NB201, "normal"), (DARTS, "normal.edges")])
def test_cells_that_the_space_lacks_are_refused(space: SearchSpace, kind: str) -> None:
    with pytest.raises(SettingsError, match=f"there are no '{kind}' cells in '{space.name}'"):
        make(space).with_live({kind: edges("none")})


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from(DARTS.ops)), min_size=14, max_size=14))
def test_the_operations_of_an_edge_are_the_live_ones_in_the_order_of_the_space(live: list[list[str]]) -> None:
    spec = make().with_live({"reduce": live})
    for row, names in enumerate(live):
        assert spec.ops_of("reduce", row) == tuple(name for name in DARTS.ops if name in names)
        assert spec.ops_of("normal", row) == DARTS.ops


def test_taking_operations_away_changes_neither_the_gates_shapes_nor_the_first_spec() -> None:
    whole = make()
    pruned = whole.with_live({"normal": edges("skip_connect")})
    assert pruned.gate_shapes == whole.gate_shapes == {"normal": (14, 8), "reduce": (14, 8)}
    assert whole.live == ()
    assert whole.ops_of("normal", 0) == DARTS.ops
    assert pruned == replace(whole, live=pruned.live)
    assert hash(pruned) != hash(whole)


def test_live_operations_given_again_replace_the_earlier_ones() -> None:
    spec = make().with_live({"normal": edges("none")}).with_live({"reduce": edges("skip_connect")})
    assert spec.ops_of("normal", 3) == DARTS.ops
    assert spec.ops_of("reduce", 3) == ("skip_connect",)

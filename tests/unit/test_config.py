import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from dartboard.config import (
    Settings,
    changed_keys,
    mapping_of,
    nest,
    parse_overrides,
    read_settings_file,
    resolve,
    settings_named,
)
from dartboard.errors import SettingsError


class Inner(Settings):
    """A group."""

    batch_size: Annotated[int, Field(ge=1)] = 64
    """Images per step."""

    rate: float = 0.025
    epochs: int | None = 50


class Outer(Settings):
    """The root of a tree."""

    name: str = "darts"
    search: Inner = Inner()
    train: Inner = Inner(batch_size=96)
    flags: tuple[int, ...] = ()


class Chosen(Settings):
    """A group with a short form."""

    short_form = "name"

    name: str = "auto"
    options: dict[str, int] = Field(default_factory=dict)
    width: int = 1


class Choosing(Settings):
    """A tree with short forms and documents."""

    documents = frozenset({"drawing"})

    method: Chosen = Chosen()
    other: Chosen | None = None
    drawing: dict[str, Any] | None = None


names = st.sampled_from(["a", "b", "c"])
trees = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3), max_leaves=8
)
layers = st.dictionaries(names, trees, max_size=3)


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def test_later_layers_win_and_leave_the_other_settings() -> None:
    resolved = resolve(Outer, {"search": {"batch_size": 8, "rate": 1.0}}, {"search.batch_size": 16}, {"name": "x"})
    assert resolved == Outer(name="x", search=Inner(batch_size=16, rate=1.0))


def test_no_layers_give_the_defaults() -> None:
    assert resolve(Outer) == Outer()


def test_dotted_and_nested_keys_mix_in_one_layer() -> None:
    resolved = resolve(Outer, {"search.rate": 0.5, "search": {"batch_size": 2}, "train.batch_size": 3})
    assert (resolved.search.rate, resolved.search.batch_size, resolved.train.batch_size) == (0.5, 2, 3)


def test_a_layer_is_left_as_it_was() -> None:
    first = {"search": {"rate": 1.0}}
    resolve(Outer, first, {"search.rate": 2.0, "search.batch_size": 5})
    assert first == {"search": {"rate": 1.0}}


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Outer().name = "other"


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ({"search.batch_sise": 1}, "there is no setting 'search.batch_sise'; did you mean 'search.batch_size'"),
        ({"nam": "x"}, r"there is no setting 'nam'; did you mean 'name'\?"),
        ({"qqq": 1}, "there is no setting 'qqq'; known: flags, name, search.batch_size, search.epochs, search.rate"),
        ({"search.batch_size": 0}, "the setting 'search.batch_size' cannot be 0: input should be greater than or"),
        ({"search.rate": "fast"}, "the setting 'search.rate' cannot be 'fast': input should be a valid number"),
        ({"search": 3}, "the setting 'search' cannot be 3: "),
        ({"name": {"a": 1}}, "the setting 'name' does not fit: input should be a text"),
        ({"flags": [1, "x"]}, "the setting 'flags.1' cannot be 'x': "),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_and_reason(layer: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        resolve(Outer, layer)


def test_nesting_splits_dots_at_every_depth() -> None:
    assert nest({"a.b": 1, "a": {"c": 2, "d.e": 3}}) == {"a": {"b": 1, "c": 2, "d": {"e": 3}}}


@given(layers)
def test_nesting_undoes_flattening(tree: dict[str, Any]) -> None:
    assert nest(flatten(tree)) == tree == nest(tree)


@pytest.mark.parametrize(
    ("layer", "key"),
    [
        ({"a": 1, "a.b": 2}, "a"),
        ({"a.b": 2, "a": 1}, "a"),
        ({"a": {"b": 1}, "a.b.c": 2}, "a.b"),
        ({"a.b.c": 2, "a": {"b": None}}, "a.b"),
    ],
)
def test_a_key_is_not_both_a_value_and_a_group(layer: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError, match=f"the setting '{key}' is given both as a value and as a group; keep one"):
        nest(layer)


@given(layers, layers)
def test_changed_keys_are_the_leaves_that_differ(old: dict[str, Any], new: dict[str, Any]) -> None:
    changed = changed_keys(old, new)
    assert changed == changed_keys(new, old)
    assert not changed_keys(old, old)
    left, right = flatten(old), flatten(new)
    differing = {key for key in left.keys() | right.keys() if left.get(key) != right.get(key)}
    assert all(any(leaf == key or leaf.startswith(f"{key}.") for leaf in differing) for key in changed)
    assert all(any(leaf == key or leaf.startswith(f"{key}.") for key in changed) for leaf in differing)


def test_changed_keys_are_dotted_and_sorted() -> None:
    old = {"search": {"rate": 1, "steps": 5}, "name": "a", "gone": 1}
    new = {"search": {"rate": 2, "steps": 5}, "name": "b", "added": 1}
    assert changed_keys(old, new) == ["added", "gone", "name", "search.rate"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("3", 3),
        ("-0.5", -0.5),
        ("1e-3", 1e-3),
        ("2E4", 2e4),
        (".5e+1", 5.0),
        ("1e", "1e"),
        ("[1, 2]", [1, 2]),
        ("{a: 1}", {"a": 1}),
        ("null", None),
        ("", None),
        ("darts", "darts"),
        ("a=b", "a=b"),
        ("'3'", "3"),
    ],
)
def test_override_values_mean_what_they_say(text: str, value: object) -> None:
    assert parse_overrides([f"search.key={text}"]) == {"search.key": value}


def test_the_last_of_equal_overrides_wins() -> None:
    assert parse_overrides(["a=1", "b=2", "a=3"]) == {"a": 3, "b": 2}


@pytest.mark.parametrize("text", ["search.epochs", "=3", " =3", ""])
def test_an_override_without_key_or_value_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is not of the form key=value"):
        parse_overrides([text])


@pytest.mark.parametrize(
    "value", ["[1", "{a", "!!python/object/apply:os.getcwd []", "2020-13-45", "!!timestamp x", "!!int x", "[" * 3000]
)
def test_an_override_that_is_not_plain_yaml_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: quote it or check its brackets\.$"):
        parse_overrides([f"a={value}"])


def test_a_yaml_and_a_json_file_say_the_same(tmp_path: Path) -> None:
    content = {"name": "x", "search": {"rate": 0.001}}
    (tmp_path / "a.yaml").write_text("# mine\nname: x\nsearch:\n  rate: 1e-3\n")
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert read_settings_file(tmp_path / "a.yaml") == read_settings_file(tmp_path / "a.json") == content


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# nothing yet\n")
    assert read_settings_file(tmp_path / "a.yaml") == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"- 1\n- 2\n", "holds a list; it must map keys to values"),
        (b"just words", "holds a str; it must map keys to values"),
        (b"a: [1", "is not YAML: "),
        (b"a: 2020-13-45", "is not YAML: "),
        (b"\xff\xfe\xfa\x00", "is not YAML: "),
        (b"!!python/object/apply:os.getcwd []", "is not YAML: "),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(SettingsError, match=sentence) as caught:
        read_settings_file(tmp_path / "a.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.yaml cannot be read: No such file"):
        read_settings_file(tmp_path / "absent.yaml")


@pytest.mark.parametrize("group", ["method", "other"])
def test_a_short_form_is_the_key_that_it_stands_for_in_whatever_layer(group: str) -> None:
    options = {f"{group}.options": {"a": 1}, f"{group}.width": 3}
    whole = getattr(resolve(Choosing, {group: {"name": "darts", "options": {"a": 1}, "width": 3}}), group)
    for layers in (
        [{group: "darts"}, options],
        [{f"{group}.name": "darts"}, options],
        [options, {group: "darts"}],
        [{group: "darts", **options}],
        [{**options, f"{group}.name": "darts"}],
        [{group: "random"}, options, {group: "darts"}],
        [{group: "random"}, {group: "darts"}, {group: {"options": {"a": 1}}}, {f"{group}.width": 3}],
    ):
        assert getattr(resolve(Choosing, *layers), group) == whole, layers


def test_what_is_meant_for_one_value_of_a_short_form_is_not_given_to_another() -> None:
    meant = {"method": {"name": "darts", "options": {"a": 1}}}
    assert resolve(Choosing, meant, {"method": "random"}).method == Chosen(name="random")
    assert resolve(Choosing, meant, {"method.name": "random", "method.width": 2}).method == Chosen(
        name="random", width=2
    )
    assert resolve(Choosing, meant, {"method": "darts"}).method == Chosen(name="darts", options={"a": 1})
    assert resolve(Choosing, meant, {"method": "random"}, meant).method == Chosen(name="darts", options={"a": 1})


def test_a_document_is_taken_as_a_whole_and_not_mixed_with_an_earlier_one() -> None:
    assert resolve(Choosing, {"drawing": {"a": 1}}, {"drawing": {"b": 2}}).drawing == {"b": 2}


def test_one_layer_does_not_give_a_setting_twice() -> None:
    for layer in ({"method": "darts", "method.name": "random"}, {"method.width": 1, "method": {"width": 2}}):
        with pytest.raises(SettingsError, match=r"the setting '.*' is given twice, with different values; keep one"):
            resolve(Choosing, layer)
    assert resolve(Choosing, {"method": "darts", "method.name": "darts"}).method.name == "darts"


def test_a_mistyped_group_of_settings_gets_its_nearest_name() -> None:
    entries = [{"name": name} for name in ("seed", "train.lr", "train.augment.flip")]
    assert settings_named(entries, "train.augment") == [{"name": "train.augment.flip"}]
    with pytest.raises(SettingsError, match=r"no setting 'train\.augmnt'; did you mean 'train\.augment'"):
        settings_named(entries, "train.augmnt")
    with pytest.raises(SettingsError, match="no setting 'xyz'; dartboard settings lists all of them"):
        settings_named(entries, "xyz")


@pytest.mark.parametrize("layer", [["search.epochs=9"], "quick", 3])
def test_settings_that_are_no_mapping_are_refused_in_a_sentence(layer) -> None:
    for use in (mapping_of, lambda given: resolve(Outer, given)):
        told = f"settings of class {type(layer).__name__} are not understood; give a dict"
        with pytest.raises(SettingsError, match=told):
            use(layer)

from collections.abc import Callable
from importlib import import_module
from pkgutil import walk_packages
from types import SimpleNamespace

import pytest

import dartboard
from dartboard.errors import DartboardWarning, ExtensionError, UnknownNameError
from dartboard.registry import Registry, leaving_out
from dartboard.shelves import REGISTRIES


def build_small() -> str:
    """Something small.

    And more about it.
    """
    return "small"


def build_undocumented() -> str:
    return "undocumented"


@pytest.fixture
def registry() -> Registry[Callable[[], str]]:
    return Registry("thing", "dartboard.things_that_no_package_offers")


def test_an_entry_carries_name_factory_summary_and_paper(registry: Registry[Callable[[], str]]) -> None:
    registry.add("small", build_small, paper="arXiv:1806.09055")
    entry = registry["small"]
    assert (entry.name, entry.summary, entry.paper) == ("small", "Something small", "arXiv:1806.09055")
    assert entry.factory() == "small"


def test_a_factory_without_docstring_has_an_empty_summary(registry: Registry[Callable[[], str]]) -> None:
    registry.add("bare", build_undocumented)
    assert registry["bare"].summary == ""


def test_a_name_is_registered_once(registry: Registry[Callable[[], str]]) -> None:
    registry.add("small", build_small)
    with pytest.raises(ValueError, match="the thing 'small' is registered twice; choose another name"):
        registry.add("small", build_undocumented)
    assert registry["small"].factory is build_small


def test_an_unknown_name_is_answered_with_the_nearest(registry: Registry[Callable[[], str]]) -> None:
    registry.add("small", build_small)
    with pytest.raises(UnknownNameError, match=r"there is no thing 'smal'; did you mean 'small'\?"):
        registry["smal"]


def test_iteration_is_by_name_whatever_the_order_of_registration(registry: Registry[Callable[[], str]]) -> None:
    for name in ("c", "a", "b"):
        registry.add(name, build_small)
    assert [entry.name for entry in registry] == ["a", "b", "c"]


def test_a_removed_name_is_unknown_and_free_again(registry: Registry[Callable[[], str]]) -> None:
    registry.add("small", build_small)
    registry.remove("small")
    assert "small" not in registry
    registry.add("small", build_undocumented)
    assert "small" in registry


@pytest.mark.parametrize(
    "look", [lambda r: r["extra"], lambda r: "extra" in r, list], ids=["getitem", "contains", "iteration"]
)
def test_installed_packages_register_at_the_first_look_and_only_then(
    look: Callable[[Registry[Callable[[], str]]], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry: Registry[Callable[[], str]] = Registry("thing", "dartboard.things")
    asked: list[str] = []

    def entry_points(group: str) -> list[SimpleNamespace]:
        asked.append(group)
        return [SimpleNamespace(load=lambda: registry.add("extra", build_small))]

    monkeypatch.setattr("dartboard.registry.entry_points", entry_points)
    assert not asked
    for _ in range(2):
        assert look(registry)
    assert asked == ["dartboard.things"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModuleNotFoundError("No module named 'absent'"), "No module named 'absent'"),
        (SyntaxError("invalid syntax"), "invalid syntax"),
        (ValueError("the thing 'small' is registered twice; choose another."), "the thing 'small' .* choose another"),
        (RuntimeError(), "RuntimeError"),
        (SystemExit("needs a licence"), "needs a licence"),
    ],
    ids=["absent", "syntax", "twice", "wordless", "exit"],
)
def test_an_installed_package_that_cannot_be_imported_is_named_in_a_warning_and_left_out(
    registry: Registry[Callable[[], str]], monkeypatch: pytest.MonkeyPatch, error: BaseException, told: str
) -> None:
    def load() -> None:
        raise error

    broken = SimpleNamespace(name="mine", value="mine.presets", load=load)
    monkeypatch.setattr("dartboard.registry.entry_points", lambda **_: [broken])
    registry.add("small", build_small)
    with pytest.warns(DartboardWarning, match=rf"'mine' \(mine.presets\), .*: {told}; it is left out"):
        assert [entry.name for entry in registry] == ["small"]
    assert registry["small"].factory() == "small"
    with pytest.raises(UnknownNameError, match=rf"there is no thing 'large'; known: small. It may .*'mine'.*: {told}"):
        registry["large"]


def test_a_package_that_cannot_be_imported_does_not_keep_out_the_others(
    registry: Registry[Callable[[], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("no")

    points = [
        SimpleNamespace(name="broken", value="broken.things", load=fail),
        SimpleNamespace(name="sound", value="sound.things", load=lambda: registry.add("extra", build_small)),
    ]
    monkeypatch.setattr("dartboard.registry.entry_points", lambda **_: points)
    with pytest.warns(DartboardWarning, match="'broken'"):
        assert [entry.name for entry in registry] == ["extra"]


def test_an_entry_that_is_made_around_a_function_tells_what_that_function_says(
    registry: Registry[Callable[[], str]],
) -> None:
    def written() -> str:
        """Something else.

        And more.
        """
        return ""

    registry.add("small", build_small, written=written)
    assert (registry["small"].summary, registry["small"].docstring) == (
        "Something else",
        "Something else.\n\nAnd more.",
    )


@pytest.mark.parametrize(
    ("given", "factory", "told"),
    [
        ((), lambda radius: radius, r"called without arguments, .* needs a default \(missing .* 'radius'\)"),
        (("session", "genotype"), lambda session: session, r"called with \(session, genotype\).*too many"),
        (("space",), lambda space, *, width: (space, width), r"called with \(space\).*'width'"),
    ],
    ids=["one too many", "one too few", "keyword"],
)
def test_a_factory_that_cannot_be_called_is_refused_when_it_registers(
    given: tuple[str, ...], factory: Callable[..., object], told: str
) -> None:
    registry: Registry[Callable[..., object]] = Registry("thing", "dartboard.nothing", given=given)
    with pytest.raises(ValueError, match=f"the thing 'small' does not fit: it is {told}"):
        registry.add("small", factory)
    assert "small" not in registry


@pytest.mark.parametrize(
    ("made", "told"), [(None, "None"), (3, "an object of class int")], ids=["nothing", "another class"]
)
def test_what_a_factory_returns_is_of_the_class_that_was_agreed(made: object, told: str) -> None:
    registry: Registry[Callable[[], object]] = Registry("thing", "dartboard.nothing", gives=str)
    registry.add("small", build_small)
    assert registry.made("small", lambda: "text") == "text"
    with pytest.raises(
        ExtensionError, match=rf"the thing 'small' \(.*build_small\) returns {told}; it must return a str"
    ):
        registry.made("small", lambda: made)


def test_what_a_factory_of_another_package_raises_is_told_with_its_place() -> None:
    registry: Registry[Callable[[], object]] = Registry("thing", "dartboard.nothing")
    registry.add("small", build_small)

    def fail() -> None:
        raise KeyError("radius")

    with pytest.raises(ExtensionError, match=r"the thing 'small' \(.*build_small\) failed with KeyError: 'radius'"):
        registry.made("small", fail)
    with pytest.warns(DartboardWarning, match="it is left out"), leaving_out("thing", "small", "theirs.small"):
        fail()
    with pytest.raises(KeyError), leaving_out("thing", "small", "dartboard.small"):
        fail()


def test_the_options_of_an_entry_are_the_arguments_with_defaults() -> None:
    registry: Registry[Callable[..., str]] = Registry("thing", "dartboard.nothing", given=["given"])
    registry.add("optional", lambda given, depth=2, *, width=3: f"{given}{depth}{width}")
    assert registry["optional"].options == {"depth": 2, "width": 3}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_a_shelf_says_what_its_registry_says(kind: str) -> None:
    shelf = REGISTRIES[kind]
    registry = shelf.open()
    assert registry.group == shelf.group
    assert len(registry) == len(list(registry)) > 0
    assert callable(getattr(import_module(shelf.module), shelf.decorator))


def test_every_registry_stands_on_a_shelf() -> None:
    modules = [import_module(module.name) for module in walk_packages(dartboard.__path__, "dartboard.")]
    registries = {thing.group for module in modules for thing in vars(module).values() if isinstance(thing, Registry)}
    assert registries == {shelf.group for shelf in REGISTRIES.values()}

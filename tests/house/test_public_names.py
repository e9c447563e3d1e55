"""Every module says what it is and which names are public, and every public name says what it does."""

import inspect
import subprocess
import sys
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

import pytest
from typing_extensions import override

import dartboard
from dartboard import api
from dartboard.parts.rules import EpochPlan, Rule, SearchView, WarmUp

NAMES = ["dartboard", *(module.name for module in walk_packages(dartboard.__path__, "dartboard."))]
NO_LIST = ("dartboard.methods", "dartboard.version")
"""The methods are imported for what they register, and the version is read by the build as one line of text."""


def is_ours(thing: object) -> bool:
    return (inspect.isclass(thing) or inspect.isfunction(thing)) and thing.__module__.startswith("dartboard")


def load(name: str) -> ModuleType:
    return import_module(name)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("__main__")])
def test_a_module_describes_itself_and_lists_its_public_names(name: str) -> None:
    module = load(name)
    assert module.__doc__
    assert module.__doc__.strip()
    if name.startswith(NO_LIST):
        return
    public = module.__all__
    assert [each for each in public if not hasattr(module, each)] == []
    assert len(set(public)) == len(public)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("__main__")])
def test_every_public_class_function_and_method_has_a_docstring(name: str) -> None:
    module = load(name)
    silent = []
    for public in getattr(module, "__all__", ()):
        thing = getattr(module, public)
        if not is_ours(thing):
            continue
        members = vars(thing).items() if inspect.isclass(thing) else ()
        candidates = [(public, thing)] + [
            (f"{public}.{key}", value)
            for key, value in members
            if not key.startswith("_") and isinstance(value, property | classmethod | staticmethod | type(load))
        ]
        silent += [key for key, value in candidates if not docstring_of(value)]
    assert silent == []


def docstring_of(thing: object) -> str:
    """What a reader sees of it: its own words, or those of the method that it is marked to override."""
    words = inspect.getdoc(thing) if getattr(thing, "__override__", False) else thing.__doc__
    return (words or "").strip()


def test_a_method_inherits_words_only_where_it_is_marked_to_override_some_that_say_something() -> None:
    assert docstring_of(WarmUp.before_epoch) == inspect.getdoc(Rule.before_epoch)
    assert docstring_of(Unmarked.before_epoch) == ""
    assert docstring_of(Alone.other) == ""


class Unmarked(Rule):
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:  # noqa: ARG002 - as it was
        return plan


class Alone(Rule):
    @override
    def other(self) -> None:  # type: ignore[misc]
        pass


def test_the_package_offers_its_verbs_and_its_version() -> None:
    assert set(dartboard.__all__) >= {"run", "search", "train", "report", "list_methods", "list_spaces", "__version__"}
    with pytest.raises(AttributeError, match="has no attribute 'serach'"):
        dartboard.serach  # noqa: B018


def test_names_of_the_package_are_the_verbs_whatever_else_was_imported() -> None:
    """No room and no file of the package takes the name of a verb, so that importing it hides none."""
    for name in NAMES:
        if not name.endswith("__main__"):
            load(name)
    for name in api.__all__:
        if name in dartboard.__all__:
            assert getattr(dartboard, name) is getattr(api, name)
    assert set(dartboard.__all__) <= set(dir(dartboard))


@pytest.mark.parametrize("name", [name for name in dartboard.__all__ if not name.startswith("_")])
def test_a_public_name_can_be_imported_as_if_it_were_a_module(name: str) -> None:
    assert load(f"dartboard.{name}") is getattr(dartboard, name)


def test_importing_a_verb_gives_the_verb_and_nothing_of_it() -> None:
    code = "import dartboard.search; from dartboard.search import search"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stderr.splitlines()[-1].startswith("ImportError: cannot import name 'search' from")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'dartboard\.serach'"):
        load("dartboard.serach")


def test_rooms_are_there_without_an_import_of_their_own() -> None:
    code = "import dartboard; print(dartboard.training.ImagePredictions.__name__, dartboard.search.__name__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "ImagePredictions search\n"


def test_what_a_room_offers_is_defined_in_that_room_or_below() -> None:
    """A public name is re-exported by its own room only, so that there is one place to import it from."""
    for room in (
        "data",
        "runs",
        "space",
        "supernet",
        "parts",
        "engine",
        "training",
        "settings",
        "records",
        "session",
        "budget",
        "workflow",
    ):
        module = load(f"dartboard.{room}")
        foreign = [
            name
            for name in module.__all__
            if is_ours(getattr(module, name)) and not getattr(module, name).__module__.startswith(module.__name__)
        ]
        assert foreign == []

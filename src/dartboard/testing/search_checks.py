"""Checks that a method is repeatable, resumes exactly, has no dead options and ends with a valid architecture."""

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from dartboard.errors import SettingsError
from dartboard.parts import METHODS
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Epoch, Observer, RunDirectory, SearchEpoch
from dartboard.session import search_genotype
from dartboard.space import check_genotype, get_space
from dartboard.testing.cases import Change, MethodCase
from dartboard.testing.contract import Contract, for_each
from dartboard.testing.small import Outcome, StopAfter, Stopped, open_small, outcome

__all__ = ["SearchContract", "search_once", "search_small"]


def search_small(
    folder: Path, case: MethodCase, *layers: Mapping[str, Any], observer: Observer | None = None
) -> Outcome:
    """The results of a small search with the method of a case.

    Args:
        folder: folder of the run; if it holds an unfinished run, that run is resumed.
        case: the method.
        layers: settings that differ from those of the case; later layers override earlier ones.
        observer: receives all events and messages.
    """
    with RunDirectory(folder) as run:
        search_genotype(open_small(run, {**case.settings, "search.steps_per_epoch": 2}, *layers, observer=observer))
    return outcome(folder)


@cache
def search_once(case: MethodCase, *settings: tuple[str, Any]) -> Outcome:
    """The results of `search_small` with settings given as (key, value); run once per process. Do not change them."""
    with tempfile.TemporaryDirectory() as folder:
        return search_small(Path(folder), case, dict(settings))


def _without_curvature(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event without what a measurement of the curvature has left."""
    return {key: value for key, value in event.items() if key not in ("eigenvalue", "trace")}


class _StopAtCurvature(Observer):
    """Ends a search with the epoch in which the curvature has been measured."""

    def epoch(self, event: Epoch) -> None:
        """Look at an epoch that is done.

        Raises:
            Stopped: its curvature has been measured.
        """
        if isinstance(event, SearchEpoch) and "eigenvalue" in event.figures:
            raise Stopped


class SearchContract(Contract):
    """A method is repeatable, resumes exactly, has options that all matter, and ends with a genotype of its space.

    Attributes:
        methods: the methods to test.
        spaces: names of spaces that the methods must take, or refuse in a sentence.
        stops: (epochs, steps): a search is stopped after so many epochs and steps of the next epoch, and then resumed,
            for all entries in turn. Entries beyond the end of the search are left out.
    """

    methods: ClassVar[Sequence[MethodCase]] = ()
    spaces: ClassVar[Sequence[str]] = ("darts:nodes=2", "nas-bench-201")
    stops: ClassVar[Sequence[tuple[int, int]]] = ((1, 0), (1, 1), (2, 0), (3, 1), (5, 0), (5, 1))

    def kept_by(self) -> Iterable[MethodCase]:
        """The cases of the methods."""
        return self.methods

    @for_each("case", lambda own: own.methods)
    def test_the_method_says_what_it_is(self, case: MethodCase) -> None:
        """Lists of methods and the documentation show the first line of the method's docstring."""
        assert METHODS[case.name].summary

    @for_each("case", lambda own: own.methods)
    def test_same_seed_same_bits_and_torchs_global_random_state_neither_matters_nor_moves(
        self, case: MethodCase, tmp_path: Path
    ) -> None:
        """All random numbers come from the streams of the search.

        The second search measures the curvature in alpha, which works with every method whose gates have derivatives,
        changes nothing, and ends the search. That whole searches are the same is shown by those that are resumed.
        """
        before = search_once(case)
        torch.manual_seed(12345)
        state = torch.get_rng_state()
        with suppress(Stopped):
            search_small(tmp_path, case, {"search.curvature_every": 1}, observer=_StopAtCurvature())
        assert torch.equal(torch.get_rng_state(), state)
        events = outcome(tmp_path)["events"]
        found = [event for event in events if "eigenvalue" in event]
        assert len(found) == (case.trains and case.recipe.relaxation.has_slopes)
        assert all(math.isfinite(event["eigenvalue"]) and math.isfinite(event["trace"]) for event in found)
        plain = before["events"][: len(events)]
        assert [_without_curvature(event) for event in events] == [_without_curvature(event) for event in plain]
        assert found or outcome(tmp_path) == before

    @for_each("case", lambda own: own.methods)
    def test_another_seed_another_search(self, case: MethodCase, tmp_path: Path) -> None:
        """The first epoch depends on the seed. A method without training has no epochs, so its genotype must differ."""
        with suppress(Stopped):
            search_small(tmp_path, case, {"seed": 1}, observer=StopAfter(1))
        found, before = outcome(tmp_path), search_once(case)
        if case.trains:
            assert found["events"][0] != before["events"][0]
        else:
            assert found["genotype"] != before["genotype"]

    @for_each("case", lambda own: [case for case in own.methods if case.trains or case.recipe.discrete])
    def test_stopped_and_resumed_again_and_again_is_never_stopped_bit_for_bit(
        self, case: MethodCase, tmp_path: Path
    ) -> None:
        """All state of a method is in the checkpoint or the pool, or follows from seed and epoch.

        Where there is no supernet, the evaluations of architectures count as epochs, and nobody hears of their steps.
        """
        done = 0
        for epochs, steps in self.stops:
            if case.recipe.discrete and steps:
                continue
            if epochs <= case.num_epochs - (steps > 0):
                with pytest.raises(Stopped):
                    search_small(tmp_path, case, observer=StopAfter(epochs - done, steps))
                done = epochs
        assert not (tmp_path / "genotype.json").exists()
        assert search_small(tmp_path, case) == search_once(case)

    @for_each("case, change", lambda own: [(case, change) for case in own.methods for change in case.changes()])
    def test_every_option_changes_the_search(self, case: MethodCase, change: Change, tmp_path: Path) -> None:
        """Another value of the option must change alpha; if it does not, another test must show the effect."""
        key = f"method.options.{change.option}"
        needed = case.shows_with.get(change.option, {})
        base = {other: setting for other, setting in needed.items() if other != key}
        before, changed = search_once(case, *base.items()), search_small(tmp_path, case, base, {key: change.value})
        assert _learned(before) != _learned(changed), (
            f"{key}={change.value} changes no alpha, and no architecture of a pool; if the effect needs a longer "
            "search, other values or other settings, or if another test shows it, set epochs, values, shows_with or "
            "shown_elsewhere of MethodCase"
        )

    @for_each("case", lambda own: own.methods)
    def test_an_option_that_does_nothing_beside_others_is_refused(self, case: MethodCase) -> None:
        """Whoever sets an option counts on an effect; `needs` of `dartboard.parts` declares what one needs."""
        taken = [options for options in case.idle_options() if not _refused(case.name, options)]
        assert not taken, f"the last option changes nothing: {taken[:5]}; declare by @needs what it needs"

    @for_each("case", lambda own: own.methods)
    def test_what_the_case_says_of_options_is_of_options_that_exist(self, case: MethodCase) -> None:
        """A case must be updated when an option is renamed."""
        told = {*case.options, *case.planted_options, *case.values, *case.shows_with, *case.shown_elsewhere}
        assert told - set(case.option_defaults) == set()

    @for_each("case", lambda own: own.methods)
    def test_it_takes_a_space_or_refuses_it_in_a_sentence(self, case: MethodCase) -> None:
        """The method takes at least one of the spaces, and refuses the others in a sentence."""
        refused = [case.refusal(get_space(space)) for space in self.spaces]
        assert "" in refused
        for sentence in filter(None, refused):
            assert sentence.endswith(".")
            assert "choose another method" in sentence

    @for_each(
        "case, space",
        lambda own: [
            (case, space) for case in own.methods for space in own.spaces if not case.refusal(get_space(space))
        ],
    )
    def test_the_genotype_is_an_architecture_of_its_space(self, case: MethodCase, space: str, tmp_path: Path) -> None:
        """This holds in every space of the contract that the method takes."""
        layers = {**case.settings, "space": space, "search.steps_per_epoch": 1, "search.init_channels": 4}
        with RunDirectory(tmp_path) as run:
            genotype = search_genotype(open_small(run, layers))
        check_genotype(genotype, get_space(space))


def _learned(found: Outcome) -> object:
    """What the options of a method must change: alpha, or the pool of a search without a supernet."""
    return found["pool"] if "pool" in found else found["checkpoints"]["search.pt"]["alphas"]


def _refused(name: str, options: Mapping[str, object]) -> bool:
    try:
        make_recipe(name, options)
    except SettingsError as error:
        return " does nothing with" in str(error)
    return False

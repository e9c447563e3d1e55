"""What a training starts from where the settings ask for the weights of the search."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dartboard.engine.problem import SupernetRequest
from dartboard.engine.state import brought_up_to_date
from dartboard.errors import CheckpointError, SettingsError
from dartboard.parts.selection.trying import UniformlyRandom
from dartboard.records import SeedChoiceRecord
from dartboard.runs import RunDirectory, make_generator
from dartboard.session.search import learned_recipe, search_recipe, supernet_spec
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan, network_stem
from dartboard.settings.tree import Step
from dartboard.space import Genotype, Network, get_space
from dartboard.supernet import ReferenceSupernet, SupernetSpec, path_weights
from dartboard.training.inheritance import find_misfit
from dartboard.wording import listing

__all__ = ["check_start", "supernet_weights"]


def check_start(session: Session, steps: Sequence[Step]) -> None:
    """Refuse a training from weights of a search that will not fit it, before anything is searched.

    Raises:
        SettingsError: there is no search, or its supernet has another form than the network to train.
    """
    settings = session.settings
    if "train" not in steps or settings.train.start == "fresh":
        return
    if "search" not in steps:
        raise SettingsError(
            "train.start=supernet begins with the weights of a search, but a given architecture is trained without "
            "one; use `dartboard run`, or set train.start=fresh."
        )
    space, last = get_space(settings.space), search_recipe(settings).stages[-1].recipe
    spec = SupernetSpec(space, network_plan(session, "search", last.deeper), last.mixing)
    with torch.device("meta"):
        weights = ReferenceSupernet(spec).state_dict()
    # What is outside the edges has the same shapes with every architecture of the space, and edges are as wide as that.
    _fitting(session, UniformlyRandom()(space, {}, make_generator(0)), weights, spec, last.deeper)


def supernet_weights(session: Session, genotype: Genotype) -> dict[str, Tensor]:
    """The weights that the search of a run has learned for the network of an architecture, on the CPU.

    Args:
        session: session with its search done.
        genotype: the architecture, of the space of the search.

    Returns:
        The weights by the names of the network.

    Raises:
        CheckpointError: the run directory does not have the supernet.
        GenotypeError: the supernet does not have an operation of the architecture.
        SettingsError: the supernet has another form than the network to train.
    """
    run = _searched(session.run)
    saved = run.load_checkpoint("search", "search")
    if saved is None:
        raise CheckpointError(
            f"train.start=supernet begins with the weights of the search, but {run.path} holds no trained supernet "
            "(checkpoints/search.pt); search with a method that trains one, or set train.start=fresh."
        )
    with run.restoring("search"):
        saved = brought_up_to_date(saved, session.settings.space)
        number, live, weights = saved["stage"], saved["live"], saved["supernet"]
        recipe = learned_recipe(session.settings, run).stages[number].recipe
    spec = supernet_spec(session, SupernetRequest(number, recipe.mixing, live, recipe.deeper))
    return _fitting(session, genotype, weights, spec, recipe.deeper)


def _searched(run: RunDirectory) -> RunDirectory:
    """The directory of the search: that of the run, or that of the search that was chosen among several seeds."""
    choice = SeedChoiceRecord.find(run.path)
    if choice is None:
        return run
    return RunDirectory(run.path / next(each.folder for each in choice.candidates if each.chosen))


def _fitting(
    session: Session, genotype: Genotype, weights: Mapping[str, Tensor], spec: SupernetSpec, deeper: int
) -> dict[str, Tensor]:
    """The weights of an architecture, if they fit the network to train."""
    if spec.mixing.channel_share > 1:
        raise SettingsError(
            "train.start=supernet copies weights of the search, but the operations in the supernet of "
            f"{session.settings.method.name} read 1/{spec.mixing.channel_share} of the channels; choose another "
            "method, or set train.start=fresh."
        )
    found = path_weights(weights, spec, genotype)
    with torch.device("meta"):
        network = Network(spec.space, genotype, network_plan(session, "train"))
    if misfit := find_misfit(network, found):
        raise SettingsError(
            f"train.start=supernet copies weights of the search, but {misfit}; set {_remedy(session, deeper)}."
        )
    return found


def _remedy(session: Session, deeper: int) -> str:
    """The settings that give the network to train the form of the supernet, or else the one that draws its weights."""
    search, train, space = session.settings.search, session.settings.train, get_space(session.settings.space)
    wanted = {
        "init_channels": (train.init_channels, search.init_channels),
        "layers": (train.layers, space.skeleton.deepen(search.layers, deeper)),
        "stem": (network_stem(session, train.stem), network_stem(session, search.stem)),
        "whiten": (train.whiten, False),
    }
    changes = [f"train.{name}={_text(wish)}" for name, (own, wish) in wanted.items() if own != wish]
    return f"{listing(changes)}, or train.start=fresh" if changes else "train.start=fresh"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

"""The verb that scores architectures before any training: score."""

from collections.abc import Sequence

from dartboard.config import resolve
from dartboard.data import Data, DataSettings, given_arrays, recorded_source
from dartboard.devices import find_device
from dartboard.display import fitting_observer
from dartboard.runs import Observer
from dartboard.workflow import ProxyScores, ScoreRequest, score_architectures
from dartboard.workflow.opening import Layer, Place

__all__ = ["score"]


def score(
    architectures: Place | Sequence[Place] = (),
    data: Data | None = None,
    layer: Layer | None = None,
    *,
    proxies: Sequence[str] = ("naswot", "synflow", "az-nas"),
    random: int = 0,
    space: str | None = None,
    batch_size: int = 128,
    init_channels: int | None = None,
    layers: int | None = None,
    initialisations: int | None = None,
    seed: int = 0,
    device: str = "auto",
    observer: Observer | None = None,
) -> ProxyScores:
    """Score architectures by zero-cost proxies, which look at networks that nobody has trained.

    Args:
        architectures: one or several: texts, published names, files like `genotype.json`, or run directories.
        data: a dataset as in `run`, of which one batch is shown to the networks; None shows them noise.
        layer: settings of `data`, such as `{"image_column": "file"}`.
        proxies: names, as `list_proxies()` gives them; parameters and multiply-adds stand beside them.
        random: how many architectures are drawn beside those named, all different.
        space: the space to draw from; None for that of the first architecture named, or NAS-Bench-201.
        batch_size: images in the batch.
        init_channels: width of the networks; None for that of the small networks of each space.
        layers: depth of the networks, as their space counts layers; None likewise.
        initialisations: over how many initialisations means are taken; None for what each proxy asks for, mostly 3.
        seed: root of images, weights, noise and random architectures.
        device: "auto", or a torch device such as "cpu", "cuda:1" or "mps".
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.

    Returns:
        Every number of every architecture, with mean ranks and seconds.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    named = (
        [architectures] if isinstance(architectures, str) or not isinstance(architectures, Sequence) else architectures
    )
    request = ScoreRequest(
        architectures=[str(each) for each in named],
        proxies=tuple(proxies.split(",")) if isinstance(proxies, str) else tuple(proxies),
        random=random,
        space=space,
        source=None if data is None else given_arrays(data) or recorded_source(data).get("source") or "digits",
        data=resolve(DataSettings, layer or {}),
        batch_size=batch_size,
        init_channels=init_channels,
        layers=layers,
        initialisations=initialisations,
        seed=seed,
    )
    with observer or fitting_observer() as watching:
        return score_architectures(request, find_device(device), watching)

"""Exported files say what the network says, for any number of images, and nothing is written that does not."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from dartboard.data import Augmentation, AugmentSettings
from dartboard.errors import DartboardError, ExportError
from dartboard.parts import UniformlyRandom
from dartboard.space import PUBLISHED, Genotype, Network, get_space, parse_genotype
from dartboard.space.ops.noise import noise
from dartboard.training import ModelCard, check_exportable, export_model, exported_model

NB201 = parse_genotype("|nor_conv_1x1~0|+|skip_connect~0|nor_conv_3x3~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|")
MOBILE = UniformlyRandom()(get_space("proxyless"), {}, torch.Generator().manual_seed(0))
SIZES = {"darts": (4, 3), "nas-bench-201": (4, 1), "proxyless": (8, 21), "conv-stages": (8, 9)}
STAGES = UniformlyRandom()(get_space("conv-stages"), {}, torch.Generator().manual_seed(0))
BY_HAND = PUBLISHED["conv-stages-by-hand"]
CLASSES = ("rose", "tulip", "größte")


def trained(
    genotype: Genotype, shape: tuple[int, int, int] = (3, 24, 20), *, whitens: bool = False
) -> tuple[Network, ModelCard]:
    """A network whose running averages are not those of its start."""
    channels, layers = SIZES[genotype.space]
    card = ModelCard(
        genotype=genotype.to_json(),
        init_channels=channels,
        layers=layers,
        stem="cifar",
        classes=CLASSES,
        image_shape=shape,
        mean=(0.4, 0.5, 0.6)[: shape[0]],
        std=(0.2, 0.3, 0.25)[: shape[0]],
        whitens=whitens,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = card.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.no_grad():
            for _ in range(30):
                network(1.5 * torch.randn(8, *shape) + 0.3)
            last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
            last.weight.mul_(20)  # so that probabilities differ by more than rounding
    return network.eval(), card


def pixels(card: ModelCard, count: int) -> np.ndarray:
    """Noise, from dark to bright."""
    channels, height, width = card.image_shape
    brightness = np.linspace(0.2, 1.0, count)[:, None, None, None]
    return (brightness * np.random.default_rng(0).integers(0, 256, (count, height, width, channels))).astype(np.uint8)


@torch.no_grad()
def says(network: Network, card: ModelCard, images: np.ndarray) -> np.ndarray:
    """By the way that images take in a test."""
    augmentation = Augmentation(AugmentSettings(), card.normalization, card.image_shape)
    return network(augmentation.plain(torch.from_numpy(images))).softmax(dim=1).numpy()


def run_program(content: bytes) -> Callable[[np.ndarray], np.ndarray]:
    module = torch.export.load(io.BytesIO(content)).module()
    return lambda images: module(torch.from_numpy(images)).detach().numpy()


def run_onnx(content: bytes) -> Callable[[np.ndarray], np.ndarray]:
    session = onnxruntime.InferenceSession(content)
    return lambda images: session.run(["probabilities"], {"images": images})[0]


@pytest.mark.parametrize(
    ("ending", "run", "genotype", "shape"),
    [
        (".pt2", run_program, NB201, (3, 24, 20)),
        (".pt2", run_program, NB201, (1, 8, 8)),
        (".pt2", run_program, PUBLISHED["darts-v2"], (3, 24, 20)),
        pytest.param(".pt2", run_program, MOBILE, (3, 32, 32), marks=pytest.mark.slow),
        (".onnx", run_onnx, NB201, (1, 8, 8)),
        pytest.param(".onnx", run_onnx, PUBLISHED["darts-v2"], (3, 24, 20), marks=pytest.mark.slow),
        (".onnx", run_onnx, STAGES, (3, 24, 20)),
        (".pt2", run_program, BY_HAND, (3, 23, 20)),
        (".onnx", run_onnx, BY_HAND, (3, 23, 20)),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "space", None),
)
def test_a_file_says_of_any_number_of_images_what_the_network_says(
    tmp_path: Path, ending: str, run: Callable, genotype: Genotype, shape: tuple[int, int, int]
) -> None:
    network, card = trained(genotype, shape, whitens=genotype == BY_HAND)
    made = export_model(network, card, tmp_path / f"model{ending}")
    assert (made.classes, made.image_shape) == (CLASSES, (*shape[1:], shape[0]))
    assert 0 <= made.difference < 1e-5
    assert made.seconds > 0
    assert [path.name for path in tmp_path.iterdir()] == [f"model{ending}"]
    say = run(made.path.read_bytes())
    for count in (1, 2, 9):
        images = pixels(card, count)
        np.testing.assert_allclose(say(images), says(network, card, images), atol=1e-5)
    spread = say(pixels(card, 50)).std(axis=0)
    assert spread.max() > 1e-4, "the network says the same of all images, so nothing was compared"


def test_the_class_names_are_in_the_file(tmp_path: Path) -> None:
    network, card = trained(NB201, (1, 8, 8))
    export_model(network, card, tmp_path / "model.pt2")
    extra = {"classes.json": ""}
    torch.export.load(tmp_path / "model.pt2", extra_files=extra)
    assert tuple(json.loads(extra["classes.json"])) == CLASSES
    export_model(network, card, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert tuple(json.loads(session.get_modelmeta().custom_metadata_map["classes"])) == CLASSES
    (given,), (found,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape[1:]) == ("images", "tensor(uint8)", [8, 8, 1])
    assert (found.name, found.type, found.shape[1:]) == ("probabilities", "tensor(float)", [3])


def test_exporting_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    network, card = trained(NB201, (1, 8, 8))
    images = pixels(card, 4)
    before, state = says(network, card, images), {name: value.clone() for name, value in network.state_dict().items()}
    export_model(network, card, tmp_path / "model.pt2")
    assert not network.training
    np.testing.assert_array_equal(says(network, card, images), before)
    assert network.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_a_file_that_would_say_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = exported_model._load_program
    monkeypatch.setattr(exported_model, "_load_program", lambda content: lambda images: load(content)(images) + 0.01)
    network, card = trained(NB201, (1, 8, 8))
    with pytest.raises(
        ExportError, match=r"probabilities of model\.pt2 differ from the network's by up to 0\.01, so the"
    ):
        export_model(network, card, tmp_path / "model.pt2")
    monkeypatch.setattr(exported_model, "_load_program", lambda content: lambda images: load(content)(images) * np.nan)
    with pytest.raises(ExportError, match="differ from"):
        export_model(network, card, tmp_path / "model.pt2")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_draws_is_refused(tmp_path: Path) -> None:
    network, card = trained(NB201, (1, 8, 8))
    network.backbone.add_module("drawing", noise(4, 1, None))  # type: ignore[arg-type]
    with pytest.raises(ExportError, match="the operation noise draws at random"):
        export_model(network, card, tmp_path / "model.pt2")


def test_without_the_packages_onnx_is_refused_and_the_other_format_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported_model, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(DartboardError, match=r"onnxscript cannot be found; install them with .*dartboard\[export\]"):
        check_exportable(Path("model.onnx"))
    check_exportable(Path("model.pt2"))

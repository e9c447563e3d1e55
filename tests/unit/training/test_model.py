import json
import shutil
from pathlib import Path

import pytest
import safetensors
import torch

from dartboard.errors import CheckpointError, DartboardError, RunDirectoryError
from dartboard.space import PUBLISHED, Genotype, Network, parse_genotype
from dartboard.training import ModelCard, load_model, save_model

NB201 = parse_genotype("|nor_conv_1x1~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|skip_connect~2|")

ATTENTIVE = parse_genotype("|nor_conv_1x1~0~gather_excite|+|skip_connect~0~bam|none~1|+|none~0|none~1|none~2~cbam|")


def make_card(genotype: Genotype = NB201, layers: int = 1, classes: int = 3, *, whitens: bool = False) -> ModelCard:
    return ModelCard(
        genotype=genotype.to_json(),
        init_channels=4,
        layers=layers,
        stem="cifar",
        classes=tuple(f"class {number}" for number in range(classes)),
        image_shape=(3, 8, 8),
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.2, 0.2),
        whitens=whitens,
    )


def trained(card: ModelCard, *, auxiliary: bool = False) -> Network:
    """A network whose running averages have moved."""
    torch.manual_seed(0)
    network = card.build(auxiliary=auxiliary).train()
    for _ in range(3):
        network(images(6))
    return network


def images(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path, trained(make_card()), make_card())
    return tmp_path


@pytest.mark.parametrize(
    "genotype", [NB201, PUBLISHED["darts-v2"], ATTENTIVE], ids=["nas-bench-201", "darts", "attention"]
)
def test_a_loaded_network_gives_the_same_logits_bit_for_bit(tmp_path: Path, genotype: Genotype) -> None:
    card = make_card(genotype, layers=3)
    network = trained(card, auxiliary=True).eval()
    save_model(tmp_path, network, card)
    loaded, found = load_model(tmp_path)
    assert found == card
    assert not loaded.training
    assert torch.equal(loaded(images(5)), network(images(5)))


def test_filters_that_whiten_are_saved_although_they_are_not_learned(tmp_path: Path) -> None:
    card = make_card(whitens=True)
    network = trained(card)
    network.backbone.whitening.fit(images(20))  # type: ignore[union-attr]
    save_model(tmp_path, network.eval(), card)
    loaded, found = load_model(tmp_path)
    assert found.whitens
    assert torch.equal(loaded(images(5)), network(images(5)))
    assert not ModelCard.model_validate(card.model_dump(exclude={"whitens"})).whitens  # as older files are read


def test_the_file_of_weights_tells_its_classes_and_its_preprocessing_and_is_the_same_every_time(tmp_path: Path) -> None:
    card = make_card().model_copy(update={"classes": ("=a", "日本", "c")})
    network = trained(card).eval()
    contents = set()
    for _ in range(5):
        save_model(tmp_path, network, card)
        contents.add((tmp_path / "model.safetensors").read_bytes())
    assert len(contents) == 1, "the package alone writes its metadata in a random order"
    with safetensors.safe_open(tmp_path / "model.safetensors", "pt") as weights:
        told = weights.metadata()
        assert set(weights.keys()) == set(network.state_dict())
    assert told["format"] == "pt"
    assert json.loads(told["classes"]) == ["=a", "日本", "c"]
    fed = json.loads(told["preprocessing"])
    assert fed == {name: card.model_dump(mode="json")[name] for name in fed}
    assert set(fed) == {"image_shape", "fit", "ranges", "mean", "std", "views"}
    loaded, _ = load_model(tmp_path)
    assert torch.equal(loaded(images(5)), network(images(5)))


def test_the_auxiliary_head_is_left_out(tmp_path: Path) -> None:
    card = make_card(PUBLISHED["darts-v2"], layers=3)
    network = trained(card, auxiliary=True)
    assert any(name.startswith("auxiliary_head.") for name in network.state_dict())
    save_model(tmp_path, network, card)
    with safetensors.safe_open(tmp_path / "model.safetensors", "pt") as weights:
        assert not any(name.startswith("auxiliary_head.") for name in weights.keys())  # noqa: SIM118 - no mapping


def test_loading_does_not_move_torchs_global_random_state(folder: Path) -> None:
    before = torch.get_rng_state()
    load_model(folder)
    assert torch.equal(torch.get_rng_state(), before)


def change_card(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


OTHER_CELL = NB201.to_json() | {"cell": [["nor_conv_3x3", 1, 0], *NB201.to_json()["cell"][1:]]}


@pytest.mark.parametrize(
    "changes",
    [{"layers": 2}, {"init_channels": 8}, {"classes": ["a", "b"]}, {"stem": "imagenet"}, {"genotype": OTHER_CELL}],
    ids=["layers", "width", "classes", "stem", "genotype"],
)
def test_weights_of_another_network_are_refused(folder: Path, changes: dict[str, object]) -> None:
    change_card(folder, **changes)
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot belong to .*model\.json: .*weight") as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 5, 100, -10])
def test_a_truncated_weights_file_is_refused(folder: Path, keep: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged \(.*\); restore it, or train"):
        load_model(folder)


def test_a_missing_weights_file_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be loaded"):
        load_model(folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"model\.json cannot be read"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 2}, r"model\.json has format 2; this version reads format 1"),
        ({"layers": "many"}, r"model\.json does not describe a network"),
        ({"surprise": 1}, r"model\.json does not describe a network \(surprise: extra inputs"),
        ({"mean": [0.5, 0.5]}, r"does not describe a network \(ValueError: 2 means and \d deviations for \d channel"),
        ({"image_shape": [10**12, 8, 8]}, r"model\.json does not describe a network"),
        ({"genotype": {}}, r"model\.json does not describe a network"),
        ({"genotype": {"space": "nas-bench-201"}}, r"model\.json does not describe a network"),
        ({"genotype": NB201.to_json() | {"cell": [["nor_conv_1x1", 1, 5]]}}, r"does not describe a network \(edge 5"),
        ({"genotype": NB201.to_json() | {"space": "enas"}}, r"does not describe a network \(there is no space 'enas'"),
        (
            {"layers": 0},
            r"model\.json does not describe a network \(layers: input should be greater than 0\); restore it",
        ),
        ({"stem": "torchvision"}, r"model\.json does not describe a network"),
        ({"init_channels": -4}, r"model\.json does not describe a network"),
        ({"image_shape": [3, 0, 8]}, r"model\.json does not describe a network"),
    ],
)
def test_a_description_that_is_no_network_is_refused(folder: Path, changes: dict[str, object], sentence: str) -> None:
    change_card(folder, **changes)
    with pytest.raises(CheckpointError, match=sentence):
        load_model(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_damaged_description_is_refused(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    with pytest.raises(DartboardError, match=r"model\.json"):
        load_model(folder)


def test_a_model_moves_to_another_folder(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    for name in ("model.json", "model.safetensors"):
        shutil.copy(folder / name, other)
    assert load_model(other)[1] == make_card()


def test_mirrored_views_give_the_mean_of_the_logits_in_evaluation_only(tmp_path: Path) -> None:
    plain = trained(make_card())
    card = make_card().model_copy(update={"views": "mirrored"})
    save_model(tmp_path, plain, card)
    network, again = load_model(tmp_path)
    assert again.views == "mirrored"
    plain.eval()
    pictures = images(5)
    with torch.no_grad():
        wanted = (plain(pictures) + plain(pictures.flip(3))) / 2
        torch.testing.assert_close(network(pictures), wanted)
        torch.testing.assert_close(network(pictures.flip(3)), wanted)
        symmetric = (pictures + pictures.flip(3)) / 2
        torch.testing.assert_close(network(symmetric), plain(symmetric))
        assert torch.equal(network.train()(pictures), plain.train()(pictures))

"""Bad input: exit code 2, one sentence that says what was found and what to do, and nothing left behind."""

import io
import json
import shutil
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dartboard.space import PUBLISHED

from .command import SMALL
from .conftest import Run

NB201 = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"


def listing(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.fixture
def refused(dartboard: Run, folder: Path) -> Callable[..., str]:
    """Runs a command that must be refused, and gives the sentence."""

    def refuse(*arguments: object) -> str:
        before = listing(folder)
        outcome = dartboard(*arguments)
        assert outcome.code == 2, outcome
        assert outcome.out == ""
        assert outcome.err.count("\n") == 1, outcome.err
        assert outcome.err.startswith("dartboard: ")
        assert "Traceback" not in outcome.err
        assert listing(folder) == before, "something was left behind"
        return outcome.err[len("dartboard: ") :].rstrip("\n")

    return refuse


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["rn"], ["no such command 'rn'", "'run'"]),
        (["run", "--sapce", "darts"], ["no such option: --sapce", "--space"]),
        (["run", "--runs", "two"], ["'--runs'", "integer"]),
        (["run", "--runs", "0"], ["'--runs'", "1"]),
        (["run", "--seed", "-1"], ["'--seed'", "greater than or equal to 0"]),
        (["run", "--set", "seed=-1"], ["'seed'", "-1", "greater than or equal to 0"]),
        (["run", "missing", "--seeds", "0"], ["'seeds'", "'0'", "from 1 to 100 searches"]),
        (["search", "missing", "--seeds", "2,2"], ["'seeds'", "'2,2'", "the seed 2 is given twice"]),
        (["run", "missing", "--seeds", "some"], ["'seeds'", "'some'", "as in 2,20,200"]),
        (["search", "--start-at", "darts-v3"], ["'darts-v3' is neither a run directory", "'darts-v2'"]),
        (
            ["search", "--preset", "smoke", "--start-at", "conv-stages-by-hand"],
            ["'conv-stages'", "the search is in 'nas-bench-201'", "nas-bench-201-9930 and nas-bench-201-resnet"],
        ),
        (
            ["search", "--method", "random", "--start-at", "darts-v2"],
            ["random learns no alpha of operations", "leave out search.start_at"],
        ),
        (["run", "missing", "--seeds", "2", "--choose", "best"], ["no choice rule 'best'", "hyperdarts-rule"]),
        (["run", "missing", "--choose", "hyperdarts-rule"], ["hyperdarts-rule has only one search", "--seeds 4"]),
        (
            ["search", "--set", "search.cuda_graph=true", "--device", "cpu"],
            ["search.cuda_graph", "device cpu", "--device"],
        ),
        (["run", "--finalists", "0"], ["'--finalists'", "greater than or equal to 1"]),
        (["run", "--set", "finalists=0"], ["'finalists'", "greater than 0"]),
        (["train", "--genotype", "darts-v2", "--set", "train.precision=half"], ["'train.precision'", "bfloat16"]),
        (["run", "one", "two"], ["unexpected extra argument", "two"]),
        (["data", ""], ["an argument is empty; check that the variable it comes from is set"]),
        (["train"], ["missing option '--genotype'"]),
        (["report"], ["missing argument 'FOLDER'"]),
        (["run", "--method", "drats"], ["no method 'drats'", "'darts'"]),
        (["run", "--space", "nas-bench-102"], ["no space 'nas-bench-102'", "'nas-bench-201'"]),
        (["run", "--preset", "quik"], ["no preset 'quik'", "'quick'"]),
        (["run", "--set", "search.epoch=3"], ["no setting 'search.epoch'", "'search.epochs'"]),
        (["run", "--set", "search.epochs=many"], ["'search.epochs'", "'many'", "integer"]),
        (["run", "--set", "search.epochs=0"], ["'search.epochs'", "greater than 0"]),
        (["run", "--set", "search.epochs"], ["'search.epochs'", "key=value"]),
        (["run", "--set", "search.epochs=[1"], ["'search.epochs=[1'", "brackets"]),
        (["run", "--set", "method=randon"], ["'randon'", "'random'"]),
        (["run", "--set", "method=[darts]"], ["'method'"]),
        (["run", "--set", "data.image_size=4"], ["'data.image_size'", "greater than or equal to 8"]),
        (["run", "--set", "method.options.alpha_rl=1"], ["no option 'alpha_rl'", "'alpha_lr'"]),
        (["run", "--set", "method.options.alpha_lr=fast"], ["'alpha_lr'", "'fast'"]),
        (["run", "--set", "genotype={space: darts}"], ["hold a genotype", "dartboard train"]),
        (["run", "-c", "missing.yaml"], ["missing.yaml", "cannot be read"]),
        (["run", "-c", "."], ["settings file . cannot be read", "directory"]),
        (["run", "--device", "cuda"], ["device 'cuda' is not available", "available: cpu"]),
        (["run", "--device", "gpu"], ["'gpu' is not a device", "cuda:N"]),
        (["run", "missing"], ["no dataset at", "missing", "folder"]),
        (["run", "~no-such-user/x"], ["no dataset at ~no-such-user/x"]),
        (["run", "x" * 300], ["x" * 300]),
        (["report", "missing"], ["no folder missing"]),
        (["report", "."], [". is no run directory"]),
        (["train", "--genotype", "darts-v3"], ["'darts-v3'", "did you mean", "'darts-v2'"]),
        (["train", "--genotype", "x" * 300], ["x" * 60, "published name"]),
        (["train", "--genotype", "."], ["folder . holds no genotype.json"]),
        (["train", "--genotype", "Genotype(normal=[__import__('os')])"], ["genotype text cannot be read"]),
        (["train", "--genotype", "|none~0|+|none~0"], ["'|none~0'", "|operation~node|"]),
        (["train", "--genotype", NB201.replace("nor_conv_3x3~2", "nor_conv_3x3~7")], ["edge 7 -> 3 of the cell"]),
        (["train", "--genotype", NB201.replace("skip", "skop")], ["edge 0 -> 3", "'skop_connect'", "'skip_connect'"]),
        (["train", "--genotype", NB201, "--space", "darts"], ["the space 'nas-bench-201', not to 'darts'"]),
        (["train", "--genotype", "darts-v2", "--set", "space=nas-bench-201"], ["'darts', not to 'nas-bench-201'"]),
    ],
    ids=lambda value: (
        " ".join(value)[:60] if isinstance(value, list) and value[0] in ("run", "train", "report") else ""
    ),
)
def test_what_is_typed_wrongly_is_named_with_what_would_be_right(
    refused: Callable[..., str], arguments: Sequence[str], parts: Sequence[str]
) -> None:
    sentence = refused(*arguments)
    for part in parts:
        assert part in sentence


def test_errors_in_json_mode_leave_standard_output_empty(refused: Callable[..., str]) -> None:
    assert "no method" in refused("run", "--method", "drats", "--json")
    assert "no dataset" in refused("search", "missing", "--json")
    assert "no folder" in refused("report", "missing", "--json")


@pytest.mark.parametrize(
    "content", [b"a: [", b"- a\n- b", b"seed: 1\nseedz: 2", b"\xff\xfe\x00", b"search: 5\nsearch.epochs: 3"]
)
def test_an_unusable_settings_file_is_one_sentence(refused: Callable[..., str], folder: Path, content: bytes) -> None:
    (folder / "mine.yaml").write_bytes(content)
    sentence = refused("run", "-c", "mine.yaml")
    assert "mine.yaml" in sentence or "seedz" in sentence or "search" in sentence


def no_folder_for_a_class(folder: Path) -> str:
    return "is empty"


def loose_images(folder: Path) -> str:
    for number in range(3):
        Image.new("L", (8, 8)).save(folder / f"{number}.png")
    return "holds 3 files but no class folders"


def one_class(folder: Path) -> str:
    shutil.rmtree(folder / "dogs")
    return "has 1 class (cats); classification needs at least two"


def a_class_of_one_image(folder: Path) -> str:
    for path in list((folder / "dogs").iterdir())[1:]:
        path.unlink()
    return "the class 'dogs' of pets has a single training image"


def an_empty_class(folder: Path) -> str:
    (folder / "birds").mkdir()
    return "birds holds no images"


def text_for_an_image(folder: Path) -> str:
    (folder / "cats" / "note.jpg").write_text("no image")
    return "cats/note.jpg cannot be read as an image (it is not an image of a known format); repair or remove"


def a_truncated_image(folder: Path) -> str:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, format="JPEG")
    (folder / "dogs" / "half.jpg").write_bytes(buffer.getvalue()[:900])
    return "dogs/half.jpg cannot be read as an image"


def a_decompression_bomb(folder: Path) -> str:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(10_000_000)))
    (folder / "dogs" / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b""))
    return "dogs/bomb.png cannot be read as an image (it has more than 89 million pixels)"


@pytest.mark.parametrize(
    "spoil",
    [
        one_class, a_class_of_one_image, an_empty_class, text_for_an_image, a_truncated_image, a_decompression_bomb,
    ],
)  # fmt: skip
def test_an_unusable_image_folder_is_refused_by_what_is_wrong_with_it(
    refused: Callable[..., str], pets: Path, folder: Path, spoil: Callable[[Path], str]
) -> None:
    shutil.copytree(pets, folder / "pets")
    expected = spoil(folder / "pets")
    assert expected in refused("run", "pets", *SMALL)
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("fill", [no_folder_for_a_class, loose_images])
def test_a_folder_without_classes_is_refused(
    refused: Callable[..., str], folder: Path, fill: Callable[[Path], str]
) -> None:
    (folder / "pets").mkdir()
    expected = fill(folder / "pets")
    assert expected in refused("run", "pets", *SMALL, "--out", "deep/er/run")


def test_an_unusable_parquet_file_is_refused_by_row_or_column(
    refused: Callable[..., str], write_parquet: Callable[..., Path], folder: Path
) -> None:
    write_parquet(folder / "pets.parquet", [0, 1, 2, 0, 1, 5], ["cat", "dog", "fox"])
    assert "row 5 of pets.parquet has the label 5" in refused("run", "pets.parquet")
    missing = refused("run", "pets.parquet", "--set", "data.label_column=animal")
    assert "no column 'animal' but image, label" in missing
    assert "data.label_column" in missing
    (folder / "bad.parquet").write_bytes(b"PAR1 and no more")
    assert "bad.parquet is not a readable parquet file" in refused("run", "bad.parquet")
    (folder / "notes.txt").write_text("no dataset")
    assert "notes.txt is neither a folder nor a file of a known kind" in refused("run", "notes.txt")


def test_images_too_small_for_the_network_are_refused_with_the_remedy(refused: Callable[..., str], pets: Path) -> None:
    sentence = refused("run", pets, *SMALL, "--space", "darts", "--set", "search.stem=imagenet")
    assert "images of 8x8 pixels shrink to 1x1" in sentence
    assert "search.stem=cifar" in sentence


def test_an_output_that_cannot_be_written_is_refused(refused: Callable[..., str], pets: Path, folder: Path) -> None:
    (folder / "file").write_text("mine")
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.tex").write_text("mine")
    for out in ("file", "file/run", "x" * 300, "/proc/run"):
        assert f"the run directory {out} cannot be created or written" in refused("run", pets, *SMALL, "--out", out)
    assert "mine is not empty and holds no run" in refused("run", pets, *SMALL, "--out", "mine")


def test_a_damaged_or_foreign_checkpoint_is_named_and_left_alone(dartboard: Run, pets: Path, folder: Path) -> None:
    command = ("search", pets, *SMALL, "--out", "run")
    assert dartboard(*command).code == 0
    for name in ("genotype.json", "result.json"):
        (folder / "run" / name).unlink()
    path = folder / "run" / "checkpoints" / "search.pt"
    content = torch.load(path, weights_only=True)
    for damage, part in (
        (lambda: torch.save({**content, "format": 99}, path), "has format 99"),
        (lambda: path.write_bytes(path.read_bytes()[:1000]), "is damaged; delete it to start that phase again"),
        (lambda: path.write_bytes(b"nonsense"), "is damaged; delete it"),
        (lambda: torch.save({**content, "state": {"supernet": {}}}, path), "checkpoint"),
        (lambda: torch.save([1, 2], path), "is not a checkpoint of dartboard"),
    ):
        damage()
        before = path.read_bytes()
        outcome = dartboard(*command, "--resume")
        assert outcome.code == 2, outcome.err
        assert "Traceback" not in outcome.err
        assert outcome.error.startswith("dartboard: ")
        assert part in outcome.error
        assert "search.pt" in outcome.error
        assert path.read_bytes() == before
    path.unlink()
    assert dartboard(*command, "--resume").code == 0


def test_damaged_files_of_a_run_are_named(dartboard: Run, pets: Path, folder: Path) -> None:
    assert dartboard("run", pets, *SMALL, "--out", "run").code == 0
    run = folder / "run"
    for name, content in (
        ("genotype.json", "{"),
        ("genotype.json", "[]"),
        ("genotype.json", '{"space": "nas-bench-201"}'),
        ("genotype.json", '{"space": "nas-bench-102", "cell": [], "cell_concat": []}'),
    ):
        whole = (run / name).read_bytes()
        (run / name).write_text(content)
        reporting = [("report", "run")] if "102" not in content else []
        for command in (("train", pets, "--genotype", "run", *SMALL, "--out", "new"), *reporting):
            outcome = dartboard(*command)
            assert (outcome.code, outcome.out) == (2, ""), (command, content, outcome)
            assert outcome.err.startswith("dartboard: ")
            assert outcome.err.count("\n") == 1
            assert "Traceback" not in outcome.err
        assert not (folder / "new").exists()
        (run / name).write_bytes(whole)
    for name in ("settings.json", "split.json"):
        whole = (run / name).read_bytes()
        (run / name).write_bytes(whole[: len(whole) // 2])
        outcome = dartboard("run", pets, *SMALL, "--out", "run", "--resume")
        assert outcome.code == 2
        assert f"run/{name} is damaged" in outcome.error
        (run / name).write_bytes(whole)
    (run / "result.json").write_text("{")
    outcome = dartboard("run", pets, *SMALL, "--out", "run", "--resume")
    assert outcome.code == 2
    assert "run/result.json is damaged" in outcome.error


def test_an_architecture_that_cannot_see_its_images_is_not_trained(
    refused: Callable[..., str], pets: Path, folder: Path
) -> None:
    blind = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|".replace("skip_connect", "none")
    assert "nothing of the images passes through this architecture" in refused(
        "train", pets, *SMALL, "--genotype", blind
    )
    assert "nothing of the images passes" in refused("plan", pets, *SMALL, "--genotype", blind)


def test_every_published_architecture_can_be_asked_for_by_its_name(refused: Callable[..., str]) -> None:
    """That the name is understood shows in what is refused next: the missing dataset."""
    for name in PUBLISHED:
        assert "no dataset" in refused("train", "missing", "--genotype", name)


def test_an_invalid_genotype_file_is_refused_by_its_edge(refused: Callable[..., str], folder: Path, pets: Path) -> None:
    genotype = PUBLISHED["darts-v2"].to_json()
    genotype["normal"][1][1:] = [2, 5]
    (folder / "mine.json").write_text(json.dumps(genotype))
    sentence = refused("train", pets, "--genotype", "mine.json")
    assert "edge 5 -> 2 of the normal cell does not exist in the space 'darts'" in sentence

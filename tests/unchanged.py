"""Whether a change of the code left every result as it was, bit for bit.

A fixed list of small searches, trainings, selections, analyses and a comparison on scikit-learn's digits, every method
among them, runs through the public verbs. What they leave (architectures, accuracies, predictions, and hashes of all
weights and alphas) is compared with golden/files/unchanged.json, which was written before the change:

    python tests/unchanged.py             # compare; prints what differs and exits with 1
    python tests/unchanged.py --write     # after a change that is meant to alter results
    python tests/unchanged.py --only gdas # cases whose names contain a text

Sums round differently on other processors and with other versions of torch, so the file says where it was written.
"""

import argparse
import hashlib
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

import dartboard
from dartboard.errors import DartboardError

__all__ = ["GOLDEN", "cases", "differences", "machine", "outcome"]

GOLDEN = Path(__file__).resolve().parent / "golden" / "files" / "unchanged.json"
SPACES = ("nas-bench-201", "darts:nodes=2", "proxyless")
TINY = {
    "preset": "smoke",
    "device": "cpu",
    "data.max_train_images": 300,
    "search.steps_per_epoch": 3,
    "search.batch_size": 16,
    "search.validation_images": 32,
    "train.steps_per_epoch": 6,
}
DARTS_CELL = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 2), ('max_pool_3x3', 0)], "
    "normal_concat=[2, 3], reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('skip_connect', 2), "
    "('dil_conv_3x3', 1)], reduce_concat=[2, 3])"
)
NAS_BENCH_CELL = "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"

FURTHER: dict[str, dict[str, Any]] = {
    # A temperature that falls takes epochs in which alpha learns, and alpha rests for half of a stage.
    "dots": {"search.epochs": 8},
    # Must divide the width of the small supernet.
    "drnas-progressive": {"method.options.channel_shares": [4, 2]},
    # There are but a few images.
    "enas": {"method.options.candidates": 5},
    "rsps": {"method.options.candidates": 5},
    "setn": {"method.options.candidates": 5},
}
"""Method -> what its small search needs."""

RENAMED = {"baselines/": "yardsticks/", "baselines.": "yardsticks.", "finalists.finalists.": "finals.finalists."}
"""Words in names of files and keys -> those that the golden file was written with."""

Case = Callable[[Path], object]
Outcome = dict[str, Any]


def search_case(method: str) -> Case:
    """A search by the method in the first space that it takes."""

    def run(folder: Path) -> object:
        for space in SPACES:
            layers = {"space": space, "method.name": method, "search.epochs": 4}
            try:
                return dartboard.search(None, TINY, layers, FURTHER.get(method, {}), out=folder / "run")
            except DartboardError as error:
                reason = error
        raise reason

    return run


def searched_before(verb: Callable[..., object], *words: str) -> Case:
    """A verb that reads a finished search of DARTS."""

    def run(folder: Path) -> object:
        dartboard.search(None, TINY, {"space": "nas-bench-201", "search.epochs": 2}, out=folder / "searched")
        return verb(folder / "searched", *words, out=folder / "run")

    return run


def cases() -> Iterator[tuple[str, Case]]:
    """Name of every case, and what runs it in a folder."""
    for entry in dartboard.list_methods():
        yield f"search {entry['name']}", search_case(entry["name"])
    for name, cell, further in (
        ("nas-bench-201", NAS_BENCH_CELL, {}),
        ("darts", DARTS_CELL, {"train.auxiliary_weight": 0.4, "train.drop_path": 0.2, "train.layers": 3}),
        (
            "nas-bench-201 three runs, logits adjusted",
            NAS_BENCH_CELL,
            {"train.runs": 3, "train.imbalance": "logit-adjustment", "train.keep": "best"},
        ),
    ):
        yield (
            f"train {name}",
            lambda at, cell=cell, more=further: dartboard.train(None, TINY, more, genotype=cell, out=at / "run"),
        )
    yield "run with baselines", lambda at: dartboard.run(None, TINY, {"baselines": True}, out=at / "run")
    yield (
        "run with seeds",
        lambda at: dartboard.run(
            None, TINY, {"seeds": 2, "choose": "best-short-train", "search.epochs": 2}, out=at / "run"
        ),
    )
    yield (
        "run with finalists",
        lambda at: dartboard.run(None, TINY, {"finalists": 3, "search.epochs": 2}, out=at / "run"),
    )
    for selection in ("perturbation", "sample", "strongest", "threshold"):
        yield f"select {selection}", searched_before(dartboard.select, selection)
    for analysis in ("discretisation", "shuffling"):
        yield f"analyse {analysis}", searched_before(dartboard.analyse, analysis)
    yield (
        "compare",
        lambda at: dartboard.compare(
            None, TINY, {"search.epochs": 2}, methods=["darts", "gdas", "random"], seeds=2, out=at / "run"
        ),
    )


def outcome(folder: Path) -> Outcome:
    """What a case left in its folder, by file: texts whole, tensors and arrays as hashes of their bits."""
    found: Outcome = {}
    for path in sorted(folder.rglob("*")):
        name = as_written(path.relative_to(folder).as_posix())
        if path.name == "genotype.json":
            found[name] = json.loads(path.read_text(encoding="utf-8"))
        elif path.name in ("result.json", "scores.json"):
            found[name] = dict(accuracies(json.loads(path.read_text(encoding="utf-8"))))
        elif path.suffix == ".pt":
            saved = torch.load(path, weights_only=True)["state"]
            found[name] = {key: hashed(saved[key]) for key in ("supernet", "alphas", "network") if key in saved}
        elif path.suffix == ".safetensors":
            found[name] = hashed(load_file(path))
        elif path.name == "predictions.npz":
            with np.load(path) as arrays:
                found[name] = {key: hashed(torch.from_numpy(arrays[key])) for key in sorted(arrays)}
    return found


def accuracies(tree: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every accuracy in a document, by the last words of its keys: keys above them may be renamed."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if isinstance(value, int | float) and "accuracy" in key and "interval" not in key:
                yield as_written(f"{path}{key}"), value
            yield from accuracies(value, f"{path}{key}.")
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from accuracies(value, f"{path}{number}.")


def as_written(name: str) -> str:
    """A name with the words that the golden file was written with."""
    for now, before in RENAMED.items():
        name = name.replace(now, before)
    return name


def hashed(tree: object) -> str:
    """A hash of all tensors in a tree with their names and shapes."""
    digest = hashlib.sha256()

    def add(value: object) -> None:
        if isinstance(value, Mapping):
            for key in sorted(value):
                digest.update(str(key).encode())
                add(value[key])
        elif isinstance(value, torch.Tensor):
            digest.update(str(tuple(value.shape)).encode())
            digest.update(value.contiguous().numpy().tobytes())

    add(tree)
    return digest.hexdigest()[:16]


def machine() -> dict[str, str]:
    """Where sums round in this way."""
    names = [
        line.split(":", 1)[1].strip()
        for line in (Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if sys.platform == "linux" else [])
        if line.startswith("model name")
    ]
    return {
        "processor": names[0] if names else platform.processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__.split("+")[0],
    }


def differences(wanted: object, found: object, path: str = "") -> Iterator[str]:
    """What is not the same in two trees, a line each."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in [*wanted, *(key for key in found if key not in wanted)]:
            if key not in wanted or key not in found:
                yield f"{path}{key}: {'is new' if key not in wanted else 'is missing'}"
            else:
                yield from differences(wanted[key], found[key], f"{path}{key}: ")
    elif wanted != found:
        yield f"{path}{json.dumps(wanted)} became {json.dumps(found)}"


def main() -> int:
    """Run the cases and compare, or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the golden file instead of comparing with it")
    parser.add_argument("--only", default="", help="run the cases whose names contain this text")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {"cases": {}}
    found: dict[str, Outcome] = {}
    for name, case in cases():
        if arguments.only in name:
            with tempfile.TemporaryDirectory(prefix="dartboard-unchanged-") as folder:
                case(Path(folder))
                found[name] = outcome(Path(folder))
            is_same = json.loads(json.dumps(found[name])) == golden["cases"].get(name)
            print(f"{name}: {'written' if arguments.write else 'the same' if is_same else 'NOT THE SAME'}", flush=True)
    if arguments.write:
        kept = golden["cases"] if arguments.only else {}
        text = json.dumps({"machine": machine(), "cases": kept | found}, indent=1, sort_keys=True)
        GOLDEN.write_text(text + "\n", encoding="utf-8")
        return 0
    if golden["machine"] != machine():
        print(f"The golden file was written elsewhere: {golden['machine']}; here: {machine()}.")
    wanted = {name: each for name, each in golden["cases"].items() if arguments.only in name}
    lines = list(differences(wanted, json.loads(json.dumps(found))))
    print("\n".join(lines[:60]) or f"All {len(found)} cases left the same results, bit for bit.")
    return bool(lines)


if __name__ == "__main__":
    raise SystemExit(main())

"""The protocols of the field as ready studies, each registered under a name: `dartboard study NAME`."""

from collections.abc import Callable, Mapping
from typing import Any

from dartboard.registry import Registry

__all__ = ["READY_STUDIES", "ready_study"]

READY_STUDIES: Registry[Callable[..., Mapping[str, Any]]] = Registry("study", "dartboard.studies", gives=Mapping)

Made = Callable[..., Mapping[str, Any]]


def ready_study(name: str, *, paper: str = "") -> Callable[[Made], Made]:
    """Register the decorated function as the ready study `name`; it returns what a file of a study holds.

    Args:
        name: registry name, as in `dartboard study NAME`.
        paper: the publication whose protocol it is.
    """

    def register(factory: Made) -> Made:
        READY_STUDIES.add(name, factory, paper=paper)
        return factory

    return register


_THESIS_SEEDS = (2, 20, 200, 2000)


@ready_study("darts-four-seeds", paper="arXiv:1806.09055")
def darts_four_seeds() -> dict[str, Any]:
    """DARTS: four searches, short trainings of 100 epochs choose one, which is trained ten times for 600."""
    return {
        "methods": ("darts", "darts-2nd", "random"),
        "spaces": ("darts",),
        "data": ("cifar10",),
        "seeds": (0, 1, 2, 3),
        "choose": "best-short-train",
        "train": "chosen",
        "settings": {"preset": "darts-cifar", "short_train_epochs": 100, "train.runs": 10},
        "notes": (
            "The paper draws its random baseline from a larger sample; here it has four architectures, as every method "
            "has four searches.",
        ),
    }


@ready_study("hyperdarts", paper="HyperDARTS (thesis)")
def hyperdarts() -> dict[str, Any]:
    """HyperDARTS: four searches, the best supernet whose normal cell has a skip connection is trained ten times."""
    return {
        "spaces": ("darts",),
        "data": ("cifar10",),
        "seeds": _THESIS_SEEDS,
        "train": "chosen",
        "settings": {"preset": "darts-cifar", "train.runs": 10},
        "tables": (
            {"title": "HyperDARTS", "methods": ("hyperdarts-1", "hyperdarts-2"), "choose": "hyperdarts-rule"},
            {"title": "DARTS as the thesis repeats it", "methods": ("darts-2nd",), "choose": "best-supernet"},
        ),
        "notes": (
            "The thesis prints the best test epoch of every training; here the last epoch counts, so its figures lie "
            "higher.",
            "It trains the same cells five times on CIFAR-100, which --transfer cifar10:cifar100 --set train.runs=5 "
            "does.",
        ),
    }


@ready_study("single-darts", paper="arXiv:2108.08128")
def single_darts() -> dict[str, Any]:
    """Single-DARTS: five searches of each method in NAS-Bench-201, and the ablations of its tables 4 and 5."""
    sgd = "single-darts{update=sgd,%s}"
    level = "activation=softmax,images=%s"
    own = "alpha_lr=%g,search.weight_lr=%g,search.weight_lr_min=0"
    rates = (0.001, 0.005, 0.025)
    return {
        "spaces": ("nas-bench-201",),
        "data": ("cifar10",),
        "seeds": 5,
        "train": "none",
        "settings": {"preset": "nas-bench-201"},
        "tables": (
            {
                "title": "Five searches of each method",
                "methods": ("single-darts", "darts", "darts-2nd", "gdas", "setn", "enas", "rsps", "random"),
            },
            {
                "title": "Whose images and batches alpha learns from (table 4)",
                "methods": (
                    sgd % (level % "halves"),
                    sgd % (level % "same-images" + ",matched=true"),
                    sgd % (level % "same-batch" + ",matched=true"),
                ),
                "settings": {"search.epochs": 50},
            },
            {
                "title": "Rates of Single-DARTS (table 5)",
                "methods": tuple(sgd % (own % (rate, rate)) for rate in rates),
                "settings": {"search.epochs": 50},
            },
            {
                "title": "Rates of DARTS (table 5)",
                "methods": tuple(sgd % (f"{level % 'halves'},{own % (rate, rate)}") for rate in rates),
                "settings": {"search.epochs": 50},
            },
            {
                "title": "Activation and optimiser of alpha (table 5)",
                "methods": (
                    sgd % "activation=softmax",
                    sgd % "activation=sigmoid",
                    sgd % "activation=sigmoid,start=half",
                    "single-darts",
                ),
                "settings": {"search.epochs": 50},
            },
        ),
        "notes": (
            "The figures are those of the cells in the tables of NAS-Bench-201; the paper quotes the schedule of 200 "
            "epochs.",
        ),
    }


@ready_study("robust-spaces", paper="arXiv:2108.04392")
def robust_spaces() -> dict[str, Any]:
    """Selection by perturbation: four searches in S1 to S4, the DARTS space and NAS-Bench-201, each cell trained."""
    methods = ("darts", "darts-pt", "sdarts-rs", "sdarts-pt", "sgas", "sgas-pt", "random")
    return {
        "methods": methods,
        "data": ("cifar10",),
        "seeds": (0, 1, 2, 3),
        "tables": (
            {
                "title": "S1 to S4",
                "spaces": ("robust-s1", "robust-s2", "robust-s3", "robust-s4"),
                "choose": "best-supernet",
                "settings": {"preset": "darts-cifar"},
            },
            {
                "title": "DARTS cells",
                "spaces": ("darts",),
                "choose": "best-supernet",
                "settings": {"preset": "darts-cifar"},
            },
            {
                "title": "NAS-Bench-201",
                "spaces": ("nas-bench-201",),
                "train": "none",
                "settings": {"preset": "nas-bench-201"},
            },
        ),
        "skip_unfit": True,
        "notes": (
            "Networks have 36 channels and 20 cells in all spaces; RobustDARTS itself trains 16 channels and 8 cells "
            "in S1 to S4, which gives other figures.",
        ),
    }


@ready_study("search-or-random", paper="arXiv:1912.12522")
def search_or_random() -> dict[str, Any]:
    """Yang et al.: eight searches of each method against eight random architectures, trained by the same recipe."""
    return {
        "methods": ("random", "darts", "darts-2nd", "p-darts", "pc-darts", "enas", "drnas"),
        "spaces": ("darts",),
        "data": ("cifar10",),
        "seeds": 8,
        "settings": {"preset": "darts-cifar"},
        "notes": (
            "What counts is the improvement over random architectures of the same space, trained in the same way.",
            "The paper has five data sets and methods with spaces of their own; here all methods search the DARTS "
            "space, and --data names other data sets.",
        ),
    }


_SHAPES = {"wide": (18, 4), "deep": (8, 18)}
"""Supernet of the suite -> channels and cells, the same for the networks trained."""

_RATES, _DECAYS = (0.025, 0.1, 0.01), (1e-4, 3e-4, 1e-3)


@ready_study("darts-bench-suite", paper="arXiv:2507.16533")
def darts_bench_suite() -> dict[str, Any]:
    """DARTS-Bench-Suite: three searches and nine recipes of training, in supernets of several shapes and operations."""
    return {
        "data": ("cifar10",),
        "seeds": 3,
        "choose": "best-supernet",
        "train": "chosen",
        "vary": {"train.lr": _RATES, "train.weight_decay": _DECAYS},
        "tables": tuple(_suite_table(shape, operations) for shape in _SHAPES for operations in ("regular", "no skip")),
        "skip_unfit": True,
        "notes": (
            "Of the three supernets and three operation sets these are two and two: the single wide cell and the "
            "auxiliary skip of every edge are not there, and the deep supernet has 8 channels instead of 7.",
            "In the wide supernet PC-DARTS sends half of the 18 channels through the operations, as 4 does not divide"
            " them.",
            "The best of three searches is chosen by the validation accuracy of its supernet instead of its loss, and "
            "supernets and networks learn from the same images, not from two halves.",
        ),
    }


def _suite_table(shape: str, operations: str) -> dict[str, Any]:
    channels, layers = _SHAPES[shape]
    return {
        "title": f"{shape}, {operations}",
        "methods": (
            "darts",
            "drnas{alpha_lr=6e-4,channel_share=1,search.weight_lr=0.1}",
            f"gdas{{search.epochs=300,search.batch_size={320 if shape == 'wide' else 480}}}",
            "oles",
            f"pc-darts{{warm_up=0.15,channel_share={2 if shape == 'wide' else 4}}}",
            "sdarts-rs",
            "fair-darts",
            "random",
        ),
        "spaces": ("darts" if operations == "regular" else "darts-no-skip",),
        "settings": {
            "preset": "darts-cifar",
            "search": {
                "epochs": 100,
                "batch_size": 64 if shape == "deep" else 96,
                "init_channels": channels,
                "layers": layers,
                "weight_lr": 0.025,
            },
            "train": {
                "epochs": 300,
                "batch_size": 512,
                "init_channels": channels,
                "layers": layers,
                "auxiliary_weight": 0.0,
                "drop_path": 0.3,
            },
        },
    }

"""What each registered method needs in its contract, and where else an option of it is tested."""

from typing import Any

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.parts import METHODS
from dartboard.testing import PLANTED_FAN, PLANTED_PAIRS, MethodCase

__all__ = ["CASES", "RETURNING"]

PLANTED_WITH: dict[str, tuple[dict[str, Any], int | None]] = {
    # Of 125 architectures in a table, those that learn see a part; those that only draw must see all.
    "rank-nosh": (
        {"levels": (1, 2), "start": 8, "added": 4, "members": 32, "networks": 1, "fit_passes": 40},
        None,
    ),
    "random-search": ({"members": 125, "length": 1}, None),
    "regularized-evolution": ({"members": 80}, None),
    "local-search": ({"members": 60, "starts": 4}, None),
    "successive-halving": ({"members": 125, "levels": (1, 2)}, None),
    "proxy-hyperband": ({"screened": 1}, None),
    # A whole auxiliary skip connection on every edge leaves nothing to find but what undoes it.
    "darts-minus": ({"auxiliary_gate": 0.3}, 2),
    # After so few steps the weights are far from the best ones, whose answer to alpha less damping would exaggerate.
    "darts-cg": ({"damping": 0.1}, 2),
    # A share of the epochs rests alpha, in each of two stages.
    "drnas": ({}, 4),
    "drnas-progressive": ({"channel_shares": (4, 2)}, 8),
    # A first stage of at least as many epochs as alpha needs; the last ones decide.
    "darts-pt": ({"tuning": 0.5}, 4),
    # At even shares few images change sides when an operation is taken out.
    "darts-pt-fixed": ({"tuning": 0.5, "measure": "loss"}, 4),
    "sdarts-pt": ({"tuning": 0.5}, 4),
    # Draws of one operation an edge tell little at a time.
    "gdas": ({}, 12),
    # A temperature that falls takes two epochs in which alpha learns, and it rests for half of a stage.
    "dots": ({}, 8),
    # Two epochs teach a controller little: as with `rsps`, trying many finds it. What the controller learns by is
    # shown in unit/parts/test_enas.py.
    "enas": ({"candidates": 500}, 2),
    # The gates must tell what is planted, not the trying of many.
    "setn": ({"candidates": 1}, 10),
    # Its dropout must have faded before skip connections are judged fairly.
    "p-darts": ({}, 15),
    # Alpha rests in a third of the epochs.
    "pc-darts": ({}, 4),
    # The images repeat after 64.
    "shapley-nas": ({"images": 64}, 4),
    # Two paths at a time tell less of alpha in a step.
    "proxyless": ({"alpha_every": 1, "warm_up": 0.0}, 4),
}
"""Method -> further options with which it finds what is planted, and epochs; otherwise none, and two a stage."""

PLANTED_IN = {
    # Most paths through two nodes do harm, so that weights which see nothing but drawn paths learn to trust `none`.
    "enas": PLANTED_PAIRS,
    # An operation that is not run has the gradient of a number, so that `none`, which gives nothing when it is run,
    # gains on operations that do harm; here it is no choice.
    "gdas": PLANTED_PAIRS,
    # While single paths are drawn, an edge behind which another one still searches hardly shows what it is worth.
    "proxyless": PLANTED_FAN,
    # As enas.
    "rsps": PLANTED_PAIRS,
    # Where one edge leads to another, most operations do harm at even gates, and `none` contributes most.
    "shapley-nas": PLANTED_PAIRS,
}
"""Method -> the problem in which it finds what is planted within seconds; otherwise `PLANTED`, if it takes that."""

BY_REMOVAL = {"darts-pt", "darts-pt-fixed", "sdarts-pt", "sgas-pt"}
"""Methods that choose operations by what the supernet is without them, whatever alpha says."""

SMALL: dict[str, tuple[dict[str, Any], int]] = {
    # The penalty would be gone by the second epoch.
    "cdarts": ({"penalty_fades": 1.0}, 2),
    # In two epochs the linear and the cosine schedule are the same.
    "darts-minus": ({}, 3),
    # The few edges of the small space would stop it after any epoch.
    "darts-plus": ({"skips": 99}, 2),
    # See `PLANTED_WITH`.
    "dots": ({}, 8),
    # There are but a few images.
    "rsps": ({"candidates": 5}, 2),
    # Two steps an epoch, and two updates of the controller after them.
    "enas": ({"candidates": 3, "aggregate": 2, "steps_per_update": 1}, 2),
    # Windows as short as the search, and a threshold that some operations miss.
    "oles": ({"window": 1, "threshold": 0.9}, 3),
    # Must divide the width of the small supernet.
    "drnas-progressive": ({"channel_shares": (4, 2)}, 4),
    # There are but a few images; alpha moves before the third and the fourth epoch.
    "shapley-nas": ({"samples": 1, "images": 12}, 4),
    # An epoch of two steps would have one of alpha.
    "proxyless": ({"alpha_every": 1}, 2),
    # Pools of few architectures that learn for few steps.
    "rank-nosh": (
        {"levels": (1, 2), "start": 2, "added": 2, "members": 4, "networks": 1, "fit_passes": 2, "candidates": 9},
        None,
    ),
    "random-search": ({"members": 3, "length": 1}, None),
    "regularized-evolution": ({"members": 4, "length": 1, "population": 2, "contenders": 1}, None),
    "local-search": ({"members": 4, "length": 1, "starts": 2}, None),
    "hyperband": ({"longest": 3}, None),
    "proxy-hyperband": ({"longest": 3, "factor": 2, "screened": 1}, None),
    "successive-halving": ({"members": 4, "levels": (1, 2)}, None),
    "tpe": ({"members": 4, "length": 1, "startup": 2}, None),
    "nsga2": ({"members": 5, "length": 1, "population": 2}, None),
}
"""Method -> options of its small searches, and epochs; otherwise none, and two a stage."""

# Measurements of about this large decay of alpha, so that none is more than 1.3 times another, but all exceed 0 times
# another: the search stops, or goes back, where the test may do so for the first time.
WATCHED = {
    "space": "smaller",
    "search.epochs": 10,
    "method.options.alpha_weight_decay": 10.0,
    "method.options.factor": 0.0,
}
# The loss is too sharp whenever two measurements tell, so that the search goes back as often as it may.
RETURNING = WATCHED | {"search.epochs": 5}
WATCHING = ("every", "window", "gap", "first", "factor")

SHOWS_WITH: dict[tuple[str, str], dict[str, Any]] = {
    # Without much damping the curvature turns negative at once here, and ends the iterations.
    ("darts-cg", "iterations"): {"method.options.damping": 30.0},
    ("rank-nosh", "screened"): {"method.options.proxies": ("params",), "method.options.members": 2},
    ("darts-cg", "tolerance"): {"method.options.damping": 30.0},
    ("single-darts", "alpha_momentum"): {"method.options.update": "sgd"},
    **{(name, "anchor_radius"): {"method.options.anchor": "ball"} for name in ("drnas", "drnas-progressive")},
    **{("proxyless", option): {"method.options.cost_reference": 1e5} for option in ("cost_form", "cost_strength")},
    **{("robust-darts", option): WATCHED for option in WATCHING},
    # In ten epochs of two steps both ways stop after the sixth.
    ("robust-darts", "within_epochs"): {**WATCHED, "search.epochs": 9},
    # The small supernet has one normal cell, and two reduction cells.
    ("lambda-darts", "alignment"): {"method.options.reductions": True},
    ("lambda-darts", "reductions"): {"method.options.alignment": 30.0},
    **{
        ("lambda-darts", option): {"method.options.reductions": True, "method.options.alignment": 30.0}
        for option in ("pairing", "step")
    },
    ("robust-darts", "cutout"): {"method.options.drop_path": 0.5},
    ("robust-darts-ada", "decay_factor"): RETURNING,
    ("robust-darts-ada", "largest_decay"): RETURNING,
}
"""(method, option) -> what else must be set on both sides for the option to matter in a tiny search."""


GREEDY = ("criterion", "history", "last_decision", "more_images")

SHOWN_ELSEWHERE = {
    ("local-search", "moves"): "unit/parts/discrete/test_samplers.py",
    **{
        ("rank-nosh", option): "unit/parts/discrete/test_samplers.py"
        for option in ("candidates", "fit_passes", "least", "loss", "networks")
    },
    ("darts-plus", "criterion"): "unit/parts/test_simple_methods.py",
    ("darts-plus", "keep"): "unit/parts/test_rules.py",
    ("darts-plus", "skips"): "unit/parts/test_rules.py",
    ("darts-plus", "unchanged"): "unit/parts/test_rules.py",
    ("fair-darts", "form"): "unit/parts/test_sparse_selection.py",
    ("fair-darts", "threshold"): "unit/parts/test_sparse_selection.py",
    ("i-darts", "pairs"): "unit/parts/test_sparse_selection.py",
    **{("rsps", option): "unit/parts/test_paths.py" for option in ("batches", "candidates", "finalists")},
    ("rsps", "steps_per_round"): "unit/parts/test_paths.py",
    **{(name, option): "unit/parts/test_paths.py" for name in ("enas", "setn") for option in ("batches", "candidates")},
    **{
        ("is-darts", option): "unit/parts/test_is_darts.py"
        for option in ("first_drop", "last_drop", "drops", "distinct_sources")
    },
    # The few images fill one batch, in which no operation is missed much.
    **{("shapley-nas", option): "unit/parts/test_shapley.py" for option in ("images", "same_images", "stop")},
    ("gdas", "allow_same_source"): "unit/parts/test_drawn_gates.py",
    ("darts-pt", "measure"): "unit/parts/test_edge_decisions.py",
    **{("darts-pt-fixed", option): "unit/parts/test_edge_decisions.py" for option in ("measure", "none", "tuning")},
    **{(name, option): "unit/parts/test_edge_decisions.py" for name in ("sgas", "sgas-pt") for option in GREEDY},
    # Without it, no option of the watch can be given, and with their defaults a tiny search is not stopped.
    ("robust-darts", "stops"): "unit/parts/test_sharpening.py",
    ("sgas-pt", "measure"): "unit/parts/test_edge_decisions.py",
    **{(name, "derive"): "unit/parts/test_dirichlet.py" for name in ("drnas", "drnas-progressive")},
    ("snas", "keep_all_edges"): "unit/parts/test_drawn_gates.py",
    ("p-darts", "max_skips"): "unit/parts/test_p_darts.py",
    # The same rule watches the curvature in robust-darts, whose options are all tried there.
    **{("robust-darts-ada", option): "contracts/test_methods.py" for option in WATCHING},
}
"""Options that decide when a search stops or what comes out of it, not how alpha moves -> the tests of their effect."""

VALUES: dict[tuple[str, str], list[object]] = {
    ("rank-nosh", "levels"): [(1, 3)],
    ("rank-nosh", "share"): [0.3],
    ("rank-nosh", "start"): [3],
    ("rank-nosh", "added"): [1],
    ("rank-nosh", "members"): [2],
    ("rank-nosh", "proxies"): [("params",)],
    **{(name, "members"): [3] for name in ("tpe", "nsga2")},
    **{(name, "members"): [5] for name in ("random-search", "regularized-evolution", "local-search")},
    **{(name, "length"): [2] for name in ("random-search", "regularized-evolution", "local-search", "tpe", "nsga2")},
    ("successive-halving", "members"): [3],
    ("successive-halving", "levels"): [(1, 3)],
    ("successive-halving", "factor"): [2],
    ("tpe", "startup"): [3],
    ("tpe", "candidates"): [2],
    ("nsga2", "population"): [3],
    ("nsga2", "crossover"): [0.0],
    ("regularized-evolution", "population"): [3],
    ("regularized-evolution", "contenders"): [2],
    ("local-search", "starts"): [3],
    ("hyperband", "longest"): [2],
    ("hyperband", "factor"): [2],
    ("proxy-hyperband", "longest"): [2],
    ("proxy-hyperband", "factor"): [4],
    ("proxy-hyperband", "screened"): [2],
    # Null stands for a number that depends on `update`.
    ("single-darts", "alpha_lr"): [0.5],
    ("single-darts", "alpha_weight_decay"): [0.5],
    ("single-darts", "alpha_momentum"): [0.5],
    ("hyperdarts-1", "lambda_noise"): [0.1],
    # Alpha does not go far in so few steps.
    **{(name, "anchor_radius"): [1e-4] for name in ("drnas", "drnas-progressive")},
    ("darts-cg", "iterations"): [1],  # ten are enough here
    ("darts-cg", "tolerance"): [0.5],
    ("enas", "baseline_decay"): [0.5],
    # Far above the default, whose effect on alpha in so few steps is below rounding.
    ("lambda-darts", "alignment"): [30.0],
    ("shapley-nas", "moves"): [1],
    ("shapley-nas", "samples"): [2],
    ("shapley-nas", "momentum"): [0.2],
    ("shapley-nas", "warm_up"): [0.0],
    ("oles", "threshold"): [2.0],  # all operations rest
    ("oles", "window"): [2],
    ("gdas", "temperatures"): [(5.0, 0.05)],
    ("darts-unrolled", "backward_steps"): [1],  # three times as many are more than there are steps
    ("robust-darts", "every"): [0.2],  # a measurement every second epoch, and five in all
    ("robust-darts", "first"): [0.4],
    ("robust-darts", "factor"): [0.0],
    # The loss of so short a search is far above the default.
    ("beta-darts-plus-plus", "flood"): [5.0],
    ("cdarts", "warm_up"): [0.6],
    ("proxyless", "cost_reference"): [1e5],
    ("snas", "resource_weight"): [0.1],
    # Must divide the width of the small supernet.
    **{(name, "channel_share"): [1, 2] for name in ("pc-darts", "drnas", "shapley-nas")},
    **{(name, "tuning"): [0.3] for name in ("darts-pt", "sdarts-pt")},
    ("p-darts", "deeper"): [(1, 3)],  # small presets have (1, 2)
    ("drnas-progressive", "channel_shares"): [(2, 1)],
    ("drnas-progressive", "kept_ops"): [2],
    ("drnas-progressive", "warm_up"): [0.0],
}
"""Other values of an option, where three times the default is none."""


WAITS = {
    # Which operations are launched depends on the draw, and the draw on alpha.
    "enas": ("controller.py",),
    "gdas": ("drawn.py",),
    "proxyless": ("paths.py",),
    # Gamma numbers are drawn on the CPU, from alpha, and so is their gradient found.
    "drnas": ("drawn.py", "problem.py", "elsewhere"),
    "drnas-progressive": ("drawn.py", "problem.py", "elsewhere"),
    # Which operations come to rest; where weights may rest, steps are not recorded.
    "oles": ("watched.py",),
    # Whether another iteration is needed.
    "darts-cg": ("implicit.py",),
}
"""Method -> where a step waits for the device."""

DRAW = {"p-darts", "rsps", "sdarts-adv", "sdarts-pt", "sdarts-rs", "setn", "snas"}
"""Further methods whose steps differ in what they draw, so that they are not recorded."""


def of(name: str, table: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """The rows of one method, by option."""
    return {option: row for (method, option), row in table.items() if method == name}


def case(name: str) -> MethodCase:
    options, epochs = SMALL.get(name, ({}, None))
    planted_options, planted_epochs = PLANTED_WITH.get(name, ({}, None))
    return MethodCase(
        name,
        options=options,
        epochs=epochs,
        planted=PLANTED_IN.get(name),
        planted_options=planted_options,
        planted_epochs=planted_epochs,
        follows_alpha=name not in BY_REMOVAL,
        values=of(name, VALUES),
        shows_with=of(name, SHOWS_WITH),
        shown_elsewhere=of(name, SHOWN_ELSEWHERE),
        waits=WAITS.get(name, ()),
        draws=name in DRAW,
    )


CASES = {entry.name: case(entry.name) for entry in METHODS}
"""Every registered method under its contract."""

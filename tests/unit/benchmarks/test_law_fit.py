"""The law of accuracy against width and passes is found again in errors that obey it."""

import itertools

import pytest

from law_fit import PASSES, WIDTH, Law, as_table, fit, step_exponent

TRUE = Law(alpha=0.7, beta=0.9, terms={"cifar10": (0.05, 0.04, 0.06), "flowers5": (0.1, 0.03, 0.05)}, residual=0.0)
KAPPA = 1.5


def obeying() -> list[dict[str, object]]:
    """Runs whose errors are those of `TRUE`."""
    return [
        {
            "data": data,
            "width": width,
            "passes": passes,
            "error": TRUE.error(data, width, passes),
            "images": {"train": 45_000, "validation": 5_000},
            "cpu_seconds": passes * (width / WIDTH) ** KAPPA * (2 if data == "flowers5" else 1),
            "steps": passes,
        }
        for data in TRUE.terms
        for width, passes in itertools.product((8, 16, 32, 64), PASSES[data])
    ]


def test_errors_that_obey_a_law_give_it_back() -> None:
    law = fit(obeying())
    assert law.residual == pytest.approx(0.0, abs=1e-4)
    assert (law.alpha, law.beta) == pytest.approx((TRUE.alpha, TRUE.beta), rel=1e-2)
    for data, terms in TRUE.terms.items():
        assert law.terms[data] == pytest.approx(terms, rel=2e-2)


def test_the_exponent_of_a_step_does_not_depend_on_the_data_sets() -> None:
    assert step_exponent(obeying()) == pytest.approx(KAPPA)


def test_the_best_passes_have_the_least_error_of_all_that_take_as_long() -> None:
    for data in TRUE.terms:
        best = TRUE.best_passes(data, KAPPA)
        errors = {
            # The same time: passes * width^kappa stays what it is at the usual width.
            factor: TRUE.error(data, WIDTH * factor, best * factor**-KAPPA)
            for factor in (0.5, 0.8, 0.95, 1.0, 1.05, 1.25, 2.0)
        }
        assert min(errors, key=errors.__getitem__) == 1.0


def test_the_table_tells_what_was_fitted_and_beside_it_what_the_planner_wants() -> None:
    records = {"machine": "a machine", "torch": "2", "date": "2026-11-30"}
    runs = {str(number): run for number, run in enumerate(obeying())}
    table = as_table({**records, "runs": runs})
    assert "alpha 0.70, beta 0.90" in table
    assert f"width^{KAPPA:.2f}" in table
    assert "| cifar10 | 45000 | 5.00 | 4.00 | 6.00 | " in table
    few = as_table({**records, "runs": dict(itertools.islice(runs.items(), 3))})
    assert "No law is fitted" in few

"""The fit of what a step costs, on planted coefficients and with noise."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from supernet.sizes import spec_of

from step_model import Measurement, StepModel
from step_work import Counts, Work, step_work


def works(name: str) -> list[Work]:
    """Sizes among which everything varies."""
    sizes = [(4, 4, 3, 8, None), (16, 4, 3, 8, None), (4, 16, 3, 8, None), (4, 4, 6, 8, None), (4, 4, 3, 24, None)]
    sizes += [(8, 8, 4, 16, 3), (32, 16, 5, 16, 2)]
    return [
        step_work(spec_of(name, channels, layers, ops), batch, (side, side))
        for batch, channels, layers, side, ops in sizes
    ]


PLANTED = StepModel(0.0, 2e-5, 3e-8, 3e-9, 4e-11, 5e-11, 3e8, 5.0)


@pytest.mark.parametrize(
    "planted",
    [
        PLANTED,
        replace(PLANTED, multiply_add=0.0, fixed_bytes=0.0),
        replace(PLANTED, call=0.0, depthwise=0.0),
    ],
    ids=["all above zero", "two of zero", "two others"],
)
def test_planted_coefficients_are_found_again(planted: StepModel) -> None:
    found = StepModel.fit([Measurement(work, planted.seconds(work), planted.bytes(work)) for work in works("darts")])
    # Least squares in double precision over columns of a condition below 1e5; the 1e-6 bytes are for one of zero.
    assert found.fixed_bytes == pytest.approx(planted.fixed_bytes, abs=1e-6)
    np.testing.assert_allclose(
        astuple(replace(found, fixed_bytes=0.0)), astuple(replace(planted, fixed_bytes=0.0)), rtol=1e-6, atol=1e-15
    )


def test_launching_and_running_are_told_apart_where_they_overlap() -> None:
    planted = replace(PLANTED, launch=3e-5, call=0.0, place=0.0, depthwise=0.0)
    every = works("darts")
    bound = [planted.launch * work.step.calls >= planted.seconds(work) for work in every]
    assert 0 < sum(bound) < len(every)
    found = StepModel.fit(
        [Measurement(work, planted.seconds(work), planted.bytes(work)) for work in every], overlap=True
    )
    assert found.launch == pytest.approx(planted.launch)
    for work in every:
        assert found.seconds(work) == pytest.approx(planted.seconds(work))


@pytest.mark.parametrize("seed", range(3))
def test_noise_leaves_no_coefficient_negative_and_moves_predictions_little(seed: int) -> None:
    rng = np.random.default_rng(seed)
    every = works("nas-bench-201")
    noise = 1 + 0.05 * rng.standard_normal((len(every), 2))
    found = StepModel.fit(
        [
            Measurement(work, PLANTED.seconds(work) * slower, PLANTED.bytes(work) * larger)
            for work, (slower, larger) in zip(every, noise, strict=True)
        ]
    )
    assert min(astuple(found)) >= 0
    for work in every:  # a fit of least relative errors is at most a few deviations off at what it has seen
        assert found.seconds(work) == pytest.approx(PLANTED.seconds(work), rel=0.2)


def test_the_fit_minds_relative_errors() -> None:
    """Two measurements that no model of one cost can meet: the fit errs as much on the small as on the large."""
    unit = Work(forward=Counts(calls=1))
    found = StepModel.fit([Measurement(unit, 1.0, 1.0), Measurement(unit * 100, 120.0, 1.0)])
    small, large = found.seconds(unit) - 1.0, found.seconds(unit * 100) / 120.0 - 1.0
    assert small == pytest.approx(-large, rel=0.2)


@pytest.mark.parametrize("measured", [[], [Measurement(Work(), 0.0, 1.0)] * 2, [Measurement(Work(), 1.0, 1.0)]])
def test_measurements_that_tell_nothing_are_refused(measured: list[Measurement]) -> None:
    with pytest.raises(ValueError, match="measure"):
        StepModel.fit(measured)


@pytest.mark.parametrize("seed", range(5))
def test_the_fit_is_the_best_of_all_choices_of_coefficients_that_are_not_zero(seed: int) -> None:
    """The least is reached by a plain least-squares solution over some of the counts: with five all can be tried."""
    rng = np.random.default_rng(seed)
    every = works("darts")
    seconds = np.array([PLANTED.seconds(work) for work in every]) * (1 + 0.3 * rng.standard_normal(len(every)))
    found = StepModel.fit([Measurement(work, each, 1.0) for work, each in zip(every, seconds, strict=True)])
    scaled = np.array([work.step.as_tuple for work in every]) / seconds[:, None]
    scaled = scaled / np.linalg.norm(scaled, axis=0)
    least = np.inf
    for number in range(1, 1 << 5):
        chosen = [column for column in range(5) if number >> column & 1]
        solution = np.linalg.lstsq(scaled[:, chosen], np.ones(len(every)), rcond=None)[0]
        if (solution >= 0).all():
            least = min(least, float(((scaled[:, chosen] @ solution - 1) ** 2).sum()))
    errors = [found.seconds(work) / each - 1 for work, each in zip(every, seconds, strict=True)]
    assert float(np.square(errors).sum()) == pytest.approx(least, rel=1e-9)

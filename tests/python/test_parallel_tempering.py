"""`RBM.parallel_tempering`: its arguments, its report, its samples as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gibbslab.models import RBM, ParallelTempering, TemperingReport


def model(**options: Any) -> RBM:
    return RBM(6, 4, random_state=3, device="cpu", **options)


def test_samples_and_report() -> None:
    run = model().parallel_tempering(5, 4, random_state=0)
    assert isinstance(run, ParallelTempering)
    run.burn_in(50)
    v_prob, v = run.sample(12, thin=3)
    assert v_prob.shape == v.shape == (12, 6)
    assert v_prob.dtype == v.dtype == np.float32
    assert set(np.unique(v)) <= {0.0, 1.0}
    assert ((v_prob > 0) & (v_prob < 1)).all()
    report = run.report
    assert isinstance(report, TemperingReport)
    assert report.betas.shape == (4,)
    assert report.swap_rates.shape == (3,)
    assert ((report.swap_rates > 0) & (report.swap_rates <= 1)).all()
    assert report.round_trips >= 0
    assert (report.n_sweeps, report.n_chains) == (9, 5)
    assert run.sample()[1].shape == (5, 6)


def test_the_same_seed_gives_the_same_samples_whatever_the_threads() -> None:
    drawn = []
    for threads, seed in [(1, 0), (2, 0), (1, 1)]:
        run = model(n_threads=threads).parallel_tempering(50, 3, random_state=seed)
        run.burn_in(40)
        drawn.append(run.sample(100)[1])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_progress_changes_nothing_but_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = []
    for progress in (False, True):
        run = model().parallel_tempering(5, 3, random_state=0)
        run.burn_in(500, progress=progress)
        drawn.append(run.sample(20, progress=progress)[1])
        shown = capsys.readouterr().err
        assert ("burn-in" in shown and "500/500" in shown) == progress
    np.testing.assert_array_equal(*drawn)


def test_the_model_is_copied_and_left_alone() -> None:
    rbm = model()
    draws = rbm.draws
    run = rbm.parallel_tempering(3, 2, random_state=0)
    again = rbm.parallel_tempering(3, 2, random_state=0)
    rbm.W = np.full((6, 4), 9.0)
    run.burn_in(10)
    again.burn_in(10)
    assert rbm.draws == draws
    np.testing.assert_array_equal(run.sample(9)[1], again.sample(9)[1])


def test_chains_start_where_told() -> None:
    rbm = model()
    rbm.W = np.full((6, 4), 50.0)
    rbm.h_bias, rbm.v_bias = np.full(4, -150.0), np.full(6, -100.0)
    for start in (np.zeros((1, 6)), np.ones((2, 6))):
        run = rbm.parallel_tempering(3, betas=[1.0], start=start, random_state=0)
        assert (run.sample(3)[1] == start[0, 0]).all()


def test_a_ladder_of_ones_own_stays_as_it_is() -> None:
    run = model().parallel_tempering(3, betas=[0.25, 0.5, 1], random_state=0)
    run.burn_in(100, adapt=False)
    np.testing.assert_array_equal(run.report.betas, [0.25, 0.5, 1])
    run.burn_in(100)
    assert run.report.betas[1] != 0.5
    assert len(model().parallel_tempering(3, 1).report.betas) == 1


BAD = [
    ({"n_chains": 0}, ValueError, "n_chains must be at least 1, got 0"),
    ({"n_temperatures": 0}, ValueError, "n_temperatures must be at least 1, got 0"),
    ({"n_temperatures": 2.5}, TypeError, "n_temperatures"),
    ({"betas": [0, 0.5]}, ValueError, "betas must rise, from at least 0 to 1"),
    ({"betas": [0.5, 0.2, 1]}, ValueError, "betas must rise, from at least 0 to 1"),
    ({"betas": [-0.5, 1]}, ValueError, "betas must rise, from at least 0 to 1"),
    ({"betas": [np.nan, 1]}, ValueError, "betas must rise, from at least 0 to 1"),
    ({"betas": ["a"]}, TypeError, "betas must be numbers"),
    ({"start": "here"}, ValueError, "start must be 'random' or an array, got 'here'"),
    ({"start": np.zeros((2, 5))}, ValueError, "start must have 6 columns"),
    ({"random_state": "x"}, TypeError, "random_state"),
]


@pytest.mark.parametrize(("options", "error", "text"), BAD, ids=[t for *_, t in BAD])
def test_bad_arguments(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=r"^\[ParallelTempering\] " + text):
        model().parallel_tempering(**options)


def test_bad_arguments_of_its_methods() -> None:
    run = model().parallel_tempering(2, 2)
    with pytest.raises(ValueError, match=r"^\[ParallelTempering.burn_in\] n_sweeps must be at le"):
        run.burn_in(0)
    with pytest.raises(ValueError, match=r"^\[ParallelTempering.sample\] n_samples must be at lea"):
        run.sample(0)
    with pytest.raises(ValueError, match=r"^\[ParallelTempering.sample\] thin must be at least 1"):
        run.sample(1, thin=0)

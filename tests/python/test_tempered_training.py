"""`BernoulliRBM(method="pt")`: chains, report, changes of method, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
from gibbslab.models import TemperingReport
from training_cases import H, assert_same_training, binary, grey, make


def test_chains_are_those_at_beta_one() -> None:
    rbm = make("tempering").fit(grey())
    state = rbm._training.trainer.state()
    levels = state["replicas"][0].astype(int)
    assert state["chains"].shape == (28, H)
    np.testing.assert_array_equal(np.bincount(levels), [7, 7, 7, 7])
    assert (levels[21:] != 3).any()  # exchanges have moved temperatures between rows
    chains = rbm.h_samples_
    for chain, row in enumerate(np.flatnonzero(levels == 3)):
        assert row % 7 in range(7)
        np.testing.assert_array_equal(chains[row % 7], state["chains"][row], err_msg=str(chain))
    ones = np.ones((7, H))
    rbm.h_samples_ = ones
    np.testing.assert_array_equal(rbm.h_samples_, ones)
    after = rbm._training.trainer.state()
    np.testing.assert_array_equal(after["chains"][levels != 3], state["chains"][levels != 3])
    np.testing.assert_array_equal(after["ladder"], state["ladder"])


def test_report() -> None:
    rbm = make("tempering").fit(grey())
    report = rbm.tempering_
    assert isinstance(report, TemperingReport)
    assert (report.n_chains, report.n_sweeps) == (7, 120)
    assert report.betas[[0, -1]].tolist() == [0, 1]
    assert not np.allclose(report.betas, np.linspace(0, 1, 4), atol=1e-3)  # moved at sweep 100
    assert ((report.swap_rates > 0) & (report.swap_rates <= 1)).all()
    assert report.round_trips > 0
    for case in ("plain", "cd"):
        with pytest.raises(AttributeError, match="tempering_ exists only with method='pt'"):
            _ = make(case, n_iter=1).fit(grey()).tempering_


def test_one_temperature_is_pcd() -> None:
    one = make("tempering", n_temperatures=1).fit(grey())
    assert_same_training(one, make("plain", n_chains=7, k=2).fit(grey()))


def test_changing_the_method_keeps_what_is_at_beta_one() -> None:
    rbm = make("tempering", n_iter=3, warm_start=True).fit(grey())
    chains = rbm.h_samples_
    rbm.set_params(method="pcd", n_iter=0).fit(grey())
    np.testing.assert_array_equal(rbm.h_samples_, chains)
    rbm.set_params(method="pt", n_temperatures=3, n_chains=9).fit(grey())
    np.testing.assert_array_equal(rbm.h_samples_, np.resize(chains, (27, H))[18:])
    assert rbm.tempering_.betas.tolist() == [0, 0.5, 1]
    rbm.set_params(method="cd").fit(grey())
    rbm.set_params(method="pt", n_iter=1).fit(grey())
    assert rbm.h_samples_.shape == (9, H)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_threads_change_nothing(n_threads: int) -> None:
    assert_same_training(
        make("tempering", n_threads=n_threads).fit(binary()), make("tempering").fit(binary())
    )


DAMAGE: dict[str, tuple[str, tuple[int, int], float]] = {
    "a ladder that falls": ("ladder", (0, 1), 0.9999),
    "a ladder that ends early": ("ladder", (0, 3), 0.5),
    "a negative count": ("ladder", (2, 0), -1.0),
    "sweeps beyond a million": ("ladder", (2, 3), 1e6),
    "a level twice": ("replicas", (0, 0), 1.0),
    "a level that is not": ("replicas", (0, 5), 7.0),
    "half a level": ("replicas", (0, 5), 0.5),
    "an end that is not": ("replicas", (1, 2), 3.0),
    "half a round trip": ("replicas", (2, 2), 0.5),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_with_an_impossible_ladder_is_refused(damage: str, tmp_path: Path) -> None:
    from gibbslab.io import _models
    from gibbslab.io._encode import encode
    from gibbslab.io._writer import write_atomically

    rbm = make("tempering", n_iter=1).fit(grey())
    metadata, tensors = _models._formats()["BernoulliRBM"].describe(rbm)
    name, at, value = DAMAGE[damage]
    tensors[name] = tensors[name].copy()
    tensors[name][at] = value
    path = tmp_path / "rbm.safetensors"
    write_atomically(path, encode("BernoulliRBM", metadata, tensors), "save")
    with pytest.raises(gibbslab.FormatError, match=r"^\[load\] .*tempering"):
        gibbslab.load(path)


def test_bad_parameters() -> None:
    bad: list[tuple[Any, type[Exception]]] = [(0, ValueError), (2.5, TypeError)]
    for value, error in bad:
        with pytest.raises(error, match=r"^\[BernoulliRBM.fit\] n_temperatures"):
            make("tempering", n_temperatures=value).fit(grey())
    with pytest.raises(ValueError, match=r"method must be one of \('pcd', 'cd', 'pt', 'exact'\)"):
        make("plain", method="tempering").fit(grey())

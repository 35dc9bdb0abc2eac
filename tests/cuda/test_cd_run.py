"""Runs of many batches against their plain twin, the trainer that goes op by op: bit for bit.

All use the same tiles, or add in their order, so that a difference is an error of the run: in the
batch, its rows, the draws, the half of the state that is read, the biases, or the block whose
memory is read.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest
from gibbslab import _core

RUN = "GIBBSLAB_CUDA_CD_RUN"
FORMS = ["graph", "resident:1", "resident:2"]
ROWS, RATE, HUGE = 41, 0.05, 3e38
SIZES = [(37, 19), (70, 33), (32, 65)]
PARAMETERS = ("W", "v_bias", "h_bias")
OPTIONS: dict[str, dict[str, Any]] = {
    "CD-1": {},
    "CD-2": {"k": 2},
    "samples": {"hidden_samples": True, "k": 2},
    "PCD-1": {"persistent": True, "n_chains": 16},
    "PCD-2, other chains": {"persistent": True, "n_chains": 12, "k": 2},
    "PCD samples": {"persistent": True, "n_chains": 35, "hidden_samples": True},
    "momentum": {"momentum": 0.75},
    "decay": {"l1": 0.01, "l2": 0.02},
    "all": {
        "persistent": True, "n_chains": 33, "k": 2, "momentum": 0.5, "l1": 1e-3, "l2": 1e-2,
    },
}  # fmt: skip
Trained = dict[str, Any]


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Run:
    """A model, its trainer and its data on the card, trained in one of the forms."""

    def __init__(self, form: str, name: str, size: tuple[int, int] = SIZES[0]) -> None:
        rng = np.random.default_rng(size)
        self.form = form
        self.rbm = _core.RBM(*size, seed=5, device="cuda")
        self.rbm.W = rng.normal(0, 0.3, size).astype(np.float32)
        self.rbm.v_bias, self.rbm.h_bias = (rng.normal(0, 0.5, n).astype(np.float32) for n in size)
        options = _core.TrainOptions()
        for option, value in {"persistent": False, **OPTIONS[name]}.items():
            setattr(options, option, value)
        self.trainer = _core.Trainer(self.rbm, options)
        x = (rng.random((ROWS, size[0])) < 0.3).astype(np.float32)
        self.data = _core.Dataset(x, device="cuda")

    def train(
        self, batch: int, first: int = 0, last: int = 10**6, rate: float = RATE, order_seed: int = 0
    ) -> tuple[int, str]:
        order = np.random.default_rng(order_seed).permutation(ROWS)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(RUN, self.form)
            return self.trainer.train(self.data, order, batch, first, last, rate)

    def state(self) -> Trained:
        parameters = {name: getattr(self.rbm, name) for name in PARAMETERS}
        return {**parameters, **self.trainer.state(), "draws": self.rbm.draws}


def assert_same(one: Run, other: Run) -> None:
    first, second = one.state(), other.state()
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", OPTIONS)
def test_runs_equal_the_plain_trainer(form: str, name: str, size: tuple[int, int]) -> None:
    """Batches of one tile and of two, few and many of them, the last one short."""
    runs = Run(form, name, size), Run("plain", name, size)
    for batch in (35, 4):
        done = [run.train(batch, order_seed=batch) for run in runs]
        assert done == [(-(-ROWS // batch), "")] * 2
        assert_same(*runs)


@pytest.mark.parametrize("blocks", [2, 3, 16])
@pytest.mark.parametrize("size", [(128, 40), (129, 8), (65, 70)], ids=str)
@pytest.mark.parametrize("name", ["momentum", "PCD-2, other chains"])
def test_slices_of_any_size(name: str, size: tuple[int, int], blocks: int) -> None:
    """Blocks with two words of units, with one, with one unit and with none."""
    runs = Run(f"resident:{blocks}", name, size), Run("plain", name, size)
    assert [run.train(35) for run in runs] == [(2, "")] * 2
    assert_same(*runs)


@pytest.mark.parametrize(
    ("form", "size"),
    [("", (130, 40)), ("", (33, 300)), ("resident:1", (600, 100)), ("resident", (260, 33))],
    ids=["small", "many tiles", "too large for a block", "as many blocks as fit"],
)
def test_the_form_goes_by_size(form: str, size: tuple[int, int]) -> None:
    runs = Run(form, "momentum", size), Run("plain", "momentum", size)
    assert [run.train(35) for run in runs] == [(2, "")] * 2
    assert_same(*runs)


@pytest.mark.parametrize("mode", ["fp32", "bf16x2", "int8x3"])
@pytest.mark.parametrize("name", ["samples", "all"])
def test_runs_equal_the_plain_trainer_in_every_mode(
    form: str, name: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Products in fixed point are none of a run's: it must leave them to the plain trainer."""
    monkeypatch.setenv("GIBBSLAB_CUDA_MODE", mode)
    runs = Run(form, name, (70, 33)), Run("plain", name, (70, 33))
    assert [run.train(4) for run in runs] == [(11, "")] * 2
    assert_same(*runs)


@pytest.mark.parametrize("scales", [(2.0, 1.0), (1.0, 2.0)], ids=str)
def test_inputs_are_scaled(form: str, scales: tuple[float, float]) -> None:
    """As in the greedy training of a DBM."""
    runs = Run(form, "CD-1"), Run("plain", "CD-1")
    for run in runs:
        run.rbm.set_input_scales(*scales)
        assert run.train(4) == (11, "")
    assert_same(*runs)


def test_a_batch_has_no_more_rows_than_the_data(form: str) -> None:
    """Whatever batch size was asked for, also one whose working memory no card holds."""
    runs = Run(form, "CD-1"), Run(form, "CD-1")
    assert [run.train(size) for run, size in zip(runs, (2**62, ROWS))] == [(1, "")] * 2
    assert_same(*runs)


def test_chains_that_are_not_used_play_no_part(form: str) -> None:
    """Those that a trainer by CD was given when it was restored."""
    runs = Run(form, "CD-1"), Run(form, "CD-1")
    runs[0].trainer.restore({"chains": np.ones((5, SIZES[0][1]), np.float32)})
    assert [run.train(4) for run in runs] == [(11, "")] * 2
    assert_same(*runs)


@pytest.mark.parametrize("name", ["CD-1", "momentum", "all"])
def test_a_run_in_parts_is_the_whole_run(form: str, name: str) -> None:
    """Odd and even numbers of batches, from any batch on; also after the state was restored."""
    whole, parts, other = Run(form, name), Run(form, name), Run(form, name)
    assert whole.train(4) == (11, "")
    for first, last in ((0, 1), (1, 4), (4, 4), (4, 9)):
        assert parts.train(4, first, last) == (last - first, "")
        assert parts.trainer.next_batch == last
    for parameter in PARAMETERS:
        setattr(other.rbm, parameter, getattr(parts.rbm, parameter))
    other.rbm.draws = parts.rbm.draws
    other.trainer.restore(parts.trainer.state())
    for run in (parts, other):
        assert run.train(4, 9) == (2, "")
        assert_same(run, whole)


@pytest.mark.parametrize("name", ["CD-1", "PCD-1", "momentum"])
def test_a_run_stops_before_the_batch_that_diverges(form: str, name: str) -> None:
    """In the middle of a run; decay at this rate overshoots zero farther at every step."""
    runs = Run(form, name), Run("plain", name)
    for run in runs:
        run.trainer = _core.Trainer(run.rbm, with_decay(run.trainer.options, 1e3))
    done = [run.train(4, rate=1e3) for run in runs]
    assert done[0] == done[1]
    assert 2 < done[0][0] < 8
    assert done[0][1] == "W"
    assert runs[0].trainer.next_batch == done[0][0]
    assert_same(*runs)
    assert np.isfinite(runs[0].rbm.W).all()


def with_decay(options: _core.TrainOptions, l2: float) -> _core.TrainOptions:
    options.l2 = l2
    return options


@pytest.mark.parametrize("tensor", PARAMETERS)
def test_the_tensor_that_diverges_is_named(form: str, tensor: str) -> None:
    run = Run(form, "momentum")
    velocity = run.trainer.state()["velocity_" + tensor]
    velocity.flat[-1] = HUGE
    run.trainer.restore({"velocity_" + tensor: velocity})
    before = run.state()
    assert run.train(9, rate=10.0) == (0, tensor)
    for name, value in run.state().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_weights_that_are_looked_at_stay_as_they_are(form: str) -> None:
    run, other = Run(form, "CD-1"), Run(form, "CD-1")
    views = [run.rbm.device_array(name) for name in PARAMETERS]
    before = [view.to_numpy() for view in views]
    for each in (run, other):
        each.train(4)
    for view, value in zip(views, before):
        np.testing.assert_array_equal(view.to_numpy(), value)
    assert_same(run, other)


def test_an_interrupted_run_stops_between_batches(form: str) -> None:
    """Wherever that is: the state is that of as many batches, and the rest can follow."""
    run, whole = Run(form, "all"), Run(form, "all")
    order = np.tile(np.arange(ROWS), 1000)
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(RUN, form)
        with pytest.raises(KeyboardInterrupt):
            run.trainer.train(run.data, order, 2, 0, 10**6, RATE)
        timer.join()
        done = run.trainer.next_batch
        assert 0 < done < len(order) / 2
        assert whole.trainer.train(whole.data, order, 2, 0, done, RATE) == (done, "")
        assert_same(run, whole)
        for each in (run, whole):
            each.trainer.train(each.data, order, 2, done, done + 3, RATE)
    assert_same(run, whole)


def test_what_memory_held_before_never_matters(form: str) -> None:
    """Stale NaN in recycled blocks must not look like a divergence, or be added."""
    runs = Run(form, "all"), Run("plain", "all")
    for batch in range(3):
        models = [
            _core.RBM(*size, device="cuda") for size in (SIZES[0], (9, 19), (35, 19), (1, 37))
        ]
        for rbm in models:
            rbm.W = np.full(rbm.W.shape, np.nan, np.float32)
        del models, rbm
        for run in runs:
            assert run.train(9, batch, batch + 1) == (1, "")
    assert_same(*runs)


@pytest.mark.parametrize("form", ["fast", "resident:0", "resident:17", "resident:2x"])
def test_a_form_that_is_none_is_refused(form: str) -> None:
    with pytest.raises(RuntimeError, match="GIBBSLAB_CUDA_CD_RUN must be plain"):
        Run(form, "CD-1").train(4)

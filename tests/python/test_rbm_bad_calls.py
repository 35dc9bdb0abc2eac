"""One table of bad calls by method, and of unusual arrays that every method takes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gibbslab import metrics
from gibbslab.models import RBM
from small_rbms import random_rbm

V, H = 6, 4

# Every method that takes a batch: its name in messages, the batch's name, how to call it.
BATCH_METHODS = {
    "RBM.forward": ("batch", V, lambda m, x: m(x)),
    "RBM.update_weights_for_batch": ("batch", V, lambda m, x: m.update_weights_for_batch(x)),
    "RBM.reconstruct": ("h", H, lambda m, x: m.reconstruct(x)),
    "RBM.hidden_mean": ("v", V, lambda m, x: m.hidden_mean(x)),
    "RBM.visible_mean": ("h", H, lambda m, x: m.visible_mean(x)),
    "RBM.sample_hidden": ("v", V, lambda m, x: m.sample_hidden(x)),
    "RBM.sample_visible": ("h", H, lambda m, x: m.sample_visible(x)),
    "RBM.gibbs": ("v", V, lambda m, x: m.gibbs(x)),
    "RBM.sample": ("start", V, lambda m, x: m.sample(n_steps=1, start=x)),
    "RBM.sample ": ("start_hidden", H, lambda m, x: m.sample(n_steps=1, start_hidden=x)),
    "RBM.inpaint": ("v", V, lambda m, x: m.inpaint(x, np.arange(V) < 3)),
    "RBM.free_energy": ("v", V, lambda m, x: m.free_energy(x)),
    "RBM.log_likelihood": ("v", V, lambda m, x: m.log_likelihood(x)),
    "RBM.pseudo_likelihood": ("v", V, lambda m, x: m.pseudo_likelihood(x)),
    "RBM.reconstruction_error": ("v", V, lambda m, x: m.reconstruction_error(x)),
    "reconstruction_error": ("X", V, lambda m, x: metrics.reconstruction_error(m, x)),
    "free_energy_gap": ("X_train", V, lambda m, x: metrics.free_energy_gap(m, x, np.ones((1, V)))),
    "free_energy_gap ": ("X_valid", V, lambda m, x: metrics.free_energy_gap(m, np.ones((1, V)), x)),
    "ais": ("X", V, lambda m, x: metrics.ais(m, x, n_chains=2, n_temperatures=3, random_state=0)),
}

# Kind of bad batch: how to make it for rows of n values, error, text after the argument's name.
BAD_BATCHES = {
    "too wide": (lambda n: np.zeros((5, n + 1)), ValueError, r"must (have|reshape to) .*got shape"),
    "scalar": (lambda n: 1.0, ValueError, r"must (have|reshape to) .*got shape \(\)"),
    "empty": (lambda n: np.zeros((0, n)), ValueError, "must have at least one row, got shape (0, "),
    "NaN": (lambda n: np.full((2, n), np.nan), ValueError, "must be finite in float32, got NaN"),
    "infinite": (lambda n: np.full((2, n), -np.inf), ValueError, "must be finite in float32"),
    "complex": (
        lambda n: np.zeros((2, n), complex),
        TypeError,
        "must hold real numbers, got dtype",
    ),
    "string": (lambda n: np.full((2, n), "x"), TypeError, "must hold real numbers, got dtype <U1"),
    "object": (
        lambda n: np.zeros((2, n), object),
        TypeError,
        "must hold real numbers, got dtype o",
    ),
}


@pytest.mark.parametrize("kind", BAD_BATCHES)
@pytest.mark.parametrize("method", BATCH_METHODS)
def test_bad_batches(method, kind):
    name, width, call = BATCH_METHODS[method]
    make, error, text = BAD_BATCHES[kind]
    model = random_rbm(V, H, seed=0)
    before, draws = model.W, model.draws
    pattern = text if "got shape" in text and "(have|" in text else re.escape(text)
    with pytest.raises(error, match=rf"^\[{re.escape(method.strip())}\] {name} {pattern}"):
        call(model, make(width))
    np.testing.assert_array_equal(model.W, before)
    assert model.draws == draws


BINARY = np.random.default_rng(0).integers(0, 2, (8, V))


def same_values(n: int, tmp_path) -> dict[str, np.ndarray]:
    """The same 0/1 rows of n values in every layout and type that is accepted."""
    x = BINARY[:, :n].astype(np.float32)
    frozen = x.copy()
    frozen.flags.writeable = False
    mapped = np.memmap(tmp_path / "rows", dtype=np.float32, mode="w+", shape=x.shape)
    mapped[:] = x
    return {
        "float64": x.astype(np.float64),
        "int64": x.astype(np.int64),
        "bool": x.astype(bool),
        "uint8": x.astype(np.uint8),
        "big endian": x.astype(">f4"),
        "Fortran": np.asfortranarray(x),
        "strided": np.repeat(x, 3, axis=1)[:, ::3],
        "backwards": x[::-1].copy()[::-1],
        "read-only": frozen,
        "memory-mapped": mapped,
        "list": x.tolist(),
    }


def flat(result) -> np.ndarray:
    if isinstance(result, metrics.AISResult):
        result = result.log_weights
    parts = result if isinstance(result, tuple) else (result,)
    return np.concatenate([np.ravel(p) for p in parts if p is not None] or [np.empty(0)])


@pytest.mark.parametrize("method", BATCH_METHODS)
def test_unusual_arrays_give_the_same_result_and_are_never_written(method, tmp_path):
    _, width, call = BATCH_METHODS[method]
    plain = random_rbm(V, H, seed=1)
    expected = flat(call(plain, BINARY[:, :width].astype(np.float32)))
    for kind, given in same_values(width, tmp_path).items():
        model = random_rbm(V, H, seed=1)
        before = np.array(given)
        np.testing.assert_array_equal(flat(call(model, given)), expected, err_msg=kind)
        np.testing.assert_array_equal(np.array(given), before, err_msg=kind)
        for name in ("W", "v_bias", "h_bias"):
            np.testing.assert_array_equal(getattr(model, name), getattr(plain, name))


@pytest.mark.parametrize("method", BATCH_METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
def test_one_unit_and_one_sample(method, shape):
    model = random_rbm(*shape, seed=2)
    if method.startswith(("RBM.inpaint", "free_energy_gap")):
        one = np.zeros((1, shape[0]))
        calls = {
            "RBM.inpaint": lambda: model.inpaint(one, np.ones(shape[0], bool), 1),
            "free_energy_gap": lambda: metrics.free_energy_gap(model, one, one),
        }
        assert np.isfinite(flat(calls[method.strip()]())).all()
        return
    _, width, call = BATCH_METHODS[method]
    assert np.isfinite(flat(call(model, np.zeros((1, shape[0] if width == V else shape[1]))))).all()


def grey(model: RBM) -> np.ndarray:
    return np.full((2, V), 0.5)


ONE = np.zeros((2, V))
# Everything else that a caller can get wrong: the call, the error, its text.
BAD_CALLS = [
    (lambda m: RBM(0, 3), ValueError, "[RBM] visible_size must be at least 1, got 0"),
    (lambda m: RBM(3, -1), ValueError, "[RBM] hidden_size must be at least 1, got -1"),
    (lambda m: RBM(3.0, 3), TypeError, "[RBM] visible_size must be an integer, got 3.0"),
    (lambda m: RBM(3, 3, 0), ValueError, "[RBM] cd_k must be at least 1, got 0"),
    (lambda m: RBM(3, 3, n_threads=0), ValueError, "[RBM] n_threads must be at least 1, got 0"),
    (lambda m: RBM(3, 3, device="gpu"), ValueError, "[RBM] device must be 'auto', 'cpu' or 'cuda'"),
    (lambda m: RBM(3, 3, random_state=-1), ValueError, "[RBM] random_state must be in 0 ... 2**64"),
    (lambda m: RBM(3, 3, random_state="a"), TypeError, "[RBM] random_state must be None, an int"),
    (lambda m: setattr(m, "cd_k", 1.5), TypeError, "[RBM] cd_k must be an integer, got 1.5"),
    (
        lambda m: setattr(m, "W", np.zeros((H, V))),
        ValueError,
        "[RBM] W must have shape (6, 4), got",
    ),
    (
        lambda m: setattr(m, "v_bias", [0.0]),
        ValueError,
        "[RBM] v_bias must have shape (6,), got (1",
    ),
    (lambda m: setattr(m, "h_bias", [np.nan] * H), ValueError, "[RBM] h_bias must be finite"),
    (lambda m: setattr(m, "W", "W"), TypeError, "[RBM] W must hold real numbers"),
    (lambda m: setattr(m, "draws", -1), ValueError, "[RBM] draws must be at least 0, got -1"),
    (
        lambda m: m.update_weights_for_batch(ONE, -0.1),
        ValueError,
        "[RBM.update_weights_for_batch] learning_rate must be finite and at least 0, got -0.1",
    ),
    (
        lambda m: m.update_weights_for_batch(ONE, np.nan),
        ValueError,
        "[RBM.update_weights_for_batch] learning_rate must be finite and at least 0, got nan",
    ),
    (
        lambda m: m.update_weights_for_batch(ONE, "fast"),
        TypeError,
        "[RBM.update_weights_for_batch] learning_rate must be a real number, got 'fast'",
    ),
    (
        lambda m: m.reconstruct(np.zeros(H), 0),
        ValueError,
        "[RBM.reconstruct] gibbs_steps must be at least 1, got 0",
    ),
    (lambda m: m.hidden_mean(ONE, beta=-1), ValueError, "[RBM.hidden_mean] beta must be finite"),
    (lambda m: m.log_partition(beta=np.inf), ValueError, "[RBM.log_partition] beta must be finite"),
    (lambda m: m.gibbs(ONE, 0), ValueError, "[RBM.gibbs] k must be at least 1, got 0"),
    (
        lambda m: m.gibbs(ONE, known=ONE),
        ValueError,
        "[RBM.gibbs] mask must be given with known, got None",
    ),
    (
        lambda m: m.gibbs(ONE, mask=np.ones((3, V))),
        ValueError,
        "[RBM.gibbs] mask must have 1 or 2 rows, got 3",
    ),
    (
        lambda m: m.gibbs(ONE, mask=np.ones(V), known=np.ones((3, V))),
        ValueError,
        "[RBM.gibbs] known must have 1 or 2 rows, got 3",
    ),
    (lambda m: m.sample(0), ValueError, "[RBM.sample] n_samples must be at least 1, got 0"),
    (lambda m: m.sample(1, 0), ValueError, "[RBM.sample] n_steps must be at least 1, got 0"),
    (
        lambda m: m.sample(start="data"),
        ValueError,
        "[RBM.sample] start must be 'random' or an array, got 'data'",
    ),
    (
        lambda m: m.sample(start=ONE, start_hidden=np.zeros((2, H))),
        ValueError,
        "[RBM.sample] start and start_hidden must not both be given",
    ),
    (
        lambda m: m.inpaint(ONE, np.full(V, 0.5)),
        ValueError,
        "[RBM.inpaint] known_mask must hold only 0 and 1, got values from 0.5 to 0.5",
    ),
    (
        lambda m: m.inpaint(ONE, np.ones(V - 1, bool)),
        ValueError,
        "[RBM.inpaint] known_mask must have 6 columns, got shape (5,)",
    ),
    (lambda m: m.inpaint(ONE, np.ones(V), 0), ValueError, "[RBM.inpaint] n_steps must be at least"),
    (
        lambda m: m.energy(ONE, np.zeros((3, H))),
        ValueError,
        "[RBM.energy] h must have as many rows as v, 2, got 3",
    ),
    (
        lambda m: m.energy(ONE, np.zeros((2, V + 1))),
        ValueError,
        "[RBM.energy] h must have 4 columns, got shape (2, 7)",
    ),
    (
        lambda m: m.energy(np.zeros((2, 5)), np.zeros((2, H))),
        ValueError,
        "[RBM.energy] v must have",
    ),
    (
        lambda m: m.log_likelihood(grey(m)),
        ValueError,
        "[RBM.log_likelihood] v must hold only 0 and",
    ),
    (
        lambda m: m.log_likelihood(ONE, log_z="big"),
        TypeError,
        "[RBM.log_likelihood] log_z must be a real number, got 'big'",
    ),
    (
        lambda m: m.pseudo_likelihood(grey(m)),
        ValueError,
        "[RBM.pseudo_likelihood] v must hold only 0 and 1, got values from 0.5 to 0.5",
    ),
    (
        lambda m: m.pseudo_likelihood(ONE, method="fast"),
        ValueError,
        "[RBM.pseudo_likelihood] method must be 'exact' or 'stochastic', got 'fast'",
    ),
    (
        lambda m: m.reconstruction_error(ONE, k=0),
        ValueError,
        "[RBM.reconstruction_error] k must be at least 1, got 0",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), BAD_CALLS, ids=[c[2][:60] for c in BAD_CALLS])
def test_bad_calls(call, error, text):
    model = random_rbm(V, H, seed=0)
    draws = model.draws
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        call(model)
    assert model.draws == draws

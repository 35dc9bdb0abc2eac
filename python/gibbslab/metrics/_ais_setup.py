"""Where AIS starts and how it goes: base-rate model, temperatures, samples of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_parameter
from ..models import RBM, UnitRBM

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

MAX_EXACT_UNITS = 16  # of the smaller layer, to draw exact samples: 65,536 states


def schedule(n_temperatures: int, betas: Any, op: str) -> DoubleArray:
    """The given `betas`, or a schedule in three pieces as in Salakhutdinov and Murray (2008).

    A fifth of the temperatures lies below 0.5 and two fifths on either side of 0.9. Their own
    split of 14,500 temperatures, 3 %, 28 % and 69 %, spread the log-weights 1.0 to 2.0 times as
    much on RBMs of 100 and 500 hidden units trained on MNIST, at 1,000 and 10,000 temperatures.
    """
    if betas is None:
        share = np.linspace(0.0, 1.0, n_temperatures)
        return np.interp(share, [0.0, 0.2, 0.6, 1.0], [0.0, 0.5, 0.9, 1.0])
    given = np.asarray(betas)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"[{op}] betas must hold real numbers, got dtype {given.dtype}")
    given = given.astype(np.float64)
    rising = given.ndim == 1 and len(given) >= 2 and bool((np.diff(given) >= 0).all())
    if not rising or given[0] != 0.0 or given[-1] != 1.0:
        raise ValueError(f"[{op}] betas must rise from 0 to 1, got shape {given.shape}: {betas!r}")
    return given


def base_biases(model: RBM, base: Any, data: FloatArray | None, op: str) -> FloatArray:
    """Visible biases of the base-rate model: logits of the data's means, zeros or as given."""
    if base is None:
        base = "zeros" if data is None else "data"
    if not isinstance(base, str):
        return as_parameter(base, "base", op, (model.v_size,), device=model.device)
    if base == "zeros":
        return np.zeros(model.v_size, np.float32)
    if base != "data":
        raise ValueError(f"[{op}] base must be 'data', 'zeros' or an array, got {base!r}")
    if data is None:
        raise ValueError(f"[{op}] X must be given with base='data', got None")
    return model._base_biases(data.mean(axis=0, dtype=np.float64)).astype(np.float32)


def _all_states(units: int) -> FloatArray:
    numbers = np.arange(2**units, dtype=np.uint32)[:, None]
    return ((numbers >> np.arange(units, dtype=np.uint32)) & 1).astype(np.float32)


def exact_samples(model: RBM, n: int, seed: int) -> FloatArray:
    """Independent samples of p(v), by enumerating the smaller layer; (n, V)."""
    core = _core.RBM(model.v_size, model.h_size, seed, model.n_threads or 0, model.device)
    core.W, core.v_bias, core.h_bias = model.W, model.v_bias, model.h_bias
    by_hidden = model.h_size < model.v_size
    enumerated = core
    if by_hidden:  # the same model with its layers exchanged has the free energies of h
        enumerated = _core.RBM(model.h_size, model.v_size, seed, model.n_threads or 0, model.device)
        enumerated.W = np.ascontiguousarray(model.W.T)
        enumerated.v_bias, enumerated.h_bias = model.h_bias, model.v_bias
    states = _all_states(min(model.v_size, model.h_size))
    log_p = -enumerated.free_energy(states, 1.0)
    p = np.exp(log_p - log_p.max())
    drawn = states[np.random.default_rng(seed).choice(len(p), size=n, p=p / p.sum())]
    return core.sample_visible(drawn, 1.0) if by_hidden else drawn


def unit_samples(
    model: UnitRBM, data: FloatArray | None, n: int, burn_in: int, seed: int
) -> FloatArray:
    """Independent samples of p(v) where a layer has few states, else ends of Gibbs chains."""
    own = model._with_seed(seed)
    if own._rbm.enumerable(2.0**MAX_EXACT_UNITS):
        return own._rbm.exact_samples(n)
    start = own._fair_visible(n) if data is None else _some_rows(data, n, seed)
    return own._rbm.gibbs(start, False, burn_in)[3]


def _some_rows(data: FloatArray, n: int, seed: int) -> FloatArray:
    rows = np.random.default_rng(seed).permutation(len(data))
    return data[rows[np.arange(n) % len(rows)]]


def gibbs_samples(
    model: RBM, data: FloatArray | None, n: int, burn_in: int, seed: int
) -> FloatArray:
    """Ends of chains of `burn_in` sweeps from random rows of the data, or from fair coins."""
    core = _core.RBM(model.v_size, model.h_size, seed, model.n_threads or 0, model.device)
    start = core.sample_visible(np.zeros((n, model.h_size), np.float32), 0.0)
    core.W, core.v_bias, core.h_bias = model.W, model.v_bias, model.h_bias
    if data is not None:
        start = _some_rows(data, n, seed)
    return core.gibbs(start, False, burn_in)[3]


def model_samples(
    model: RBM, start: Any, data: FloatArray | None, n: int, burn_in: int, seed: int, op: str
) -> FloatArray:
    """Where reverse chains start: as given, exact where that is cheap, else long Gibbs chains."""
    if start is not None:
        return model._visible_states(start, "start", op)
    if isinstance(model, UnitRBM):
        return unit_samples(model, data, n, burn_in, seed)
    if min(model.v_size, model.h_size) <= MAX_EXACT_UNITS:
        return exact_samples(model, n, seed)
    return gibbs_samples(model, data, n, burn_in, seed)

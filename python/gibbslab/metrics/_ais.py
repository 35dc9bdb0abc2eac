"""Annealed importance sampling of an RBM's partition function, forwards and in reverse."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from .._validation import as_batch, as_beta, as_integer, as_seed
from ..models import RBM
from ._ais_result import AISBounds, AISDisagreementWarning, AISResult
from ._ais_setup import base_biases, model_samples, schedule
from ._model import at_temperature, step_model

DEFAULT_CHAINS = 100
PROGRESS_STEPS = 200


def _advance(run: Any, total: int, title: str, progress: bool) -> None:
    if not progress:
        run.advance(total)
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=title, unit="temperature") as bar:
        left = total
        while left:
            now = run.advance(max(1, total // PROGRESS_STEPS))
            bar.update(left - now)
            left = now


def ais(
    model: Any,
    X: npt.ArrayLike | None = None,
    *,
    n_chains: int | None = None,
    n_temperatures: int = 1000,
    betas: npt.ArrayLike | None = None,
    base: npt.ArrayLike | str | None = None,
    reverse: bool = False,
    start: npt.ArrayLike | None = None,
    burn_in: int = 1000,
    beta: float = 1.0,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
    progress: bool = False,
) -> AISResult:
    """Estimate log Z by annealed importance sampling (Neal 2001; Salakhutdinov and Murray 2008).

    Chains go from a base-rate model, independent visible units with biases a0, to the RBM through
    p_t(v) ~ exp((1 - t) a0 v + t a v) prod_j (1 + exp(t (b_j + v W_j))), or in reverse; other
    units take the place of the product's terms, and keep their base measure at every t. The
    model, its random stream included, is left as it is; Ctrl-C stops the run.

    Parameters
    ----------
    model : RBM or fitted estimator
        The model.
    X : array_like of shape (n, V), optional
        Data, in [0, 1] for Bernoulli units: for the base rates, and for where Gibbs chains of a
        reverse run start.
    n_chains : int, optional
        Chains; 100 by default, or as many as there are rows in `start`.
    n_temperatures : int, default=1000
        Temperatures, 0 and 1 included, at least 2: a fifth below 0.5, two fifths above 0.9.
    betas : array_like of shape (n_temperatures,), optional
        The temperatures themselves, rising from 0 to 1.
    base : {"data", "zeros"} or array_like of shape (V,), optional
        Biases of the base-rate model: those of the data's means (of Bernoulli units their logits,
        smoothed by 5 % of fair coins);
        zeros; or as given. By default "data" where `X` is given.
    reverse : bool, default=False
        Go from samples of the model to the base-rate model (Burda, Grosse and Salakhutdinov
        2015).
    start : array_like of shape (n_chains, V), optional
        For a reverse run: samples of the model. By default exact ones where the smaller layer
        has at most 16 units; else ends of `burn_in` Gibbs sweeps from random rows of `X`, or from
        fair coins. The estimate exceeds log Z on average only as far as these are samples of the
        model.
    burn_in : int, default=1000
        Those sweeps, at least 1.
    beta : float, default=1.0
        Inverse temperature of the model whose log Z is wanted, at least 0.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same estimate, whatever the number of threads.
    progress : bool, default=False
        Show a progress bar.

    Returns
    -------
    AISResult

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value.
    """
    op = "ais"
    target = at_temperature(step_model(model, op), as_beta(beta, op))
    # Only means and a few rows are wanted of the data: a device's are copied to the host.
    data = (
        None if X is None else np.asarray(as_batch(X, "X", op, target.v_size, device=target.device))
    )
    bias = base_biases(target, base, data, op)
    temperatures = schedule(as_integer(n_temperatures, "n_temperatures", op, 2), betas, op)
    burn = as_integer(burn_in, "burn_in", op)
    if start is not None and not reverse:
        raise ValueError(f"[{op}] reverse must be True with start, got {reverse!r}")
    seeds = _seeds(random_state, op)
    first = None
    chains = as_integer(DEFAULT_CHAINS if n_chains is None else n_chains, "n_chains", op)
    if reverse:
        first = model_samples(target, start, data, chains, burn, seeds[1], op)
        if n_chains not in (None, len(first)):
            raise ValueError(f"[{op}] start must have n_chains={chains} rows, got {len(first)}")
    run = target._ais_run(bias, temperatures.tolist(), chains, first, seeds[0])
    _advance(run, len(temperatures) - 1, "reverse AIS" if reverse else "AIS", progress)
    return AISResult.of(run.log_weights, run.log_partition_base, temperatures, reverse, target)


def _seeds(random_state: Any, op: str) -> list[int]:
    """Keys for the annealing and for the samples that a reverse run starts from."""
    return [
        int(word)
        for word in np.random.SeedSequence(as_seed(random_state, op)).generate_state(2, np.uint64)
    ]


def ais_bounds(
    model: Any,
    X: npt.ArrayLike | None = None,
    *,
    start: npt.ArrayLike | None = None,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
    **options: Any,
) -> AISBounds:
    """Estimate log Z by forward and by reverse AIS, and warn where they disagree.

    Parameters
    ----------
    model, X, start, random_state
        As for `ais`; `start` is for the reverse run.
    **options
        Further arguments of `ais`, for both runs.

    Returns
    -------
    AISBounds
        Both estimates, their gap, and the interval that covers both.

    Warns
    -----
    AISDisagreementWarning
        If the two intervals, of three standard errors each way, do not overlap, or an interval
        is unbounded. More chains and temperatures, or better samples to start from, are needed.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value.
    """
    if "reverse" in options:
        raise TypeError("[ais_bounds] reverse must not be given: both directions are run")
    # Taken first, so that the two runs see one state of the model.
    frozen: RBM = at_temperature(step_model(model, "ais_bounds"), 1.0)
    seed = as_seed(random_state, "ais_bounds")
    forward_seed, reverse_seed = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    forward = ais(frozen, X, random_state=int(forward_seed), **options)
    reverse = ais(frozen, X, reverse=True, start=start, random_state=int(reverse_seed), **options)
    bounds = AISBounds(forward, reverse)
    if not bounds.agree:
        warnings.warn(_disagreement(bounds), AISDisagreementWarning, stacklevel=2)
    return bounds


def _disagreement(bounds: AISBounds) -> str:
    def told(result: AISResult) -> str:
        low, high = result.log_z_interval
        return f"{result.log_z:.6g} in [{low:.6g}, {high:.6g}]"

    return (
        "[ais_bounds] forward and reverse estimates of log Z do not confirm each other: "
        f"{told(bounds.forward)} and {told(bounds.reverse)}; the intervals must be bounded and "
        "overlap. Take more chains and temperatures, or start the reverse run from better samples "
        "of the model"
    )

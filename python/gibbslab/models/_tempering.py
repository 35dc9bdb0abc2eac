"""Parallel tempering of an RBM: samples of models in which Gibbs chains stay in one mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_batch, as_integer, as_seed

if TYPE_CHECKING:
    from .rbm import RBM

__all__ = ["ParallelTempering", "TemperingReport"]

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

FIRST_ROUND = 16  # sweeps before the ladder is moved for the first time
PROGRESS_STEPS = 200


@dataclass(frozen=True)
class TemperingReport:
    """How a run of parallel tempering went, since its burn-in.

    Attributes
    ----------
    betas : ndarray of shape (n_temperatures,), float64
        Inverse temperatures, rising to 1.
    swap_rates : ndarray of shape (n_temperatures - 1,), float64
        Mean acceptance probability of the exchange of each pair of neighbours; NaN where none
        was proposed. A rate near 0 is a gap in the ladder: take more temperatures.
    round_trips : int
        Ways from beta = 1 to the hottest temperature and back, of all replicas. Every one may
        bring an independent sample; few of them mean that few modes were visited.
    n_sweeps : int
        Sweeps since the burn-in.
    n_chains : int
        Independent chains, each a replica per temperature.
    """

    betas: DoubleArray
    swap_rates: DoubleArray
    round_trips: int
    n_sweeps: int
    n_chains: int


def ladder(betas: npt.ArrayLike | None, n_temperatures: int, op: str) -> DoubleArray:
    """Inverse temperatures as given, or evenly spaced from 0 to 1."""
    count = as_integer(n_temperatures, "n_temperatures", op)
    if betas is None:
        return np.linspace(0.0, 1.0, count) if count > 1 else np.ones(1)
    given = np.asarray(betas)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"[{op}] betas must be numbers, got dtype {given.dtype}")
    rising = given.ndim == 1 and len(given) >= 1 and bool((np.diff(given) >= 0).all())
    if not rising or given[-1] != 1 or given[0] < 0:
        raise ValueError(
            f"[{op}] betas must rise, from at least 0 to 1, got shape {given.shape}: {betas!r}"
        )
    return given.astype(np.float64)


class ParallelTempering:
    """Parallel tempering (Geyer 1991; Desjardins et al. 2010) of a copy of an RBM.

    `n_chains` independent chains, each of one replica per inverse temperature. Replicas make
    Gibbs sweeps at their own temperature, p(v, h) ~ exp(-beta E(v, h)), and exchange states with
    their neighbours by the Metropolis rule, even and odd pairs in turn, so that what is found at
    high temperature, where chains move between modes, comes down to beta = 1. The distribution at
    every temperature is left exactly invariant once the ladder stands still.

    Parameters
    ----------
    model : RBM
        The model; its parameters are copied, its random stream is left alone.
    n_chains : int, default=100
        Chains, at least 1.
    n_temperatures : int, default=10
        Replicas per chain, at least 1; at first their inverse temperatures are evenly spaced from
        0 to 1.
    betas : array_like of shape (n_temperatures,), optional
        The inverse temperatures themselves, rising to 1.
    start : "random" or array_like of shape (m, V), default="random"
        Every replica starts from fair coins, or from these visible states, row by row and round
        again.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same samples, whatever the number of threads.

    Attributes
    ----------
    n_chains : int
        As given.
    report : TemperingReport
        Temperatures, swap rates and round trips since the burn-in.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value.

    References
    ----------
    Desjardins, Courville, Bengio, Vincent and Delalleau (2010), Parallel tempering for training of
    restricted Boltzmann machines.
    Syed, Bouchard-Cote, Deligiannidis and Doucet (2022), Non-reversible parallel tempering: a
    scalable highly parallel MCMC scheme.

    Examples
    --------
    >>> from gibbslab.models import RBM
    >>> model = RBM(visible_size=4, hidden_size=3, random_state=0)
    >>> tempering = model.parallel_tempering(n_chains=5, n_temperatures=4, random_state=0)
    >>> tempering.burn_in(100)
    >>> v_prob, v = tempering.sample(20)
    >>> v.shape, tempering.report.swap_rates.shape
    ((20, 4), (3,))
    """

    def __init__(
        self,
        model: RBM,
        n_chains: int = 100,
        n_temperatures: int = 10,
        *,
        betas: npt.ArrayLike | None = None,
        start: npt.ArrayLike | str = "random",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
    ) -> None:
        op = "ParallelTempering"
        if not isinstance(model._rbm, _core.RBM):
            raise ValueError(f"[{op}] model must have Bernoulli units at T0 = 1, got {model}")
        temperatures = ladder(betas, n_temperatures, op)
        self.n_chains = as_integer(n_chains, "n_chains", op)
        if isinstance(start, str) and start != "random":
            raise ValueError(f"[{op}] start must be 'random' or an array, got {start!r}")
        first = None
        if not isinstance(start, str):
            first = np.asarray(as_batch(start, "start", op, model.v_size, device=model.device))
        seed = as_seed(random_state, op)
        self._run = _core.Tempering(model._rbm, temperatures.tolist(), self.n_chains, seed)
        self._forgotten = 0
        if first is not None:
            self._begin_at(model, first, len(temperatures), seed)

    def _begin_at(self, model: RBM, first: FloatArray, levels: int, seed: int) -> None:
        rows = np.arange(levels * self.n_chains) % self.n_chains % len(first)
        core = _core.RBM(model.v_size, model.h_size, seed, model.n_threads or 0, model.device)
        core.W, core.v_bias, core.h_bias = model.W, model.v_bias, model.h_bias
        self._run.set_hidden(core.sample_hidden(np.ascontiguousarray(first[rows]), 1.0))

    @property
    def report(self) -> TemperingReport:
        """See the class."""
        run = self._run
        return TemperingReport(
            run.betas, run.swap_rates, run.round_trips, run.sweeps - self._forgotten, self.n_chains
        )

    def burn_in(self, n_sweeps: int = 1000, *, adapt: bool = True, progress: bool = False) -> None:
        """Sweeps whose states are not kept, while the ladder adapts.

        After rounds of 16, 32, 64 ... sweeps the inner temperatures are moved to where all pairs
        would reject equally often, as estimated in the round (Syed et al. 2022, algorithm 4); the
        last round is at least half of all. Afterwards the ladder stands still, until the next
        burn-in, and the report begins anew. Ctrl-C stops between two sweeps.

        Parameters
        ----------
        n_sweeps : int, default=1000
            Sweeps of every replica, at least 1.
        adapt : bool, default=True
            Whether the ladder adapts, or stays as it is.
        progress : bool, default=False
            Show a progress bar.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type or value.
        """
        left = as_integer(n_sweeps, "n_sweeps", "ParallelTempering.burn_in")
        with _Bar(left, "burn-in", "sweep", progress) as bar:
            length = FIRST_ROUND
            while left:
                now = left if left < 3 * length or not adapt else length
                self._sweeps(now, bar.advance)
                if adapt:
                    self._run.equalise()
                left, length = left - now, 2 * length
        self._run.forget()
        self._forgotten = self._run.sweeps

    def _sweeps(self, count: int, told: Callable[[int], None]) -> None:
        step = max(1, count // PROGRESS_STEPS)
        while count:
            now = min(step, count)
            self._run.run(now)
            told(now)
            count -= now

    def sample(
        self, n_samples: int | None = None, *, thin: int = 1, progress: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Visible probabilities and states at beta = 1.

        All chains are taken after every `thin` sweeps until there are enough; samples of one
        chain follow each other `n_chains` rows apart and are dependent.

        Parameters
        ----------
        n_samples : int, optional
            Number of samples, at least 1; `n_chains` by default.
        thin : int, default=1
            Sweeps before each taking, at least 1.
        progress : bool, default=False
            Show a progress bar.

        Returns
        -------
        v_prob, v : ndarray of shape (n_samples, V), float32
            Probabilities p(v = 1 | h) of the chains' hidden states, and 0/1 states drawn from them.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type or value.
        """
        op = "ParallelTempering.sample"
        wanted = self.n_chains if n_samples is None else as_integer(n_samples, "n_samples", op)
        sweeps = as_integer(thin, "thin", op)
        takings = -(-wanted // self.n_chains)
        taken = []
        with _Bar(takings, "parallel tempering", "taking", progress) as bar:
            for _ in range(takings):
                self._run.run(sweeps)
                taken.append(self._run.draw())
                bar.advance(1)
        v_prob, v = (np.concatenate(part)[:wanted] for part in zip(*taken))
        return v_prob, v


class _Bar:
    """A progress bar, or nothing."""

    def __init__(self, total: int, title: str, unit: str, shown: bool) -> None:
        self._bar = None
        if shown:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, desc=title, unit=unit)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, count: int) -> None:
        if self._bar is not None:
            self._bar.update(count)

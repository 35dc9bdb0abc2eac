"""What annealed importance sampling returns, and how its errors are worked out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..models import RBM

DoubleArray = npt.NDArray[np.float64]
Interval = tuple[float, float]

INTERVAL_DEVIATIONS = 3.0


class AISDisagreementWarning(UserWarning):
    """Forward and reverse estimates of log Z differ by more than their errors."""


class LogLikelihood(NamedTuple):
    """Mean log-likelihood of samples, its interval from that of log Z, and each sample's.

    The upper end of the interval is inf where the lower end of that of log Z is -inf: after a
    forward run whose effective sample size is at most 9 n / (n + 8), below 9 for any number n of
    chains, for zero then lies within three standard errors of the weights' mean. After such a
    reverse run it is the lower end that is -inf. With one chain both are infinite.
    """

    mean: float
    interval: Interval
    per_sample: DoubleArray


@dataclass(frozen=True)
class WeightSummary:
    """log mean exp of log-weights, with the delta method's error.

    Attributes
    ----------
    log_mean : float
    standard_error : float
        Of `log_mean`; NaN with one weight.
    interval : (float, float)
        log(mean - 3 se), log(mean + 3 se); the lower end is -inf where the difference is not
        positive, and with one weight both ends are infinite.
    effective_sample_size : float
        (sum w)^2 / sum w^2, from 1 to the number of weights.
    """

    log_mean: float
    standard_error: float
    interval: Interval
    effective_sample_size: float

    @classmethod
    def of(cls, log_weights: DoubleArray) -> WeightSummary:
        """The summary of (n,) log-weights, taken relative to the largest against overflow."""
        largest = float(log_weights.max())
        ratios = np.exp(log_weights - largest)
        mean, n = float(ratios.mean()), len(ratios)
        log_mean = largest + math.log(mean)
        effective = float(ratios.sum() ** 2 / np.square(ratios).sum())
        if n == 1:
            return cls(log_mean, math.nan, (-math.inf, math.inf), effective)
        error = float(ratios.std(ddof=1)) / math.sqrt(n)
        low, high = mean - INTERVAL_DEVIATIONS * error, mean + INTERVAL_DEVIATIONS * error
        interval = (largest + math.log(low) if low > 0 else -math.inf, largest + math.log(high))
        return cls(log_mean, error / mean, interval, effective)


@dataclass(frozen=True)
class AISResult:
    """An estimate of log Z, in nats.

    Attributes
    ----------
    log_z : float
        The estimate. A forward one falls short of log Z on average, a reverse one from exact
        samples exceeds it (Grosse, Ghahramani and Adams 2015).
    standard_error : float
        Of `log_z`, by the delta method from the weights; NaN with one chain.
    log_z_interval : (float, float)
        Where log Z lies by the weights' mean plus and minus three of its standard errors. It can
        only be trusted where `effective_sample_size` is not small.
    effective_sample_size : float
        (sum w)^2 / sum w^2, from 1 to the number of chains.
    log_weights : ndarray of shape (n_chains,), float64
        Forwards of Z / Z_base, in reverse of Z_base / Z.
    log_z_base : float
        log Z of the base-rate model.
    betas : ndarray of shape (n_temperatures,), float64
        The schedule, from 0 to 1.
    reverse : bool
        Whether the chains went from the model to the base-rate model.
    """

    log_z: float
    standard_error: float
    log_z_interval: Interval
    effective_sample_size: float
    log_weights: DoubleArray = field(repr=False)
    log_z_base: float
    betas: DoubleArray = field(repr=False)
    reverse: bool
    _model: RBM = field(repr=False, compare=False)

    @classmethod
    def of(
        cls,
        log_weights: DoubleArray,
        log_z_base: float,
        betas: DoubleArray,
        reverse: bool,
        model: RBM,
    ) -> AISResult:
        """The estimate that the log-weights of finished chains make."""
        weights = WeightSummary.of(log_weights)
        sign = -1.0 if reverse else 1.0
        ends = sorted(log_z_base + sign * end for end in weights.interval)
        return cls(
            log_z=log_z_base + sign * weights.log_mean,
            standard_error=weights.standard_error,
            log_z_interval=(ends[0], ends[1]),
            effective_sample_size=weights.effective_sample_size,
            log_weights=log_weights,
            log_z_base=log_z_base,
            betas=betas,
            reverse=reverse,
            _model=model,
        )

    @property
    def n_chains(self) -> int:
        """Number of chains."""
        return len(self.log_weights)

    def log_likelihood(self, X: npt.ArrayLike) -> LogLikelihood:
        """Log-likelihood of samples under the model as it was when the estimate was made.

        Parameters
        ----------
        X : array_like of shape (n, V)
            Samples, 0 or 1.

        Returns
        -------
        LogLikelihood
            mean, interval and per_sample, in nats. The interval carries the error of log Z only,
            not that of a finite sample X.

        Raises
        ------
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        return likelihood_from(self._model, X, self.log_z, self.log_z_interval)


def likelihood_from(
    model: RBM, X: npt.ArrayLike, log_z: float, interval: Interval
) -> LogLikelihood:
    """Likelihood of samples given log Z and its interval."""
    unnormalised = model.log_likelihood(X, log_z=0.0)
    mean = float(unnormalised.mean())
    low, high = mean - interval[1], mean - interval[0]
    return LogLikelihood(mean - log_z, (low, high), unnormalised - log_z)


@dataclass(frozen=True)
class AISBounds:
    """A forward and a reverse estimate of the same log Z, in nats.

    Attributes
    ----------
    forward, reverse : AISResult
        The two estimates: on average a lower and, from exact samples, an upper bound.
    """

    forward: AISResult
    reverse: AISResult

    @property
    def gap(self) -> float:
        """Reverse minus forward estimate; near 0 where both can be trusted."""
        return self.reverse.log_z - self.forward.log_z

    @property
    def agree(self) -> bool:
        """Whether the two intervals are bounded and overlap."""
        low, high = self._overlap()
        ends = (*self.forward.log_z_interval, *self.reverse.log_z_interval)
        return all(map(math.isfinite, ends)) and low <= high

    def _overlap(self) -> Interval:
        first, second = self.forward.log_z_interval, self.reverse.log_z_interval
        return max(first[0], second[0]), min(first[1], second[1])

    @property
    def log_z(self) -> float:
        """The mean of the two estimates."""
        return (self.forward.log_z + self.reverse.log_z) / 2

    @property
    def log_z_interval(self) -> Interval:
        """From the lower end of the lower interval to the upper end of the upper one."""
        first, second = self.forward.log_z_interval, self.reverse.log_z_interval
        return min(first[0], second[0]), max(first[1], second[1])

    def log_likelihood(self, X: npt.ArrayLike) -> LogLikelihood:
        """Log-likelihood of samples with both estimates' interval; see `AISResult`."""
        return likelihood_from(self.forward._model, X, self.log_z, self.log_z_interval)

"""How probable data are under a variational autoencoder, and what its latents do."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .._validation import as_integer, as_real, as_trailing_batch
from ._vae_network import VAENetwork

__all__ = ["LatentStatistics", "VAEMeasures"]

ROWS = 1000  # computed with at once
GRID = 4096  # points of a quadrature computed with at once
HALF_WIDTH = 10.0  # of the quadrature's interval, in deviations of the prior
FIRST_POINTS = 65
LOG_2PI = float(np.log(2 * np.pi))

DoubleArray = npt.NDArray[np.float64]


class LatentStatistics(NamedTuple):
    """What each latent unit does on some data; arrays of shape (Z,), float64.

    Attributes
    ----------
    mean, variance : ndarray
        Of the means of q(z|x), over the data.
    kl : ndarray
        The mean of KL(q(z|x) || N(0, 1)), in nats; their sum is that of the ELBO.
    active : ndarray of bool
        Whether the variance is above the threshold (Burda et al. 2016).
    """

    mean: DoubleArray
    variance: DoubleArray
    kl: DoubleArray
    active: npt.NDArray[np.bool_]


def _kl(mu: DoubleArray, logvar: DoubleArray) -> DoubleArray:
    """KL(N(mu, exp(logvar)) || N(0, 1)) of each element."""
    return 0.5 * (mu**2 + np.expm1(logvar) - logvar)


def _softplus(x: DoubleArray) -> DoubleArray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


class VAEMeasures(VAENetwork):
    """Bounds on the likelihood, the likelihood of models with one or two latents, statistics."""

    def _posteriors(
        self, x: npt.ArrayLike, op: str
    ) -> Iterator[tuple[int, int, DoubleArray, DoubleArray]]:
        """First row, last row, mu and logvar of one part of the data after the other.

        While a part is at hand, the core gives the weights of its latent samples.
        """
        data = as_trailing_batch(x, "x", f"VAE.{op}", self.data_size)
        for first in range(0, len(data), ROWS):
            part = data[first : first + ROWS]
            mu, logvar = self._plan().encode(part)
            yield first, first + len(part), mu.astype(np.float64), logvar.astype(np.float64)

    def elbo(self, x: npt.ArrayLike, samples: int = 1) -> DoubleArray:
        """The evidence lower bound of every sample, E_q[log p(x|z)] - KL(q(z|x) || p(z)), in nats.

        Parameters
        ----------
        x : array_like that reshapes to (n, V)
            Values in [0, 1] for a Bernoulli decoder.
        samples : int, default=1
            Latent samples in place of the expectation; as many draws are taken. The KL divergence
            is exact.

        Returns
        -------
        ndarray of shape (n,), float64
            Unbiased estimates of a bound on log p(x).

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        count = as_integer(samples, "samples", "VAE.elbo")
        out = []
        for first, last, mu, logvar in self._posteriors(x, "elbo"):
            total = np.zeros(last - first)
            for s in range(count):
                total += self._plan().log_weights(self.seed, self.draws + s, first)[0]
            out.append(total / count - _kl(mu, logvar).sum(axis=1))
        self.draws += count
        return np.concatenate(out)

    def importance_weighted_bound(self, x: npt.ArrayLike, samples: int = 50) -> DoubleArray:
        """log 1/K sum_k p(x, z_k) / q(z_k|x), z_k ~ q(z|x), of every sample, in nats.

        In expectation the bound rises with K, from the ELBO to log p(x) (Burda et al. 2016, eq. 8).
        The memory it takes depends neither on K nor on the number of rows.

        Parameters
        ----------
        x : array_like that reshapes to (n, V)
            Values in [0, 1] for a Bernoulli decoder.
        samples : int, default=50
            K; as many draws are taken.

        Returns
        -------
        ndarray of shape (n,), float64

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "importance_weighted_bound"
        count = as_integer(samples, "samples", f"VAE.{op}")
        out = []
        for first, last, *_ in self._posteriors(x, op):
            total = np.full(last - first, -np.inf)
            for s in range(count):
                likelihood, ratio = self._plan().log_weights(self.seed, self.draws + s, first)
                total = np.logaddexp(total, likelihood + ratio)
            out.append(total - np.log(count))
        self.draws += count
        return np.concatenate(out)

    def log_likelihood(
        self, x: npt.ArrayLike, *, tolerance: float = 1e-4, max_points: int = 1025
    ) -> DoubleArray:
        """log p(x) of every sample by quadrature, in nats; for one or two latents.

        The trapezoidal rule over +-10 deviations of the prior, with twice as many points until no
        value changes by more than `tolerance`. Its error falls faster than any power of the
        distance of the points once that is below the posterior's deviation.

        Parameters
        ----------
        x : array_like that reshapes to (n, V)
            Values in [0, 1] for a Bernoulli decoder.
        tolerance : float, default=1e-4
            In nats.
        max_points : int, default=1025
            For each latent, at least 130.

        Returns
        -------
        ndarray of shape (n,), float64

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value, or there are more than two latents.

        Warns
        -----
        RuntimeWarning
            If a value still changes by more with `max_points`.
        """
        op = "VAE.log_likelihood"
        if self.latent_size > 2:
            raise ValueError(f"[{op}] latent_size must be 1 or 2, got {self.latent_size}")
        limit = as_real(tolerance, "tolerance", op)
        most = as_integer(max_points, "max_points", op, minimum=2 * FIRST_POINTS)
        data = as_trailing_batch(x, "x", op, self.data_size)
        parts = [data[first : first + ROWS] for first in range(0, len(data), ROWS)]
        points, change = FIRST_POINTS, np.inf
        found = self._on_grid(parts, points)
        while change > limit and 2 * points - 1 <= most:
            points, before = 2 * points - 1, found
            found = self._on_grid(parts, points)
            change = float(np.abs(found - before).max())
        if change > limit:
            warnings.warn(
                f"[{op}] a value changed by {change:.2g} nats from {(points + 1) // 2} to {points} "
                "points a latent: give more max_points",
                RuntimeWarning,
                stacklevel=2,
            )
        return found

    def _on_grid(self, parts: list[npt.NDArray[np.float32]], points: int) -> DoubleArray:
        """log of the sum of p(x|z) p(z) over a grid of `points` a latent, times its cell."""
        line = np.linspace(-HALF_WIDTH, HALF_WIDTH, points)
        axes = np.meshgrid(*[line] * self.latent_size, indexing="ij")
        grid = np.stack([axis.ravel() for axis in axes], axis=1)
        cell = self.latent_size * np.log(line[1] - line[0])
        prior = cell - 0.5 * ((grid**2).sum(axis=1) + self.latent_size * LOG_2PI)
        totals = [np.full(len(part), -np.inf) for part in parts]
        for first in range(0, len(grid), GRID):
            some = slice(first, first + GRID)
            weights, constants = self._linear_form(grid[some])
            for i, part in enumerate(parts):
                log_p = self._features(part) @ weights.T + (constants + prior[some])
                top = log_p.max(axis=1)
                here = top + np.log(np.exp(log_p - top[:, None]).sum(axis=1))
                totals[i] = np.logaddexp(totals[i], here)
        return np.concatenate(totals)

    def _features(self, x: npt.NDArray[np.float32]) -> DoubleArray:
        """What log p(x|z) is linear in: x, and with it x^2 where the decoder is Gaussian."""
        rows = x.astype(np.float64)
        return rows if self.decoder == "bernoulli" else np.hstack([rows, rows**2])

    def _linear_form(self, z: npt.NDArray[np.floating]) -> tuple[DoubleArray, DoubleArray]:
        """Weights (n, ...) of the features, and constants (n,), of log p(x|z)."""
        output = self.logits(z).numpy().astype(np.float64)
        if self.decoder == "bernoulli":
            return output, -_softplus(output).sum(axis=1)
        logvar = np.broadcast_to(self._data_logvar().numpy().astype(np.float64), output.shape)
        precision = np.exp(-logvar)
        constant = -0.5 * (output**2 * precision + logvar + LOG_2PI).sum(axis=1)
        return np.hstack([output * precision, -0.5 * precision]), constant

    def _log_p(self, x: npt.NDArray[np.float32], z: npt.ArrayLike) -> DoubleArray:
        """log p(x|z) of every row."""
        weights, constants = self._linear_form(np.asarray(z))
        return (self._features(x) * weights).sum(axis=1) + constants

    def latent_statistics(self, x: npt.ArrayLike, *, threshold: float = 1e-2) -> LatentStatistics:
        """What each latent unit does on data.

        Parameters
        ----------
        x : array_like that reshapes to (n, V)
        threshold : float, default=0.01
            A unit is active where the variance of its means is above.

        Returns
        -------
        LatentStatistics

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        limit = as_real(threshold, "threshold", "VAE.latent_statistics")
        parts = list(self._posteriors(x, "latent_statistics"))
        mu, logvar = (np.concatenate([part[i] for part in parts]) for i in (2, 3))
        variance = mu.var(axis=0)
        kl = _kl(mu, logvar).mean(axis=0)
        return LatentStatistics(mu.mean(axis=0), variance, kl, variance > limit)

    def active_units(self, x: npt.ArrayLike, *, threshold: float = 1e-2) -> int:
        """How many latent units vary with the data; see `latent_statistics`."""
        return int(self.latent_statistics(x, threshold=threshold).active.sum())

"""New data from a variational autoencoder."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_integer
from ..nn._variable import Variable
from ._vae_measures import VAEMeasures

__all__ = ["VAESampling"]

VISIBLE = 0  # the low byte of a stream's name, as the core has it

FloatArray = npt.NDArray[np.float32]


class VAESampling(VAEMeasures):
    """Samples, and ways between data."""

    def sample(self, n_samples: int = 1) -> tuple[FloatArray, FloatArray]:
        """New data, z ~ N(0, I), x ~ p(x|z); one draw.

        Parameters
        ----------
        n_samples : int, default=1

        Returns
        -------
        x_mean, x : ndarray of shape (n_samples, V), float32
            The means of p(x|z), probabilities where the decoder is Bernoulli, and what is drawn
            from it.

        Raises
        ------
        TypeError, ValueError
            If `n_samples` is no whole number of at least 1.
        """
        n = as_integer(n_samples, "n_samples", "VAE.sample")
        draw, self.draws = self.draws, self.draws + 1
        z = _core.nn.normal(n, self.latent_size, self.seed, draw, device=self.device)
        mean = self.decode(Variable._of(z, (n, self.latent_size))).numpy()
        of = _core.uniform if self.decoder == "bernoulli" else _core.normal
        noise = of(n, self.data_size, self.seed, draw << 8 | VISIBLE, device=self.device)
        if self.decoder == "bernoulli":
            return mean, (noise < mean).astype(np.float32)
        return mean, mean + np.exp(0.5 * self._data_logvar().numpy()) * noise

    def interpolate(self, start: npt.ArrayLike, end: npt.ArrayLike, steps: int = 10) -> FloatArray:
        """Means of p(x|z) on straight lines between the means of q(z|x) of two data.

        Parameters
        ----------
        start, end : array_like that reshape to (n, V)
            Both with the same number of rows.
        steps : int, default=10
            Points on each line, at least 2; the first and the last are its ends.

        Returns
        -------
        ndarray of shape (n, steps, V), float32

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "VAE.interpolate"
        count = as_integer(steps, "steps", op, minimum=2)
        first, last = (self.encode(x)[0].numpy() for x in (start, end))
        if first.shape != last.shape:
            raise ValueError(f"[{op}] end must have {len(first)} rows, got {len(last)}")
        share = np.linspace(0, 1, count, dtype=np.float32)[:, None]
        z = (1 - share) * first[:, None] + share * last[:, None]
        means = self.decode(z.reshape(-1, self.latent_size)).numpy()
        return means.reshape(len(first), count, self.data_size)

"""How the latents of data are distributed, unit by unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._matplotlib import panels_for, require_matplotlib
from ._vae import vae_of

TITLES = {
    "means": "Means of q(z|x)",
    "variances": "Variances of q(z|x)",
    "weights": "Weights into the decoder",
}


class LatentBoxDisplay:
    """Box plots of means and variances of each latent unit, and of its weights into the decoder.

    Boxes are quartiles, whiskers the 2.5 % and 97.5 % quantiles.

    Parameters
    ----------
    means, variances : array of shape (n, n_latents)
        Of q(z|x), for n samples.
    weights : array of shape (m, n_latents), optional
        Of the decoder's first layer.

    Attributes
    ----------
    axes_ : list of Axes, one for each of what is given.
    ax_, figure_ : the first of them, and the Figure.
    boxes_ : dict of str to what ``Axes.boxplot`` returns.

    Raises
    ------
    ValueError
        If the numbers of latents differ, or values are not finite.
    """

    def __init__(
        self, means: ArrayLike, variances: ArrayLike, weights: ArrayLike | None = None
    ) -> None:
        given = {"means": means, "variances": variances, "weights": weights}
        self.values = {
            name: np.asarray(x, np.float64) for name, x in given.items() if x is not None
        }
        width = np.shape(means)[-1:]
        for name, x in self.values.items():
            if x.ndim != 2 or not x.size or x.shape[1:] != width or not np.isfinite(x).all():
                raise ValueError(
                    f"[LatentBoxDisplay] {name} must be finite and of shape (n, n_latents), "
                    f"n_latents that of means, got shape {x.shape}"
                )

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: ArrayLike, *, weights: bool = False, ax: Any = None, **kwargs: Any
    ) -> LatentBoxDisplay:
        """Encode data and draw what comes of it.

        Parameters
        ----------
        estimator : gibbslab.models.VAE, or a fitted estimator that holds one
        X : array of shape (n, n_pixels)
        weights : bool, default=False
            Whether to add the decoder's weights.
        ax, **kwargs
            As in `plot`.

        Returns
        -------
        LatentBoxDisplay
        """
        operation = "LatentBoxDisplay.from_estimator"
        require_matplotlib(operation)
        model = vae_of(estimator, operation)
        mu, logvar = (x.numpy() for x in model.encode(X))
        into = getattr(model, "dec_fc1", model.dec_out).weight.numpy()
        return cls(mu, np.exp(logvar), into if weights else None).plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **boxplot: Any) -> LatentBoxDisplay:
        """Draw.

        Parameters
        ----------
        ax : sequence of Axes, one for each panel, optional
            Where to draw; default a new figure.
        **boxplot
            Passed to ``Axes.boxplot``.

        Returns
        -------
        LatentBoxDisplay
        """
        width = min(max(3.6, 0.3 * self.values["means"].shape[1]), 12.0)
        size, operation = (width, 2.6), "LatentBoxDisplay.plot"
        self.axes_ = panels_for(ax, len(self.values), 1, size, operation)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        self.boxes_ = {}
        for panel, (name, x) in zip(self.axes_, self.values.items()):
            latents = np.arange(x.shape[1])
            options = {
                "positions": latents,
                "widths": 0.7,
                "showfliers": False,
                "whis": (2.5, 97.5),
            }
            self.boxes_[name] = panel.boxplot(x, **{**options, **boxplot})
            shown = latents[:: max(1, len(latents) // 20)]
            panel.set_xticks(shown, [str(unit) for unit in shown])
            panel.set(title=TITLES[name], xlabel="latent")
            panel.grid(axis="y", alpha=0.3)
        return self

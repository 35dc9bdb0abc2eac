"""Images beside what the model makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._validation import as_integer
from ._images import Floats, as_images, same_shape
from ._matplotlib import require_matplotlib
from ._model import reconstructed, sampling_copy
from ._tiles import Row, draw_rows

OPERATION = "ReconstructionDisplay.from_estimator"


class ReconstructionDisplay:
    """Originals, reconstructions and, if given, hidden states, in rows below each other.

    Parameters
    ----------
    originals : array of shape (n, n_pixels) or (n, height, width)
        Values in [0, 1].
    reconstructions : array of the same shape
        Probabilities p(v = 1 | h), or what else `label` says.
    hidden : array of shape (n, n_units) or (n, height, width), optional
        Hidden states or probabilities behind the reconstructions.
    image_shape, hidden_shape : (height, width), optional
        Needed unless the pixels, or the units, make a square.
    label : str, default="p(v = 1 | h)"
        Name of the reconstructions.
    title : str, optional
        Default: names the mean squared error per pixel.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure drawn on.
    images_ : list of AxesImage, one per row.
    error_ : float
        Mean squared difference per pixel between originals and reconstructions.

    Raises
    ------
    ValueError, TypeError
        If arrays have other shapes or types, or hold NaN.
    """

    def __init__(
        self,
        originals: ArrayLike,
        reconstructions: ArrayLike,
        *,
        hidden: ArrayLike | None = None,
        image_shape: tuple[int, int] | None = None,
        hidden_shape: tuple[int, int] | None = None,
        label: str = "p(v = 1 | h)",
        title: str | None = None,
    ) -> None:
        operation = "ReconstructionDisplay"
        self.label = label
        self.originals = as_images(originals, image_shape, operation, "originals")
        shape = self.originals.shape[1:]
        self.reconstructions = as_images(reconstructions, shape, operation, "reconstructions")
        same_shape(self.originals, self.reconstructions, operation, "reconstructions")
        self.hidden: Floats | None = None
        if hidden is not None:
            self.hidden = as_images(hidden, hidden_shape, operation, "hidden")
            if len(self.hidden) != len(self.originals):
                raise ValueError(
                    f"[{operation}] hidden must have {len(self.originals)} rows, "
                    f"got {len(self.hidden)}"
                )
        self.error_ = float(np.mean((self.originals - self.reconstructions) ** 2))
        self.title = f"{title or 'Reconstructions'}: mean squared error {self.error_:.4f} per pixel"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        n_images: int = 20,
        n_steps: int = 1,
        show_hidden: bool = False,
        image_shape: tuple[int, int] | None = None,
        hidden_shape: tuple[int, int] | None = None,
        random_state: Any = 0,
        title: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> ReconstructionDisplay:
        """Reconstruct the first images of `X` and draw them with their originals.

        Parameters
        ----------
        estimator : fitted gibbslab.BernoulliRBM, gibbslab.models.RBM, or an autoencoder
            An estimator with `reconstruct`, a `gibbslab.models.Autoencoder` or
            `gibbslab.models.VAE`: these reconstruct from the mean, and draw nothing.
        X : array of shape (n_samples, n_pixels)
            Values in [0, 1].
        n_images : int, default=20
            How many, from the first.
        n_steps : int, default=1
            Gibbs steps between original and reconstruction. The probabilities of the last step
            are drawn, not states sampled from them.
        show_hidden : bool, default=False
            Whether to add the hidden states sampled in the last step; of RBMs, as `n_steps`.
        random_state : int or None, default=0
            Seed of the hidden states. The model's own random stream does not move.
        image_shape, hidden_shape, title, ax, **kwargs
            As in the class and in `plot`.

        Returns
        -------
        ReconstructionDisplay
        """
        require_matplotlib(OPERATION)
        first = np.asarray(X)[: as_integer(n_images, "n_images", OPERATION)]
        made = reconstructed(estimator, first)
        if made is not None:
            shown = cls(first, made, image_shape=image_shape, label="reconstruction", title=title)
            return shown.plot(ax=ax, **kwargs)
        model = sampling_copy(estimator, random_state, OPERATION)
        steps = as_integer(n_steps, "n_steps", OPERATION)
        h = model.sample_hidden(first)
        for _ in range(steps - 1):
            h = model.sample_hidden(model.sample_visible(h))
        display = cls(
            first,
            model.visible_mean(h),
            hidden=h if show_hidden else None,
            image_shape=image_shape,
            hidden_shape=hidden_shape,
            title=title or f"After {steps} Gibbs step{'s' if steps > 1 else ''}",
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self, *, ax: Any = None, n_columns: int = 10, cmap: Any = "gray", **imshow: Any
    ) -> ReconstructionDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; default a new figure.
        n_columns : int, default=10
            Images beside each other; more of them go below.
        cmap : colormap, default="gray"
            Black is 0, white is 1.
        **imshow
            Passed to ``Axes.imshow``.

        Returns
        -------
        ReconstructionDisplay
        """
        require_matplotlib("ReconstructionDisplay.plot")
        from matplotlib.colors import Normalize

        self.ax_, self.images_ = draw_rows(
            ax,
            self._rows(as_integer(n_columns, "n_columns", "ReconstructionDisplay.plot")),
            self.originals.shape[1:],
            "ReconstructionDisplay.plot",
            title=self.title,
            **{"cmap": cmap, "norm": Normalize(0, 1), **imshow},
        )
        self.figure_ = self.ax_.figure
        return self

    def _rows(self, n_columns: int) -> list[Row]:
        rows = []
        for start in range(0, len(self.originals), n_columns):
            part = slice(start, start + n_columns)
            rows.append(Row(self.originals[part], "original", gap=0.3 if start else 0.0))
            if self.hidden is not None:
                rows.append(Row(self.hidden[part], "hidden state"))
            rows.append(Row(self.reconstructions[part], self.label))
        return rows

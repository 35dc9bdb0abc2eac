"""What a model dreams of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._validation import as_integer
from ..models import RBM
from ._images import Floats, as_images
from ._matplotlib import require_matplotlib
from ._model import sampling_copy
from ._tiles import Row, draw_rows, grid_columns, grid_rows


class SampleDisplay:
    """Samples in a grid, or in named rows: the same chains after several numbers of steps.

    Parameters
    ----------
    samples : array of shape (n, n_pixels) or (n, height, width); with `labels` a list of those
        Values in [0, 1].
    labels : sequence of str, optional
        Given, `samples` is a list with one array for each label, drawn as one row each.
    image_shape : (height, width), optional
        Needed unless the pixels make a square.
    title : str, default="Samples"

    Attributes
    ----------
    ax_, figure_ : Axes and Figure drawn on.
    images_ : list of AxesImage, one per row of the grid.

    Raises
    ------
    ValueError, TypeError
        If arrays have other shapes or types, or hold NaN.
    """

    def __init__(
        self,
        samples: Any,
        *,
        labels: Sequence[str] | None = None,
        image_shape: tuple[int, int] | None = None,
        title: str = "Samples",
    ) -> None:
        groups = [samples] if labels is None else list(samples)
        if labels is not None and (len(labels) != len(groups) or not groups):
            raise ValueError(
                f"[SampleDisplay] labels must name {len(groups)} arrays, got {len(labels)} names"
            )
        self.samples: list[Floats] = [
            as_images(group, image_shape, "SampleDisplay", "samples") for group in groups
        ]
        if len({group.shape[1:] for group in self.samples}) > 1:
            raise ValueError("[SampleDisplay] samples must all have the same image shape")
        self.labels = labels
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_samples: int | None = None,
        n_steps: int | Sequence[int] = 1000,
        start: Any = "random",
        image_shape: tuple[int, int] | None = None,
        random_state: Any = 0,
        title: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> SampleDisplay:
        """Run Gibbs chains of a model and draw p(v = 1 | h) at their ends.

        Parameters
        ----------
        estimator : fitted gibbslab.BernoulliRBM or gibbslab.models.RBM
        n_samples : int, optional
            Chains. Default: 25, or 10 if there are several `n_steps`, or as many as `start` has.
        n_steps : int or sequence of int, default=1000
            Gibbs steps of each chain. A sequence draws the same chains after each of these
            numbers of steps, one row each.
        start : "random" or array of shape (n, n_pixels), default="random"
            Hidden units on with probability 1/2, or the first `n_samples` of these images.
        random_state : int or None, default=0
            Seed of the chains. The model's own random stream does not move.
        image_shape, title, ax, **kwargs
            As in the class and in `plot`.

        Returns
        -------
        SampleDisplay
        """
        operation = "SampleDisplay.from_estimator"
        require_matplotlib(operation)
        model = sampling_copy(estimator, random_state, operation)
        steps = _step_counts(n_steps, operation)
        several = np.ndim(n_steps) > 0
        if n_samples is None:
            n_samples = (10 if several else 25) if isinstance(start, str) else len(start)
        count = as_integer(n_samples, "n_samples", operation)
        h = _start(model, start, count, random_state, operation)
        samples = _run(model, h, steps)
        if not several:
            title = title or f"p(v = 1 | h) after {steps[0]} Gibbs steps"
            display = cls(samples[0], image_shape=image_shape, title=title)
        else:
            labels = [f"{count} step{'s' if count > 1 else ''}" for count in steps]
            title = title or "p(v = 1 | h) of the same chains"
            if not isinstance(start, str):
                samples, labels = [np.asarray(start)[: len(h)], *samples], ["start", *labels]
            display = cls(samples, labels=labels, image_shape=image_shape, title=title)
        return display.plot(ax=ax, **kwargs)

    def plot(
        self, *, ax: Any = None, n_columns: int | None = None, cmap: Any = "gray", **imshow: Any
    ) -> SampleDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; default a new figure.
        n_columns : int, optional
            Default: about as many columns as rows. Without effect on named rows.
        cmap : colormap, default="gray"
            Black is 0, white is 1.
        **imshow
            Passed to ``Axes.imshow``.

        Returns
        -------
        SampleDisplay
        """
        require_matplotlib("SampleDisplay.plot")
        from matplotlib.colors import Normalize

        if self.labels is None:
            rows = grid_rows(self.samples[0], grid_columns(len(self.samples[0]), n_columns))
        else:
            rows = [Row(group, label) for group, label in zip(self.samples, self.labels)]
        self.ax_, self.images_ = draw_rows(
            ax,
            rows,
            self.samples[0].shape[1:],
            "SampleDisplay.plot",
            title=self.title,
            **{"cmap": cmap, "norm": Normalize(0, 1), **imshow},
        )
        self.figure_ = self.ax_.figure
        return self


def _step_counts(n_steps: Any, operation: str) -> list[int]:
    given = [n_steps] if np.ndim(n_steps) == 0 else list(n_steps)
    steps = [as_integer(count, "n_steps", operation) for count in given]
    if not steps or sorted(set(steps)) != steps:
        raise ValueError(f"[{operation}] n_steps must increase, got {n_steps}")
    return steps


def _start(model: RBM, start: Any, count: int, seed: Any, operation: str) -> Floats:
    """Hidden states to start from."""
    if not isinstance(start, str):
        return model.sample_hidden(np.asarray(start)[:count])
    if start != "random":
        raise ValueError(f"[{operation}] start must be 'random' or an array, got {start!r}")
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, (count, model.h_size)).astype(np.float32)


def _run(model: RBM, h: Floats, steps: list[int]) -> list[Floats]:
    """p(v = 1 | h) of the chains after each of these numbers of steps."""
    means, done = [], 0
    for count in steps:
        _, h, v_mean, _ = model.reconstruct(h, count - done)
        means.append(v_mean)
        done = count
    return means

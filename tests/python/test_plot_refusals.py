"""Displays refuse what they cannot draw, by an error that names it, before they draw anything."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from gibbslab.models import RBM
from gibbslab.plot import (
    ActivationFrequencyDisplay,
    BuildUpDisplay,
    FilterDisplay,
    InpaintingDisplay,
    LearningCurveDisplay,
    ReconstructionDisplay,
    SampleDisplay,
    animate_gibbs,
)

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SHAPE = (5, 7)
PIXELS = SHAPE[0] * SHAPE[1]
UNITS = 9
HISTORY = {"epoch": [0, 1], "reconstruction_error": [0.1, 0.05]}


@pytest.fixture
def model() -> RBM:
    return RBM(PIXELS, UNITS, random_state=3, n_threads=1)


@pytest.fixture
def X() -> np.ndarray:
    return np.random.default_rng(2).random((30, PIXELS)).astype(np.float32)


BAD_CALLS = {
    "no square": (
        lambda m, X: FilterDisplay.from_estimator(m),
        ValueError,
        r"image_shape must be given as \(height, width\): 35 pixels make no square",
    ),
    "wrong image_shape": (
        lambda m, X: SampleDisplay(X, image_shape=(6, 6)),
        ValueError,
        r"\[SampleDisplay\] image_shape must hold 35 pixels, got 6 x 6",
    ),
    "image_shape of words": (
        lambda m, X: SampleDisplay(X, image_shape="ab"),
        ValueError,
        "image_shape must be",
    ),
    "NaN": (
        lambda m, X: FilterDisplay(np.full((2, 4), np.nan)),
        ValueError,
        r"\[FilterDisplay\] filters must be finite",
    ),
    "text": (lambda m, X: FilterDisplay([["a"]]), TypeError, "filters must be numbers"),
    "empty": (lambda m, X: SampleDisplay(np.empty((0, 4))), ValueError, "samples must be images"),
    "no data": (
        lambda m, X: FilterDisplay.from_estimator(m, sort_by="frequency"),
        ValueError,
        "X must be given if sort_by='frequency'",
    ),
    "unknown order": (
        lambda m, X: FilterDisplay.from_estimator(m, sort_by="size"),
        ValueError,
        "sort_by must be",
    ),
    "units of another length": (
        lambda m, X: FilterDisplay(X, units=[1], image_shape=SHAPE),
        ValueError,
        r"units must have shape \(30,\)",
    ),
    "no model": (
        lambda m, X: FilterDisplay.from_estimator(3),
        TypeError,
        r"\[FilterDisplay.from_estimator\] model must be an RBM, got int",
    ),
    "unequal shapes": (
        lambda m, X: ReconstructionDisplay(X, X[:3], image_shape=SHAPE),
        ValueError,
        "reconstructions must have shape",
    ),
    "hidden of another length": (
        lambda m, X: ReconstructionDisplay(X, X, hidden=np.ones((2, 4)), image_shape=SHAPE),
        ValueError,
        "hidden must have 30 rows, got 2",
    ),
    "falling steps": (
        lambda m, X: SampleDisplay.from_estimator(m, n_steps=[5, 2]),
        ValueError,
        "n_steps must increase",
    ),
    "no steps": (lambda m, X: SampleDisplay.from_estimator(m, n_steps=0), ValueError, "n_steps"),
    "unknown start": (
        lambda m, X: SampleDisplay.from_estimator(m, n_samples=2, start="data"),
        ValueError,
        "start must be 'random' or an array",
    ),
    "labels of another length": (
        lambda m, X: SampleDisplay([X], labels=["a", "b"], image_shape=SHAPE),
        ValueError,
        "labels must name 1 arrays",
    ),
    "mask of another size": (
        lambda m, X: InpaintingDisplay.from_estimator(m, X, np.ones(4, bool)),
        ValueError,
        "mask must have 35 pixels",
    ),
    "mask of fractions": (
        lambda m, X: InpaintingDisplay.from_estimator(m, X, np.full(PIXELS, 0.5)),
        TypeError,
        "mask must be bool",
    ),
    "captions of another length": (
        lambda m, X: BuildUpDisplay(X, ["a"], image_shape=SHAPE),
        ValueError,
        "captions must have 30 entries, got 1",
    ),
    "grey hidden state": (
        lambda m, X: BuildUpDisplay.from_estimator(m, X[0], hidden=np.full(UNITS, 0.5)),
        ValueError,
        "hidden must be 9 values 0 or 1",
    ),
    "frequency above one": (
        lambda m, X: ActivationFrequencyDisplay([0.5, 1.5]),
        ValueError,
        r"frequency must lie in \[0, 1\]",
    ),
    "frequency NaN": (
        lambda m, X: ActivationFrequencyDisplay([np.nan]),
        ValueError,
        r"frequency must lie in \[0, 1\]",
    ),
    "unknown kind": (
        lambda m, X: ActivationFrequencyDisplay([0.5]).plot(kind="pie"),
        ValueError,
        "kind must be one of",
    ),
    "no such measure": (
        lambda m, X: LearningCurveDisplay(HISTORY, metrics=["nats"]),
        ValueError,
        "history must have a column 'nats'",
    ),
    "history without epochs": (
        lambda m, X: LearningCurveDisplay({"epoch": [], "reconstruction_error": []}),
        ValueError,
        "at least 1",
    ),
    "model without history": (
        lambda m, X: LearningCurveDisplay.from_estimator(m),
        TypeError,
        "estimator must have a history_, got RBM",
    ),
    "not a GIF": (lambda m, X: animate_gibbs(m, X, 1, "a.mp4"), ValueError, "must end in '.gif'"),
    "no folder": (
        lambda m, X: animate_gibbs(m, X, 1, "no-such-folder/a.gif", image_shape=SHAPE),
        FileNotFoundError,
        "folder no-such-folder does not exist",
    ),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_are_refused_and_draw_nothing(model: RBM, X: np.ndarray, name: str) -> None:
    call, error, message = BAD_CALLS[name]
    with pytest.raises(error, match=message):
        call(model, X)
    assert plt.get_fignums() == []

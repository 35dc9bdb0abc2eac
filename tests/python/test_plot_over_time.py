"""Learning curves, and Gibbs chains as animations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from gibbslab.models import RBM
from gibbslab.plot import LearningCurveDisplay, animate_gibbs
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SHAPE = (5, 7)
PIXELS = SHAPE[0] * SHAPE[1]


@pytest.fixture(autouse=True)
def _clean_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def model() -> RBM:
    return RBM(PIXELS, 9, random_state=3, n_threads=1)


@pytest.fixture
def X() -> np.ndarray:
    return np.random.default_rng(2).random((30, PIXELS)).astype(np.float32)


# Learning curves

HISTORY = {
    "epoch": [0, 1, 2],
    "learning_rate": [0.1, 0.05, 0.01],
    "pseudo_likelihood": [-200.0, -120.0, -90.0],
    "validation_pseudo_likelihood": [-201.0, -122.0, -95.0],
    "reconstruction_error": [0.1, 0.05, 0.03],
    "validation_reconstruction_error": [0.11, 0.06, 0.04],
    "free_energy_gap": [0.5, 1.0, 2.0],
}


def test_learning_curve_has_a_panel_for_each_measure() -> None:
    display = LearningCurveDisplay(HISTORY).plot()
    assert len(display.axes_) == 3
    assert set(display.lines_) == set(HISTORY) - {"epoch", "learning_rate"}
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(line.get_ydata(), HISTORY[name])
    for ax in display.axes_:
        assert ax.get_title()
        assert ax.get_xlabel() == "epochs done"
        assert ax.get_ylabel()
    legend = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert legend == ["training", "validation"]
    assert display.axes_[1].get_ylim()[0] == 0


def test_learning_curve_on_given_axes() -> None:
    _, ax = plt.subplots()
    display = LearningCurveDisplay(HISTORY, metrics="learning_rate").plot(ax=ax)
    assert display.axes_ == [ax]
    assert ax.get_legend() is None
    with pytest.raises(ValueError, match="ax must be 3 Axes"):
        LearningCurveDisplay(HISTORY).plot(ax=ax)


# Animation


def test_animation_has_a_frame_for_each_stride(model: RBM, X: np.ndarray, tmp_path: Path) -> None:
    path = animate_gibbs(
        model, X[:3], 7, str(tmp_path / "chain.gif"), steps_per_frame=2, fps=5, image_shape=SHAPE
    )
    assert path == tmp_path / "chain.gif"
    with Image.open(path) as image:
        assert image.format == "GIF"
        assert image.n_frames == 4
        assert image.info["duration"] == 200
    assert plt.get_fignums() == []


def test_animation_shows_progress_if_asked(
    model: RBM, X: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    animate_gibbs(model, X[:1], 1, tmp_path / "a.gif", image_shape=SHAPE)
    assert capsys.readouterr().err == ""
    animate_gibbs(model, X[:1], 1, tmp_path / "a.gif", image_shape=SHAPE, progress=True)
    assert "2/2" in capsys.readouterr().err

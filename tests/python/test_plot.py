"""Displays: what is on the picture, on which scale, and what drawing leaves alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from gibbslab import BernoulliRBM
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
from PIL import Image
from scipy.special import expit
from sklearn.exceptions import NotFittedError

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SHAPE = (5, 7)
PIXELS = SHAPE[0] * SHAPE[1]
UNITS = 9
MASK = np.arange(PIXELS).reshape(SHAPE) < 21


@pytest.fixture(autouse=True)
def _clean_figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test: nothing is shown, no setting changes, all figures are closed."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("plt.show was called")

    monkeypatch.setattr(plt, "show", refuse)
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before
    plt.close("all")


@pytest.fixture(scope="module")
def model() -> RBM:
    rng = np.random.default_rng(1)
    rbm = RBM(PIXELS, UNITS, random_state=3, n_threads=1)
    rbm.W = rng.normal(0, 0.7, (PIXELS, UNITS))
    rbm.v_bias, rbm.h_bias = rng.normal(0, 0.5, PIXELS), rng.normal(0, 0.5, UNITS)
    return rbm


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    return np.random.default_rng(2).random((30, PIXELS)).astype(np.float32)


def tiles(artist: object) -> np.ndarray:
    """Images of a row, (n, pixels)."""
    data = np.asarray(artist.get_array())
    n = round(artist.get_extent()[1])
    return data.reshape(data.shape[0], n, -1).transpose(1, 0, 2).reshape(n, -1)


def all_tiles(display: object) -> np.ndarray:
    return np.concatenate([tiles(image) for image in display.images_])


def texts(display: object) -> list[str]:
    return [text.get_text() for text in display.ax_.texts]


def row_labels(display: object) -> list[str]:
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def draw_tiles(model: RBM, X: np.ndarray, **kwargs: object) -> list[object]:
    shape = {"image_shape": SHAPE}
    return [
        FilterDisplay.from_estimator(model, **shape, **kwargs),
        ReconstructionDisplay.from_estimator(model, X, **shape, **kwargs),
        SampleDisplay.from_estimator(model, n_steps=3, **shape, **kwargs),
        SampleDisplay.from_estimator(model, n_steps=[1, 2], start=X[:4], **shape, **kwargs),
        InpaintingDisplay.from_estimator(model, X, MASK, n_steps=3, **shape, **kwargs),
        BuildUpDisplay.from_estimator(model, X[0], **shape, **kwargs),
    ]


def draw_each(model: RBM, X: np.ndarray, **kwargs: object) -> list[object]:
    histogram = ActivationFrequencyDisplay.from_estimator(model, X, **kwargs)
    return [*draw_tiles(model, X, **kwargs), histogram]


def test_import_leaves_matplotlib_out() -> None:
    code = "import sys, gibbslab, gibbslab.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_matplotlib_is_named(
    model: RBM, X: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    calls = {
        "FilterDisplay.plot": lambda: FilterDisplay(X, image_shape=SHAPE).plot(),
        "FilterDisplay.from_estimator": lambda: FilterDisplay.from_estimator(model),
        "SampleDisplay.from_estimator": lambda: SampleDisplay.from_estimator(model),
        "ActivationFrequencyDisplay.plot": lambda: ActivationFrequencyDisplay([0.5]).plot(),
        "animate_gibbs": lambda: animate_gibbs(model, X, 1, tmp_path / "a.gif"),
    }
    for name, call in calls.items():
        with pytest.raises(ImportError, match=r'pip install "gibbslab\[plot\]"') as caught:
            call()
        assert str(caught.value).startswith(f"[{name}] needs matplotlib")


def test_each_display_has_a_figure_title_and_png(model: RBM, X: np.ndarray, tmp_path: Path) -> None:
    for number, display in enumerate(draw_each(model, X)):
        assert display.ax_.figure is display.figure_
        assert display.ax_.get_title()
        path = tmp_path / f"{number}.png"
        display.figure_.savefig(path)
        with Image.open(path) as image:
            image.verify()
            assert image.format == "PNG"
            assert min(image.size) > 100


def test_each_display_draws_on_given_axes(model: RBM, X: np.ndarray) -> None:
    figure, ax = plt.subplots()
    for display in draw_each(model, X, ax=ax):
        assert display.ax_ is ax
        assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]


def test_each_display_takes_a_title(model: RBM, X: np.ndarray) -> None:
    for display in draw_tiles(model, X, title="Mine"):
        told = display.ax_.get_title()
        # Where there is an error to name, it follows the title.
        assert told == "Mine" or told.startswith("Mine: mean squared error "), told


def test_titles_fit_into_the_figure(model: RBM, X: np.ndarray) -> None:
    for display in [
        *draw_each(model, X),
        ReconstructionDisplay.from_estimator(model, X, n_images=1, image_shape=SHAPE),
        InpaintingDisplay.from_estimator(model, X, MASK, n_images=1, image_shape=SHAPE),
    ]:
        display.figure_.canvas.draw()
        box = display.ax_.title.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= display.figure_.bbox.width
        assert box.y1 <= display.figure_.bbox.height


def test_images_of_a_picture_share_one_scale(model: RBM, X: np.ndarray) -> None:
    for display in draw_each(model, X)[:-1]:
        assert len({id(image.norm) for image in display.images_}) == 1
        low, high = display.images_[0].get_clim()
        assert (low, high) == (0, 1) or low == -high < 0


def test_drawing_leaves_the_model_alone(model: RBM, X: np.ndarray, tmp_path: Path) -> None:
    draws, given = model.draws, X.copy()
    draw_each(model, X)
    animate_gibbs(model, X[:2], 2, tmp_path / "a.gif", image_shape=SHAPE)
    assert model.draws == draws
    np.testing.assert_array_equal(X, given)


def test_same_seed_gives_the_same_picture(model: RBM, X: np.ndarray) -> None:
    def pixels(seed: int) -> np.ndarray:
        display = SampleDisplay.from_estimator(
            model, n_steps=2, random_state=seed, image_shape=SHAPE
        )
        return all_tiles(display)

    np.testing.assert_array_equal(pixels(0), pixels(0))
    assert (pixels(0) != pixels(1)).any()


# Estimators


def test_estimators_are_drawn_as_their_models(X: np.ndarray) -> None:
    estimator = BernoulliRBM(16, n_iter=2, validation_fraction=0.3, random_state=0, n_threads=1)
    with pytest.raises(NotFittedError):
        FilterDisplay.from_estimator(estimator)
    with pytest.raises(NotFittedError):
        LearningCurveDisplay.from_estimator(estimator)
    estimator.fit(X)
    shape = {"image_shape": SHAPE}
    filters = FilterDisplay.from_estimator(estimator, **shape)
    np.testing.assert_array_equal(all_tiles(filters), estimator.components_)
    samples = SampleDisplay.from_estimator(estimator, n_steps=2, **shape)
    same = SampleDisplay.from_estimator(estimator.model_, n_steps=2, **shape)
    np.testing.assert_array_equal(all_tiles(samples), all_tiles(same))
    curves = LearningCurveDisplay.from_estimator(estimator)
    assert curves.metrics == ["pseudo_likelihood", "reconstruction_error", "free_energy_gap"]
    for name, line in curves.lines_.items():
        np.testing.assert_array_equal(line.get_ydata(), estimator.history_[name])


# Filters


def test_filters_are_the_columns_of_W_in_order(model: RBM) -> None:
    display = FilterDisplay.from_estimator(model, image_shape=SHAPE, n_columns=4)
    assert [len(tiles(image)) for image in display.images_] == [4, 4, 1]
    np.testing.assert_array_equal(all_tiles(display), model.W.T)
    assert display.ax_.get_title() == "9 filters"
    assert display.colorbar_.ax.get_ylabel() == "weight"


def test_filters_sorted_by_frequency(model: RBM, X: np.ndarray) -> None:
    frequency = model.hidden_mean(X).mean(axis=0, dtype=np.float64)
    order = np.argsort(-frequency, kind="stable")[:4]
    display = FilterDisplay.from_estimator(
        model, X, sort_by="frequency", n_filters=4, image_shape=SHAPE
    )
    np.testing.assert_array_equal(all_tiles(display), model.W.T[order])
    assert texts(display) == [f"{unit}: {frequency[unit]:.0%}" for unit in order]
    assert display.ax_.get_title() == "4 of 9 filters, most often active first"


def test_filters_sorted_by_norm(model: RBM) -> None:
    display = FilterDisplay.from_estimator(model, sort_by="norm", image_shape=SHAPE)
    norms = np.linalg.norm(all_tiles(display), axis=1)
    assert (np.diff(norms) <= 0).all()
    np.testing.assert_array_equal(np.sort(display.units), np.arange(UNITS))


def test_filter_scale_is_symmetric_and_can_be_set(model: RBM) -> None:
    display = FilterDisplay(model.W.T, image_shape=SHAPE).plot(limit=0.25, colorbar=False)
    assert display.images_[0].get_clim() == (-0.25, 0.25)
    assert display.colorbar_ is None
    zero = FilterDisplay(np.zeros((2, 4))).plot()
    assert zero.images_[0].get_clim() == (-1, 1)


def test_square_image_shape_is_inferred() -> None:
    assert FilterDisplay(np.ones((3, 64))).image_shape == (8, 8)
    assert FilterDisplay(np.ones((3, 2, 5))).image_shape == (2, 5)


# Reconstructions


def test_reconstruction_rows_and_error(model: RBM, X: np.ndarray) -> None:
    display = ReconstructionDisplay.from_estimator(
        model, X, n_images=7, n_columns=4, image_shape=SHAPE, show_hidden=True, hidden_shape=(3, 3)
    )
    assert row_labels(display) == ["original", "hidden state", "p(v = 1 | h)"] * 2
    rows = [tiles(image) for image in display.images_]
    hidden = np.concatenate([rows[1], rows[4]])
    shown = np.concatenate([rows[2], rows[5]])
    np.testing.assert_array_equal(np.concatenate([rows[0], rows[3]]), X[:7])
    assert set(np.unique(hidden)) <= {0, 1}
    np.testing.assert_allclose(shown, model.visible_mean(hidden), rtol=1e-6)
    assert display.error_ == pytest.approx(np.mean((X[:7] - shown) ** 2), rel=1e-5)
    assert f"{display.error_:.4f}" in display.ax_.get_title()


def test_reconstruction_after_more_steps_differs(model: RBM, X: np.ndarray) -> None:
    def shown(n_steps: int) -> np.ndarray:
        return ReconstructionDisplay.from_estimator(
            model, X, n_steps=n_steps, image_shape=SHAPE
        ).reconstructions

    assert (shown(1) != shown(5)).any()


# Samples


def test_samples_count_and_range(model: RBM) -> None:
    display = SampleDisplay.from_estimator(model, n_steps=2, n_samples=7, image_shape=SHAPE)
    shown = all_tiles(display)
    assert shown.shape == (7, PIXELS)
    assert ((shown > 0) & (shown < 1)).all()
    assert display.ax_.get_title() == "p(v = 1 | h) after 2 Gibbs steps"


def test_samples_after_several_numbers_of_steps(model: RBM, X: np.ndarray) -> None:
    display = SampleDisplay.from_estimator(
        model, n_steps=(1, 4), start=X, n_samples=5, image_shape=SHAPE
    )
    assert row_labels(display) == ["start", "1 step", "4 steps"]
    np.testing.assert_array_equal(tiles(display.images_[0]), X[:5])
    one = SampleDisplay.from_estimator(model, n_steps=1, start=X, n_samples=5, image_shape=SHAPE)
    np.testing.assert_array_equal(tiles(display.images_[1]), all_tiles(one))


# In-painting


def test_inpainting_marks_the_unknown_and_keeps_the_known(model: RBM, X: np.ndarray) -> None:
    display = InpaintingDisplay.from_estimator(
        model, X, MASK, n_images=3, n_steps=2, image_shape=SHAPE
    )
    assert row_labels(display) == ["given", "filled in", "original"]
    given, filled, original = (tiles(image) for image in display.images_)
    known = MASK.ravel()
    np.testing.assert_array_equal(original, X[:3])
    np.testing.assert_array_equal(filled[:, known], X[:3, known])
    assert (filled[:, ~known] != X[:3, ~known]).all()
    np.testing.assert_array_equal(given, np.where(known, X[:3], 0))
    error = np.mean((filled - original)[:, ~known] ** 2)
    assert display.error_ == pytest.approx(error, rel=1e-5)
    tint = [im for im in display.ax_.images if np.ndim(im.get_array()) == 3]
    assert len(tint) == 1
    alpha = np.asarray(tint[0].get_array())[..., 3]
    np.testing.assert_array_equal(alpha, np.tile(~MASK, 3))


def test_inpainting_takes_a_mask_for_each_image_and_no_original(X: np.ndarray) -> None:
    masks = np.random.default_rng(5).random((2, PIXELS)) < 0.5
    display = InpaintingDisplay(X[:2], masks, X[2:4], image_shape=SHAPE).plot()
    assert row_labels(display) == ["given", "filled in"]
    assert display.error_ is None
    np.testing.assert_array_equal(display.mask.reshape(2, -1), masks)


# Building up


def test_build_up_goes_from_bias_to_reconstruction(model: RBM, X: np.ndarray) -> None:
    hidden = np.array([1, 0, 1, 0, 0, 1, 0, 0, 1])
    display = BuildUpDisplay.from_estimator(model, X[0], hidden=hidden, image_shape=SHAPE)
    assert texts(display) == [
        "input", "bias", "+= unit 0", "+= unit 2", "+= unit 5", "+= unit 8"
    ]  # fmt: skip
    shown = all_tiles(display)
    np.testing.assert_array_equal(shown[0], X[0])
    np.testing.assert_allclose(shown[1], expit(model.v_bias), rtol=1e-6)
    np.testing.assert_allclose(shown[2], expit(model.v_bias + model.W[:, 0]), rtol=1e-5)
    np.testing.assert_allclose(shown[-1], model.visible_mean(hidden[None])[0], rtol=1e-5)
    assert "4 active of 9" in display.ax_.get_title()


def test_build_up_sorted_and_cut_still_ends_at_the_reconstruction(
    model: RBM, X: np.ndarray
) -> None:
    hidden = np.ones(UNITS)
    display = BuildUpDisplay.from_estimator(
        model, X[0], hidden=hidden, sort_by="norm", max_units=2, image_shape=SHAPE
    )
    largest = np.argsort(-np.linalg.norm(model.W, axis=0))[:2]
    assert texts(display)[2:] == [*(f"+= unit {unit}" for unit in largest), "+= 7 more"]
    np.testing.assert_allclose(
        all_tiles(display)[-1], model.visible_mean(hidden[None])[0], rtol=1e-5
    )


# Activation frequency


def test_activation_frequency_kinds(model: RBM, X: np.ndarray) -> None:
    display = ActivationFrequencyDisplay.from_estimator(model, X)
    expected = model.hidden_mean(X).mean(axis=0)
    np.testing.assert_allclose(display.frequency, expected, rtol=1e-6)
    heights = [bar.get_height() for bar in display.ax_.patches]
    np.testing.assert_allclose(heights, np.sort(expected)[::-1], rtol=1e-6)
    assert display.ax_.get_ylim() == (0, 1)
    display.plot(kind="histogram")
    assert sum(bar.get_height() for bar in display.ax_.patches) == UNITS
    display.plot(kind="grid")
    image = display.ax_.images[0]
    np.testing.assert_allclose(np.ravel(image.get_array()), expected, rtol=1e-6)
    assert image.get_clim() == (0, 1)
    for kind in ("sorted", "histogram", "grid"):
        ax = display.plot(kind=kind).ax_
        assert ax.get_xlabel()
        assert ax.get_ylabel()

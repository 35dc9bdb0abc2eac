"""Displays of latent space and of anomalies: what is on the picture, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import gibbslab
import matplotlib
import numpy as np
import pytest
from gibbslab import AnomalyDetector, Autoencoder
from gibbslab.models import RBM, VAE
from gibbslab.plot import (
    AnomalyHistogramDisplay,
    AnomalyTraceDisplay,
    LatentBoxDisplay,
    LatentExplorer,
    LatentGridDisplay,
    LatentScatterDisplay,
    ReconstructionDisplay,
    explore_latent_space,
)
from sklearn.exceptions import NotFittedError

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SHAPE = (4, 3)
PIXELS = 12
RNG = np.random.default_rng(0)
X, Y = RNG.random((30, PIXELS)).astype(np.float32), np.arange(30) % 3
SCORES, FLAGS = np.arange(20.0), np.arange(20) >= 14


@pytest.fixture(autouse=True)
def _no_figure_is_left() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model() -> VAE:
    return VAE(3, PIXELS, (8,), random_state=0, device="cpu")


def test_scatter_shows_the_means_by_class(model: VAE) -> None:
    display = LatentScatterDisplay.from_estimator(model, X, Y, dimensions=(2, 0))
    means = model.encode(X)[0].numpy()
    for label, drawn in enumerate(display.collections_):
        np.testing.assert_allclose(drawn.get_offsets(), means[label == Y][:, [2, 0]], atol=1e-6)
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["0", "1", "2"]
    assert len({tuple(drawn.get_facecolor()[0]) for drawn in display.collections_}) == 3
    plain = LatentScatterDisplay(means).plot(ax=display.ax_, c=means[:, 2], cmap="viridis")
    assert plain.ax_ is display.ax_


def test_estimators_are_drawn_as_their_models() -> None:
    estimator = gibbslab.VAE(2, (8,), n_iter=1, random_state=0, n_threads=1)
    with pytest.raises(NotFittedError):
        LatentScatterDisplay.from_estimator(estimator, X)
    estimator.fit(X)
    display = LatentScatterDisplay.from_estimator(estimator, X)
    np.testing.assert_allclose(display.means, estimator.transform(X), atol=1e-6)


def test_reconstructions_of_networks_are_their_means(model: VAE) -> None:
    estimator = Autoencoder((4,), n_iter=1, random_state=0, n_threads=1).fit(X)
    expected = {
        model: model.decode(model.encode(X)[0]).numpy(),
        estimator: estimator.reconstruct(X),
        estimator.model_: estimator.reconstruct(X),
    }
    draws = model.draws
    for network, means in expected.items():
        display = ReconstructionDisplay.from_estimator(network, X, n_images=4, image_shape=SHAPE)
        np.testing.assert_allclose(display.reconstructions.reshape(4, -1), means[:4], atol=1e-6)
        names = [label.get_text() for label in display.ax_.get_yticklabels()]
        assert names == ["original", "reconstruction"]
    assert model.draws == draws


@pytest.mark.parametrize("spacing", ["linear", "quantile"])
def test_grid_shows_each_image_where_its_latents_are(model: VAE, spacing: str) -> None:
    """The first coordinate goes to the right, the second up; the others are held."""
    display = LatentGridDisplay.from_estimator(
        model, n_points=5, limit=2.0, spacing=spacing, dimensions=(0, 2), others=[9.0, 0.5, 9.0],
        image_shape=SHAPE,
    )  # fmt: skip
    picture = np.asarray(display.image_.get_array())
    assert picture.shape == (20, 15)
    assert display.first[2] == pytest.approx(0)
    assert np.abs(display.first).max() <= 2
    for column, row in ((0, 0), (4, 0), (1, 3)):
        z = [[display.first[column], 0.5, display.second[row]]]
        top = (4 - row) * SHAPE[0]
        tile = picture[top : top + SHAPE[0], column * SHAPE[1] : (column + 1) * SHAPE[1]]
        np.testing.assert_allclose(tile.ravel(), model.decode(z).numpy()[0], atol=1e-6)
    left, right, bottom, top = display.image_.get_extent()
    assert (left, right, bottom, top) == (-0.5, 4.5, -0.5, 4.5)


def test_quantile_spacing_has_equal_probabilities() -> None:
    from scipy.stats import norm

    model = VAE(2, 4, (3,), random_state=0, device="cpu")
    display = LatentGridDisplay.from_estimator(model, n_points=8, limit=5, spacing="quantile")
    np.testing.assert_allclose(norm.cdf(display.first), (np.arange(8) + 0.5) / 8, atol=1e-6)


def test_boxes_are_the_quartiles(model: VAE) -> None:
    display = LatentBoxDisplay.from_estimator(model, X, weights=True)
    mu, logvar = (x.numpy() for x in model.encode(X))
    weights = model.dec_fc1.weight.numpy()
    expected = {"means": mu, "variances": np.exp(logvar), "weights": weights}
    assert list(display.boxes_) == list(expected)
    for name, values in expected.items():
        medians = [line.get_ydata()[0] for line in display.boxes_[name]["medians"]]
        np.testing.assert_allclose(medians, np.median(values, axis=0), rtol=1e-5)
    figure, axes = plt.subplots(1, 2)
    again = LatentBoxDisplay(mu, np.exp(logvar)).plot(ax=axes)
    assert again.figure_ is figure
    assert [ax.get_title() for ax in again.axes_] == ["Means of q(z|x)", "Variances of q(z|x)"]


def test_histogram_counts_each_kind_and_names_the_rates() -> None:
    display = AnomalyHistogramDisplay(SCORES, FLAGS, threshold=11.5).plot(bins=10)
    counts = {name: sum(bar.get_height() for bar in bars) for name, bars in display.bars_.items()}
    assert counts == {"normal": 14, "anomalous": 6}
    assert display.ax_.get_title() == "Anomaly scores: recall 100.0%, precision 75.0%"
    assert display.ax_.lines[0].get_xdata()[0] == 11.5
    unknown = AnomalyHistogramDisplay(SCORES).plot()
    assert sum(bar.get_height() for bar in unknown.bars_["all"]) == 20
    assert unknown.ax_.get_title() == "Anomaly scores"


def test_traces_show_series_and_reconstructions() -> None:
    series, made = RNG.random((4, 9)), RNG.random((4, 9))
    display = AnomalyTraceDisplay(series, made, anomalous=[0, 1, 0, 1], scores=SCORES[:4]).plot()
    for i, ax in enumerate(display.axes_):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), series[i])
        np.testing.assert_array_equal(ax.lines[1].get_ydata(), made[i])
    assert display.axes_[1].get_title() == "anomalous, score 1"
    assert len(display.axes_) == 4
    assert [ax.get_xlabel() for ax in display.axes_] == ["step"] * 4
    assert display.ax_.get_ylabel() == "value"
    one = AnomalyTraceDisplay(series[:1], made[:1]).plot(ax=plt.subplots()[1])
    assert one.ax_.get_title() == "series 0"


def test_anomaly_displays_take_a_detector() -> None:
    """The scores with their sign turned, so that outliers are above the threshold."""
    detector = AnomalyDetector(Autoencoder((2,), n_iter=2, random_state=0, n_threads=1)).fit(X)
    y = np.where(Y == 0, -1, 1)
    histogram = AnomalyHistogramDisplay.from_estimator(detector, X, y)
    np.testing.assert_allclose(histogram.scores, -detector.score_samples(X))
    found = histogram.scores > histogram.threshold
    np.testing.assert_array_equal(found, detector.predict(X) == -1)
    np.testing.assert_array_equal(histogram.anomalous, Y == 0)
    traces = AnomalyTraceDisplay.from_estimator(detector, X[:3], y[:3])
    np.testing.assert_allclose(traces.reconstructions, detector.estimator_.reconstruct(X[:3]))
    assert traces.axes_[0].get_title().startswith("anomalous, score ")
    with pytest.raises(NotFittedError):
        AnomalyHistogramDisplay.from_estimator(AnomalyDetector(), X)


def test_explorer_decodes_where_it_is_moved(model: VAE) -> None:
    explorer = LatentExplorer(model, X, Y, dimensions=(1, 2), image_shape=SHAPE).plot()
    first = explorer.png()
    explorer.move(1.5, -0.5)
    expected = model.decode([[0, 1.5, -0.5]]).numpy().reshape(SHAPE)
    np.testing.assert_allclose(explorer.decoded_, expected, atol=1e-6)
    np.testing.assert_array_equal(explorer.axes_[1].images[0].get_array(), explorer.decoded_)
    assert explorer.axes_[1].get_title() == "decoded at (1.50, -0.50)"
    assert explorer.png() != first
    assert plt.get_fignums() == []


def test_sliders_move_the_explorer(model: VAE) -> None:
    box = explore_latent_space(model, image_shape=SHAPE, limit=2.0)
    sliders, picture = box.children
    before = picture.value
    sliders.children[1].value = 1.25
    assert picture.value != before
    assert bytes(picture.value).startswith(b"\x89PNG")
    assert (sliders.children[0].min, sliders.children[0].max) == (-2.0, 2.0)


def test_without_ipywidgets_there_is_a_plain_grid(
    model: VAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    display = explore_latent_space(model, X, Y, image_shape=SHAPE, limit=2.0)
    assert isinstance(display, LatentGridDisplay)
    assert display.first[0] == -2.0


def test_importing_leaves_ipywidgets_out() -> None:
    code = "import sys, gibbslab.plot; sys.exit('ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


BAD_CALLS = {
    "no VAE": (
        lambda m: LatentScatterDisplay.from_estimator(RBM(4, 2), X),
        TypeError,
        r"\[LatentScatterDisplay.from_estimator\] model must be a VAE, got RBM",
    ),
    "one latent": (
        lambda m: LatentScatterDisplay(np.ones((3, 1))),
        ValueError,
        "there must be at least 2 latent units, got 1",
    ),
    "a latent twice": (
        lambda m: LatentScatterDisplay(np.ones((3, 4)), dimensions=(1, 1)),
        ValueError,
        "dimensions must differ",
    ),
    "no such latent": (
        lambda m: LatentGridDisplay.from_estimator(m, dimensions=(0, 3)),
        ValueError,
        "dimensions must be at most 2, got 3",
    ),
    "three latents": (
        lambda m: LatentExplorer(m, dimensions=(0, 1, 2)),
        ValueError,
        "dimensions must be two",
    ),
    "labels of another length": (
        lambda m: LatentScatterDisplay(np.ones((3, 2)), [1, 2]),
        ValueError,
        r"labels must have shape \(3,\), got \(2,\)",
    ),
    "means of NaN": (
        lambda m: LatentScatterDisplay(np.full((3, 2), np.nan)),
        ValueError,
        "means must be finite",
    ),
    "unknown spacing": (
        lambda m: LatentGridDisplay.from_estimator(m, spacing="log"),
        ValueError,
        "spacing must be one of",
    ),
    "no extent": (
        lambda m: LatentGridDisplay.from_estimator(m, limit=0),
        ValueError,
        "limit must be above 0",
    ),
    "images that fill no grid": (
        lambda m: LatentGridDisplay(np.ones((5, 4)), [0, 1], [0, 1]),
        ValueError,
        "images must be 2 x 2, got 5",
    ),
    "variances of another width": (
        lambda m: LatentBoxDisplay(np.ones((3, 2)), np.ones((3, 4))),
        ValueError,
        "variances must be finite and of shape",
    ),
    "too few Axes": (
        lambda m: LatentBoxDisplay(np.ones((3, 2)), np.ones((3, 2))).plot(ax=object()),
        ValueError,
        "ax must be 2 Axes, got 1",
    ),
    "scores of NaN": (
        lambda m: AnomalyHistogramDisplay([np.nan]),
        ValueError,
        "scores must be finite",
    ),
    "grey flags": (
        lambda m: AnomalyHistogramDisplay([1.0, 2.0], [0.5, 1]),
        ValueError,
        "anomalous must be 2 booleans",
    ),
    "series of another length": (
        lambda m: AnomalyTraceDisplay(np.ones((2, 3)), np.ones((2, 4))),
        ValueError,
        "series and reconstructions must have one shape",
    ),
    "scores of another length": (
        lambda m: AnomalyTraceDisplay(np.ones((2, 3)), np.ones((2, 3)), scores=[1.0]),
        ValueError,
        r"scores must have shape \(2,\)",
    ),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_are_refused_and_draw_nothing(model: VAE, name: str) -> None:
    call, error, message = BAD_CALLS[name]
    with pytest.raises(error, match=message):
        call(model)
    assert plt.get_fignums() == []

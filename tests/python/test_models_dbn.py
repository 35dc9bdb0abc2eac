"""Deep belief networks of any depth: bad calls, copies, files, sampling and inpainting."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import gibbslab
import numpy as np
import pytest
from gibbslab.models import DBN, RBM, DBNWithFineTuning, DeepBeliefNetwork
from model_files import joined, model_of, parts, sealed
from reference_dbn import random_parameters
from small_rbms import random_rbm

SIZES = [6, 5, 4, 3]


def network(sizes: list[int] = SIZES, seed: int = 1) -> DeepBeliefNetwork:
    model = DeepBeliefNetwork(sizes, 2, random_state=seed, n_threads=1)
    model.set_parameters(**random_parameters(sizes, seed=9))
    return model


def greedy() -> DBN:
    return DBN(random_rbm(6, 5, seed=2), 4, cd_k=2, random_state=3)


def labelled(seed: int = 1) -> DeepBeliefNetwork:
    model = DeepBeliefNetwork(SIZES, 2, n_classes=3, random_state=seed, n_threads=1)
    model.set_parameters(**random_parameters(SIZES, seed=9, classes=3))
    return model


MODELS = {
    "deep": network,
    "labelled": labelled,
    "greedy": greedy,
    "tuned": lambda: DBNWithFineTuning(greedy(), cd_k=3, random_state=4),
}
X = np.random.default_rng(0).random((8, 6))
LABELS = np.arange(8) % 3


def assert_twins(model: DeepBeliefNetwork, twin: DeepBeliefNetwork) -> None:
    assert type(twin) is type(model)
    assert (twin.cd_k, twin.seed, twin.draws) == (model.cd_k, model.seed, model.draws)
    assert twin.n_classes == model.n_classes
    assert (twin.layer_sizes, twin.n_threads) == (model.layer_sizes, model.n_threads)
    for _ in range(2):
        for one, two in zip(model.sample(5, 3), twin.sample(5, 3)):
            np.testing.assert_array_equal(one, two)
        labels = LABELS if model.n_classes else None
        model.update_weights_for_batch(X, 0.1, labels=labels)
        twin.update_weights_for_batch(X, 0.1, labels=labels)
    for name, value in model.parameters.items():
        np.testing.assert_array_equal(twin.parameters[name], value)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("way", ["pickle", "copy", "deepcopy", "file"])
def test_copies_go_on_where_the_model_was(kind: str, way: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    model.sample(3, 2)
    if way == "file":
        model.save(tmp_path / "model")
        twin = gibbslab.load(tmp_path / "model")
    else:
        ways = {"pickle": lambda m: pickle.loads(pickle.dumps(m))}
        twin = ways.get(way, getattr(copy, way, None))(model)
    assert_twins(model, twin)


def test_a_file_of_another_depth_is_no_model_of_the_course(tmp_path: Path) -> None:
    path = tmp_path / "model"
    network().save(path)
    content = path.read_bytes().replace(b'\\"models.DeepBeliefNetwork\\"', b'\\"models.DBN\\"')
    assert parts(path.read_bytes())[0]["class"] == "models.DeepBeliefNetwork"
    pad = len(path.read_bytes()) - len(content)
    assert pad > 0
    content = content.replace(b'\\"models.DBN\\"', b'\\"models.DBN\\"' + b" " * pad)
    path.write_bytes(sealed(content))
    with pytest.raises(gibbslab.FormatError, match="must have 3 layers, got 4"):
        gibbslab.load(path)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: DeepBeliefNetwork([5]), ValueError, "at least 2 layers, got 1"),
        (lambda: DeepBeliefNetwork([5, 0]), ValueError, "layer_sizes must be at least 1"),
        (lambda: DeepBeliefNetwork([5, 2.5]), TypeError, "layer_sizes must be an integer"),
        (lambda: DeepBeliefNetwork([5, 2], 0), ValueError, "cd_k must be at least 1"),
        (lambda: DBN("rbm", 3), TypeError, "first_rbm must be an RBM, got str"),
        (lambda: DBN(random_rbm(4, 3, 0), 0), ValueError, "second_hidden_size must be at least 1"),
        (lambda: DBNWithFineTuning(RBM(3, 2)), TypeError, "base_dbn must be a DBN, got RBM"),
        (lambda: network().sample(0), ValueError, "n_samples must be at least 1"),
        (lambda: network().sample(1, 0), ValueError, "n_steps must be at least 1"),
        (lambda: network().sample(start=X[:, :5]), ValueError, "start must have 6 columns"),
        (lambda: network().recognise(X * np.nan), ValueError, "v must be finite"),
        (lambda: network().generate(X), ValueError, "x must have 4 columns, got shape (8, 6)"),
        (lambda: network().log_weights(X), ValueError, "v must hold only 0 and 1"),
        (lambda: network().log_weights(X > 0.5, 0), ValueError, "n_samples must be at least 1"),
        (lambda: network().inpaint(X, np.ones(5)), ValueError, "known_mask must have 6 columns"),
        (lambda: network().inpaint(X, np.ones(6), 0), ValueError, "n_steps must be at least 1"),
        (lambda: network().set_parameters(W=1), ValueError, "names must be among"),
        (lambda: network().set_parameters(top_W=X), ValueError, "top_W must have shape (4, 3)"),
        (lambda: DeepBeliefNetwork([5, 2], n_classes=-1), ValueError, "n_classes must be at least"),
        (lambda: network().log_proba(X), ValueError, "the model must have labels"),
        (lambda: network().sample(8, 1, labels=0), ValueError, "labels must be None where n_cl"),
        (lambda: labelled().log_proba(X[:, 1:]), ValueError, "v must have 6 columns"),
        (lambda: labelled().sample(8, 1, labels=X[:, 0]), TypeError, "labels must be integers"),
        (lambda: labelled().sample(9, 1, labels=LABELS), ValueError, "labels must have shape (9,)"),
        (lambda: labelled().sample(8, 1, labels=3), ValueError, "labels must be in 0 ... 2, got 3"),
        (lambda: labelled().sample(8, 1, labels=-LABELS), ValueError, "got -2 ... 0"),
        (lambda: labelled().update_weights_for_batch(X), ValueError, "labels must be given"),
        (lambda: labelled().top_rbm(), ValueError, "label must be given where there are labels"),
        (lambda: labelled().top_rbm(3), ValueError, "label must be at most 2, got 3"),
        (lambda: network().top_rbm(0), ValueError, "label must be given where there are labels"),
        (lambda: greedy().reconstruct(X[:1]), ValueError, "h2 must reshape to (-1, 4)"),
        (lambda: greedy().reconstruct(np.ones(4), 0), ValueError, "steps must be at least 1"),
        (lambda: greedy()(X[:, :5]), ValueError, "batch must reshape to (-1, 6)"),
        (lambda: greedy()(1j * X), TypeError, "batch must"),
        (lambda: greedy().update_weights_for_batch(X, -1), ValueError, "learning_rate must be"),
        (lambda: setattr(greedy(), "W1", X), ValueError, "must have shape (6, 5), got (8, 6)"),
    ],
)
def test_bad_calls(call, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith("[D")
    assert text in str(caught.value)


def test_a_diverging_step_leaves_the_model() -> None:
    tuned = MODELS["tuned"]()
    tuned.v1_bias = np.full(6, -3e38)  # predicts zeros where the data are ones
    before, draws = tuned.parameters, tuned.draws
    with pytest.raises(gibbslab.DivergenceError, match="the model is unchanged") as caught:
        tuned.update_weights_for_batch(np.full((4, 6), 3e38), 3e38)
    assert caught.value.tensor in before
    assert tuned.draws == draws
    for name, value in before.items():
        np.testing.assert_array_equal(tuned.parameters[name], value)


def test_set_parameters_changes_all_or_nothing() -> None:
    model = network()
    before = model.parameters
    with pytest.raises(ValueError, match="top_W"):
        model.set_parameters(top_h_bias=np.zeros(3), top_W=np.zeros((2, 2)))
    np.testing.assert_array_equal(model.parameters["top_h_bias"], before["top_h_bias"])


def test_mean_field_takes_no_draw() -> None:
    model = network()
    draws = model.draws
    means = model.recognise(X, mean_field=True)
    top = model.hidden_mean(X)
    assert model.draws == draws
    p = model.parameters
    expected = X.astype(np.float32)
    for level, mean in enumerate(means):
        expected = 1 / (1 + np.exp(-(expected @ p[f"recognition_{level}"] + p[f"up_bias_{level}"])))
        np.testing.assert_allclose(mean, expected, atol=1e-6)
    expected = 1 / (1 + np.exp(-(expected @ p["top_W"] + p["top_h_bias"])))
    np.testing.assert_allclose(top, expected, atol=1e-6)


@pytest.mark.parametrize("sizes", [SIZES, [6, 4]])
def test_inpainting_keeps_known_units(sizes: list[int]) -> None:
    known = np.array([1, 1, 0, 0, 1, 0], bool)
    v_prob, v = network(sizes).inpaint(X, known, 4, 2)
    given = X.astype(np.float32)
    np.testing.assert_array_equal(v_prob[:, known], given[:, known])
    np.testing.assert_array_equal(v[:, known], given[:, known])
    assert set(np.unique(v[:, ~known])) == {0.0, 1.0}
    assert ((v_prob[:, ~known] > 0) & (v_prob[:, ~known] < 1)).all()


def test_labelled_top_rbm_is_that_of_its_label() -> None:
    """log p(y | x) as the free energies of these RBMs have it, with d_y and log sum over y."""
    model = labelled()
    x = model.recognise(X, mean_field=True)[-1]
    free = np.stack([model.top_rbm(label).free_energy(x) for label in range(3)], axis=1)
    score = model.parameters["top_y_bias"] - free
    expected = score - np.logaddexp.reduce(score, axis=1)[:, None]
    np.testing.assert_allclose(model.log_proba(X), expected, rtol=1e-5, atol=2e-6)
    assert repr(model) == "DeepBeliefNetwork(layer_sizes=[6, 5, 4, 3], cd_k=2, n_classes=3)"


def test_steps_with_labels_teach_them() -> None:
    model = DeepBeliefNetwork([6, 8, 8], n_classes=2, random_state=0, n_threads=1)
    v, y = np.repeat([[0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0]], 20, axis=0), np.repeat([0, 1], 20)
    for _ in range(400):
        model.update_weights_for_batch(v, 0.2, labels=y)
    assert (model.log_proba(v).argmax(axis=1) == y).all()


def test_the_course_models_have_no_labels(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="labels must be None where n_classes is 0"):
        greedy().update_weights_for_batch(X, labels=LABELS)
    DeepBeliefNetwork([6, 5, 4], n_classes=2, random_state=0).save(tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    metadata, table, data = parts(content)
    with pytest.raises(gibbslab.FormatError, match="must have no labels, got 2"):
        model_of(joined({**metadata, "class": "models.DBN"}, table, data))


def test_top_rbm_is_a_copy() -> None:
    model = network()
    top = model.top_rbm()
    np.testing.assert_array_equal(top.W, model.parameters["top_W"])
    top.W = np.zeros((4, 3))
    assert model.parameters["top_W"].any()

"""The step-level RBM: what each call means."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from gibbslab import DivergenceError
from gibbslab.models import RBM
from reference import sigmoid, states
from small_rbms import enumerated, random_rbm
from thresholds import Z_LIMIT, assert_distribution, assert_means


def parameters(model: RBM) -> list[np.ndarray]:
    return [model.W, model.v_bias, model.h_bias]


def assert_same(first, second) -> None:
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)


def test_weights_start_as_normal_of_deviation_one_tenth():
    """400,000 draws: sees a mean of 0.0009 and a deviation off by 0.6 %."""
    model = RBM(1000, 400, random_state=1)
    w = model.W.ravel().astype(np.float64)
    assert_means(w[:, None], np.zeros(1), "mean of W")
    assert abs(w.std() / 0.1 - 1) < Z_LIMIT / np.sqrt(2 * len(w))
    assert np.abs(w).max() < 0.7


def test_random_state_decides_weights_and_samples():
    x = states(6)
    first, second, other = (RBM(6, 4, random_state=s) for s in (5, 5, 6))
    assert_same(parameters(first), parameters(second))
    assert_same(first(x), second(x))
    assert (first.W != other.W).all()
    assert first.seed == 5
    assert RBM(6, 4).seed != RBM(6, 4).seed


def test_threads_do_not_change_results():
    x = np.random.default_rng(0).random((33, 70)).astype(np.float32)
    one, two = (RBM(70, 45, 2, random_state=1, n_threads=n) for n in (1, 2))
    for _ in range(3):
        assert_same(one(x), two(x))
        one.update_weights_for_batch(x, 0.5)
        two.update_weights_for_batch(x, 0.5)
    assert_same(parameters(one), parameters(two))
    two.n_threads = None
    assert two.n_threads is None


def test_parameters_read_as_read_only_copies():
    model = random_rbm(3, 2, seed=0)
    for name, shape in (("W", (3, 2)), ("v_bias", (3,)), ("h_bias", (2,))):
        array = getattr(model, name)
        assert array.shape == shape
        assert array.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
        before = array.copy()
        setattr(model, name, before + 1)
        np.testing.assert_array_equal(array, before)
        np.testing.assert_array_equal(getattr(model, name), before + 1)


def test_assigned_arrays_are_copied():
    model, w = RBM(3, 2), np.ones((3, 2), np.float32)
    model.W = w
    w[...] = 7
    assert (model.W == 1).all()


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 3.0])
def test_conditional_means_are_the_formula(beta):
    model = random_rbm(7, 5, seed=2)
    v, h = np.random.default_rng(1).random((9, 7)), np.random.default_rng(2).normal(0, 9, (9, 5))
    w, a, b = (x.astype(np.float64) for x in parameters(model))
    v, h = v.astype(np.float32).astype(float), h.astype(np.float32).astype(float)
    up = sigmoid(beta * (v @ w + b))
    np.testing.assert_allclose(model.hidden_mean(v, beta=beta), up, atol=2e-6)
    down = sigmoid(beta * (h @ w.T + a))
    np.testing.assert_allclose(model.visible_mean(h, beta=beta), down, atol=2e-6)


def test_samples_follow_their_means():
    """2^14 rows: sees a probability wrong by 0.022."""
    model = random_rbm(6, 5, seed=3)
    v, h = np.tile(states(6)[37], (2**14, 1)), np.tile(states(5)[19], (2**14, 1))
    assert_means(model.sample_hidden(v), model.hidden_mean(v)[0], "hidden")
    assert_means(model.sample_visible(h), model.visible_mean(h)[0], "visible")


def test_forward_is_a_pass_up_and_sweeps_down_and_up():
    model = random_rbm(6, 4, seed=4)
    x = states(6)
    h0_prob, h0, h1_prob, h1, v1_prob, v1 = model.forward(x)
    np.testing.assert_array_equal(h0_prob, model.hidden_mean(x))
    np.testing.assert_allclose(v1_prob, model.visible_mean(h0), atol=1e-6)
    np.testing.assert_allclose(h1_prob, model.hidden_mean(v1), atol=1e-6)
    for state, shape in ((h0, (64, 4)), (h1, (64, 4)), (v1, (64, 6))):
        assert state.shape == shape
        assert np.isin(state, (0, 1)).all()


@pytest.mark.parametrize("cd_k", [1, 3])
def test_distribution_after_cd_k_sweeps(cd_k):
    """2^17 chains from one state of a slowly mixing model. Sees one sweep too many or too few."""
    model = RBM(4, 3, cd_k, random_state=13)
    model.W = 4.0 * np.eye(4, 3) + 0.5
    model.v_bias, model.h_bias = np.full(4, -2.0), np.full(3, -2.5)
    table = enumerated(model)
    x = np.tile(table.v[5], (2**17, 1))
    _, _, _, h1, _, v1 = model(x)
    expected, wrong = (np.linalg.matrix_power(table.sweep_v, k)[5] for k in (cd_k, cd_k + 1))
    assert 2**17 * (np.square(expected - wrong) / expected).sum() > 200  # of the chi-square
    at_v, at_h = ((s @ np.exp2(np.arange(s.shape[1]))).astype(int) for s in (v1, h1))
    assert_distribution(np.bincount(at_v, minlength=16), expected, "v1")
    after = expected @ table.h_given_v
    assert_distribution(np.bincount(at_h, minlength=8), after, "h1")


def test_reconstruct_starts_from_the_hidden_states_as_given():
    model = random_rbm(8, 5, seed=6)
    h = 20 * np.eye(5)
    h1_prob, h1, v1_prob, v1 = model.reconstruct(h, 1)
    np.testing.assert_allclose(v1_prob, model.visible_mean(h), atol=1e-6)
    np.testing.assert_allclose(h1_prob, model.hidden_mean(v1), atol=1e-6)
    assert h1.shape == (5, 5)
    again = random_rbm(8, 5, seed=6)
    again.cd_k = 4
    fresh = random_rbm(8, 5, seed=6)
    assert_same(again.reconstruct(h), fresh.reconstruct(h, gibbs_steps=4))


def saturated(spread: float = 0.0) -> RBM:
    """A model whose samples are certain: hidden copies of the visible units, at logits of 50."""
    model = RBM(4, 4, random_state=0)
    model.W = 100 * np.eye(4) + spread
    model.v_bias = model.h_bias = np.full(4, -50.0)
    return model


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.5])
def test_update_on_certain_samples_is_the_formula(rate):
    """Grey input, used as it is: v0 = 0.75 or 0.25, hidden states certain, v1 their copy."""
    model = saturated()
    w, a, b = parameters(model)
    v0 = np.array([[0.75, 0.25, 0.75, 0.25], [0.25, 0.25, 0.25, 0.75], [1, 0, 0, 0.0]])
    h = np.round(v0)
    model.update_weights_for_batch(v0, rate)
    np.testing.assert_allclose(model.W, w + rate * (v0.T @ h - h.T @ h) / 3, atol=1e-5)
    np.testing.assert_allclose(model.v_bias, a + rate * (v0 - h).mean(0), atol=1e-5)
    np.testing.assert_allclose(model.h_bias, b, atol=1e-5)


def test_update_defaults_to_a_rate_of_one_hundredth():
    x = states(5)
    default, given = (random_rbm(5, 3, seed=1) for _ in range(2))
    default.update_weights_for_batch(x)
    given.update_weights_for_batch(x, learning_rate=0.01)
    assert_same(parameters(default), parameters(given))
    assert (default.W != random_rbm(5, 3, seed=1).W).any()


def test_updates_see_assigned_parameters_and_a_changed_k():
    x = states(6)
    model = random_rbm(6, 4, seed=1)
    model.update_weights_for_batch(x, 0.1)
    model.W, model.cd_k = random_rbm(6, 4, seed=2).W, 3
    fresh = random_rbm(6, 4, seed=1)
    fresh.cd_k = 3
    fresh.W, fresh.v_bias, fresh.h_bias = parameters(model)
    fresh.draws = model.draws
    model.update_weights_for_batch(x, 0.1)
    fresh.update_weights_for_batch(x, 0.1)
    assert_same(parameters(model), parameters(fresh))


def test_training_raises_the_likelihood():
    data = states(6)[[0, 7, 56, 63]]
    model = RBM(6, 8, random_state=0)
    before = model.log_likelihood(data).mean()
    for _ in range(1000):
        model.update_weights_for_batch(data, 0.1)
    assert before < -4.0
    assert model.log_likelihood(data).mean() > -3.0  # log 4 = 1.386 is the best there is


# One unit each: W, v_bias, h_bias and a batch whose certain samples move one tensor only upwards.
DIVERGING = {
    "W": (1e37, -1e38, 1.0, 1.0),
    "v_bias": (0.0, 1e37, -1e38, 2.0),
    "h_bias": (-1e38, 2e38, 1e37, 0.0),
}


@pytest.mark.parametrize("tensor", DIVERGING)
def test_update_that_diverges_changes_nothing(tensor):
    model = RBM(1, 1, random_state=0)
    w, a, b, x = DIVERGING[tensor]
    model.W, model.v_bias, model.h_bias = [[w]], [a], [b]
    before, draws = parameters(model), model.draws
    text = rf"^\[RBM.update_weights_for_batch\] {tensor} would become non-finite at learning_rate "
    with pytest.raises(DivergenceError, match=text) as caught:
        model.update_weights_for_batch([[x]], 3.4e38)
    assert caught.value.tensor == tensor
    assert_same(parameters(model), before)
    assert model.draws == draws
    model.update_weights_for_batch([[x]], 0.1)


@pytest.mark.parametrize("kind", ["binary", "grey"])
def test_absurd_learning_rate_leaves_a_usable_model(kind):
    rng = np.random.default_rng(0)
    model = random_rbm(20, 10, seed=0)
    raised = []
    for _ in range(100):
        x = rng.random((50, 20)) if kind == "grey" else rng.integers(0, 2, (50, 20))
        try:
            model.update_weights_for_batch(x, 3.4e38)
        except DivergenceError as error:
            raised.append(error.tensor)
    assert raised
    assert all(np.isfinite(p).all() for p in parameters(model))
    assert all(np.isfinite(part).all() for part in model(x))


def test_one_model_in_two_threads_raises_and_different_models_do_not():
    model = RBM(300, 300, random_state=0, n_threads=1)
    x = np.zeros((200, 300), np.float32)
    refused: list[str] = []

    def use(k: int) -> None:
        try:
            model.gibbs(x, k)
        except RuntimeError as error:
            refused.append(str(error))

    other = threading.Thread(target=use, args=(200,))
    other.start()
    while other.is_alive() and not refused:
        use(1)
        RBM(3, 2).hidden_mean(np.zeros((1, 3)))
    other.join()
    assert refused
    assert "in use by another thread" in refused[0]
    model.gibbs(x, 1)


def test_parameters_cannot_be_read_while_another_thread_uses_them():
    model = RBM(300, 300, random_state=0, n_threads=1)
    x, draws = np.zeros((400, 300), np.float32), model.draws
    other = threading.Thread(target=lambda: model.gibbs(x, 500))
    other.start()
    while model.draws == draws:  # the chains are on their way from the first draw on
        time.sleep(0)
    for name in ("W", "v_bias", "h_bias"):
        with pytest.raises(RuntimeError, match=rf"^\[RBM\.{name}\] this model is in use"):
            getattr(model, name)
    other.join()
    assert model.W.shape == (300, 300)

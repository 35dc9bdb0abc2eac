"""Training of every pair of unit types: exact and expected CD-k gradients, options, resuming."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference
from gibbslab import DivergenceError, _core, units
from gibbslab.models import RBM
from on_device import core, sized
from reference_units import Pair
from small_rbms import enumerated, random_rbm
from small_unit_rbms import KINDS, PAIRS, Small, small, some_states, twin_of
from thresholds import assert_means
from unit_tables import Table

every_pair = pytest.mark.parametrize(("visible", "hidden"), PAIRS)
NAMES = ("W", "v_bias", "h_bias")


def trainer(model: RBM, **settings: Any) -> _core.units.UnitTrainer:
    options = _core.units.UnitTrainOptions()
    for name, value in {"persistent": False, **settings}.items():
        setattr(options, name, value)
    return _core.units.UnitTrainer(model._rbm, options)


def train(
    steps: _core.units.UnitTrainer, v: np.ndarray, rate: float, batch: int | None = None
) -> str:
    order, size = np.arange(len(v)), batch or len(v)
    return steps.train(core.Dataset(v), order, size, 0, -(-len(v) // size), rate)[1]


def parameters(model: RBM) -> list[np.ndarray]:
    return [np.array(getattr(model, name), np.float64) for name in NAMES]


def log_likelihood(twin: Pair, v: np.ndarray, shift: tuple[int, tuple[int, ...], float]) -> float:
    """Mean log p(v) with one parameter moved."""
    moved = [np.array(x) for x in (twin.w, twin.a, twin.b)]
    moved[shift[0]][shift[1]] += shift[2]
    pair = Pair(twin.visible, twin.hidden, *moved, twin.stiffness)
    return float(pair.log_p(v).mean()) - pair.log_z


@every_pair
@pytest.mark.parametrize("temperature", [1.0, 1.8])
def test_exact_steps_climb_the_log_likelihood(
    visible: str, hidden: str, temperature: float
) -> None:
    """One step is the rate times the gradient, by finite differences of the enumerated model."""
    model, twin = small(visible, hidden, (2, 2), temperature=temperature)
    v = some_states(visible, 2, 7)
    before = parameters(model)
    assert train(trainer(model, exact=True), v, 1.0) == ""
    for i, (then, now) in enumerate(zip(before, parameters(model), strict=True)):
        # The first, last and middle entries: each costs two enumerations.
        for place in {0, then.size // 2, then.size - 1}:
            at = np.unravel_index(place, then.shape)
            up, down = (log_likelihood(twin, v.astype(float), (i, at, e)) for e in (1e-4, -1e-4))
            assert now[at] - then[at] == pytest.approx((up - down) / 2e-4, abs=2e-5, rel=2e-5)


def expected_cd(small_: Small, v0: np.ndarray, k: int) -> list[np.ndarray]:
    """The expected CD-k gradient of W~, a~, b~ at T0 = 1, by tables."""
    twin, table = small_.twin, Table.of(small_.twin)
    up = twin.hidden_mean(v0)
    if table.from_hidden:  # hidden units bounded: X is h, drawn given each v0
        log_p = -np.array([twin.energy(np.tile(v, (len(table.x), 1)), table.x) for v in v0])
        log_p += twin_log_ways(twin, table.x)
        p_h = np.exp(log_p - np.logaddexp.reduce(log_p, axis=1, keepdims=True)).mean(axis=0)
        p_h = p_h @ np.linalg.matrix_power(table.sweep, k - 1)
        p_v, v, h = p_h @ table.y_given_x, table.y, table.x_given_y @ table.x
    else:
        p_v = np.bincount(table.index(v0), minlength=len(table.x)) / len(v0)
        p_v = p_v @ np.linalg.matrix_power(table.sweep, k)
        v, h = table.x, table.y_given_x @ table.y
    positive = v0.T @ up / len(v0), v0.mean(axis=0), up.mean(axis=0)
    negative = v.T @ (p_v[:, None] * h), p_v @ v, p_v @ h
    return [p - n for p, n in zip(positive, negative, strict=True)]


def twin_log_ways(twin: Pair, h: np.ndarray) -> np.ndarray:
    """log m(h) of bounded hidden states."""
    from reference_units import values

    if twin.hidden.kind != "binomial":
        return np.zeros(len(h))
    return np.asarray(values(twin.hidden)[1][h.astype(int)].sum(axis=1))


@every_pair
@pytest.mark.parametrize("k", [1, 2])
def test_expected_cd_gradient(visible: str, hidden: str, k: int) -> None:
    """The mean of many steps from the same weights. Smallest fault: 5.5 errors of 2^17 chains."""
    groups = (2 if KINDS[visible][0].bounded else 1), (2 if KINDS[hidden][0].bounded else 1)
    case = small(visible, hidden, groups)
    v0 = some_states(visible, groups[0], 4)
    rows = np.tile(v0, (sized(128, 16), 1))
    before = [getattr(case.model, name) for name in NAMES]
    steps, changes = trainer(case.model, k=k), []
    for _ in range(sized(256, 64)):
        assert train(steps, rows, 1.0) == ""
        changes.append(np.concatenate([x.ravel() for x in parameters(case.model)]))
        for name, value in zip(NAMES, before, strict=True):
            setattr(case.model, name, value)
    start = np.concatenate([x.ravel().astype(np.float64) for x in before])
    sv, sh = case.twin.visible.variance, case.twin.hidden.variance
    scales = (sv * sh, sv, sh)
    expected = [g / s for g, s in zip(expected_cd(case, v0.astype(float), k), scales, strict=True)]
    assert_means(np.array(changes) - start, np.concatenate([g.ravel() for g in expected]), "CD")


@pytest.mark.parametrize(("visible", "hidden"), [("gaussian", "spin"), ("potts", "relu")])
def test_persistent_chains_go_on(visible: str, hidden: str) -> None:
    """A step's chains are the model's own sweeps from the chains before it."""
    model, _ = small(visible, hidden)
    steps = trainer(model, persistent=True, n_chains=9, k=2)
    v = some_states(visible, 3, 12)
    for _ in range(3):
        twin_model = model._with_seed(model.seed)
        twin_model.draws = model.draws
        chains = steps.state()["chains"]
        assert train(steps, v, 0.01) == ""
        # The step draws nothing else: the positive phase needs only means.
        expected = twin_model._rbm.gibbs(chains, True, 2)[1]
        np.testing.assert_array_equal(steps.state()["chains"], expected)


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum": {"momentum": 0.7},
    "decay": {"l1": 0.01, "l2": 0.05},
    "centred": {"centered": True, "offset_rate": 0.3},
    "centred momentum": {"centered": True, "offset_rate": 0.3, "momentum": 0.5},
    "norm": {"max_norm": 0.7},
    "sparsity": {"sparsity_target": 0.1, "sparsity_cost": 0.5, "sparsity_decay": 0.8},
}


class Twin:
    """Steps with the exact gradient in float64 NumPy."""

    def __init__(self, model: RBM, visible: str, hidden: str, options: dict[str, Any]) -> None:
        self.kinds, self.options = (KINDS[visible][1], KINDS[hidden][1]), options
        self.w, self.a, self.b = parameters(model)
        self.velocity = [np.zeros_like(x) for x in (self.w, self.a, self.b)]
        self.mu, self.lam = np.zeros_like(self.a), np.zeros_like(self.b)
        self.activity = np.zeros_like(self.b)

    def gradient(self, v: np.ndarray) -> list[np.ndarray]:
        pair = Pair(*self.kinds, self.w, self.a, self.b)
        up = pair.hidden_mean(v)
        data = v.T @ up / len(v), v.mean(axis=0), up.mean(axis=0)
        g_w, g_a, g_b = (p - n for p, n in zip(data, pair.moments(), strict=True))
        sv, sh = (unit.variance for unit in self.kinds)
        if self.options.get("centered"):
            rate = self.options["offset_rate"]
            self.mu += rate * (v.mean(axis=0) - self.mu)
            self.lam += rate * (up.mean(axis=0) - self.lam)
            # <(v - mu)(h - lambda)>, and the biases of E in v - mu and h - lambda, moved back.
            g_w = (g_w - np.outer(self.mu, g_b) - np.outer(g_a, self.lam)) / (sv * sh)
            out = [g_w, g_a / sv - g_w @ self.lam / sh, g_b / sh - self.mu @ g_w / sv]
        else:
            out = [g_w / (sv * sh), g_a / sv, g_b / sh]
        if self.options.get("sparsity_cost"):
            decay, target = self.options["sparsity_decay"], self.options["sparsity_target"]
            self.activity = decay * self.activity + (1 - decay) * up.mean(axis=0)
            pressure = self.options["sparsity_cost"] * (target - self.activity)
            out[0], out[2] = out[0] + np.outer(v.mean(axis=0), pressure), out[2] + pressure
        return out

    def step(self, v: np.ndarray, rate: float) -> None:
        gradients, momentum = self.gradient(v), self.options.get("momentum", 0.0)
        penalties = {name: self.options.get(name, 0.0) for name in ("l1", "l2")}
        for i, name in enumerate("wab"):
            more = penalties if name == "w" else {}
            new, self.velocity[i] = reference.update(
                getattr(self, name), gradients[i], self.velocity[i], rate, momentum, **more
            )
            setattr(self, name, new)
        if self.options.get("max_norm"):
            self.w = reference.limit_column_norms(self.w, self.options["max_norm"])


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize(
    ("visible", "hidden"),
    [("gaussian", "bernoulli"), ("potts", "spin"), ("spin", "gaussian"), ("binomial", "relu")],
)
def test_steps_equal_the_twin(visible: str, hidden: str, options: dict[str, Any]) -> None:
    if "sparsity_cost" in options:
        hidden = "bernoulli"
    model, _ = small(visible, hidden, (2, 2))
    twin, steps = Twin(model, visible, hidden, options), trainer(model, exact=True, **options)
    for seed in range(3):
        v = some_states(visible, 2, 6, seed)
        assert train(steps, v, 0.2) == ""
        twin.step(v.astype(np.float64), 0.2)
    for ours, theirs in zip(parameters(model), (twin.w, twin.a, twin.b), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_learned_variances_climb_the_log_likelihood(temperature: float) -> None:
    """On a log scale, by finite differences of the likelihood in each log-variance."""
    learned = units.Gaussian("learned")
    model = RBM(3, 2, visible=learned, temperature=temperature, random_state=4, device=core.device)
    model.v_variance, model.v_bias = [0.6, 1.0, 2.0], [0.3, -0.2, 0.8]
    model.W = 3 * model.W
    v = some_states("gaussian", 3, 9)
    before, slopes = model.v_variance.astype(np.float64), []
    for i in range(3):
        values = []
        for shift in (1e-2, -1e-2):
            moved = before.copy()
            moved[i] *= np.exp(shift)
            other = model._with_seed(0)
            other.v_variance = moved
            values.append(other.log_likelihood(v).mean())
        slopes.append((values[0] - values[1]) / 2e-2)
    options = {"learn_variance": True, "variance_rate": 0.5}
    assert train(trainer(model, exact=True, **options), v, 0.1) == ""
    got = np.log(model.v_variance / before) / 0.05
    np.testing.assert_allclose(got, slopes, rtol=2e-3, atol=2e-3)


def test_sampled_variance_gradients_have_the_exact_mean() -> None:
    """Chains that start in the model's distribution: no CD bias; so the means agree."""
    model = RBM(2, 2, visible=units.Gaussian("learned"), random_state=4, device=core.device)
    model.v_variance, model.W = [0.6, 1.7], 4 * model.W
    v = model._rbm.exact_samples(64)
    data = np.float32([[0.5, -1.0], [1.5, 0.2]])
    start = {name: getattr(model, name) for name in model._parameter_names}
    results: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for exact, repeats in ((True, 1), (False, sized(4000, 300))):
        for _ in range(repeats):
            v = model._rbm.exact_samples(64)
            chains = model.sample_hidden(v)
            steps = trainer(model, exact=exact, learn_variance=True, persistent=True, n_chains=64)
            steps.restore({"chains": chains})
            assert train(steps, data, 0.01) == ""
            results[exact].append(np.log(model.v_variance.astype(np.float64)))
            for name, value in start.items():
                setattr(model, name, value)
    # A mean of logarithms of float32 variances: rounding adds up to 1e-7.
    assert_means(np.array(results[False]), results[True][0], "log-variance")


def test_variances_stay_within_their_bounds() -> None:
    unit = units.Gaussian("learned", bounds=(0.25, 2.0))
    model = RBM(2, 2, cd_k=1, visible=unit, random_state=4, device=core.device)
    v = np.float32([[30.0, 0.0], [-30.0, 0.0]] * 10)
    for _ in range(100):
        model.update_weights_for_batch(v, 0.05)
    np.testing.assert_array_equal(model.v_variance, np.float32([2.0, 0.25]))


def test_exact_steps_of_a_bernoulli_rbm() -> None:
    model = random_rbm(5, 4, seed=1)
    exact = enumerated(model)
    v = some_states("bernoulli", 5, 8)
    positive = exact.expected_positive(v.astype(np.float64))
    h = exact.h_given_v @ exact.h
    negative = exact.v.T @ (exact.p_v[:, None] * h), exact.p_v @ exact.v, exact.p_v @ h
    before, draws = parameters(model), model.draws
    model.update_weights_for_batch(v, 0.3, exact=True)
    for then, now, p, n in zip(before, parameters(model), positive, negative, strict=True):
        np.testing.assert_allclose(now - then, 0.3 * (p - n), atol=2e-6)
    assert model.draws == draws


@pytest.mark.parametrize("visible", list(KINDS))
def test_exact_training_finds_a_small_distribution(visible: str) -> None:
    """The likelihood rises at every step."""
    model, _ = small(visible, "bernoulli", (3, 2))
    v = some_states(visible, 3, 6)
    history = []
    for _ in range(15):
        history.append(model.log_likelihood(v).mean())
        model.update_weights_for_batch(v, 0.02, exact=True)
    assert (np.diff(history) > 0).all()


@pytest.mark.parametrize(
    "settings", [{}, {"persistent": True, "n_chains": 5}, {"centered": True}, {"exact": True}],
    ids=str,
)  # fmt: skip
def test_divergence_leaves_the_model_as_it_was(settings: dict[str, Any]) -> None:
    model, _ = small("gaussian", "bernoulli")
    steps = trainer(model, momentum=0.5, **settings)
    v = some_states("gaussian", 3, 6)
    assert train(steps, v, 0.01) == ""
    before, state, draws = parameters(model), steps.state(), model.draws
    assert train(steps, 1e30 * v, 1e30) == "W"
    for then, now in zip(before, parameters(model), strict=True):
        np.testing.assert_array_equal(then, now)
    for name, value in steps.state().items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)
    assert model.draws == draws
    with pytest.raises(DivergenceError, match="W would become non-finite"):
        model.update_weights_for_batch(1e30 * v, 1e30)


@pytest.mark.parametrize("visible", ["gaussian", "potts"])
def test_resuming_is_bit_exact(visible: str) -> None:
    """Ten steps, or five, the state in another trainer of another model, and five."""
    settings = {
        "persistent": True, "n_chains": 7, "momentum": 0.5, "centered": True, "k": 2,
        "sparsity_target": 0.1, "sparsity_cost": 0.2, "learn_variance": visible == "gaussian",
    }  # fmt: skip
    v = some_states(visible, 3, 40)
    whole, half = (small(visible, "bernoulli")[0] for _ in range(2))
    one = trainer(whole, **settings)
    assert train(one, v, 0.05, batch=4) == ""
    first = trainer(half, **settings)
    assert train(first, v[:20], 0.05, batch=4) == ""
    other = half._with_seed(half.seed)
    other.draws = half.draws
    second = trainer(other, **settings)
    second.restore(first.state())
    assert train(second, v[20:], 0.05, batch=4) == ""
    for name in whole._parameter_names:
        np.testing.assert_array_equal(getattr(whole, name), getattr(other, name), err_msg=name)
    for name, value in one.state().items():
        np.testing.assert_array_equal(value, second.state()[name], err_msg=name)


@pytest.mark.parametrize(
    ("pair", "settings", "message"),
    [
        (("spin", "bernoulli"), {"k": 0}, "k must be at least 1, got 0"),
        (("spin", "bernoulli"), {"persistent": True}, "n_chains must be at least 1, got 0"),
        (("spin", "bernoulli"), {"n_temperatures": 3}, "n_temperatures must be 1"),
        (("spin", "bernoulli"), {"learn_variance": True}, "needs Gaussian visible units"),
        (("spin", "spin"), {"sparsity_cost": 0.1}, "sparsity target needs Bernoulli hidden"),
        (("spin", "spin"), {"sample_input": True}, "sample_input needs Bernoulli visible"),
    ],
)
def test_wrong_options_are_refused(
    pair: tuple[str, str], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        trainer(small(*pair)[0], **settings)


def test_a_gaussian_twin_is_the_model_of_its_parameters() -> None:
    """The oracle of this file: moments by two routes."""
    model, twin = small("gaussian", "spin", (1, 2))
    products, v, h = model._rbm.exact_moments()
    for ours, theirs in zip((products, v, h), twin_of(model, "gaussian", "spin").moments()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    table = Table.of(twin)
    np.testing.assert_allclose(table.p_x @ table.x, h, rtol=1e-5, atol=1e-6)

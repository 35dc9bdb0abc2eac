"""Means, samples, normalisers and base measures of every unit type, against sums over values."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_units as twin
from gibbslab import _core
from on_device import core, sized
from reference_units import Unit
from thresholds import assert_distribution, assert_means

SEED, STREAM, FAR_ROW = 21, 0x701, 2**31 + 3
UNITS = {
    "bernoulli": Unit("bernoulli"),
    "spin": Unit("spin"),
    "potts3": Unit("categorical", 3),
    "binomial1": Unit("binomial", 1),
    "binomial5": Unit("binomial", 5),
    "gaussian": Unit("gaussian"),
    "gaussian wide": Unit("gaussian", variance=2.5),
    "rectified": Unit("rectified"),
}
every_unit = pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)


def core_type(unit: Unit, noisy: bool = False, stiffness: float = 1.0) -> _core.units.UnitType:
    return _core.units.UnitType(unit.kind, unit.count, noisy, stiffness)


def variance_of(unit: Unit, cols: int) -> np.ndarray | None:
    return np.full(cols, unit.variance, np.float32) if unit.kind == "gaussian" else None


def inputs(unit: Unit, rows: int, groups: int, spread: float = 2.0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(rows * groups)
    cols = groups * unit.columns
    product = rng.normal(0, spread, (rows, cols)).astype(np.float32)
    return product, rng.normal(0, 1, cols).astype(np.float32)


def etas(
    unit: Unit, product: np.ndarray, bias: np.ndarray, scale: float, bias_scale: float
) -> np.ndarray:
    eta = scale * product.astype(np.float64) + bias_scale * bias.astype(np.float64)
    return eta.reshape(len(product), -1, unit.columns)


def expected_means(unit: Unit, eta: np.ndarray, stiffness: float) -> np.ndarray:
    rows = [[twin.mean(unit, e, stiffness) for e in row] for row in eta]
    return np.array([np.concatenate(row) for row in rows])


@every_unit
@pytest.mark.parametrize("shape", [(1, 1), (5, 33), (17, 3)], ids=str)
@pytest.mark.parametrize("stiffness", [1.0, 0.4])
def test_means(unit: Unit, shape: tuple[int, int], stiffness: float) -> None:
    product, bias = inputs(unit, *shape)
    given = core_type(unit, stiffness=stiffness), product, bias, variance_of(unit, len(bias))
    mean, _ = core.ops.activate_units(*given, 0.7, 1.3, SEED, STREAM)
    expected = expected_means(unit, etas(unit, product, bias, 0.7, 1.3), stiffness)
    np.testing.assert_allclose(mean, expected, rtol=2e-6, atol=2e-7)


@every_unit
@pytest.mark.parametrize("stiffness", [1.0, 0.4])
def test_log_normalisers(unit: Unit, stiffness: float) -> None:
    product, bias = inputs(unit, 9, 7)
    given = core_type(unit, stiffness=stiffness), product, bias, variance_of(unit, len(bias))
    got = core.ops.units_log_normaliser(*given, 0.7, 1.3, 2.0)
    eta = etas(unit, product, bias, 0.7, 1.3)
    expected = [2 * sum(twin.log_normaliser(unit, e, stiffness) for e in row) for row in eta]
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "unit", [u for u in UNITS.values() if u.columns == 1], ids=lambda u: u.kind
)
def test_log_base_measures(unit: Unit) -> None:
    x, log_m = twin.values(unit)
    x, log_m = x[:20], log_m[:20]
    if unit.kind == "gaussian":
        log_m = -x * x / (2 * unit.variance)
    states = np.repeat(x.astype(np.float32)[:, None], 3, axis=1)
    got = core.ops.units_log_base(core_type(unit), states, variance_of(unit, 3), factor=-2.0)
    np.testing.assert_allclose(got, -6 * log_m, rtol=1e-6 if unit.kind == "gaussian" else 1e-12)


@pytest.mark.parametrize("first_row", [0, FAR_ROW])
def test_two_state_decisions_are_those_of_the_addressed_uniform(first_row: int) -> None:
    for name, doubled in (("bernoulli", 1.0), ("spin", 2.0)):
        product, bias = inputs(UNITS[name], 33, 21)
        given = core_type(UNITS[name]), product, bias, None, 1.0, 1.0, SEED, STREAM, first_row
        _mean, sample = core.ops.activate_units(*given)
        eta = doubled * (product.astype(np.float64) + bias)
        p = reference.sigmoid(eta)
        u = reference.uniforms(*p.shape, SEED, STREAM, first_row)
        sure = np.abs(u - p) > 1e-6
        low = 0.0 if name == "bernoulli" else -1.0
        assert sure.mean() > 0.99
        np.testing.assert_array_equal(sample[sure], np.where(u < p, 1.0, low)[sure])


@pytest.mark.parametrize("name", ["potts3", "binomial1", "binomial5", "rectified"])
@pytest.mark.parametrize("first_row", [0, FAR_ROW])
def test_draws_by_inversion(name: str, first_row: int) -> None:
    """The state is that whose cumulated probability passes the uniform of the unit's words."""
    unit = UNITS[name]
    product, bias = inputs(unit, 40, 9)
    given = core_type(unit), product, bias, None, 1.0, 1.0, SEED, STREAM, first_row
    _, sample = core.ops.activate_units(*given)
    u = twin.wide_uniforms(*product.shape, SEED, STREAM, first_row)[:, :: unit.columns]
    eta = etas(unit, product, bias, 1.0, 1.0)
    for place in np.ndindex(eta.shape[:2]):
        p, got = _probabilities(unit, eta[place]), sample.reshape(eta.shape)[place]
        state = int(got.argmax()) if unit.columns > 1 else int(got[0])
        rank = state
        if unit.kind == "binomial" and eta[place][0] > 0:  # counted from the other end
            p, rank = p[::-1], unit.count - state
        edges = np.concatenate([[0.0], np.cumsum(p)])
        assert edges[rank] - 1e-12 <= u[place] < edges[rank + 1] + 1e-12


def _probabilities(unit: Unit, eta: np.ndarray) -> np.ndarray:
    if unit.kind == "categorical":
        return twin.mean(unit, eta)
    x, log_m = twin.values(unit)
    weight = np.exp(log_m + eta[0] * x - twin.log_normaliser(unit, eta))
    return np.asarray(weight)


@pytest.mark.parametrize("first_row", [0, 1000])
@pytest.mark.parametrize("stiffness", [1.0, 0.3])
def test_gaussian_draws_are_the_addressed_normals(first_row: int, stiffness: float) -> None:
    unit = UNITS["gaussian wide"]
    product, bias = inputs(unit, 12, 17)
    given = core_type(unit, False, stiffness), product, bias, variance_of(unit, 17)
    _, sample = core.ops.activate_units(*given, 1.0, 1.0, SEED, STREAM, first_row)
    spread = unit.variance / stiffness
    z = reference.normal(12, 17, SEED, STREAM, first_row)
    expected = (product.astype(np.float64) + bias) * spread + np.sqrt(spread) * z
    np.testing.assert_allclose(sample, expected, rtol=1e-6, atol=1e-6)


def test_noisy_rectified_units_are_cut_off_normals() -> None:
    """Nair and Hinton (2010): max(0, eta + N(0, sigmoid(eta))), and its mean."""
    product, bias = inputs(UNITS["rectified"], 12, 17)
    given = core_type(UNITS["rectified"], True), product, bias, None, 1.0, 1.0, SEED, STREAM
    mean, sample = core.ops.activate_units(*given)
    eta = product.astype(np.float64) + bias
    z = reference.normal(12, 17, SEED, STREAM)
    noisy = eta + np.sqrt(reference.sigmoid(eta)) * z
    np.testing.assert_allclose(sample, np.maximum(0.0, noisy), rtol=1e-6, atol=1e-6)
    expected = np.vectorize(twin.noisy_mean)(eta)
    np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)


@every_unit
def test_samples_have_the_distribution(unit: Unit) -> None:
    """Smallest fault: a relative error of 1.4% rms in the probabilities of the states."""
    eta = np.float32([0.4, -0.7, 1.1][: max(1, unit.columns)])
    n, cols = sized(2**18, 2**13), len(eta)
    given = core_type(unit), np.zeros((n, cols), np.float32), eta, variance_of(unit, cols)
    _, sample = core.ops.activate_units(*given, seed=3, stream=STREAM)
    if unit.kind == "gaussian":
        assert_means(sample, eta * unit.variance, "mean")
        centred = (sample - eta * unit.variance) ** 2
        assert_means(centred, np.array([unit.variance]), "variance")
        return
    state = sample.argmax(axis=1) if cols > 1 else sample[:, 0].astype(int)
    state = (state + 1) // 2 if unit.kind == "spin" else state
    p = _probabilities(unit, eta.astype(np.float64))
    assert_distribution(np.bincount(state, minlength=len(p)), p, unit.kind)


def test_extreme_inputs_are_exact() -> None:
    """At 1e4 every bounded unit is where its input sends it, and nothing overflows."""
    eta = np.float32([[1e4, -1e4] * 9])
    for name, low, high in [("bernoulli", 0, 1), ("spin", -1, 1), ("binomial5", 0, 5)]:
        zero = np.zeros(18, np.float32)
        mean, sample = core.ops.activate_units(core_type(UNITS[name]), eta, zero, None, seed=2)
        np.testing.assert_array_equal(mean, np.where(eta > 0, high, low))
        np.testing.assert_array_equal(sample, np.where(eta > 0, high, low))
    three = np.float32([[1e4, 0, -1e4], [0, -1e4, 1e4]])
    mean, sample = core.ops.activate_units(
        core_type(UNITS["potts3"]), three, np.zeros(3, np.float32)
    )
    np.testing.assert_array_equal(mean, [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(sample, mean)
    rectified = core_type(UNITS["rectified"])
    mean, sample = core.ops.activate_units(rectified, eta, np.zeros(18, np.float32), seed=2)
    np.testing.assert_allclose(mean, np.where(eta > 0, 1e4, 0), rtol=1e-6)
    assert (np.abs(sample - np.where(eta > 0, 1e4, 0)) <= 9).all()
    log_a = core.ops.units_log_normaliser(rectified, np.float32([[1e4], [-1e4]]), np.float32([0]))
    around = 2 * np.log1p(np.exp(-np.arange(0.5, 60))).sum()  # copies on either side of eta
    np.testing.assert_allclose(log_a, [5e7 + around, 0.0], rtol=1e-14)


def test_neighbouring_units_use_different_words() -> None:
    """Smallest fault: a correlation of 0.011 between neighbours in a row or column."""
    n = sized(2**18, 2**12)
    for name in ("binomial5", "gaussian", "rectified"):
        zeros = np.zeros((n, 5), np.float32), np.zeros(5, np.float32)
        _, x = core.ops.activate_units(
            core_type(UNITS[name]), *zeros, variance_of(UNITS[name], 5), seed=5, stream=STREAM
        )
        z = (x - x.mean()) / x.std()
        for first, second in ((z[:, :-1], z[:, 1:]), (z[:-1], z[1:])):
            assert abs((first * second).mean()) * np.sqrt(first.size) < 5.5, name


@pytest.mark.parametrize("shape", [(1, 1), (31, 33), (17, 127)], ids=str)
def test_dots_and_quotients(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(shape))
    x, y = rng.normal(0, 3, (2, *shape)).astype(np.float32)
    wide = x.astype(np.float64) * y
    np.testing.assert_allclose(
        core.ops.row_dots(x, y, -2.0), -2 * wide.sum(1), rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(core.ops.column_dots(x, y), wide.sum(0), rtol=1e-6, atol=1e-6)
    rows, cols = (rng.uniform(0.5, 2, n).astype(np.float32) for n in shape)
    expected = x / (rows[:, None].astype(np.float64) * cols)
    np.testing.assert_array_equal(core.ops.divide_by(x, rows, cols), expected.astype(np.float32))
    np.testing.assert_array_equal(core.ops.divide_by(x), x)


def test_wrong_layers_are_refused() -> None:
    x, bias = np.zeros((2, 4), np.float32), np.zeros(4, np.float32)
    potts, gaussian = core_type(UNITS["potts3"]), core_type(UNITS["gaussian"])
    for type_, product, given, variance, message in [
        (potts, x, bias, None, "multiple of 3 states, got 4"),
        (gaussian, x, bias, None, "variance must be given"),
        (gaussian, x, bias, np.zeros(3, np.float32), r"variance must have shape \(1, 4\)"),
        (_core.units.UnitType("spin"), x, bias[:3], None, r"product must have shape \(2, 3\)"),
        (_core.units.UnitType("binomial", 1001), x, bias, None, "at most 1000"),
        (_core.units.UnitType("gaussian", stiffness=0.0), x, bias, bias, "beta must be above 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            core.ops.activate_units(type_, product, given, variance)
    with pytest.raises(ValueError, match="unit type, got 'cosine'"):
        _core.units.UnitType("cosine")


def test_threads_do_not_change_results() -> None:
    unit = UNITS["rectified"]
    product, bias = inputs(unit, 65, 9)
    one, four = (
        core.ops.activate_units(core_type(unit), product, bias, None, 1.0, 1.0, 1, 2, 0, threads)
        for threads in (1, 4)
    )
    for a, b in zip(one, four, strict=True):
        np.testing.assert_array_equal(a, b)

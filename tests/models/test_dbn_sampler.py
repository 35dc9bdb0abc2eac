"""Samplers of the deep belief network against enumeration, four ways as for the RBM.

Each test draws 2^20 samples, 2^14 on the emulated card; the smallest faults that they see are those
of test_rbm_sampler.py: 1 % to 5 % rms in the probabilities of a table's row.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from gibbslab import _core
from on_device import core, sized
from reference import draw_states, index_of, states
from reference_dbn import EnumeratedDBN, random_parameters, size_id
from thresholds import assert_distribution, assert_means

SIZES = [[4, 3, 3], [3, 4, 4, 3]]


def samples() -> int:
    return int(sized(2**20, 2**14))


@cache
def exact(sizes: tuple[int, ...]) -> EnumeratedDBN:
    return EnumeratedDBN(list(sizes), random_parameters(list(sizes), seed=sum(sizes)))


def model(sizes: list[int], seed: int) -> _core.DBN:
    dbn = core.DBN(sizes, seed=seed)
    for name, value in exact(tuple(sizes)).p.items():
        dbn.set(name, value)
    return dbn


def counts_of(x: np.ndarray) -> np.ndarray:
    return np.bincount(index_of(x), minlength=2 ** x.shape[1])


def every_state(units: int, more: int = 1) -> np.ndarray:
    """As many rows as there are samples, or `more` times as many on the emulated card."""
    rows = sized(1, more) * samples() // 2**units
    return np.tile(states(units).astype(np.float32), (rows, 1))


def assert_rows(start: np.ndarray, x: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Each state of `start` led to the states of x as often as its row of the table says."""
    for state, row in enumerate(expected):
        assert_distribution(counts_of(x[index_of(start) == state]), row, f"{what} from {state}")


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_every_row_of_the_layers_tables(sizes: list[int]) -> None:
    dbn, tables = model(sizes, seed=1), exact(tuple(sizes))
    for level in tables.directed:
        below, above = every_state(sizes[level], 4), every_state(sizes[level + 1])
        assert_rows(below, dbn.up(level, below)[1], tables.up[level], f"up {level}")
        assert_rows(above, dbn.down(level, above)[1], tables.down[level], f"down {level}")


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_every_row_of_generation_and_recognition(sizes: list[int]) -> None:
    dbn, tables = model(sizes, seed=2), exact(tuple(sizes))
    start = every_state(sizes[-2])
    _, v = dbn.generate(start)[-1]
    assert_rows(start, v, tables.generated(np.eye(2 ** sizes[-2])), "generated")
    start = every_state(sizes[0])
    _, x = dbn.recognise(start, False)[-1]
    assert_rows(start, x, np.linalg.multi_dot([*tables.up, np.eye(2 ** sizes[-2])]), "recognised")


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_a_sweep_of_the_top_leaves_the_distribution_invariant(sizes: list[int]) -> None:
    """From exact states of the top layer: v has its exact distribution, and its moments."""
    dbn, tables = model(sizes, seed=3), exact(tuple(sizes))
    start = draw_states(tables.top.p_h, samples(), seed=4)
    (_, h), (_, x), _ = dbn.top_gibbs(start, 1)
    v_mean, v = dbn.generate(x)[-1]
    assert_distribution(counts_of(h), tables.top.p_h, "the top layer")
    assert_distribution(counts_of(x), tables.top.p_v, "the layer below it")
    assert_distribution(counts_of(v), tables.p_v, "v")
    for what, values in (("v", v), ("probabilities of v", v_mean)):
        assert_means(values, tables.p_v @ states(sizes[0]), what)


@pytest.mark.parametrize("distance", [1, 2, 8])
def test_neighbouring_chains_are_independent(distance: int) -> None:
    """Chains from one state of the top: the pair of a chain and its neighbour has p(v) p(v')."""
    sizes = SIZES[0]
    dbn, tables = model(sizes, seed=5), exact(tuple(sizes))
    start = np.broadcast_to(np.float32([1, 0, 1]), (samples(), 3))
    _, (_, x), _ = dbn.top_gibbs(start, 1)
    _, v = dbn.generate(x)[-1]
    row = tables.generated(tables.top.v_given_h[index_of(start[:1])[0]])
    blocks = v.reshape(-1, 2, distance, sizes[0])
    first, second = (blocks[:, i].reshape(-1, sizes[0]) for i in (0, 1))
    pairs = np.bincount(index_of(first) * 2 ** sizes[0] + index_of(second), minlength=row.size**2)
    assert_distribution(pairs, np.outer(row, row), "pairs of neighbours")


def test_fair_states_are_fair_coins() -> None:
    dbn = core.DBN([4, 3, 3], seed=6)
    x = dbn.fair_states(0, samples())
    assert_distribution(counts_of(x), np.full(16, 1 / 16), "coins")
    assert not np.array_equal(x, dbn.fair_states(0, samples()))


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_a_pass_is_wake_sweeps_and_sleep(sizes: list[int]) -> None:
    """Of every layer, the distributions of the wake and of the sleep phase from one row of data."""
    dbn, tables = model(sizes, seed=7), exact(tuple(sizes))
    data = np.broadcast_to(states(sizes[0])[3].astype(np.float32), (samples(), sizes[0]))
    out = dbn.up_down(data, 2)
    p = np.eye(2 ** sizes[0])[3]
    for level in tables.directed:
        p = p @ tables.up[level]
        assert_distribution(counts_of(out["up"][level][1]), p, f"wake {level + 1}")
        predicted = p @ tables.down[level]
        assert_distribution(counts_of(out["predicted"][level][1]), predicted, f"predicted {level}")
    p = p @ tables.top.h_given_v
    assert_distribution(counts_of(out["h0"][1]), p, "h0")
    p = p @ tables.top.v_given_h @ tables.top.sweep_v
    assert_distribution(counts_of(out["v1"][1]), p, "v1")
    assert_distribution(counts_of(out["h1"][1]), p @ tables.top.h_given_v, "h1")
    for level in reversed(tables.directed):
        p = p @ tables.down[level]
        assert_distribution(counts_of(out["generated"][level][1]), p, f"sleep {level}")
        seen = counts_of(out["recognised"][level][1])
        assert_distribution(seen, p @ tables.up[level], f"recognised {level}")

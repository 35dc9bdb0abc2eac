"""The variational bound of the deep belief network against enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab.models import DBN, RBM, DeepBeliefNetwork
from on_device import core, sized
from reference import index_of, states
from reference_dbn import EnumeratedDBN, random_parameters, size_id
from thresholds import assert_means

SIZES = [[4, 3, 3], [3, 4, 3, 3], [5, 4]]


def model(sizes: list[int], seed: int = 1) -> tuple[DeepBeliefNetwork, EnumeratedDBN]:
    start = random_parameters(sizes, seed=3)
    dbn = DeepBeliefNetwork(sizes, random_state=seed, device=core.device)
    dbn.set_parameters(**start)
    return dbn, EnumeratedDBN(sizes, start)


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_log_weights_have_the_bound_as_mean_and_the_likelihood_as_exponentials_mean(
    sizes: list[int],
) -> None:
    dbn, tables = model(sizes)
    v = states(sizes[0]).astype(np.float32)
    weights = dbn.log_weights(v, sized(20000, 600)) - tables.top.log_z
    assert_means(weights, tables.bound, "bound")
    assert_means(np.exp(weights), tables.p_v, "likelihood")
    assert (tables.bound <= np.log(tables.p_v) + 1e-12).all()


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_log_weights_of_given_states(sizes: list[int]) -> None:
    """Deterministic: any states of the layers, put into the formula."""
    dbn, tables = model(sizes)
    rng = np.random.default_rng(4)
    x = [rng.integers(0, 2, (50, n)).astype(np.float32) for n in sizes[:-1]]
    expected = np.zeros(50)
    for level in tables.directed:
        below, above = index_of(x[level]), index_of(x[level + 1])
        expected += np.log(tables.down[level][above, below])
        expected -= np.log(tables.up[level][below, above])
    expected -= tables.top.free_energy[index_of(x[-1])]
    np.testing.assert_allclose(dbn._dbn.log_weights(x), expected, rtol=1e-6, atol=1e-6)


def test_the_bound_is_tight_where_recognition_is_the_posterior() -> None:
    """An unrolled RBM: every draw gives log p(v) of the RBM itself."""
    rbm = RBM(6, 4, random_state=0, device=core.device)
    rng = np.random.default_rng(1)
    rbm.W, rbm.v_bias, rbm.h_bias = rng.normal(0, 1, (6, 4)), rng.normal(size=6), rng.normal(size=4)
    dbn = DBN(rbm, 6, unrolled=True, random_state=2)
    v = states(6).astype(np.float32)
    weights = dbn.log_weights(v, 3) - dbn.top_rbm().log_partition()
    np.testing.assert_allclose(weights, np.tile(rbm.log_likelihood(v), (3, 1)), atol=1e-5)

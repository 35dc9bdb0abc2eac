"""Copies of a model: pickled, deep and shallow, they go on exactly where it was."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from gibbslab.models import RBM
from small_rbms import random_rbm

WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda model, p=protocol: pickle.loads(pickle.dumps(model, p))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}


class Notebook(RBM):
    """A student's subclass with an attribute and a method of its own."""

    def note(self) -> str:
        return self.remark  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS)
def test_copies_predict_the_same_and_draw_the_same(way):
    x = np.random.default_rng(0).random((20, 30))
    model = random_rbm(30, 12, seed=3)
    model.cd_k, model.n_threads = 2, 1
    model.update_weights_for_batch(x, 0.1)
    twin = WAYS[way](model)
    assert (twin.cd_k, twin.n_threads, twin.seed, twin.draws) == (2, 1, 3, model.draws)
    for _ in range(2):
        for one, two in zip(model(x), twin(x)):
            np.testing.assert_array_equal(one, two)
        model.update_weights_for_batch(x, 0.1)
        twin.update_weights_for_batch(x, 0.1)
    for name in ("W", "v_bias", "h_bias"):
        np.testing.assert_array_equal(getattr(model, name), getattr(twin, name))


@pytest.mark.parametrize("way", WAYS)
def test_copies_are_independent(way):
    model = random_rbm(6, 4, seed=1)
    w, draws = model.W, model.draws
    twin = WAYS[way](model)
    twin.W = np.zeros((6, 4))
    twin(np.zeros((3, 6)))
    np.testing.assert_array_equal(model.W, w)
    assert model.draws == draws


@pytest.mark.parametrize("way", WAYS)
def test_copies_of_subclasses_keep_their_attributes(way):
    model = Notebook(5, 3, random_state=0)
    model.remark = "best so far"
    twin = WAYS[way](model)
    assert type(twin) is Notebook
    assert twin.note() == "best so far"


def test_seeds_of_64_bits_survive():
    model = RBM(3, 2, random_state=2**64 - 1)
    model.draws = 2**40
    twin = pickle.loads(pickle.dumps(model))
    assert (twin.seed, twin.draws) == (2**64 - 1, 2**40)


def test_repr_is_the_constructor():
    assert repr(RBM(5, 3, 2)) == "RBM(visible_size=5, hidden_size=3, cd_k=2)"

"""The estimator: which input and which parameters it takes, and what it says to others."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas
import pytest
import scipy.sparse as sp
from gibbslab import BernoulliRBM
from gibbslab.estimators import Exponential, Inverse, Linear, Steps
from training_cases import V, assert_same_training, binary, grey, make, state

# ---- input ----------------------------------------------------------------------------------


def layouts(X: np.ndarray, folder: Any) -> dict[str, Any]:
    """The same numbers in every way that NumPy and SciPy keep them."""
    big = X.astype(X.dtype.newbyteorder(">"))
    padded = np.zeros((2 * len(X), 3 * X.shape[1]), X.dtype)
    padded[::2, 1::3] = X
    mapped = np.memmap(folder / "map", X.dtype, "w+", shape=X.shape)
    mapped[:] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    unsorted = sp.csr_matrix(X)
    unsorted.indices[:2], unsorted.data[:2] = unsorted.indices[1::-1].copy(), unsorted.data[1::-1]
    unsorted.has_sorted_indices = False
    coo = sp.coo_matrix(X)
    twice = sp.csr_matrix(
        (np.repeat(coo.data / 2, 2), (np.repeat(coo.row, 2), np.repeat(coo.col, 2))), X.shape
    )
    sparse = {c.__name__: c(X) for c in (sp.csr_matrix, sp.csc_matrix, sp.lil_matrix)}
    sparse |= {c.__name__: c(X) for c in (sp.csr_array, sp.coo_array, sp.dok_matrix)}
    return {
        "list": X.tolist(), "fortran": np.asfortranarray(X), "big-endian": big,
        "strided": padded[::2, 1::3], "memmap": mapped, "read-only": frozen,
        "reversed": X[::-1, ::-1].copy()[::-1, ::-1], "unsorted": unsorted, "summed": twice,
        **sparse,
    }  # fmt: skip


@pytest.mark.parametrize("data", [grey, binary])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_layout_gives_the_same_bits(data: Any, dtype: Any, tmp_path: Any) -> None:
    X = data().astype(dtype)
    reference = make("momentum schedule", n_iter=2).fit(X).partial_fit(X)
    for name, given in layouts(X, tmp_path).items():
        before = given.toarray() if sp.issparse(given) else np.array(given)
        rbm = make("momentum schedule", n_iter=2).fit(given).partial_fit(given)
        for key, value in state(reference).items():
            # Watched rows are dense either way, and the rest is training's.
            np.testing.assert_array_equal(state(rbm)[key], value, err_msg=f"{name}: {key}")
        for method in ("transform", "score_samples", "free_energy"):
            expected = getattr(reference, method)(X)
            np.testing.assert_array_equal(getattr(rbm, method)(given), expected, err_msg=name)
        after = given.toarray() if sp.issparse(given) else np.array(given)
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32])
def test_every_dtype_gives_the_same_bits(dtype: Any) -> None:
    X = binary()
    rbm, reference = make("plain", n_iter=2).fit(X.astype(dtype)), make("plain", n_iter=2).fit(X)
    assert_same_training(rbm, reference)
    expected = np.float32 if dtype is np.float32 else np.float64
    assert rbm.transform(X.astype(dtype)).dtype == rbm.components_.dtype == expected
    np.testing.assert_array_equal(rbm.gibbs(X.astype(dtype)), reference.gibbs(X))


@pytest.mark.parametrize("rows", [1, 2])
def test_one_sample_one_unit(rows: int) -> None:
    X = np.ones((rows, 1))
    rbm = BernoulliRBM(1, n_iter=3, random_state=0).fit(X)
    assert rbm.transform(X).shape == rbm.gibbs(X).shape == (rows, 1)
    assert rbm.score_samples(X).shape == (rows,)


def test_empty_sparse_rows() -> None:
    X = sp.csr_matrix((5, 4))
    rbm = BernoulliRBM(2, n_iter=1, random_state=0).fit(X)
    np.testing.assert_array_equal(rbm.transform(X), rbm.transform(np.zeros((5, 4))))


BAD_INPUT: dict[str, tuple[Any, type[Exception], str]] = {
    "one dimension": (np.zeros(V), ValueError, "Expected 2D array"),
    "three dimensions": (np.zeros((2, V, 2)), ValueError, "3"),
    "no rows": (np.zeros((0, V)), ValueError, "0 sample"),
    "no columns": (np.zeros((3, 0)), ValueError, "0 feature"),
    "complex": (np.zeros((3, V), complex), ValueError, "Complex data"),
    "text": (np.full((3, V), "a"), ValueError, "bytes/strings"),
    "NaN": (np.full((3, V), np.nan), ValueError, "NaN"),
    "infinity": (np.full((3, V), np.inf), ValueError, "infinity"),
    "one NaN": (np.where(np.eye(V), np.nan, 0), ValueError, "NaN"),
    "too large for float32": (np.full((3, V), 1e39), ValueError, "finite in float32"),
    "sparse NaN": (sp.csr_matrix(np.full((3, V), np.nan)), ValueError, "NaN"),
    "sparse, too large": (sp.csr_matrix(np.full((3, V), 1e39)), ValueError, "finite in float32"),
}
METHODS = [
    "fit", "partial_fit", "transform", "gibbs", "score_samples", "score", "free_energy",
    "pseudo_likelihood", "log_likelihood", "reconstruction_error", "ais",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_changes_nothing(case: str, method: str) -> None:
    bad, error, text = BAD_INPUT[case]
    rbm = make("plain", n_iter=1, random_state=np.random.RandomState(3)).fit(grey())
    before, names = state(rbm), set(vars(rbm))
    rng = rbm.random_state.get_state()[2]
    with pytest.raises(error, match=text):
        getattr(rbm, method)(bad)
    assert set(vars(rbm)) == names
    assert rbm.n_features_in_ == V
    assert rbm.random_state.get_state()[2] == rng
    for name, value in state(rbm).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


@pytest.mark.parametrize("method", METHODS)
def test_wrong_width_is_refused(method: str) -> None:
    rbm = make("plain", n_iter=1, warm_start=True).fit(grey())
    before = state(rbm)
    with pytest.raises(ValueError, match="22 features"):
        getattr(rbm, method)(grey()[:, 1:])
    for name, value in state(rbm).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


@pytest.mark.parametrize("first", [True, False])
def test_a_refused_fit_keeps_names_and_model(first: bool) -> None:
    rbm = make("plain", n_iter=1)
    if not first:
        rbm.fit(pandas.DataFrame(grey(), columns=[f"a{i}" for i in range(V)]))
    before = dict(vars(rbm))
    bad = pandas.DataFrame(np.full((3, 2), np.nan), columns=["x", "y"])
    with pytest.raises(ValueError, match="NaN"):
        rbm.fit(bad)
    assert vars(rbm) == before


def test_validation_data_are_checked_first() -> None:
    rbm = make("plain", n_iter=1)
    with pytest.raises(ValueError, match="validation_data must have 23 features, got 22"):
        rbm.fit(grey(), validation_data=grey()[:, 1:])
    with pytest.raises(ValueError, match="NaN"):
        rbm.fit(grey(), validation_data=np.full((2, V), np.nan))
    with pytest.raises(ValueError, match="exclude each other"):
        rbm.set_params(validation_fraction=0.1).fit(grey(), validation_data=grey())
    with pytest.raises(ValueError, match="at least 2 samples"):
        rbm.fit(grey()[:1])
    assert not hasattr(rbm, "model_")


def test_sampled_input_must_be_probabilities() -> None:
    for container in (np.asarray, sp.csr_matrix):
        with pytest.raises(ValueError, match=r"X must lie in \[0, 1\] with sample_input"):
            make("sampled input").fit(container(2 * grey()))


# ---- parameters -----------------------------------------------------------------------------

BAD_PARAMS: list[tuple[str, Any, type[Exception], str]] = [
    ("n_components", 0, ValueError, "at least 1, got 0"),
    ("n_components", 2.5, TypeError, "integer, got 2.5"),
    ("batch_size", 0, ValueError, "at least 1, got 0"),
    ("n_iter", -1, ValueError, "at least 0, got -1"),
    ("learning_rate", 0.0, ValueError, "above 0, got 0.0"),
    ("learning_rate", -1.0, ValueError, "at least 0, got -1.0"),
    ("learning_rate", np.nan, ValueError, "finite"),
    ("learning_rate", "fast", TypeError, "real number, got 'fast'"),
    ("learning_rate", lambda epoch: -1.0, ValueError, "learning_rate in epoch 0"),
    ("momentum", 1.0, ValueError, r"in \[0, 1\), got 1.0"),
    ("momentum", Steps((1.5, 0.5), (1,)), ValueError, r"in \[0, 1\), got 1.5"),
    ("method", "sgd", ValueError, "one of .*'pcd', 'cd'.*, got 'sgd'"),
    ("k", 0, ValueError, "at least 1, got 0"),
    ("n_chains", 0, ValueError, "at least 1, got 0"),
    ("l1", -0.1, ValueError, "at least 0, got -0.1"),
    ("l2", np.inf, ValueError, "finite"),
    ("max_norm", 0.0, ValueError, "above 0, or None"),
    ("sparsity_target", 1.0, ValueError, r"in \(0, 1\), got 1.0"),
    ("sparsity_cost", -1, ValueError, "at least 0, got -1"),
    ("centered", 1, TypeError, "True or False, got 1"),
    ("init_visible_bias", "ones", ValueError, "one of .*'zeros', 'data'.*, got 'ones'"),
    ("sample_input", "yes", TypeError, "True or False"),
    ("statistics", "mode", ValueError, "one of .*'mean', 'sample'"),
    ("shuffle", None, TypeError, "True or False"),
    ("validation_fraction", 1.0, ValueError, r"in \[0, 1\), got 1.0"),
    ("warm_start", 2, TypeError, "True or False"),
    ("verbose", -1, ValueError, "at least 0"),
    ("device", "tpu", ValueError, "device must be"),
    ("n_threads", 0, ValueError, "at least 1, got 0"),
    ("random_state", -1, ValueError, "random_state"),
    ("random_state", "seed", TypeError, "random_state"),
]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("name", "value", "error", "text"), BAD_PARAMS)
def test_bad_parameters(
    name: str, value: Any, error: type[Exception], text: str, method: str
) -> None:
    rbm = BernoulliRBM(4).set_params(**{name: value})
    with pytest.raises(error, match=text) as caught:
        getattr(rbm, method)(grey())
    assert str(caught.value).startswith(f"[BernoulliRBM.{method}]")
    assert name in str(caught.value)
    assert not hasattr(rbm, "model_")


def test_schedules() -> None:
    assert [Linear(1.0, 0.0, 3)(e) for e in range(5)] == [1.0, 0.5, 0.0, 0.0, 0.0]
    assert Linear(1.0, 0.25, 1)(0) == 0.25
    assert [Exponential(2.0, 0.5)(e) for e in range(3)] == [2.0, 1.0, 0.5]
    assert [Inverse(2.0, 1.0)(e) for e in range(3)] == [2.0, 1.0, 2 / 3]
    assert [Steps((1, 2, 3), (1, 4))(e) for e in range(6)] == [1, 2, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("kind", "arguments", "error"),
    [
        (Linear, (1.0, -1.0, 3), ValueError), (Linear, (1.0, 0.5, 0), ValueError),
        (Exponential, (1.0, 0.0), ValueError), (Exponential, (1.0, 1.5), ValueError),
        (Inverse, (1.0, np.nan), ValueError), (Inverse, ("1", 1.0), TypeError),
        (Steps, ((1.0,), (1,)), ValueError), (Steps, ((1.0, 2.0, 3.0), (4, 4)), ValueError),
        (Steps, ((1.0, 2.0), (0,)), ValueError), (Steps, ((1.0, 2.0), (1.5,)), TypeError),
    ],
)  # fmt: skip
def test_bad_schedules(kind: Any, arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^\[{kind.__name__}\] "):
        kind(*arguments)


def test_a_function_is_a_schedule() -> None:
    by_class = make("plain", learning_rate=Exponential(0.1, 0.5)).fit(grey())
    by_function = make("plain", learning_rate=lambda epoch: 0.1 * 0.5**epoch).fit(grey())
    assert_same_training(by_class, by_function)


def test_options_reach_the_trainer() -> None:
    """Each option changes the weights; what it does to them is tested with the trainer."""
    plain = make("plain", n_iter=2).fit(grey()).components_
    options = [
        {"method": "cd"}, {"k": 2}, {"n_chains": 5}, {"momentum": 0.5}, {"l1": 0.01},
        {"l2": 0.1}, {"max_norm": 0.05}, {"sparsity_target": 0.1}, {"centered": True},
        {"init_visible_bias": "data"}, {"sample_input": True}, {"statistics": "sample"},
        {"shuffle": False}, {"batch_size": 8, "n_chains": 9}, {"learning_rate": 0.2},
        {"sparsity_target": 0.1, "sparsity_cost": 0.3}, {"validation_fraction": 0.1},
    ]  # fmt: skip
    found = [make("plain", n_iter=2, **option).fit(grey()).components_ for option in options]
    for one, other in itertools.combinations([plain, *found], 2):
        assert not np.array_equal(one, other)
    assert np.linalg.norm(found[6], axis=1).max() < 0.05 * (1 + 1e-6)

"""What callers may pass in, and what they are told otherwise."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gibbslab import _validation as check
from scipy import sparse

VALUES = np.arange(12.0).reshape(3, 4) / 12

UNUSUAL = {
    "float64": VALUES,
    "float16": VALUES.astype(np.float16).astype(np.float64),
    "long double": VALUES.astype(np.longdouble),
    "big endian": VALUES.astype(">f4"),
    "Fortran": np.asfortranarray(VALUES),
    "strided": np.repeat(np.repeat(VALUES, 2, axis=0), 3, axis=1)[::2, ::3],
    "negative strides": VALUES[::-1, ::-1].copy()[::-1, ::-1],
    "list": VALUES.tolist(),
    "broadcast": np.broadcast_to(VALUES[0], (3, 4)),
    "bool": VALUES > 0.3,
    "int8": (VALUES > 0.3).astype(np.int8),
    "uint64": (VALUES > 0.3).astype(np.uint64),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_unusual_arrays_become_the_same_values(kind):
    given = UNUSUAL[kind]
    got = check.as_batch(given, "v", "op", 4)
    np.testing.assert_array_equal(got, np.array(given, dtype=np.float32))
    assert got.dtype == np.float32
    assert got.dtype.isnative
    assert got.flags.c_contiguous
    assert got.flags.aligned


def test_read_only_unaligned_and_memory_mapped_arrays(tmp_path):
    frozen = VALUES.astype(np.float32)
    frozen.flags.writeable = False
    unaligned = np.zeros(49, np.uint8)[1:].view(np.float32).reshape(3, 4)
    unaligned[:] = VALUES
    mapped = np.memmap(tmp_path / "rows", dtype=np.float32, mode="w+", shape=(3, 4))
    mapped[:] = VALUES
    for given in (frozen, unaligned, mapped):
        got = check.as_batch(given, "v", "op", 4)
        np.testing.assert_array_equal(got, VALUES.astype(np.float32))
        assert got.flags.aligned
    assert np.shares_memory(check.as_batch(frozen, "v", "op", 4), frozen)


@pytest.mark.parametrize(
    ("shape", "rows"),
    [((5, 12), 5), ((12,), 1), ((5, 3, 4), 5), ((3, 4), 1), ((2, 5, 12), 10), ((5, 3, 4, 1), 5)],
)
def test_rows_may_be_laid_out_over_trailing_axes(shape, rows):
    given = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(
        check.as_batch(given, "v", "op", 12), given.reshape(rows, 12).astype(np.float32)
    )


@pytest.mark.parametrize("shape", [(12, 5), (24,), (6, 4, 6), (5, 24), (), (0,), (13,), (2, 18)])
def test_shapes_that_cut_through_rows_are_refused(shape):
    text = f"[RBM.energy] v must have 12 columns, got shape {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        check.as_batch(np.zeros(shape), "v", "RBM.energy", 12)


def test_template_batches_may_be_any_shape_that_divides():
    given = np.arange(24.0)
    assert check.as_trailing_batch(given.reshape(8, 3), "batch", "op", 12).shape == (2, 12)
    assert check.as_trailing_batch(given, "batch", "op", 12).shape == (2, 12)
    with pytest.raises(
        ValueError, match=r"\[op\] batch must reshape to \(-1, 12\), got .*\(5, 5\)"
    ):
        check.as_trailing_batch(np.zeros((5, 5)), "batch", "op", 12)


BAD_BATCHES = {
    "complex": (np.zeros((1, 4), complex), TypeError, "v must hold real numbers, got dtype compl"),
    "string": (np.array([["a"] * 4]), TypeError, "v must hold real numbers, got dtype <U1"),
    "object": (np.zeros((1, 4), object), TypeError, "v must hold real numbers, got dtype object"),
    "None": (None, TypeError, "v must hold real numbers, got dtype object"),
    "date": (np.zeros((1, 4), "M8[s]"), TypeError, "v must hold real numbers, got dtype datetime"),
    "sparse": (sparse.csr_matrix((1, 4)), TypeError, "v must be a dense array, got a sparse csr_m"),
    "ragged": ([[1, 2, 3, 4], [1]], ValueError, "v must be a rectangular array"),
    "no rows": (np.zeros((0, 4)), ValueError, r"v must have at least one row, got shape \(0, 4\)"),
    "NaN": ([[0, 0, 0, np.nan]], ValueError, "v must be finite in float32"),
    "inf": ([[0, 0, -np.inf, np.inf]], ValueError, "v must be finite in float32"),
    "too large": ([[0, 0, 0, 1e39]], ValueError, "v must be finite in float32"),
}


@pytest.mark.parametrize("kind", BAD_BATCHES)
def test_bad_batches(kind):
    given, error, text = BAD_BATCHES[kind]
    with pytest.raises(error, match=rf"^\[op\] {text}"):
        check.as_batch(given, "v", "op", 4)


def test_finite_values_whose_sum_overflows_are_accepted():
    given = np.full((2, 4), 3e38, np.float32)
    np.testing.assert_array_equal(check.as_batch(given, "v", "op", 4), given)


def test_binary_batches_hold_zeros_and_ones_only():
    assert check.as_batch([[0, 1, True, False]], "v", "op", 4, binary=True).sum() == 2
    text = r"\[op\] v must hold only 0 and 1, got values from -1 to 0.5"
    with pytest.raises(ValueError, match=text):
        check.as_batch([[-1, 0, 0.5, 0]], "v", "op", 4, binary=True)


def test_masks():
    one = check.as_mask([True, False, True], "mask", "op", 5, 3)
    assert one.dtype == bool
    assert one.tolist() == [[True, False, True]]
    assert check.as_mask(np.ones((5, 3)), "mask", "op", 5, 3).shape == (5, 3)
    with pytest.raises(ValueError, match="mask must have 1 or 5 rows, got 2"):
        check.as_mask(np.ones((2, 3)), "mask", "op", 5, 3)
    with pytest.raises(ValueError, match="mask must hold only 0 and 1"):
        check.as_mask([0.5, 1, 1], "mask", "op", 5, 3)


def test_parameters_have_one_shape():
    assert check.as_parameter([1, 2], "a", "op", (2,)).dtype == np.float32
    with pytest.raises(ValueError, match=r"\[op\] a must have shape \(2,\), got \(1, 2\)"):
        check.as_parameter([[1, 2]], "a", "op", (2,))
    with pytest.raises(ValueError, match="a must be finite"):
        check.as_parameter([1, np.inf], "a", "op", (2,))


def test_seeds():
    assert check.as_seed(0) == 0
    assert check.as_seed(np.int64(7)) == 7
    assert check.as_seed(2**64 - 1) == 2**64 - 1
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    assert check.as_seed(first) == check.as_seed(second)
    assert check.as_seed(first) != check.as_seed(np.random.default_rng(1))
    old, same = np.random.RandomState(1), np.random.RandomState(1)
    assert check.as_seed(old) == check.as_seed(same) < 2**64
    assert len({check.as_seed(None) for _ in range(10)}) == 10


def test_seeds_from_generators_use_all_64_bits():
    old, new = np.random.RandomState(0), np.random.default_rng(0)
    seeds = [check.as_seed(source) for source in (old, new) for _ in range(64)]
    assert np.bitwise_or.reduce(np.array(seeds, np.uint64)) == 2**64 - 1


@pytest.mark.parametrize(
    ("seed", "error"),
    [(-1, ValueError), (2**64, ValueError), (1.5, TypeError), ("1", TypeError), (True, TypeError)],
)
def test_bad_seeds(seed, error):
    with pytest.raises(error, match=r"^\[op\] random_state must be"):
        check.as_seed(seed, "op")


def test_random_states_are_those_of_scikit_learn():
    expected = np.random.RandomState(3).randint(0, 1000, 5)
    np.testing.assert_array_equal(check.as_random_state(3).randint(0, 1000, 5), expected)
    state = np.random.RandomState(4)
    assert check.as_random_state(state) is state
    big = [check.as_random_state(2**40).randint(0, 1000, 5) for _ in range(2)]
    np.testing.assert_array_equal(*big)
    assert isinstance(check.as_random_state(np.random.default_rng(0)), np.random.RandomState)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0, ValueError, "k must be at least 1, got 0"),
        (-3, ValueError, "k must be at least 1, got -3"),
        (11, ValueError, "k must be at most 10, got 11"),
        (2.0, TypeError, "k must be an integer, got 2.0"),
        (True, TypeError, "k must be an integer, got True"),
        ("3", TypeError, "k must be an integer, got '3'"),
        (None, TypeError, "k must be an integer, got None"),
    ],
)
def test_integers(value, error, text):
    assert check.as_integer(np.int32(4), "k", "op") == 4
    with pytest.raises(error, match=rf"^\[op\] {text}$"):
        check.as_integer(value, "k", "op", maximum=10)


@pytest.mark.parametrize(
    ("value", "error"),
    [(-0.1, ValueError), (np.nan, ValueError), (np.inf, ValueError), (1e39, ValueError)]
    + [("1", TypeError), (None, TypeError), (True, TypeError), (1j, TypeError)],
)
def test_inverse_temperatures(value, error):
    assert check.as_beta(0, "op") == 0.0
    assert check.as_beta(np.float32(0.5), "op") == 0.5
    with pytest.raises(error, match=r"^\[op\] beta must be "):
        check.as_beta(value, "op")


def test_threads():
    assert check.as_threads(None, "op") == 0
    assert check.as_threads(3, "op") == 3
    for bad, error in ((0, ValueError), (-1, ValueError), (1025, ValueError), (1.0, TypeError)):
        with pytest.raises(error, match=r"^\[op\] n_threads must be "):
            check.as_threads(bad, "op")


class OnTheCard:
    """What a CUDA array tells before anybody looks at its memory, by one of the protocols."""

    shape = (3, 4)


class ByInterface(OnTheCard):
    @property
    def __cuda_array_interface__(self):
        return {"version": 3, "shape": self.shape}


class ByDlpack(OnTheCard):
    kind = 2

    def __dlpack_device__(self):
        return self.kind, 0


CHECKS = {
    "batch": lambda x, **where: check.as_batch(x, "v", "op", 4, **where),
    "trailing": lambda x, **where: check.as_trailing_batch(x, "v", "op", 4, **where),
    "parameter": lambda x, **where: check.as_parameter(x, "v", "op", (3, 4), **where),
}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("kind", [ByInterface, ByDlpack])
def test_an_array_on_a_device_is_refused_where_none_can_be_read(name, kind):
    with pytest.raises(TypeError, match=r"^\[op\] v lies on a CUDA device, and the model computes"):
        CHECKS[name](kind(), device="cpu")
    text = rf"^\[op\] v must be in the host's memory, got a {kind.__name__} on a CUDA device: copy"
    with pytest.raises(TypeError, match=text):
        CHECKS[name](kind())


def test_shapes_of_device_arrays_are_checked_first():
    with pytest.raises(ValueError, match=r"v must have 5 columns, got shape \(3, 4\)"):
        check.as_batch(ByInterface(), "v", "op", 5, device="cuda")
    with pytest.raises(ValueError, match=r"v must reshape to \(-1, 5\), got shape \(3, 4\)"):
        check.as_trailing_batch(ByInterface(), "v", "op", 5, device="cuda")
    with pytest.raises(ValueError, match=r"v must have shape \(4, 3\), got \(3, 4\)"):
        check.as_parameter(ByInterface(), "v", "op", (4, 3), device="cuda")


def test_dlpack_on_the_host_is_an_array_like_any_other():
    class OnTheHost(ByDlpack):
        kind = 1

        def __array__(self, dtype=None, copy=None):
            return VALUES

    np.testing.assert_array_equal(
        check.as_batch(OnTheHost(), "v", "op", 4), VALUES.astype(np.float32)
    )

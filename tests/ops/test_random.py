"""Addressed random numbers: the words, the uniforms, their edges, and what is drawn from them."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from on_device import core
from thresholds import assert_means

SIZES = [1, 3, 4, 15, 16, 17, 31, 32, 33, 127, 257]
FAR_ROW = 2**33 + 7  # its counters need more than 32 bits
SEEDS = [0, 1, 2**64 - 1, 0x243F6A8885A308D3]
STREAMS = [0, 0x101, (2**40 + 3) << 8 | 1]

# Random123's known answers for philox4x32-10: counter, key, words.
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]

# Counters and lanes at which seed 7, stream 0x101 gives the extreme words.
EXTREME_SEED, EXTREME_STREAM = 7, 0x101
WORD_ZERO = [(257620551, 0), (1121475021, 0), (2249285973, 3), (3107466006, 3)]
WORD_ONES = [(3313674641, 3), (4051667581, 1)]
# Counters in a row: each puts the extreme word into another place of the 32 drawn at once.
ROW_COUNTERS = [1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 29, 64]


def drawn_bits(counter: int, lane: int, row_counters: int, p: float) -> tuple[float, np.ndarray]:
    """The decision at one element for probability p, and its whole row."""
    column = counter % row_counters * 4 + lane
    row = core.ops.bernoulli(
        np.full((1, 4 * row_counters), p, dtype=np.float32),
        EXTREME_SEED,
        EXTREME_STREAM,
        first_row=counter // row_counters,
    )
    return float(row[0, column]), row


@pytest.mark.parametrize(("counter", "key", "words"), VECTORS)
def test_philox_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], words: tuple[int, ...]
) -> None:
    assert tuple(core.philox(counter, key)) == words
    low, high = (counter[i] | counter[i + 1] << 32 for i in (0, 2))
    ours = reference.philox(np.array([low], dtype=np.uint64), high, key[0] | key[1] << 32)
    assert tuple(ours[0]) == words


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize("first_row", [0, 5, FAR_ROW])
def test_uniforms_are_the_addressed_words(cols: int, first_row: int) -> None:
    for seed, stream in zip(SEEDS, STREAMS * 2):
        got = core.uniform(9, cols, seed, stream, first_row=first_row)
        expected = reference.uniforms(9, cols, seed, stream, first_row)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize("first_row", [0, FAR_ROW])
def test_bernoulli_decisions_are_exact(cols: int, first_row: int) -> None:
    p = np.random.default_rng(cols).random((33, cols), dtype=np.float32)
    u = reference.uniforms(33, cols, 3, 0x205, first_row)
    # Ties and their neighbours: the comparison must be strict, and in 24 bits.
    p[0], p[1], p[2] = u[0], np.nextafter(u[1], np.float32(2)), np.nextafter(u[2], np.float32(-1))
    expected = reference.bernoulli(p, 3, 0x205, first_row)
    assert expected[0].sum() == 0
    assert expected[1].sum() == cols
    assert expected[2].sum() == 0
    got = core.ops.bernoulli(p, 3, 0x205, first_row=first_row)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("rows", [1, 8, 31, 257])
def test_draws_do_not_depend_on_threads_or_tiling(rows: int) -> None:
    p = np.random.default_rng(rows).random((rows, 33), dtype=np.float32)
    draws = {
        "uniform": lambda n, r, t: core.uniform(n, 33, 5, 0x301, first_row=r, n_threads=t),
        "normal": lambda n, r, t: core.normal(n, 33, 5, 0x301, first_row=r, n_threads=t),
        "bernoulli": lambda n, r, t: core.ops.bernoulli(
            p[r : r + n], 5, 0x301, first_row=r, n_threads=t
        ),
    }
    cut = rows // 3
    for name, draw in draws.items():
        whole = draw(rows, 0, 1)
        np.testing.assert_array_equal(draw(rows, 0, 2), whole, err_msg=name)
        np.testing.assert_array_equal(draw(rows, 0, 3), whole, err_msg=name)
        tail = draw(rows - cut, cut, 2)
        np.testing.assert_array_equal(tail, whole[cut:], err_msg=name)


@pytest.mark.parametrize("row_counters", ROW_COUNTERS)
def test_word_zero_is_uniform_zero(row_counters: int) -> None:
    """p = 0 never fires, even on the smallest uniform; the smallest p above it does."""
    for counter, lane in WORD_ZERO:
        row, column = counter // row_counters, counter % row_counters * 4 + lane
        u = core.uniform(1, 4 * row_counters, EXTREME_SEED, EXTREME_STREAM, first_row=row)
        assert u[0, column] == 0.0
        assert drawn_bits(counter, lane, row_counters, 0.0)[1].sum() == 0
        assert drawn_bits(counter, lane, row_counters, 1e-45)[0] == 1


@pytest.mark.parametrize("row_counters", ROW_COUNTERS)
def test_word_of_ones_is_below_one(row_counters: int) -> None:
    """p = 1 always fires, even on the largest uniform, which p = 1 - 2^-24 does not exceed."""
    for counter, lane in WORD_ONES:
        row, column = counter // row_counters, counter % row_counters * 4 + lane
        u = core.uniform(1, 4 * row_counters, EXTREME_SEED, EXTREME_STREAM, first_row=row)
        assert u[0, column] == np.float32(1 - 2.0**-24)
        assert drawn_bits(counter, lane, row_counters, 1.0)[1].all()
        assert drawn_bits(counter, lane, row_counters, 1 - 2.0**-24)[0] == 0


def test_uniforms_have_24_bits() -> None:
    """All 24 bits of the uniforms are used, none more: 8-bit uniforms would leave 16 empty."""
    scaled = core.uniform(64, 257, 11, 0x400).astype(np.float64) * 2**24
    as_int = scaled.astype(np.int64)
    np.testing.assert_array_equal(as_int, scaled)
    share = (as_int.ravel()[:, None] >> np.arange(24) & 1).astype(float)
    assert_means(share, np.full(24, 0.5), "bits of the uniforms")


@pytest.mark.parametrize("cols", [1, 4, 33])
def test_normal_deviates(cols: int, tolerance: dict[str, float]) -> None:
    got = core.normal(127, cols, 9, 0x303, first_row=FAR_ROW)
    expected = reference.normal(127, cols, 9, 0x303, FAR_ROW)
    np.testing.assert_allclose(got, expected, rtol=tolerance["float32"], atol=1e-12)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_no_deviates(shape: tuple[int, int]) -> None:
    assert core.normal(*shape, 9, 0x303).shape == shape


def test_normal_moments() -> None:
    """Sees a mean off by 0.008, a variance off by 1.1%: 5.5 standard errors of 2^19 deviates."""
    x = core.normal(2**14, 32, 10, 0x303).astype(np.float64).reshape(-1, 1)
    powers = np.hstack([x, x**2, x**3, x**4])
    assert_means(powers, np.array([0.0, 1.0, 0.0, 3.0]), "moments of the normal deviates")


@pytest.mark.parametrize("n", [0, 1, 2, 7, 100, 1000])
def test_permutation(n: int) -> None:
    got = core.permutation(n, 12, 5)
    np.testing.assert_array_equal(got, reference.permutation(n, 12, 5))
    np.testing.assert_array_equal(np.sort(got), np.arange(n))
    if n > 2:
        assert not np.array_equal(got, core.permutation(n, 12, 6))


def test_permutation_refuses_a_negative_size() -> None:
    with pytest.raises(ValueError, match=r"\[permutation\] n must be at least 0, got -1"):
        core.permutation(-1, 0, 0)


def test_permutations_are_uniform() -> None:
    """Chi-square over the 24 orders of 4; sees probabilities off by 6% rms."""
    from thresholds import assert_distribution

    orders = np.array([core.permutation(4, 77, draw) for draw in range(2**14)])
    codes = orders @ np.array([64, 16, 4, 1])
    _, counts = np.unique(codes, return_counts=True)
    assert len(counts) == 24
    assert_distribution(counts, np.full(24, 1 / 24), "orders of four")

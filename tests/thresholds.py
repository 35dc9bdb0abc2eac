"""Statistical assertions whose false alarms have a probability of at most 1e-6 each.

A limit of 5.5 standard errors is passed by chance with probability 4e-8. The chi-square limit is
the 1e-8 quantile: cells expect at least 100 counts, where the statistic's tail is heavier than the
chi-square's by a factor below 20 at that quantile.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

CHI_SQUARE_TAIL = 1e-8
SMALLEST_CELL = 100.0
Z_LIMIT = 5.5


def pooled(counts: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join the cells that expect too few counts, and one more if they are still too few."""
    order = np.argsort(expected, kind="stable")
    counts, expected = counts[order], expected[order]
    small = int(np.searchsorted(expected, SMALLEST_CELL))
    if small and expected[:small].sum() < SMALLEST_CELL:
        small += 1
    if small < 2:
        return counts, expected
    head = [counts[:small].sum()], [expected[:small].sum()]
    return np.append(head[0], counts[small:]), np.append(head[1], expected[small:])


def assert_distribution(counts: np.ndarray, probabilities: np.ndarray, what: str) -> None:
    """Fail if `counts` are no multinomial sample of `probabilities` (Pearson's chi-square).

    Sees probabilities that are wrong by a relative root mean square of sqrt((limit - df) / n).
    """
    counts, probabilities = np.ravel(counts), np.ravel(probabilities)
    assert counts[probabilities == 0].sum() == 0, f"{what}: an impossible state was drawn"
    cells, expected = pooled(counts.astype(float), counts.sum() * probabilities)
    assert len(cells) > 1, f"{what}: too few samples to test"
    statistic = float(((cells - expected) ** 2 / expected).sum())
    limit = float(stats.chi2.isf(CHI_SQUARE_TAIL, len(cells) - 1))
    assert statistic < limit, f"{what}: chi-square {statistic:.1f} exceeds {limit:.1f}"


def assert_means(samples: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Fail if a column of `samples` (rows independent) misses its expectation by 5.5 errors."""
    mean = samples.mean(axis=0, dtype=np.float64)
    error = samples.std(axis=0, ddof=1, dtype=np.float64) / np.sqrt(len(samples))
    assert_z(mean, expected, error, what)


def assert_z(mean: np.ndarray, expected: np.ndarray, error: np.ndarray, what: str) -> None:
    """Fail if `mean` is further than 5.5 of its standard `error` from `expected`."""
    # A quantity without spread must be met to float32 accuracy.
    floor = 1e-6 * np.maximum(np.abs(expected), 1e-3)
    z = np.abs(mean - expected) / np.maximum(error, floor / Z_LIMIT)
    worst = float(np.max(z))
    assert worst < Z_LIMIT, f"{what}: {worst:.1f} standard errors from the expectation"

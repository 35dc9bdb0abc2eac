"""Energy and magnetisation of Ising lattices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._validation import as_integer

DoubleArray = npt.NDArray[np.float64]


def ising_energy(spins: npt.ArrayLike, L: int) -> DoubleArray:
    """Energy per site of Ising configurations on an L x L torus, with J = 1 and no field.

    E(s) / L^2 = -sum over neighbouring pairs of s_i s_j / L^2, from -2 to 2. The heat capacity
    per site of samples at temperature T is ``L**2 * ising_energy(spins, L).var() / T**2``.

    Parameters
    ----------
    spins : array_like of shape (..., L * L) or (..., L, L)
        0 and 1, or -1 and +1, for down and up.
    L : int
        Sites along an edge, at least 2. At L = 2 neighbours are joined by two bonds.

    Returns
    -------
    ndarray of shape (...), float64

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value.
    """
    s = _lattices(spins, L, "ising_energy")
    bonds = s * np.roll(s, -1, axis=-1) + s * np.roll(s, -1, axis=-2)
    return -bonds.mean(axis=(-2, -1), dtype=np.float64)


def ising_magnetization(spins: npt.ArrayLike, L: int) -> DoubleArray:
    """Magnetisation per site of Ising configurations: the mean spin, from -1 to 1.

    Parameters
    ----------
    spins : array_like of shape (..., L * L) or (..., L, L)
        0 and 1, or -1 and +1, for down and up.
    L : int
        Sites along an edge, at least 2.

    Returns
    -------
    ndarray of shape (...), float64

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value.
    """
    return _lattices(spins, L, "ising_magnetization").mean(axis=(-2, -1), dtype=np.float64)


def _lattices(spins: Any, L: int, op: str) -> npt.NDArray[np.int8]:
    """Spins of -1 and +1, (..., L, L)."""
    size = as_integer(L, "L", op, 2)
    given = np.asarray(spins)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"[{op}] spins must hold real numbers, got dtype {given.dtype}")
    if given.shape[-2:] != (size, size) and given.shape[-1:] != (size * size,):
        raise ValueError(
            f"[{op}] spins must have shape (..., {size * size}) or (..., {size}, {size}), "
            f"got {given.shape}"
        )
    up, zero, down = given == 1, given == 0, given == -1
    if not (up | zero | down).all() or (zero.any() and down.any()):
        raise ValueError(f"[{op}] spins must be 0 and 1, or -1 and +1")
    states = np.where(up, np.int8(1), np.int8(-1))
    return (
        states
        if given.shape[-2:] == (size, size)
        else states.reshape(*given.shape[:-1], size, size)
    )

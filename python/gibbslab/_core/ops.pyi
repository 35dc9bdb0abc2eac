"""The operations, one call each, for tests."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .units import UnitType

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]

def sigmoid(x: Floats, n_threads: int = 0, device: str = "cpu") -> Floats: ...
def bernoulli(
    p: Floats, seed: int, stream: int, first_row: int = 0, n_threads: int = 0, device: str = "cpu"
) -> Floats: ...
def matmul(
    a: Floats, ta: bool, b: Floats, tb: bool, n_threads: int = 0, device: str = "cpu"
) -> Floats: ...
def transpose(x: Floats, n_threads: int = 0, device: str = "cpu") -> Floats: ...
def half_step(
    x: Floats,
    w: Floats,
    bias: Floats,
    up: bool,
    scale: float = 1.0,
    seed: int = 0,
    stream: int = 0,
    first_row: int = 0,
    dense: bool = False,
    added: Floats | None = None,
    n_threads: int = 0,
    device: str = "cpu",
) -> tuple[Floats, Floats, Floats]: ...
def activate_rows(
    pre: Floats,
    scales: Floats,
    seed: int,
    stream: int,
    first_row: int = 0,
    n_threads: int = 0,
    device: str = "cpu",
) -> tuple[Floats, Floats]: ...
def cd_statistics(
    v0: Floats,
    h0: Floats,
    v1: Floats,
    h1: Floats,
    positive: float = 1.0,
    negative: float = 1.0,
    dense: bool = False,
    n_threads: int = 0,
    device: str = "cpu",
) -> Floats: ...
def softplus_difference(
    x: Floats, low: float, high: float, n_threads: int = 0, device: str = "cpu"
) -> Doubles: ...
def weighted_sums(
    x: Floats, weights: Floats, scale: float = 1.0, n_threads: int = 0, device: str = "cpu"
) -> Doubles: ...
def column_sums(
    x: Floats, scale: float = 1.0, n_threads: int = 0, device: str = "cpu"
) -> Floats: ...
def largest_differences(
    x: Floats, y: Floats, n_threads: int = 0, device: str = "cpu"
) -> Doubles: ...
def extrapolate(
    layers: list[list[Floats]], n_threads: int = 0, device: str = "cpu"
) -> list[tuple[Floats, Floats, Floats, Floats]]: ...
def all_finite(x: Floats, n_threads: int = 0, device: str = "cpu") -> bool: ...
def converted(bytes: NDArray[np.uint8], element: str, cols: int, device: str = "cpu") -> Floats: ...
def update(
    w: Floats,
    g: Floats,
    velocity: Floats,
    learning_rate: float,
    momentum: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    device: str = "cpu",
) -> tuple[bool, Floats, Floats]: ...
def activate_units(
    type: UnitType,
    product: Floats,
    bias: Floats,
    variance: Floats | None = None,
    scale: float = 1.0,
    bias_scale: float = 1.0,
    seed: int = 0,
    stream: int = 0,
    first_row: int = 0,
    n_threads: int = 0,
    device: str = "cpu",
) -> tuple[Floats, Floats]: ...
def units_log_normaliser(
    type: UnitType,
    product: Floats,
    bias: Floats,
    variance: Floats | None = None,
    scale: float = 1.0,
    bias_scale: float = 1.0,
    factor: float = 1.0,
    n_threads: int = 0,
    device: str = "cpu",
) -> Doubles: ...
def units_log_base(
    type: UnitType,
    x: Floats,
    variance: Floats | None = None,
    factor: float = 1.0,
    n_threads: int = 0,
    device: str = "cpu",
) -> Doubles: ...
def row_dots(
    x: Floats, y: Floats, factor: float = 1.0, n_threads: int = 0, device: str = "cpu"
) -> Doubles: ...
def column_dots(x: Floats, y: Floats, device: str = "cpu") -> Floats: ...
def divide_by(
    x: Floats, rows: Floats | None = None, cols: Floats | None = None, device: str = "cpu"
) -> Floats: ...

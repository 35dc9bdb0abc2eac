"""Variables, their operations and their optimisers."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

class Variable:
    def __init__(
        self, value: Any, needs_gradient: bool = False, n_threads: int = 0, device: str = "cpu"
    ) -> None: ...
    @property
    def rows(self) -> int: ...
    @property
    def cols(self) -> int: ...
    @property
    def needs_gradient(self) -> bool: ...
    @property
    def leaf(self) -> bool: ...
    @property
    def device(self) -> str: ...
    @property
    def n_threads(self) -> int: ...
    gradient: Variable | None
    def to_numpy(self) -> Floats: ...
    def item(self) -> float: ...
    def detached(self) -> Variable: ...
    def assign(self, value: Any) -> None: ...
    def same(self, other: Variable) -> bool: ...

def map(function: str, x: Variable, alpha: float = 0.0) -> Variable: ...
def combine(kind: str, a: Variable, b: Variable) -> Variable: ...
def affine(x: Variable, p: float, r: float = 0.0) -> Variable: ...
def matmul(a: Variable, ta: bool, b: Variable, tb: bool) -> Variable: ...
def transpose(x: Variable) -> Variable: ...
def sum_to(x: Variable, rows: int, cols: int, scale: float = 1.0) -> Variable: ...
def broadcast_to(x: Variable, rows: int, cols: int) -> Variable: ...
def reshape(x: Variable, rows: int, cols: int) -> Variable: ...
def normal(
    rows: int, cols: int, seed: int, draw: int, n_threads: int = 0, device: str = "cpu"
) -> Variable: ...
def dropout(x: Variable, rate: float, seed: int, draw: int) -> Variable: ...
def dense(
    x: Variable,
    weight: Variable,
    bias: Variable | None = None,
    function: str = "identity",
    alpha: float = 0.0,
    plain: bool = False,
) -> Variable: ...
def loss(
    kind: str,
    prediction: Variable,
    log_variance: Variable | None = None,
    target: Variable | None = None,
    scale: float = 1.0,
    plain: bool = False,
) -> Variable: ...

class ConvGeometry:
    def __init__(
        self,
        image: tuple[int, int, int],
        out: tuple[int, int, int],
        kernel: tuple[int, int],
        stride: tuple[int, int],
        corner: tuple[int, int],
    ) -> None: ...

def convolution(
    geometry: ConvGeometry,
    x: Variable,
    weight: Variable,
    bias: Variable | None = None,
    transposed: bool = False,
    function: str = "identity",
    alpha: float = 0.0,
    plain: bool = False,
) -> Variable: ...
def conv_weight(geometry: ConvGeometry, y: Variable, x: Variable) -> Variable: ...
def swap_axes(x: Variable, rows: int, cols: int) -> Variable: ...
def channel_moments(x: Variable, channels: int) -> tuple[Variable, Variable]: ...
def batch_norm(
    x: Variable,
    mean: Variable,
    variance: Variable,
    gamma: Variable | None = None,
    beta: Variable | None = None,
    of_batch: bool = True,
    epsilon: float = 1e-05,
    function: str = "identity",
    alpha: float = 0.0,
    plain: bool = False,
) -> Variable: ...
def conv_norm(
    geometry: ConvGeometry,
    x: Variable,
    weight: Variable,
    bias: Variable | None = None,
    mean: Variable | None = None,
    variance: Variable | None = None,
    gamma: Variable | None = None,
    beta: Variable | None = None,
    transposed: bool = False,
    epsilon: float = 1e-05,
    function: str = "identity",
    alpha: float = 0.0,
    plain: bool = False,
) -> tuple[Variable, Variable, Variable]: ...
def upsample(
    x: Variable,
    image: tuple[int, int, int],
    factor: tuple[int, int],
    bilinear: bool,
    transposed: bool = False,
) -> Variable: ...
def set_recording(on: bool) -> bool: ...
def gradients(
    of: Variable,
    by: Sequence[Variable],
    seed: Variable | None = None,
    differentiable: bool = False,
) -> list[Variable]: ...
def backward(of: Variable, seed: Variable | None = None, differentiable: bool = False) -> None: ...

class DescentSettings:
    rate: float
    momentum: float
    decay: float
    epsilon: float
    weight_decay: float
    def __init__(self) -> None: ...

class Optimizer:
    settings: DescentSettings
    def __init__(
        self, parameters: Sequence[Variable], rule: str, settings: DescentSettings
    ) -> None: ...
    def step(self) -> int: ...
    def clear_gradients(self) -> None: ...
    def state(self) -> tuple[int, list[Floats], list[Floats]]: ...
    def restore(self, steps: int, first: Sequence[Floats], second: Sequence[Floats]) -> None: ...

class VAETrainer:
    def __init__(
        self,
        encoder: Sequence[tuple[Variable, Variable]],
        mean: tuple[Variable, Variable],
        log_variance: tuple[Variable, Variable],
        decoder: Sequence[tuple[Variable, Variable]],
        data_log_variance: Variable | None = None,
    ) -> None: ...
    def step(
        self,
        batch: Floats,
        optimizer: Optimizer,
        seed: int,
        draw: int,
        beta: float = 1.0,
        samples: int = 1,
    ) -> tuple[int, float, float]: ...
    def encode(self, batch: Floats) -> tuple[Floats, Floats]: ...
    def log_weights(
        self, seed: int, draw: int, first_row: int = 0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

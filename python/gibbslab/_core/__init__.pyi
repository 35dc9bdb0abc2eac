"""The C++ core. Private: use the classes of the package."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import ops as ops

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]

__version__: str
FAULTS_COMPILED_IN: bool
BUILT_WITHOUT_CUDA: str

def compiler() -> str: ...
def isa() -> str: ...
def available_isas() -> list[str]: ...
def use_blas(sgemm: Any, get_threads: int, set_threads: int) -> None: ...
def drop_blas() -> None: ...
def has_blas() -> bool: ...
def thread_limit() -> int: ...
def set_thread_limit(limit: int) -> None: ...
def load_plugin(path: str) -> str: ...
def devices() -> list[str]: ...
def device_info(device: str) -> str: ...
def philox(counter: Sequence[int], key: Sequence[int]) -> list[int]: ...
def uniform(
    rows: int,
    cols: int,
    seed: int,
    stream: int,
    first_row: int = 0,
    n_threads: int = 0,
    device: str = "cpu",
) -> Floats: ...
def normal(
    rows: int,
    cols: int,
    seed: int,
    stream: int,
    first_row: int = 0,
    n_threads: int = 0,
    device: str = "cpu",
) -> Floats: ...
def permutation(n: int, seed: int, draw: int) -> Indices: ...

class Dataset:
    def __init__(self, x: Floats, device: str = "cpu") -> None: ...
    @staticmethod
    def from_csr(
        starts: Indices, columns: NDArray[np.int32], values: Floats, cols: int, device: str = "cpu"
    ) -> Dataset: ...
    @property
    def rows(self) -> int: ...
    @property
    def cols(self) -> int: ...
    @property
    def binary(self) -> bool: ...

class RBM:
    W: Floats
    v_bias: Floats
    h_bias: Floats
    draws: int
    n_threads: int

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        seed: int = 0,
        n_threads: int = 0,
        device: str = "cpu",
    ) -> None: ...
    @property
    def device(self) -> str: ...
    @property
    def visible_size(self) -> int: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def seed(self) -> int: ...
    def initialize(self, deviation: float) -> None: ...
    def hidden_mean(self, x: Floats, beta: float = 1.0) -> Floats: ...
    def visible_mean(self, x: Floats, beta: float = 1.0) -> Floats: ...
    def sample_hidden(self, x: Floats, beta: float = 1.0) -> Floats: ...
    def sample_visible(self, x: Floats, beta: float = 1.0) -> Floats: ...
    def cd_pass(
        self, v: Floats, k: int
    ) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]: ...
    def gibbs(
        self,
        start: Floats,
        from_hidden: bool,
        steps: int,
        beta: float = 1.0,
        mask: Floats | None = None,
        known: Floats | None = None,
    ) -> tuple[Floats, Floats, Floats, Floats]: ...
    def free_energy(self, v: Floats, beta: float = 1.0) -> Doubles: ...
    def energy(self, v: Floats, h: Floats, beta: float = 1.0) -> Doubles: ...
    def pseudo_likelihood(self, v: Floats, beta: float = 1.0) -> Doubles: ...
    def log_partition(self, beta: float = 1.0) -> float: ...

class AIS:
    def __init__(
        self,
        rbm: RBM,
        base_bias: Floats,
        betas: Sequence[float],
        n_chains: int,
        start: Floats | None = None,
        seed: int = 0,
    ) -> None: ...
    def advance(self, count: int) -> int: ...
    @property
    def log_weights(self) -> Doubles: ...
    @property
    def log_partition_base(self) -> float: ...

class TrainOptions:
    persistent: bool
    k: int
    n_chains: int
    momentum: float
    l1: float
    l2: float
    max_norm: float
    centered: bool
    offset_rate: float
    sparsity_target: float
    sparsity_cost: float
    sparsity_decay: float
    sample_input: bool
    hidden_samples: bool

    def __init__(self) -> None: ...

class Trainer:
    momentum: float

    def __init__(self, rbm: RBM, options: TrainOptions) -> None: ...
    @property
    def options(self) -> TrainOptions: ...
    @property
    def next_batch(self) -> int: ...
    def train(
        self,
        data: Dataset,
        order: Indices,
        batch_size: int,
        first: int,
        last: int,
        learning_rate: float,
    ) -> tuple[int, str]: ...
    def state(self) -> dict[str, Floats]: ...
    def restore(self, values: dict[str, Floats]) -> None: ...

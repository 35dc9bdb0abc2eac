"""RBMs of every pair of unit types."""

from collections.abc import Sequence

from . import Batch, Dataset, DeviceArray, Doubles, Floats, Indices, TrainOptions

class UnitType:
    def __init__(
        self, kind: str, count: int = 1, noisy: bool = False, stiffness: float = 1.0
    ) -> None: ...

class UnitRBM:
    W: Floats
    v_bias: Floats
    h_bias: Floats
    v_variance: Floats
    h_variance: Floats
    draws: int
    n_threads: int

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        visible: UnitType,
        hidden: UnitType,
        temperature: float = 1.0,
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
    def device_array(self, name: str) -> DeviceArray: ...
    def initialize(self, deviation: float) -> None: ...
    def hidden_mean(self, x: Batch, beta: float = 1.0) -> Batch: ...
    def visible_mean(self, x: Batch, beta: float = 1.0) -> Batch: ...
    def sample_hidden(self, x: Batch, beta: float = 1.0) -> Batch: ...
    def sample_visible(self, x: Batch, beta: float = 1.0) -> Batch: ...
    def cd_pass(self, v: Batch, k: int) -> tuple[Batch, Batch, Batch, Batch, Batch, Batch]: ...
    def gibbs(
        self,
        start: Batch,
        from_hidden: bool,
        steps: int,
        beta: float = 1.0,
        mask: Floats | DeviceArray | None = None,
        known: Floats | DeviceArray | None = None,
    ) -> tuple[Batch, Batch, Batch, Batch]: ...
    def exact_samples(self, n: int) -> Floats: ...
    def free_energy(self, v: Floats | DeviceArray, beta: float = 1.0) -> Doubles: ...
    def energy(
        self, v: Floats | DeviceArray, h: Floats | DeviceArray, beta: float = 1.0
    ) -> Doubles: ...
    def log_partition(self, beta: float = 1.0) -> float: ...
    def enumerable(self, most: float) -> bool: ...
    def exact_moments(self) -> tuple[Floats, Floats, Floats]: ...

class UnitAIS:
    def __init__(
        self,
        rbm: UnitRBM,
        base_bias: Floats | DeviceArray,
        betas: Sequence[float],
        n_chains: int,
        start: Floats | DeviceArray | None = None,
        seed: int = 0,
    ) -> None: ...
    def advance(self, count: int) -> int: ...
    @property
    def log_weights(self) -> Doubles: ...
    @property
    def log_partition_base(self) -> float: ...

class UnitTrainOptions(TrainOptions):
    learn_variance: bool
    variance_rate: float
    least_variance: float
    most_variance: float

    def __init__(self) -> None: ...

class UnitTrainer:
    momentum: float

    def __init__(self, rbm: UnitRBM, options: UnitTrainOptions) -> None: ...
    @property
    def options(self) -> UnitTrainOptions: ...
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

"""What a deep Boltzmann machine is made of: layers, weights, biases, random stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._devices import as_device, usable_device
from .._validation import as_integer, as_parameter, as_real, as_seed, as_threads
from .rbm import RBM

FloatArray = npt.NDArray[np.float32]

INITIAL_DEVIATION = 0.01  # of the weights


def as_sizes(layer_sizes: Any, op: str) -> tuple[int, ...]:
    """Numbers of units from the visible layer up, at least three of them."""
    if isinstance(layer_sizes, (str, bytes)) or not isinstance(layer_sizes, Sequence):
        raise TypeError(f"[{op}] layer_sizes must be a sequence of integers, got {layer_sizes!r}")
    if len(layer_sizes) < 3:
        raise ValueError(
            f"[{op}] layer_sizes must name at least 3 layers, visible and two hidden, got "
            f"{layer_sizes!r}"
        )
    return tuple(as_integer(n, "layer_sizes", op) for n in layer_sizes)


def _read_only(array: FloatArray) -> FloatArray:
    # Writing into a copy would silently change nothing; better an error.
    array.flags.writeable = False
    return array


class DBMParameters:
    """Layers, parameters and random stream; the rest of `DBM` builds on it."""

    def __init__(
        self,
        layer_sizes: Sequence[int],
        *,
        cd_k: int = 1,
        n_chains: int = 100,
        mean_field_iterations: int = 30,
        mean_field_tolerance: float = 1e-4,
        centered: bool = False,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        self._sizes = as_sizes(layer_sizes, "DBM")
        self.cd_k = as_integer(cd_k, "cd_k", "DBM")
        self.n_chains = as_integer(n_chains, "n_chains", "DBM")
        self.mean_field_iterations = as_integer(
            mean_field_iterations, "mean_field_iterations", "DBM"
        )
        self.mean_field_tolerance = as_real(mean_field_tolerance, "mean_field_tolerance", "DBM")
        if not isinstance(centered, (bool, np.bool_)):
            raise TypeError(f"[DBM] centered must be True or False, got {centered!r}")
        self.centered = bool(centered)
        self.device = as_device(device, "DBM")
        threads = as_threads(n_threads, "DBM")
        seed = as_seed(random_state, "DBM")
        self._dbm = _core.DBM(self._sizes, seed, threads, self.device)
        self._dbm.initialize(INITIAL_DEVIATION)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Numbers of units, the visible layer's first."""
        return self._sizes

    @property
    def v_size(self) -> int:
        """Number of visible units."""
        return self._sizes[0]

    @property
    def n_threads(self) -> int | None:
        """Threads to use at most, None for all that are allowed; assignable."""
        return int(self._dbm.n_threads) or None

    @n_threads.setter
    def n_threads(self, value: int | None) -> None:
        self._dbm.n_threads = as_threads(value, "DBM")

    @property
    def seed(self) -> int:
        """Key of the random stream, 0 ... 2**64 - 1."""
        return int(self._dbm.seed)

    @property
    def draws(self) -> int:
        """Position in the random stream: with `seed`, the whole random state; assignable."""
        return int(self._dbm.draws)

    @draws.setter
    def draws(self, value: int) -> None:
        self._dbm.draws = as_integer(value, "draws", "DBM", minimum=0, maximum=2**64 - 1)

    @property
    def weights(self) -> tuple[FloatArray, ...]:
        """W_l between layers l and l + 1, (N_l, N_{l+1}); read-only copies. Assign all of them."""
        return tuple(_read_only(self._dbm.weights(i)) for i in range(len(self._sizes) - 1))

    @weights.setter
    def weights(self, values: Sequence[npt.ArrayLike]) -> None:
        shapes = list(pairwise(self._sizes))
        for layer, value in enumerate(self._checked(values, "weights", shapes)):
            self._dbm.set_weights(layer, value)

    @property
    def biases(self) -> tuple[FloatArray, ...]:
        """b_l of every layer, (N_l,), the visible one's first; read-only copies, assignable."""
        return tuple(_read_only(self._dbm.bias(i)) for i in range(len(self._sizes)))

    @biases.setter
    def biases(self, values: Sequence[npt.ArrayLike]) -> None:
        shapes = [(n,) for n in self._sizes]
        for layer, value in enumerate(self._checked(values, "biases", shapes)):
            self._dbm.set_bias(layer, value)

    def _checked(self, values: Any, name: str, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
        """All arrays, checked before the first of them is assigned."""
        if len(values) != len(shapes):
            raise ValueError(f"[DBM] {name} must be {len(shapes)} arrays, got {len(values)}")
        return [
            as_parameter(value, f"{name}[{layer}]", "DBM", shape)
            for layer, (value, shape) in enumerate(zip(values, shapes))
        ]

    def named_parameters(self) -> dict[str, FloatArray]:
        """Copies of the parameters as files name them: W0, W1, ..., b0, b1, ..."""
        weights = {f"W{i}": w for i, w in enumerate(self.weights)}
        return weights | {f"b{i}": b for i, b in enumerate(self.biases)}

    def set_named_parameters(self, arrays: Mapping[str, npt.ArrayLike]) -> None:
        """Assign all of `named_parameters`; other names are passed over."""
        self.weights = [arrays[f"W{i}"] for i in range(len(self._sizes) - 1)]
        self.biases = [arrays[f"b{i}"] for i in range(len(self._sizes))]

    def stacked(self) -> RBM:
        """The same model as one RBM: even layers side by side are its visible layer, odd ones its
        hidden layer.

        Layers of one parity are independent given the others, so the RBM's joint distribution, its
        Gibbs sweeps, its free energy (the odd layers summed out) and its log Z are the DBM's.

        Returns
        -------
        gibbslab.models.RBM
            A copy; W has zeros between layers that do not touch.
        """
        core = self._dbm.stacked()
        rbm = RBM(
            core.visible_size,
            core.hidden_size,
            random_state=self.seed,
            device=self.device,
            n_threads=self.n_threads,
        )
        rbm.W, rbm.v_bias, rbm.h_bias = core.W, core.v_bias, core.h_bias
        return rbm

    def __getstate__(self) -> dict[str, Any]:
        own = {k: v for k, v in self.__dict__.items() if k not in ("_dbm", "_trainer")}
        core = {
            "random_stream": (self.seed, self.draws),
            "n_threads": self._dbm.n_threads,
            "parameters": (self.weights, self.biases),
        }
        return {"attributes": own, "core": core}

    def __setstate__(self, state: dict[str, Any]) -> None:
        core = state["core"]
        seed, draws = core["random_stream"]
        device = usable_device(state["attributes"]["device"])
        self.__dict__.update(state["attributes"] | {"device": device})
        self._dbm = _core.DBM(self._sizes, seed, core["n_threads"], device)
        self.weights, self.biases = core["parameters"]
        self.draws = draws

    def __repr__(self) -> str:
        return f"{type(self).__name__}(layer_sizes={self.layer_sizes})"

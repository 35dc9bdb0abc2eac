"""What an RBM is made of: sizes, weights, biases, random stream, and how it is copied."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._devices import as_device, usable_device
from .._validation import as_integer, as_parameter, as_seed, as_threads
from ..units import Unit

FloatArray = npt.NDArray[np.float32]

INITIAL_DEVIATION = 0.1  # of the weights, as in the course template


def _read_only(array: FloatArray) -> FloatArray:
    # Writing into a copy would silently change nothing; better an error.
    array.flags.writeable = False
    return array


class RBMParameters:
    """Sizes, parameters and random stream of an RBM; the rest of `RBM` builds on it."""

    _parameter_names: tuple[str, ...] = ("W", "v_bias", "h_bias")
    _rbm: Any  # _core.RBM, or the _core.units.UnitRBM of other unit types, which offers the same

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        cd_k: int = 1,
        *,
        visible: str | Unit = "bernoulli",
        hidden: str | Unit = "bernoulli",
        temperature: float = 1.0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        sizes = (
            as_integer(visible_size, "visible_size", "RBM"),
            as_integer(hidden_size, "hidden_size", "RBM"),
        )
        self.cd_k = cd_k
        self.device = as_device(device, "RBM")
        threads = as_threads(n_threads, "RBM")
        self._set_units(visible, hidden, temperature)
        self._rbm = self._new_core(*sizes, as_seed(random_state, "RBM"), threads, self.device)
        self._rbm.initialize(INITIAL_DEVIATION)

    def _set_units(self, visible: Any, hidden: Any, temperature: Any) -> None:
        """Keep what `RBM.__new__` has found to be Bernoulli units at temperature 1."""

    def _new_core(
        self, visible_size: int, hidden_size: int, seed: int, n_threads: int, device: str
    ) -> Any:
        """A core model of the same units."""
        return _core.RBM(visible_size, hidden_size, seed, n_threads, device)

    @property
    def v_size(self) -> int:
        """Number of visible units, V."""
        return int(self._rbm.visible_size)

    @property
    def h_size(self) -> int:
        """Number of hidden units, H."""
        return int(self._rbm.hidden_size)

    @property
    def cd_k(self) -> int:
        """Gibbs sweeps of a contrastive-divergence pass, at least 1; assignable."""
        return self._cd_k

    @cd_k.setter
    def cd_k(self, value: int) -> None:
        self._cd_k = as_integer(value, "cd_k", "RBM")

    @property
    def n_threads(self) -> int | None:
        """Threads to use at most, None for all that are allowed; assignable."""
        return int(self._rbm.n_threads) or None

    @n_threads.setter
    def n_threads(self, value: int | None) -> None:
        self._rbm.n_threads = as_threads(value, "RBM")

    @property
    def seed(self) -> int:
        """Key of the random stream, 0 ... 2**64 - 1."""
        return int(self._rbm.seed)

    @property
    def draws(self) -> int:
        """Position in the random stream: with `seed`, the whole random state; assignable."""
        return int(self._rbm.draws)

    @draws.setter
    def draws(self, value: int) -> None:
        self._rbm.draws = as_integer(value, "draws", "RBM", minimum=0, maximum=2**64 - 1)

    @property
    def W(self) -> FloatArray:
        """Weights, (V, H); a read-only copy. Assign an array of this shape to change them."""
        return _read_only(self._rbm.W)

    @W.setter
    def W(self, value: npt.ArrayLike) -> None:
        self._rbm.W = self._parameter(value, "W", (self.v_size, self.h_size))

    @property
    def v_bias(self) -> FloatArray:
        """Visible biases, (V,); a read-only copy, assignable."""
        return _read_only(self._rbm.v_bias)

    @v_bias.setter
    def v_bias(self, value: npt.ArrayLike) -> None:
        self._rbm.v_bias = self._parameter(value, "v_bias", (self.v_size,))

    @property
    def h_bias(self) -> FloatArray:
        """Hidden biases, (H,); a read-only copy, assignable."""
        return _read_only(self._rbm.h_bias)

    @h_bias.setter
    def h_bias(self, value: npt.ArrayLike) -> None:
        self._rbm.h_bias = self._parameter(value, "h_bias", (self.h_size,))

    def _parameter(self, value: Any, name: str, shape: tuple[int, ...]) -> Any:
        return as_parameter(value, name, "RBM", shape, device=self.device)

    def device_array(self, name: str) -> _core.DeviceArray:
        """A parameter where it lies on the device, without a copy.

        The array stays as it is: training, and assigning to the parameter, put another one in its
        place.

        Parameters
        ----------
        name : {"W", "v_bias", "h_bias"}
            Which parameter: shape (V, H), (V,) or (H,). Models of Gaussian units also have
            "v_variance" (V,) and "h_variance" (H,).

        Returns
        -------
        DeviceArray
            Read-only.

        Raises
        ------
        ValueError
            If the model is on the CPU, or has no parameter of this name.
        """
        return self._rbm.device_array(name)

    def __getstate__(self) -> dict[str, Any]:
        own = {k: v for k, v in self.__dict__.items() if k not in ("_rbm", "_trainer")}
        core = {
            "sizes": (self.v_size, self.h_size),
            "random_stream": (self.seed, self.draws),
            "n_threads": self._rbm.n_threads,
            "parameters": {name: getattr(self._rbm, name) for name in self._parameter_names},
        }
        return {"attributes": own, "core": core}

    def __setstate__(self, state: dict[str, Any]) -> None:
        core = state["core"]
        seed, draws = core["random_stream"]
        visible_size, hidden_size = core["sizes"]
        device = usable_device(state["attributes"]["device"])
        self.__dict__.update(state["attributes"] | {"device": device})
        self._rbm = self._new_core(visible_size, hidden_size, seed, core["n_threads"], device)
        for name, value in core["parameters"].items():
            setattr(self._rbm, name, value)
        self._rbm.draws = draws

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(visible_size={self.v_size}, hidden_size={self.h_size}, "
            f"cd_k={self.cd_k})"
        )

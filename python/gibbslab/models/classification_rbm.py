"""The classification RBM, step by step."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._devices import as_device, usable_device
from .._validation import as_batch, as_integer, as_parameter, as_seed, as_threads

__all__ = ["ClassificationRBM"]

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

INITIAL_DEVIATION = 0.01  # of the weights
_OP = "ClassificationRBM"


PARAMETERS = ("W", "U", "v_bias", "h_bias", "y_bias")


class _Parameter:
    """A parameter that lives in the core: a read-only copy to read, assignable."""

    def __init__(self, *sizes: str) -> None:
        self._sizes = sizes

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, model: Any, owner: type) -> Any:
        if model is None:
            return self
        array = getattr(model._rbm, self._name)
        array.flags.writeable = False  # writing into a copy would silently change nothing
        return array

    def __set__(self, model: Any, value: npt.ArrayLike) -> None:
        shape = tuple(getattr(model, size) for size in self._sizes)
        setattr(model._rbm, self._name, as_parameter(value, self._name, _OP, shape))


class ClassificationRBM:
    """RBM over visible units and a label (Larochelle and Bengio 2008).

    E(y, v, h) = -v W h - U_y h - a v - b h - d_y, v in {0, 1}^V, h in {0, 1}^H, y in 0 ... K - 1;
    p(y | v) is proportional to exp(d_y + sum_j log(1 + exp(b_j + U_yj + (v W)_j))). Weights start
    as Normal(0, 0.01^2), biases as 0.

    Parameters
    ----------
    visible_size, hidden_size, n_classes : int
        V, H and K, at least 1.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights and samples, whatever the number of threads.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.
    n_threads : int or None, default=None
        Threads to use at most, 1 ... 1024; None for all that are allowed.

    Attributes
    ----------
    W : ndarray of shape (V, H), float32
        Weights; reading gives a read-only copy, assigning replaces them. Likewise:
    U : ndarray of shape (K, H), float32
        Weights of the labels.
    v_bias, h_bias, y_bias : ndarray of shape (V,), (H,), (K,), float32
        Biases a, b and d.
    seed, draws : int
        The whole random state: key of the stream and position in it.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    RuntimeError
        If ``device="cuda"`` cannot be had; or, from any method, if two threads use one model at
        a time.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab.models import ClassificationRBM
    >>> model = ClassificationRBM(4, 3, n_classes=2, random_state=0)
    >>> model.log_proba(np.eye(4)).shape
    (4, 2)
    """

    W = _Parameter("v_size", "h_size")
    U = _Parameter("n_classes", "h_size")
    v_bias = _Parameter("v_size")
    h_bias = _Parameter("h_size")
    y_bias = _Parameter("n_classes")

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        n_classes: int,
        *,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        visible = as_integer(visible_size, "visible_size", _OP)
        hidden = as_integer(hidden_size, "hidden_size", _OP)
        classes = as_integer(n_classes, "n_classes", _OP)
        self.device = as_device(device, _OP)
        threads = as_threads(n_threads, _OP)
        seed = as_seed(random_state, _OP)
        self._rbm = _core.ClassificationRBM(visible, hidden, classes, seed, threads, self.device)
        self._rbm.initialize(INITIAL_DEVIATION)

    @property
    def v_size(self) -> int:
        """Number of visible units, V."""
        return int(self._rbm.visible_size)

    @property
    def h_size(self) -> int:
        """Number of hidden units, H."""
        return int(self._rbm.hidden_size)

    @property
    def n_classes(self) -> int:
        """Number of labels, K."""
        return int(self._rbm.classes)

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
        self._rbm.draws = as_integer(value, "draws", _OP, minimum=0, maximum=2**64 - 1)

    @property
    def n_threads(self) -> int | None:
        """Threads to use at most, None for all that are allowed; assignable."""
        return int(self._rbm.n_threads) or None

    @n_threads.setter
    def n_threads(self, value: int | None) -> None:
        self._rbm.n_threads = as_threads(value, _OP)

    def log_proba(self, v: npt.ArrayLike) -> DoubleArray:
        """log p(y | v) of every label, exact.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.

        Returns
        -------
        ndarray of shape (n, K), float64
            In nats.

        Raises
        ------
        TypeError, ValueError
            If `v` has a wrong type, shape or value.
        """
        return self._rbm.log_proba(self._batch(v, f"{_OP}.log_proba"))

    def free_energy(self, v: npt.ArrayLike) -> DoubleArray:
        """-log sum_h exp(-E(y, v, h)) of every label.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.

        Returns
        -------
        ndarray of shape (n, K), float64
            In nats.

        Raises
        ------
        TypeError, ValueError
            If `v` has a wrong type, shape or value.
        """
        return self._rbm.free_energy(self._batch(v, f"{_OP}.free_energy"))

    def _batch(self, v: Any, op: str) -> Any:
        return np.asarray(as_batch(v, "v", op, self.v_size, device=self.device))

    def gibbs(
        self, h: npt.ArrayLike, k: int = 1
    ) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64], FloatArray]:
        """Sweeps h -> (v, y) -> h.

        Parameters
        ----------
        h : array_like of shape (n, H)
            Hidden states, 0 or 1, to start from.
        k : int, default=1
            Sweeps, at least 1.

        Returns
        -------
        v_prob, v : ndarray of shape (n, V), float32
            Probabilities and 0/1 states of the last sweep.
        y : ndarray of shape (n,), int64
            Labels drawn with v.
        h : ndarray of shape (n, H), float32
            Hidden states drawn given both.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = f"{_OP}.gibbs"
        start = np.asarray(as_batch(h, "h", op, self.h_size, binary=True, device=self.device))
        v_prob, v, y, after = self._rbm.gibbs(start, as_integer(k, "k", op))
        return v_prob, v, y.argmax(axis=1), after

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, atomically; see `gibbslab.io.save` and `gibbslab.load`."""
        from ..io import save

        save(self, path)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "sizes": (self.v_size, self.h_size, self.n_classes),
            "random_stream": (self.seed, self.draws),
            "n_threads": self._rbm.n_threads,
            "device": self.device,
            "parameters": {name: getattr(self._rbm, name) for name in PARAMETERS},
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.device = usable_device(state["device"])
        seed, draws = state["random_stream"]
        visible, hidden, classes = state["sizes"]
        threads = state["n_threads"]
        self._rbm = _core.ClassificationRBM(visible, hidden, classes, seed, threads, self.device)
        for name, value in state["parameters"].items():
            setattr(self._rbm, name, value)
        self._rbm.draws = draws

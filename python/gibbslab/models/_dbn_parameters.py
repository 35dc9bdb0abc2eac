"""What a deep belief network is made of: layers, random stream, and how it is copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .. import _core
from .._devices import as_device, usable_device
from .._validation import as_batch, as_integer, as_parameter, as_seed, as_threads
from ._parameters import INITIAL_DEVIATION, RBMParameters, _read_only
from .rbm import RBM

__all__ = ["DBNParameters", "dbn_parameter"]

FloatArray = npt.NDArray[np.float32]


def dbn_parameter(doc: str, name: str, *also: str, transposed: bool = False) -> Any:
    """An attribute that reads the core's parameter `name`, and writes it and those in `also`."""

    def read(self: DBNParameters) -> FloatArray:
        value = self._dbn.get(name)
        return _read_only(np.ascontiguousarray(value.T) if transposed else value)

    def write(self: DBNParameters, value: npt.ArrayLike) -> None:
        shape = self._dbn.get(name).shape
        attribute = f"{type(self).__name__} parameter"
        given = as_parameter(value, name, attribute, shape[::-1] if transposed else shape)
        for target in (name, *also):
            self._dbn.set(target, np.ascontiguousarray(given.T) if transposed else given)

    return property(read, write, doc=doc)


class DBNParameters:
    """Layers, parameters by name and random stream of a deep belief network of any depth."""

    LAYERS: ClassVar[int | None] = None  # that every model of the class has

    def __init__(
        self,
        layer_sizes: Sequence[int],
        cd_k: int = 1,
        *,
        n_classes: int = 0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        op = type(self).__name__
        sizes = [as_integer(n, "layer_sizes", op) for n in layer_sizes]
        if len(sizes) < 2:
            raise ValueError(f"[{op}] layer_sizes must name at least 2 layers, got {len(sizes)}")
        self.cd_k = cd_k
        classes = as_integer(n_classes, "n_classes", op, minimum=0)
        self.device = as_device(device, op)
        threads = as_threads(n_threads, op)
        self._dbn = _core.DBN(sizes, as_seed(random_state, op), threads, self.device, classes)
        self._dbn.initialize(INITIAL_DEVIATION)

    @property
    def layer_sizes(self) -> list[int]:
        """Units of every layer, the visible one first."""
        return list(self._dbn.sizes)

    @property
    def v_size(self) -> int:
        """Number of visible units, V."""
        return int(self._dbn.sizes[0])

    @property
    def n_classes(self) -> int:
        """Number of labels, K; 0 for a model without."""
        return int(self._dbn.classes)

    @property
    def cd_k(self) -> int:
        """Gibbs sweeps of the top RBM in a pass, at least 1; assignable."""
        return self._cd_k

    @cd_k.setter
    def cd_k(self, value: int) -> None:
        self._cd_k = as_integer(value, "cd_k", type(self).__name__)

    @property
    def n_threads(self) -> int | None:
        """Threads to use at most, None for all that are allowed; assignable."""
        return int(self._dbn.n_threads) or None

    @n_threads.setter
    def n_threads(self, value: int | None) -> None:
        self._dbn.n_threads = as_threads(value, type(self).__name__)

    @property
    def seed(self) -> int:
        """Key of the random stream, 0 ... 2**64 - 1."""
        return int(self._dbn.seed)

    @property
    def draws(self) -> int:
        """Position in the random stream: with `seed`, the whole random state; assignable."""
        return int(self._dbn.draws)

    @draws.setter
    def draws(self, value: int) -> None:
        name = type(self).__name__
        self._dbn.draws = as_integer(value, "draws", name, minimum=0, maximum=2**64 - 1)

    @property
    def parameters(self) -> dict[str, FloatArray]:
        """All parameters by name, read-only copies, from the bottom up.

        For each directed layer l: ``generative_l`` and ``recognition_l``, both (N_l, N_{l+1}),
        ``down_bias_l`` (N_l,), ``up_bias_l`` (N_{l+1},). For the RBM at the top: ``top_W``,
        ``top_v_bias``, ``top_h_bias``; with labels also ``top_U`` (K, N_D) and ``top_y_bias`` (K,).
        """
        return {name: _read_only(self._dbn.get(name)) for name in self._dbn.names}

    def set_parameters(self, **values: npt.ArrayLike) -> None:
        """Assign parameters by their names in `parameters`.

        Raises
        ------
        TypeError, ValueError
            If there is no such parameter, or a value has a wrong type, shape or value; nothing
            has changed.
        """
        op = f"{type(self).__name__}.set_parameters"
        unknown = sorted(set(values) - set(self._dbn.names))
        if unknown:
            raise ValueError(f"[{op}] names must be among {self._dbn.names}, got {unknown[0]!r}")
        checked = {
            name: as_parameter(value, name, op, self._dbn.get(name).shape)
            for name, value in values.items()
        }
        for name, value in checked.items():
            self._dbn.set(name, value)

    def top_rbm(self, label: int | None = None) -> RBM:
        """A copy of the RBM between the two top layers, for energies, likelihoods and AIS.

        Parameters
        ----------
        label : int, optional
            For a model with labels: the one that is held, 0 ... K - 1. The RBM is then that of
            p(x_{D-1}, x_D | label), with ``top_h_bias + top_U[label]`` for hidden biases.

        Returns
        -------
        RBM

        Raises
        ------
        TypeError, ValueError
            If `label` is missing, or given to a model without labels, or no label.
        """
        p, op = self.parameters, f"{type(self).__name__}.top_rbm"
        h_bias = p["top_h_bias"]
        if (label is None) != (self.n_classes == 0):
            raise ValueError(f"[{op}] label must be given where there are labels, got {label!r}")
        if label is not None:
            largest = self.n_classes - 1
            h_bias = h_bias + p["top_U"][as_integer(label, "label", op, 0, largest)]
        return rbm_of(p["top_W"], p["top_v_bias"], h_bias, like=self)

    def _codes(self, labels: Any, op: str, rows: int) -> list[int] | None:
        """Labels of so many rows, checked; one label stands for all."""
        if labels is None:
            return None
        if self.n_classes == 0:
            raise ValueError(f"[{op}] labels must be None where n_classes is 0")
        codes = np.asarray(labels)
        if codes.dtype.kind not in "iu":
            raise TypeError(f"[{op}] labels must be integers, got dtype {codes.dtype}")
        if codes.ndim > 0 and codes.shape != (rows,):
            raise ValueError(f"[{op}] labels must have shape ({rows},), got {codes.shape}")
        if codes.min() < 0 or codes.max() >= self.n_classes:
            wrong = f"{codes.min()} ... {codes.max()}"
            raise ValueError(f"[{op}] labels must be in 0 ... {self.n_classes - 1}, got {wrong}")
        out: list[int] = np.broadcast_to(codes, (rows,)).tolist()
        return out

    def _batch(self, x: Any, name: str, method: str, layer: int) -> Any:
        """Rows of a layer's states, checked."""
        op = f"{type(self).__name__}.{method}"
        return as_batch(x, name, op, self._dbn.sizes[layer], device=self.device)

    def __getstate__(self) -> dict[str, Any]:
        own = {k: v for k, v in self.__dict__.items() if k not in ("_dbn", "_trainer")}
        core = {
            "sizes": self._dbn.sizes,
            "classes": self._dbn.classes,
            "random_stream": (self.seed, self.draws),
            "n_threads": self._dbn.n_threads,
            "parameters": self.parameters,
        }
        return {"attributes": own, "core": core}

    def __setstate__(self, state: dict[str, Any]) -> None:
        core = state["core"]
        seed, draws = core["random_stream"]
        device = usable_device(state["attributes"]["device"])
        self._dbn = _core.DBN(core["sizes"], seed, core["n_threads"], device, core["classes"])
        for name, value in core["parameters"].items():
            self._dbn.set(name, value)
        self._dbn.draws = draws
        self.__dict__.update(state["attributes"] | {"device": device})

    def __repr__(self) -> str:
        labels = f", n_classes={self.n_classes}" if self.n_classes else ""
        return f"{type(self).__name__}(layer_sizes={self.layer_sizes}, cd_k={self.cd_k}{labels})"


def rbm_of(
    W: FloatArray, v_bias: FloatArray, h_bias: FloatArray, like: RBMParameters | DBNParameters
) -> RBM:
    """An RBM of these parameters, with the device, threads and seed of another model."""
    out = RBM(
        W.shape[0],
        W.shape[1],
        like.cd_k,
        random_state=like.seed,
        device=like.device,
        n_threads=like.n_threads,
    )
    out.W, out.v_bias, out.h_bias = W, v_bias, h_bias
    return out

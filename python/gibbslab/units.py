"""Unit types of RBMs, for ``gibbslab.models.RBM(visible=..., hidden=...)``.

Every type is an exponential family in its input eta = (bias + what the other layer sends) / T0:
p(x) ~ m(x) exp(eta x), with energies as in E(v, h) of `gibbslab.models.RBM`.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from . import _core
from ._validation import as_integer, as_real

__all__ = [
    "Bernoulli",
    "Binomial",
    "Categorical",
    "Gaussian",
    "ReLU",
    "Spin",
    "Unit",
    "as_unit",
    "check_admissible",
]

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

MOST_TRIALS = 1000
LEAST_VARIANCE = float(np.finfo(np.float32).tiny)  # of less, the inverse is no float32 number
SMOOTHING = 0.05  # share of an even distribution among the data's base rates


class Unit(ABC):
    """The type of the units of a layer.

    Attributes
    ----------
    kind : str
        Its name, as models take it for a string.
    columns : int
        Columns of a batch that one unit takes.
    bounded : bool
        Whether a state is one of finitely many. One layer of a pair must be: else the energy of
        some states falls without limit and there is no distribution.
    """

    kind: ClassVar[str]
    bounded: ClassVar[bool] = True
    columns: int = 1

    @property
    def params(self) -> dict[str, Any]:
        """The arguments that make an equal object."""
        return {}

    def core_type(self) -> _core.units.UnitType:
        """The type as the core takes it."""
        return _core.units.UnitType(self.kind)

    def check_size(self, size: int, name: str, op: str) -> None:
        """Raise `ValueError` if a layer cannot have `size` columns."""
        if size % self.columns:
            raise ValueError(
                f"[{op}] {name} must be a multiple of the {self.columns} states of a unit, "
                f"got {size}"
            )

    @abstractmethod
    def is_state(self, x: FloatArray) -> npt.NDArray[np.bool_]:
        """Per row, whether it is a state of the layer."""

    @property
    @abstractmethod
    def states(self) -> str:
        """What states are, for messages."""

    @abstractmethod
    def bias_for(self, means: DoubleArray) -> DoubleArray:
        """Biases of independent units with these means, those of data, kept off the extremes."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Unit) or type(other) is not type(self):
            return NotImplemented
        return _plain(self.params) == _plain(other.params)

    def __hash__(self) -> int:
        return hash((self.kind, repr(_plain(self.params))))

    def __repr__(self) -> str:
        args = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{type(self).__name__}({args})"


def _plain(params: dict[str, Any]) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in params.items()}


def _logit(p: DoubleArray) -> DoubleArray:
    smooth = (1.0 - SMOOTHING) * np.clip(p, 0.0, 1.0) + SMOOTHING * 0.5
    return np.log(smooth / (1.0 - smooth))


class Bernoulli(Unit):
    """x in {0, 1}."""

    kind = "bernoulli"
    states = "0 or 1"

    def is_state(self, x: FloatArray) -> npt.NDArray[np.bool_]:
        return ((x == 0) | (x == 1)).all(axis=1)

    def bias_for(self, means: DoubleArray) -> DoubleArray:
        return _logit(means)


class Spin(Unit):
    """x in {-1, +1}, as in the Ising model; E[x] = tanh(eta)."""

    kind = "spin"
    states = "-1 or +1"

    def is_state(self, x: FloatArray) -> npt.NDArray[np.bool_]:
        return (np.abs(x) == 1).all(axis=1)

    def bias_for(self, means: DoubleArray) -> DoubleArray:
        return 0.5 * _logit(0.5 * (means + 1.0))


class Categorical(Unit):
    """One of K states, a softmax or Potts unit, held as K columns of which one is 1.

    A layer of n units has n K columns, unit by unit; weights and biases have one entry for each.
    Adding a constant to the K biases of a unit, or to its K weights to a hidden unit while the
    hidden bias loses it, changes nothing: the model is left in the gauge that training reaches.

    Parameters
    ----------
    states : int
        K, at least 2.
    """

    kind = "categorical"

    def __init__(self, states: int) -> None:
        self.n_states = self.columns = as_integer(states, "states", "Categorical", 2)

    @property
    def params(self) -> dict[str, Any]:
        return {"states": self.n_states}

    @property
    def states(self) -> str:
        return f"one 1 and {self.n_states - 1} 0 in each {self.n_states} columns"

    def core_type(self) -> _core.units.UnitType:
        return _core.units.UnitType(self.kind, self.n_states)

    def is_state(self, x: FloatArray) -> npt.NDArray[np.bool_]:
        groups = x.reshape(len(x), -1, self.n_states)
        return (((groups == 0) | (groups == 1)).all(axis=2) & (groups.sum(axis=2) == 1)).all(axis=1)

    def bias_for(self, means: DoubleArray) -> DoubleArray:
        groups = np.clip(means, 0.0, 1.0).reshape(-1, self.n_states)
        total = np.maximum(groups.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        smooth = (1.0 - SMOOTHING) * groups / total + SMOOTHING / self.n_states
        return np.log(smooth).ravel()

    def encode(self, x: npt.ArrayLike) -> FloatArray:
        """Whole numbers 0 ... K - 1 of shape (n, units) as columns, (n, units K), float32.

        Raises
        ------
        ValueError
            If a value is none of these, or `x` has not two dimensions.
        """
        given = np.asarray(x)
        if given.ndim != 2 or not np.isin(given, np.arange(self.n_states)).all():
            raise ValueError(
                f"[Categorical.encode] x must hold 0 ... {self.n_states - 1} in two dimensions, "
                f"got shape {given.shape}"
            )
        rows = np.eye(self.n_states, dtype=np.float32)[given.astype(np.int64)]
        return rows.reshape(len(given), -1)

    def decode(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The inverse of `encode`: the largest of each K columns, (n, units)."""
        given = np.asarray(x)
        return given.reshape(len(given), -1, self.n_states).argmax(axis=2).astype(np.int64)


class Binomial(Unit):
    """x in {0 ... n}: n Bernoulli copies with one bias and one set of weights.

    m(x) = C(n, x) counts the copies that may be on; it is no part of the energy (Teh and
    Hinton 2001).

    Parameters
    ----------
    n : int
        Copies, 1 ... 1000.
    """

    kind = "binomial"

    def __init__(self, n: int) -> None:
        self.n = as_integer(n, "n", "Binomial", maximum=MOST_TRIALS)

    @property
    def params(self) -> dict[str, Any]:
        return {"n": self.n}

    @property
    def states(self) -> str:
        return f"whole numbers 0 ... {self.n}"

    def core_type(self) -> _core.units.UnitType:
        return _core.units.UnitType(self.kind, self.n)

    def is_state(self, x: FloatArray) -> npt.NDArray[np.bool_]:
        return ((x == np.floor(x)) & (x >= 0) & (x <= self.n)).all(axis=1)

    def bias_for(self, means: DoubleArray) -> DoubleArray:
        return _logit(means / self.n)


class Gaussian(Unit):
    """x real, with (x - bias)^2 / (2 variance) in the energy and x / variance in its coupling.

    Parameters
    ----------
    variance : float, array_like of shape (units,) or "learned", default=1.0
        Of every unit, or of each, given the other layer (at T0 = 1). "learned" starts at 1 and is
        trained on a log scale, for visible units only: a hidden unit's scale is its weights'.
    bounds : (float, float), default=(1e-3, 1e3)
        Least and largest learned variance, above 0.
    """

    kind = "gaussian"
    bounded = False
    states = "real numbers"

    def __init__(self, variance: Any = 1.0, bounds: tuple[float, float] = (1e-3, 1e3)) -> None:
        op = "Gaussian"
        self.learned = isinstance(variance, str)
        if self.learned and variance != "learned":
            raise ValueError(
                f"[{op}] variance must be a number, array or 'learned', got {variance!r}"
            )
        self.variance: Any = variance
        if not self.learned:
            self.variance = self._fixed(variance)
        low, high = (as_real(value, "bounds", op) for value in bounds)
        if not LEAST_VARIANCE <= low <= 1.0 <= high:
            raise ValueError(f"[{op}] bounds must be above 0 and enclose 1, got {bounds!r}")
        self.bounds = (low, high)

    @staticmethod
    def _fixed(variance: Any) -> Any:
        if isinstance(variance, numbers.Real):
            value: Any = as_real(variance, "variance", "Gaussian")
        else:
            value = np.array(variance, dtype=np.float64)
            if value.ndim != 1:
                raise ValueError(
                    f"[Gaussian] variance must have one dimension, got shape {value.shape}"
                )
        with np.errstate(over="ignore"):
            as_floats = np.asarray(value, np.float32)
        if not (np.isfinite(as_floats) & (as_floats >= LEAST_VARIANCE)).all():
            raise ValueError(f"[Gaussian] variance must be finite and above 0, got {variance!r}")
        return value

    @property
    def params(self) -> dict[str, Any]:
        return {"variance": self.variance, "bounds": self.bounds}

    def check_size(self, size: int, name: str, op: str) -> None:
        shape = np.shape(self.variance)
        if shape not in ((), (size,)):
            raise ValueError(f"[{op}] variance must have shape ({size},), got {shape}")

    def initial_variance(self, size: int) -> FloatArray:
        """The variances a model starts with, (size,)."""
        start = 1.0 if self.learned else self.variance
        return np.broadcast_to(np.asarray(start, np.float32), (size,)).copy()

    def is_state(self, x: FloatArray) -> npt.NDArray[np.bool_]:
        return np.ones(len(x), bool)

    def bias_for(self, means: DoubleArray) -> DoubleArray:
        return means


class ReLU(Unit):
    """x >= 0, a rectified linear unit: infinitely many Bernoulli copies with shifted inputs.

    Copy i has the input eta - i + 1/2, and x counts the copies that are on (Nair and Hinton 2010,
    section 2). m(x) holds the shifts. Energies, likelihoods and annealed importance sampling are
    of this model.

    Parameters
    ----------
    noisy : bool, default=True
        Draw max(0, eta + N(0, sigmoid(eta))), the paper's approximation, which is real and not
        whole. False draws the number of copies exactly.
    """

    kind = "rectified"
    bounded = False

    def __init__(self, noisy: bool = True) -> None:
        if not isinstance(noisy, (bool, np.bool_)):
            raise TypeError(f"[ReLU] noisy must be True or False, got {noisy!r}")
        self.noisy = bool(noisy)

    @property
    def params(self) -> dict[str, Any]:
        return {"noisy": self.noisy}

    @property
    def states(self) -> str:
        return "numbers of at least 0" if self.noisy else "whole numbers of at least 0"

    def core_type(self) -> _core.units.UnitType:
        return _core.units.UnitType(self.kind, 1, self.noisy)

    def is_state(self, x: FloatArray) -> npt.NDArray[np.bool_]:
        right = (x >= 0) & ((x == np.floor(x)) | self.noisy)
        return np.asarray(right.all(axis=1))

    def bias_for(self, means: DoubleArray) -> DoubleArray:
        at_least = np.maximum(means, SMOOTHING)
        return at_least + np.log(-np.expm1(-at_least))  # E[x] is close to log(1 + exp(eta))


_BY_NAME: dict[str, type[Unit]] = {
    "bernoulli": Bernoulli,
    "binary": Bernoulli,
    "gaussian": Gaussian,
    "relu": ReLU,
    "spin": Spin,
}


def as_unit(value: Any, name: str, op: str) -> Unit:
    """A unit type from itself or its name.

    Raises
    ------
    TypeError, ValueError
        If `value` is neither, or names a type that needs an argument.
    """
    if isinstance(value, Unit):
        return value
    if not isinstance(value, str):
        raise TypeError(f"[{op}] {name} must be a string or a gibbslab.units object, got {value!r}")
    if value not in _BY_NAME:
        raise ValueError(
            f"[{op}] {name} must be one of {sorted(_BY_NAME)}, or units.Categorical(states) or "
            f"units.Binomial(n), got {value!r}"
        )
    return _BY_NAME[value]()


def check_admissible(visible: Unit, hidden: Unit, op: str) -> None:
    """Raise `ValueError`, with the reason, unless the pair has a distribution for all weights."""
    if isinstance(hidden, Gaussian) and hidden.learned:
        raise ValueError(
            f"[{op}] hidden must have a fixed variance: scaling a hidden unit and its weights "
            "inversely leaves p(v) as it is"
        )
    if visible.bounded or hidden.bounded:
        return
    pair = f"visible={visible!r} with hidden={hidden!r}"
    if isinstance(visible, Gaussian) and isinstance(hidden, Gaussian):
        why = (
            "exp(-E) can be normalised only while the precision matrix [[1 / s_v, -W / (s_v s_h)], "
            "[., 1 / s_h]] is positive definite, which a step of training may end"
        )
    else:
        why = (
            "both grow without limit, and where a weight is large enough -E(v, h) rises along "
            "v, h -> infinity as fast as v W h, so that exp(-E) cannot be normalised"
        )
    raise ValueError(f"[{op}] {pair} is no probability model: {why}. Make one layer bounded")

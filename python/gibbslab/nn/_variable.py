"""Arrays that remember how they were computed, and the gradients of what came of them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._devices import as_device, usable_device
from .._validation import as_array, as_real, as_threads
from ._arithmetic import Arithmetic, Shape, matrix_shape

__all__ = ["Buffer", "Parameter", "Variable", "as_variable", "grad", "no_grad"]

FloatArray = npt.NDArray[np.float32]


class Variable(Arithmetic):
    """An array of float32 on a device that remembers how it was computed.

    Arithmetic (``+ - * / @`` and powers by a number) works as NumPy's, with broadcasting for up to
    two dimensions, between variables, arrays and numbers. `backward` computes the gradients of the
    variables that ask for them. Gradients are themselves differentiable where that is asked for.

    Everything that reads arrays takes a variable: ``numpy.asarray(x)``, ``x[0]``, ``plt.imshow``.
    What is read is a copy, and no part of the graph. Copies, and pickles, have no history and no
    gradient.

    Parameters
    ----------
    value : array_like
        Real numbers, finite in float32.
    requires_grad : bool, default=False
        Whether `backward` is to compute this variable's gradient.
    device : {"auto", "cpu", "cuda"}, default="cpu"
        Where it lies; "auto" takes CUDA where it works.
    n_threads : int or None, default=None
        Threads to use at most on the CPU, 1 ... 1024; None for all that are allowed.

    Attributes
    ----------
    shape : tuple of int
    ndim, size : int
    device : str
        "cpu" or "cuda".
    requires_grad : bool
        Whether a gradient can be computed by it.
    grad : Variable or None
        The gradient that `backward` has added up here; assignable.
    data : ndarray, float32
        The value, read-only; assignable where the variable is no result.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Examples
    --------
    >>> from gibbslab import nn
    >>> x = nn.Variable([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad.numpy()
    array([2., 4., 6.], dtype=float32)
    """

    __array_priority__ = 1000  # array + variable is a variable
    _node: _core.nn.Variable

    def __init__(
        self,
        value: npt.ArrayLike,
        requires_grad: bool = False,
        *,
        device: str = "cpu",
        n_threads: int | None = None,
    ) -> None:
        op = type(self).__name__
        array = as_array(value, "value", op)
        where, threads = as_device(device, op), as_threads(n_threads, op)
        self._shape: Shape = array.shape
        self._node = _core.nn.Variable(
            array.reshape(matrix_shape(array.shape)), bool(requires_grad), threads, where
        )

    @classmethod
    def _of(cls, core: _core.nn.Variable, shape: Shape) -> Variable:
        out = object.__new__(Variable)
        out._node, out._shape = core, shape
        return out

    def _beside(self, x: Any, op: str) -> Variable:
        return as_variable(x, self, op)

    @property
    def shape(self) -> Shape:
        """As of an array."""
        return self._shape

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self._shape)

    @property
    def device(self) -> str:
        """Where the value lies, "cpu" or "cuda"."""
        return self._node.device

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient can be computed by it."""
        return self._node.needs_gradient

    @property
    def grad(self) -> Variable | None:
        """The gradient that `backward` has added up here, or None; assignable."""
        found = self._node.gradient
        return None if found is None else Variable._of(found, self._shape)

    @grad.setter
    def grad(self, value: Variable | npt.ArrayLike | None) -> None:
        if value is None:
            self._node.gradient = None
            return
        gradient = as_variable(value, self, "grad")
        if gradient.shape != self._shape:
            raise ValueError(f"[grad] grad must have shape {self._shape}, got {gradient.shape}")
        self._node.gradient = gradient._node

    @property
    def data(self) -> FloatArray:
        """The value as an array, read-only; assignable where the variable is no result."""
        return self.numpy()

    @data.setter
    def data(self, value: npt.ArrayLike) -> None:
        array = as_array(value, "data", "Variable")
        if array.shape != self._shape:
            raise ValueError(f"[Variable] data must have shape {self._shape}, got {array.shape}")
        self._node.assign(array.reshape(matrix_shape(self._shape)))

    def numpy(self) -> FloatArray:
        """The value as a read-only array."""
        out = self._node.to_numpy().reshape(self._shape)
        out.flags.writeable = False
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        out = self._node.to_numpy().reshape(self._shape)
        return out if dtype is None else out.astype(dtype, copy=False)

    def item(self) -> float:
        """The value of a variable of one element, as a number."""
        if self.size != 1:
            raise ValueError(f"[item] a variable of shape {self._shape} is no number")
        return float(self._node.item())

    def __float__(self) -> float:
        return self.item()

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("[len] a variable without dimensions has no length")
        return self._shape[0]

    def __getitem__(self, key: Any) -> Any:
        """Elements of the value, as NumPy gives them; no part of the graph."""
        return self.numpy()[key]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self._shape}, device={self.device!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {
            "value": self._node.to_numpy(),
            "shape": self._shape,
            "requires_grad": self.requires_grad and self._node.leaf,
            "n_threads": self._node.n_threads,
            "device": self.device,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._shape = state["shape"]
        self._node = _core.nn.Variable(
            state["value"],
            state["requires_grad"],
            state["n_threads"],
            usable_device(state["device"]),
        )

    def detach(self) -> Variable:
        """The same value without its history."""
        return Variable._of(self._node.detached(), self._shape)

    def _move(self, device: str) -> None:
        """Another leaf of the same value on the device; no gradient."""
        value = self._node.to_numpy()
        self._node = _core.nn.Variable(value, self.requires_grad, self._node.n_threads, device)

    def backward(
        self, gradient: Variable | npt.ArrayLike | None = None, *, create_graph: bool = False
    ) -> None:
        """Add the gradients of this value to `grad` of every variable that requires one.

        Parameters
        ----------
        gradient : array_like, optional
            The gradient by this value of what is differentiated; ones by default, for a single
            number only.
        create_graph : bool, default=False
            Make the gradients differentiable themselves.

        Raises
        ------
        ValueError
            If nothing that this value depends on requires a gradient, if a parameter has changed
            since this value was computed, or if the value is no single number and `gradient` is
            not given.
        """
        seed = self._seed(gradient, "backward")
        _core.nn.backward(self._node, seed, create_graph)

    def _seed(self, gradient: Any, op: str) -> _core.nn.Variable | None:
        if gradient is None and self.size == 1:
            return None
        if gradient is None:
            raise ValueError(f"[{op}] a value of shape {self._shape} needs a gradient of its own")
        seed = as_variable(gradient, self, op)
        if seed.shape != self._shape:
            raise ValueError(f"[{op}] gradient must have shape {self._shape}, got {seed.shape}")
        return seed._node


class Parameter(Variable):
    """A variable that training changes: a leaf that requires a gradient. See `Variable`."""

    def __init__(
        self, value: npt.ArrayLike, *, device: str = "cpu", n_threads: int | None = None
    ) -> None:
        super().__init__(value, requires_grad=True, device=device, n_threads=n_threads)


class Buffer(Variable):
    """A variable that a module keeps and saves, and that no gradient changes. See `Variable`."""

    def __init__(
        self, value: npt.ArrayLike, *, device: str = "cpu", n_threads: int | None = None
    ) -> None:
        super().__init__(value, device=device, n_threads=n_threads)


def as_variable(x: Any, like: Variable, op: str) -> Variable:
    """`x` itself where it is a variable, else a constant beside `like`."""
    if isinstance(x, Variable):
        return x
    if isinstance(x, (int, float)):
        x = np.float32(as_real(x, "operand", op, minimum=-math.inf))
    return Variable(as_array(x, "operand", op), device=like.device,
                    n_threads=like._node.n_threads or None)  # fmt: skip


class no_grad(contextlib.ContextDecorator):
    """A context, or a decorator, in which no result remembers how it was computed.

    For the use of a network that is not trained: it saves memory and time. It holds for the thread
    that enters it, and nests.

    Examples
    --------
    >>> from gibbslab import nn
    >>> x = nn.Variable([1.0], requires_grad=True)
    >>> with nn.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_core.nn.set_recording(False))

    def __exit__(self, *error: object) -> None:
        _core.nn.set_recording(self._before.pop())


def grad(
    of: Variable,
    by: Iterable[Variable],
    gradient: Variable | npt.ArrayLike | None = None,
    *,
    create_graph: bool = False,
) -> list[Variable]:
    """The gradients of a value by some variables, without adding them to `Variable.grad`.

    Parameters
    ----------
    of : Variable
        What is differentiated.
    by : iterable of Variable
        Leaves, or results that `of` depends on.
    gradient, create_graph
        As in `Variable.backward`.

    Returns
    -------
    list of Variable
        One for each of `by`, with its shape; zeros where `of` does not depend on it.

    Raises
    ------
    ValueError
        As `Variable.backward`.
    """
    variables = list(by)
    seed = of._seed(gradient, "grad")
    found = _core.nn.gradients(of._node, [x._node for x in variables], seed, create_graph)
    return [Variable._of(g, x.shape) for g, x in zip(found, variables)]

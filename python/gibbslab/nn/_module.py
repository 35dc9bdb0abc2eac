"""What networks are built of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .._devices import as_device
from ._variable import Buffer, FloatArray, Parameter, Variable

__all__ = ["Module"]


class Module:
    """A network, or a part of one. Derive from it, and write `forward`.

    Parameters and modules that are kept as attributes, also in lists, tuples and dictionaries,
    belong to the module. Calling it calls `forward`.

    Attributes
    ----------
    training : bool
        Whether layers that differ between training and use, such as `Dropout`, train; True at
        first. See `train` and `eval`.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         self.hidden = nn.Linear(4, 8, random_state=0)
    ...         self.out = nn.Linear(8, 1, random_state=1)
    ...     def forward(self, x):
    ...         return self.out(nn.relu(self.hidden(x)))
    >>> net = Net()
    >>> net(np.zeros((3, 4))).shape
    (3, 1)
    >>> net.n_parameters
    49
    """

    training = True

    def forward(self, *inputs: Any) -> Any:
        """What the module computes; to be written by the class."""
        raise NotImplementedError(f"[{type(self).__name__}] forward is not written")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """The same as `forward`."""
        return self.forward(*inputs, **options)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Modules that are attributes, with their names."""
        for name, value in _attributes(self):
            if isinstance(value, Module):
                yield name, value

    def modules(self) -> Iterator[Module]:
        """This module and all those below it, each once."""
        seen: set[int] = set()
        for _, module in _walk(self, ""):
            if id(module) not in seen:
                seen.add(id(module))
                yield module

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their dotted names, each once."""
        return _named(self, Parameter)

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """What is kept beside the parameters, such as running means; likewise."""
        return _named(self, Buffer)

    def parameters(self) -> list[Parameter]:
        """All parameters, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    @property
    def n_parameters(self) -> int:
        """Number of values that training changes."""
        return sum(parameter.size for parameter in self.parameters())

    @property
    def device(self) -> str:
        """Where the first parameter or buffer lies; "cpu" without one."""
        return next((x.device for x in self._kept().values()), "cpu")

    def _kept(self) -> dict[str, Variable]:
        """All that a module saves and moves."""
        return {**dict(self.named_parameters()), **dict(self.named_buffers())}

    def train(self, mode: bool = True) -> Module:
        """Set `training` here and below; returns the module itself."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self) -> Module:
        """The same as ``train(False)``."""
        return self.train(False)

    def to(self, device: str) -> Module:
        """Move parameters and buffers to a device, without gradients; returns the module itself.

        Optimisers are built after it: they keep the parameters that they were given.

        Parameters
        ----------
        device : {"auto", "cpu", "cuda"}
            "auto" takes CUDA where it works.

        Raises
        ------
        RuntimeError
            If "cuda" cannot be had.
        """
        where = as_device(device, f"{type(self).__name__}.to")
        for x in self._kept().values():
            if x.device != where:
                x._move(where)
        return self

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def apply(self, function: Callable[[Module], object]) -> Module:
        """Call `function` with every module below and then with this one; returns it."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def state_dict(self) -> dict[str, FloatArray]:
        """All parameters and buffers by name, as arrays."""
        return {name: x.numpy() for name, x in self._kept().items()}

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Set all parameters and buffers.

        Parameters
        ----------
        state : mapping of str to array_like
            As `state_dict` gives it; nothing is changed unless all fits.

        Raises
        ------
        ValueError
            If one is missing, unknown or of another shape.
        """
        op = f"{type(self).__name__}.load_state_dict"
        own = self._kept()
        if missing := sorted(own.keys() - state.keys()):
            raise ValueError(f"[{op}] state must have {missing[0]!r}")
        if unknown := sorted(state.keys() - own.keys()):
            raise ValueError(f"[{op}] there is no parameter {unknown[0]!r}")
        for name, x in own.items():
            if np.shape(state[name]) != x.shape:
                raise ValueError(
                    f"[{op}] {name} must have shape {x.shape}, got {np.shape(state[name])}"
                )
        for name, x in own.items():
            x.data = state[name]

    def summary(self, input_shape: tuple[int, ...] | None = None) -> str:
        """A table of the layers: name, kind, shape of the result, number of parameters.

        Parameters
        ----------
        input_shape : tuple of int, optional
            Of one sample, without the batch; with it the network is run once, in `eval` mode, to
            find the shapes of the results.

        Returns
        -------
        str
        """
        from ._summary import summary

        return summary(self, input_shape)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={child!r}" for name, child in self.named_children())
        return f"{type(self).__name__}({inside})"


def _attributes(module: Module) -> Iterator[tuple[str, Any]]:
    """Attributes and, of those that are collections, the members, with their names."""
    for name, value in vars(module).items():
        if isinstance(value, (list, tuple)):
            yield from ((f"{name}.{i}", member) for i, member in enumerate(value))
        elif isinstance(value, dict):
            yield from ((f"{name}.{key}", member) for key, member in value.items())
        else:
            yield name, value


_Kind = TypeVar("_Kind", bound=Variable)


def _named(module: Module, kind: type[_Kind]) -> Iterator[tuple[str, _Kind]]:
    """Attributes of that kind, here and below, with their dotted names, each once."""
    seen: set[int] = set()
    for prefix, part in _walk(module, ""):
        for name, value in _attributes(part):
            if isinstance(value, kind) and id(value) not in seen:
                seen.add(id(value))
                yield prefix + name, value


def _walk(module: Module, prefix: str) -> Iterator[tuple[str, Module]]:
    yield prefix, module
    for name, child in module.named_children():
        yield from _walk(child, f"{prefix}{name}.")


def as_input(x: Any, module: Module, parameter: Variable) -> Variable:
    """`x` as a variable beside a parameter or buffer of the module."""
    from ._variable import as_variable

    return as_variable(x, parameter, type(module).__name__)

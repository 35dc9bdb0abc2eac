"""A network in training: batches in Python, on the same footing as the trainers of the core."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .. import _core, nn
from .._validation import as_batch
from ..errors import DivergenceError
from ..nn._arithmetic import matrix_shape
from ._interrupts import HeldInterrupt
from ._neural_settings import new_optimizer
from ._training import Arrays, Training

_AVERAGES = ("first", "second")  # of the optimiser, in the names of what is kept

__all__ = ["HostRows", "NeuralTrainer", "NeuralTraining", "use_threads"]


class HostRows:
    """Training rows in float32, dense or CSR."""

    def __init__(self, X: Any, op: str) -> None:
        sparse = sp.issparse(X)  # of finite numbers, as the estimator has checked
        self._X = sp.csr_matrix(X, dtype=np.float32) if sparse else as_batch(X, "X", op, X.shape[1])

    @property
    def rows(self) -> int:
        """Their number."""
        return int(self._X.shape[0])

    def take(self, order: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The named rows, dense."""
        part = self._X[order]
        return part.toarray() if sp.issparse(part) else part


class NeuralTrainer(ABC):
    """Trains some parameters of a network, batch by batch; a `CoreTrainer`.

    Ctrl-C waits for the end of a batch.
    """

    def __init__(self, model: Any, named: dict[str, nn.Parameter], options: dict[str, Any]) -> None:
        self.model = model
        self._named = named
        self.optimizer = new_optimizer(named.values(), options)
        self.optimizer._names = list(named)
        self.momentum = 0.0
        self.next_batch = 0

    @abstractmethod
    def step(self, batch: npt.NDArray[np.float32]) -> None:
        """Descend by one batch, with the draw that `model.draws` names.

        Raises
        ------
        DivergenceError
            If a parameter would become non-finite; all of them are unchanged.
        """

    def train(
        self,
        data: Any,
        order: npt.NDArray[np.int64],
        batch_size: int,
        first: int,
        last: int,
        learning_rate: float,
    ) -> tuple[int, str]:
        """See `CoreTrainer`."""
        settings = self.optimizer._descent.settings
        settings.rate, settings.momentum = learning_rate, self.momentum
        self.optimizer._descent.settings = settings
        done, draw, trouble = 0, self.model.draws, ""
        with HeldInterrupt() as interrupt:
            self.model.train()
            try:
                while first + done < last and not interrupt.pending:
                    at = (first + done) * batch_size
                    self._address(draw + done)
                    before = [(x, x._node) for _, x in self.model.named_buffers()]
                    self.step(data.take(order[at : at + batch_size]))
                    done += 1
            except DivergenceError as error:
                trouble = error.tensor or "a parameter"
                for buffer, node in before:
                    buffer._node = node
            finally:
                self._address(draw + done)
                self.model.eval()
                self.next_batch = first + done
        return done, trouble

    def _address(self, draw: int) -> None:
        """Let all draws of a batch follow from the number of batches before it."""
        self.model.draws = draw
        for module in self.model.modules():
            if isinstance(module, nn.Dropout):
                module.draws = draw

    def state(self) -> Arrays:
        """The optimiser's averages by parameter, and the number of its steps."""
        now = self.optimizer.state_dict()
        out: Arrays = {"steps": np.array(now["steps"])}
        for kind in _AVERAGES:
            out |= {f"{kind}.{name}": x for name, x in zip(self._named, now[kind])}
        return out

    def restore(self, values: dict[str, Any]) -> None:
        """Go back, or on, to a `state`; nothing for an empty one."""
        if "steps" in values:
            first, second = ([values[f"{kind}.{n}"] for n in self._named] for kind in _AVERAGES)
            self.optimizer._descent.restore(int(values["steps"]), first, second)


class NeuralTraining(Training):
    """A module in training, with `seed` and `draws`. See `Training`."""

    parameters = ()  # as many as there are layers
    further_counters: ClassVar[tuple[str, ...]] = ("steps",)

    def train_epoch(self, *batches: Any) -> None:
        with HeldInterrupt():  # until the place in the epoch is kept
            super().train_epoch(*batches)

    def state(self) -> dict[str, Any]:
        now = super().state()
        now["counters"]["steps"] = int(now["arrays"].pop("steps"))
        values = self.model.state_dict()
        now["arrays"] |= {name: x.reshape(matrix_shape(x.shape)) for name, x in values.items()}
        return now

    def restore(self, state: dict[str, Any]) -> None:
        arrays, counters = dict(state["arrays"]), state["counters"]
        own = self.model.state_dict()
        self.model.load_state_dict({n: arrays.pop(n).reshape(x.shape) for n, x in own.items()})
        arrays["steps"] = np.array(counters["steps"])
        super().restore({"arrays": arrays, "counters": counters})


def use_threads(model: nn.Module, n_threads: int) -> None:
    """Let a network compute with so many threads, 0 for all; what was built on it must be anew."""
    for x in model._kept().values():
        if x._node.n_threads != n_threads:
            value, trained = x._node.to_numpy(), x.requires_grad
            x._node = _core.nn.Variable(value, trained, n_threads, x.device)
    model.to(model.device)

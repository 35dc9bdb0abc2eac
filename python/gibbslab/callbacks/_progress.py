"""A progress bar, and scikit-learn's line per epoch."""

from __future__ import annotations

import sys
from typing import Any

from tqdm.auto import tqdm

from ._base import Callback

__all__ = ["EpochLines", "ProgressBar"]


class ProgressBar(Callback):
    """A bar of epochs on standard error, or in the notebook, with the latest measures beside it.

    ``verbose=1`` of the estimator adds one by itself.
    """

    _bar: Any = None

    def on_train_begin(self, estimator: Any) -> None:
        total = estimator._training.last_epoch - estimator.n_epochs_
        self._bar = tqdm(total=total, unit="epoch", desc=type(estimator).__name__)

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> None:
        shown = {name: f"{logs[name]:.2f}" for name in estimator._shown if name in logs}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(1)

    def on_train_end(self, estimator: Any, logs: dict[str, float]) -> None:
        self._bar.close()
        self._bar = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_bar"}


class EpochLines(Callback):
    """The lines that ``verbose`` of scikit-learn's class prints."""

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> None:
        names = [name for name in estimator._shown if name in logs][:1]
        values = "".join(f"{name.replace('_', '-')} = {logs[name]:.2f}, " for name in names)
        line = (
            f"[{type(estimator).__name__}] Iteration {epoch + 1}, {values}"
            f"time = {logs['time']:.2f}s"
        )
        tqdm.write(line, file=sys.stdout)

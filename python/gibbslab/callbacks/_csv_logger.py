"""A table of the history on disk."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

from ..io import write_atomically
from ._base import Callback

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """Write a row per epoch to a CSV file, complete after every epoch.

    A new training begins a new file; one that goes on (``warm_start``, a loaded checkpoint)
    keeps the rows of the epochs it builds on, and drops later and torn ones.

    Parameters
    ----------
    path : str or path-like
        File to write.

    Raises
    ------
    OSError
        In training, if the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def on_train_begin(self, estimator: Any) -> None:
        self._columns: list[str] = []
        self._done = estimator.n_epochs_

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> None:
        if not self._columns:
            self._begin(list(logs))
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow(logs)

    def _begin(self, columns: list[str]) -> None:
        """Leave a file with a header and the rows that the training builds on."""
        old_columns, rows = _read(self.path) if self._done else ([], [])
        self._columns = list(dict.fromkeys([*old_columns, *columns]))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(row for row in rows if 0 <= _epoch(row) < self._done)
        write_atomically(self.path, text.getvalue().encode(), "CSVLogger")


def _read(path: str | os.PathLike[str]) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines(keepends=True)
    except FileNotFoundError:
        return [], []
    if lines and not lines[-1].endswith("\n"):
        lines.pop()  # torn by a crash
    reader = csv.DictReader(lines)
    return list(reader.fieldnames or []), [row for row in reader if None not in row]


def _epoch(row: dict[str, str]) -> int:
    value = row.get("epoch") or ""
    return int(value) if value.isdecimal() else -1

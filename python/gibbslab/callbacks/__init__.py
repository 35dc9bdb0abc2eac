"""What may be done between epochs: progress bar, log file, early stopping, checkpoints."""

from __future__ import annotations

from ._base import Callback
from ._checkpoint import Checkpoint
from ._csv_logger import CSVLogger
from ._early_stopping import EarlyStopping
from ._progress import ProgressBar

__all__ = ["CSVLogger", "Callback", "Checkpoint", "EarlyStopping", "ProgressBar"]

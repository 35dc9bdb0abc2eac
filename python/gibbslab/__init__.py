"""Classical deep generative models: trained, sampled, measured and drawn."""

from __future__ import annotations

from . import metrics, models, nn, units
from ._config import show_config
from ._core import DeviceArray, __version__
from .errors import DivergenceError, FormatError
from .estimators import (
    DBM,
    DBN,
    VAE,
    AnomalyDetector,
    Autoencoder,
    BernoulliRBM,
    ClassificationRBM,
    DBNClassifier,
    GaussianRBM,
)
from .io import load
from .pretrained import load_pretrained

__all__ = [
    "DBM",
    "DBN",
    "VAE",
    "AnomalyDetector",
    "Autoencoder",
    "BernoulliRBM",
    "ClassificationRBM",
    "DBNClassifier",
    "DeviceArray",
    "DivergenceError",
    "FormatError",
    "GaussianRBM",
    "__version__",
    "load",
    "load_pretrained",
    "metrics",
    "models",
    "nn",
    "show_config",
    "units",
]

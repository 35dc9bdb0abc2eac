"""Classical deep generative models: trained, sampled, measured and drawn."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import metrics, models, nn, units
from ._config import show_config
from ._core import DeviceArray, __version__
from .errors import DivergenceError, FormatError

if TYPE_CHECKING:
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

# Read when first asked for: read at once they are most of what the import takes.
_LATER = ("callbacks", "datasets", "estimators", "io", "plot", "pretrained")
_FOUND_IN = {"load": ".io", "load_pretrained": ".pretrained"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return import_module(f".{name}", __name__)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_FOUND_IN.get(name, ".estimators"), __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LATER})

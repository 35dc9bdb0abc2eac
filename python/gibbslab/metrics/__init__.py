"""How good a model is: partition functions, likelihoods, signs of overfitting."""

from __future__ import annotations

from ._ais import ais, ais_bounds
from ._ais_result import AISBounds, AISDisagreementWarning, AISResult, LogLikelihood
from ._ising import ising_energy, ising_magnetization
from ._simple import free_energy_gap, reconstruction_error

__all__ = [
    "AISBounds",
    "AISDisagreementWarning",
    "AISResult",
    "LogLikelihood",
    "ais",
    "ais_bounds",
    "free_energy_gap",
    "ising_energy",
    "ising_magnetization",
    "reconstruction_error",
]

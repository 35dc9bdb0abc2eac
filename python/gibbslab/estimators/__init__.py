"""Estimators in scikit-learn's manner, and the schedules they take."""

from __future__ import annotations

from .bernoulli_rbm import BernoulliRBM
from .schedules import Exponential, Inverse, Linear, Steps

__all__ = ["BernoulliRBM", "Exponential", "Inverse", "Linear", "Steps"]

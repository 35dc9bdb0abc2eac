"""Estimators in scikit-learn's manner, and the schedules they take."""

from __future__ import annotations

from .anomaly_detector import AnomalyDetector
from .autoencoder import Autoencoder
from .bernoulli_rbm import BernoulliRBM
from .classification_rbm import ClassificationRBM
from .dbm import DBM
from .dbn import DBN
from .dbn_classifier import DBNClassifier
from .gaussian_rbm import GaussianRBM
from .schedules import Exponential, Inverse, Linear, Steps
from .vae import VAE

__all__ = [
    "DBM",
    "DBN",
    "VAE",
    "AnomalyDetector",
    "Autoencoder",
    "BernoulliRBM",
    "ClassificationRBM",
    "DBNClassifier",
    "Exponential",
    "GaussianRBM",
    "Inverse",
    "Linear",
    "Steps",
]

"""Models at the level of single steps: arrays in, arrays out, weights as plain arrays."""

from __future__ import annotations

from ._deep import DeepBeliefNetwork
from ._tempering import ParallelTempering, TemperingReport
from ._vae_measures import LatentStatistics
from .autoencoder import Autoencoder
from .classification_rbm import ClassificationRBM
from .dbm import DBM
from .dbn import DBN, DBNWithFineTuning
from .rbm import RBM
from .unit_rbm import UnitRBM
from .vae import VAE, VAELoss

__all__ = [
    "DBM",
    "DBN",
    "RBM",
    "VAE",
    "Autoencoder",
    "ClassificationRBM",
    "DBNWithFineTuning",
    "DeepBeliefNetwork",
    "LatentStatistics",
    "ParallelTempering",
    "TemperingReport",
    "UnitRBM",
    "VAELoss",
]

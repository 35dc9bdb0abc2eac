"""The variational autoencoder in training, and scores of rows that depend on nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from .. import _core, nn
from ..models import VAE
from ._data import blocks
from ._job import Job, Plan
from ._neural_training import NeuralTrainer, NeuralTraining, use_threads
from ._scores import hashed_uniforms
from ._training import CoreTrainer
from ._vae_settings import VAESettings

__all__ = ["VAETraining", "begin_vae", "elbo_of_rows"]

DoubleArray = npt.NDArray[np.float64]


class _Trainer(NeuralTrainer):
    """Descends by minus the ELBO, the KL divergence weighed by `beta`."""

    def __init__(self, model: VAE, options: dict[str, Any]) -> None:
        super().__init__(model, dict(model.named_parameters()), options)
        self.samples = options["samples"]
        self.beta = 1.0

    def step(self, batch: npt.NDArray[np.float32]) -> None:
        self.model.training_step(batch, self.optimizer, beta=self.beta, samples=self.samples)


class VAETraining(NeuralTraining):
    """A `models.VAE` in training."""

    model: VAE

    def __init__(self, model: VAE, settings: VAESettings) -> None:
        self.built_with = settings
        super().__init__(model, settings.options)

    def _make_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        use_threads(self.model, options["n_threads"])
        return _Trainer(self.model, options)

    def standing(self, settings: Any) -> tuple[Any, int]:
        """The same; and the trainer takes the beta of the epoch."""
        trainer: Any = self.trainer
        trainer.beta = settings.beta_at(self.epoch, "VAE.fit")
        return super().standing(settings)

    def plan(self, job: Job) -> Plan:
        settings, epoch = self.standing(job.settings)
        return Plan(job.data, settings, epoch, {"beta": settings.beta_at(epoch, job.op)})

    def measures(self, job: Job) -> dict[str, float]:
        """ELBO, by one fixed latent sample of each row, and KL divergence."""
        logs = self._watch(job.watched, "", job.op)
        if job.validation is not None:
            logs.update(self._watch(job.validation, "validation_", job.op))
        return logs

    @nn.no_grad()
    def _watch(self, X: Any, prefix: str, op: str) -> dict[str, float]:
        fit = divergence = 0.0
        for _, v in blocks(X, op):
            log_p, kl = elbo_terms(self.model, v)
            fit, divergence = fit + float(log_p.sum()), divergence + float(kl.sum())
        n = X.shape[0]
        return {f"{prefix}elbo": (fit - divergence) / n, f"{prefix}kl": divergence / n}


def elbo_terms(model: VAE, x: npt.NDArray[np.float32]) -> tuple[DoubleArray, DoubleArray]:
    """log p(x|z) and KL(q(z|x) || p(z)) of every row, z ~ q(z|x) by a hash of seed and row."""
    mu, logvar = (np.asarray(y, np.float64) for y in model.encode(x))
    u = hashed_uniforms(x, model.latent_size, model.seed)
    z = mu + np.exp(0.5 * logvar) * ndtri(u + 2.0**-54)
    return model._log_p(x, z), 0.5 * (mu**2 + np.expm1(logvar) - logvar).sum(axis=1)


def elbo_of_rows(model: VAE, x: npt.NDArray[np.float32]) -> DoubleArray:
    """The ELBO of every row by one latent sample of its own; see `elbo_terms`."""
    log_p, kl = elbo_terms(model, x)
    return log_p + (kl if _core.fault("elbo_plus_divergence") else -kl)


def begin_vae(n_features: int, settings: VAESettings, seed: int) -> VAETraining:
    """A new model, ready to train; log-variances of the latents start at 0, whatever the data.

    Raises
    ------
    ValueError
        If the layers do not take so many features.
    """
    settings.layers.check(n_features, "hidden_layer_sizes")
    model = VAE(
        settings.latent_size,
        n_features,
        settings.hidden_layer_sizes,
        decoder=settings.decoder,
        variance=settings.variance,
        random_state=seed,
        device=settings.device,
    )
    # exp(logvar) of data in units of their own may be infinite with random weights.
    model.enc_logvar.weight.data = np.zeros(model.enc_logvar.weight.shape)
    model.eval()
    return VAETraining(model, settings)

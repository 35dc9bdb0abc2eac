"""The autoencoder in training: greedy stages or none, then all layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import nn
from ..models import Autoencoder
from ._architecture import Architecture
from ._autoencoder_objective import objective, penalised, penalty, row_losses, with_noise
from ._autoencoder_settings import AutoencoderSettings
from ._data import blocks
from ._job import Job, Plan
from ._neural_training import NeuralTrainer, NeuralTraining, use_threads
from ._staged import StagedTraining
from ._training import CoreTrainer

__all__ = ["AutoencoderTraining", "begin_autoencoder"]

_WATCHED_DRAW = 2**48 + 2  # no draw of training is as far


class _Trainer(NeuralTrainer):
    """Descends by the objective of a part of the network, on what the layers below it give."""

    def __init__(self, training: AutoencoderTraining, options: dict[str, Any]) -> None:
        self.part = training.part()
        self.below = training.below()
        self.options = options
        own = {id(parameter) for parameter in self.part.parameters()}
        named = {n: p for n, p in training.model.named_parameters() if id(p) in own}
        super().__init__(training.model, named, options)

    def step(self, batch: npt.NDArray[np.float32]) -> None:
        rows = self.input(batch)
        given = with_noise(rows, self.options, self.model.seed, self.model.draws)
        self.optimizer.zero_grad()
        objective(self.part, given, rows, self.options).backward()
        self.optimizer.step()

    def input(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """What the layers below make of rows."""
        if self.below is None:
            return batch
        with nn.no_grad():
            return np.asarray(self.below(batch))


class AutoencoderTraining(NeuralTraining, StagedTraining):
    """A `models.Autoencoder` in training.

    In a greedy stage a layer of the encoder and its mirror in the decoder are an autoencoder of
    their own, trained on the codes that the layers below it give (Bengio et al. 2007, Vincent et
    al. 2010).
    """

    model: Autoencoder

    def __init__(
        self, model: Autoencoder, options: dict[str, Any], architecture: Architecture
    ) -> None:
        self.architecture = architecture
        super().__init__(model, options)

    @property
    def stage_epochs(self) -> int:
        return int(self._options["pretrain_iter"])

    @property
    def depth(self) -> int:
        return len(self.architecture.encoder) if self.stage_epochs else 0

    def part(self) -> Autoencoder:
        """The layers that the stage in progress trains."""
        if self.stage == self.depth:
            return self.model
        encoder, decoder = self._blocks(self.model.encoder), self._blocks(self.model.decoder)
        mine, mirror = encoder[self.stage], decoder[-1 - self.stage]
        width, seed, device = mine[0].in_features, self.model.seed, self.model.device
        return Autoencoder(mine, mirror, width, random_state=seed, device=device)

    def below(self) -> nn.Sequential | None:
        """The layers below those, where there are some."""
        if self.stage in (0, self.depth):
            return None
        blocks_below = self._blocks(self.model.encoder)[: self.stage]
        return nn.Sequential(*(layer for block in blocks_below for layer in block))

    @staticmethod
    def _blocks(network: Any) -> list[list[Any]]:
        """Each linear layer with what follows it."""
        return [network.layers[i : i + 2] for i in range(0, len(network.layers), 2)]

    def _make_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        self._stage = self.stage
        use_threads(self.model, options["n_threads"])
        in_stage = {**options, "loss": "mse"} if 0 < self.stage < self.depth else options
        return _Trainer(self, in_stage)

    def standing(self, settings: Any) -> tuple[Any, int]:
        return settings, self.epoch - self.stage * self.stage_epochs

    def plan(self, job: Job) -> Plan:
        logs = {"stage": float(self.stage)} if self.stage_epochs else {}
        return Plan(job.data, *self.standing(job.settings), logs)

    def measures(self, job: Job) -> dict[str, float]:
        """Those of the layers in training: loss, reconstruction error, penalties."""
        logs = self._watch(job.watched, "", job.op)
        if job.validation is not None:
            logs.update(self._watch(job.validation, "validation_", job.op))
        trainer: Any = self.trainer
        if penalised(trainer.options):
            _, first = next(blocks(job.watched, job.op))
            logs["penalty"] = penalty(trainer.part, trainer.input(first), trainer.options)
        return logs

    @nn.no_grad()
    def _watch(self, X: Any, prefix: str, op: str) -> dict[str, float]:
        trainer: Any = self.trainer
        part, options = trainer.part, trainer.options
        loss = error = 0.0
        for rows, v in blocks(X, op):
            x = trainer.input(v)
            given = with_noise(x, options, self.model.seed, _WATCHED_DRAW, rows.start)
            loss += float(row_losses(part, given, x, options["loss"]).sum())
            error += float(row_losses(part, x, x, "mse").sum())
        n = X.shape[0]
        return {f"{prefix}loss": loss / n, f"{prefix}reconstruction_error": error / n}


def begin_autoencoder(
    n_features: int, settings: AutoencoderSettings, seed: int
) -> AutoencoderTraining:
    """New networks, ready to train."""
    model = settings.architecture.build(n_features, seed, settings.device)
    model.eval()
    return AutoencoderTraining(model, settings.options, settings.architecture)

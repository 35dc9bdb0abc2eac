"""Greedy pre-training of a DBM, layer by layer, with doubled inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import DivergenceError
from ..models import DBM, RBM
from ._data import as_dataset, blocks, log_odds
from ._dbm_settings import DBMSettings
from ._rbm_training import core_options

__all__ = ["new_model", "pretrained"]

FloatArray = npt.NDArray[np.float32]


def pretrained(X: Any, settings: DBMSettings, seed: int, op: str) -> DBM:
    """A DBM of RBMs trained by CD-1, each on the hidden means of the one below.

    The first RBM's input is doubled on the way up, the last one's on the way down, those between
    both ways (Salakhutdinov and Hinton 2009, section 3): each stands for the layer that it lacks.

    Parameters
    ----------
    X : array or sparse matrix of shape (n, V)
        Checked training rows.
    settings : DBMSettings
    seed : int
        Of the model; the RBMs' are derived from it.
    op : str
        For messages.

    Returns
    -------
    DBM
        Its biases are those of the greedy RBMs.

    Raises
    ------
    DivergenceError
        If a weight would become non-finite.
    """
    sizes = (X.shape[1], *settings.hidden_layer_sizes)
    seeds = np.random.SeedSequence(seed).generate_state(len(sizes) - 1, np.uint64)
    rbms: list[RBM] = []
    rows: Any = X
    for layer, key in enumerate(seeds):
        rbm = RBM(
            sizes[layer],
            sizes[layer + 1],
            random_state=int(key),
            device=settings.device,
            n_threads=settings.n_threads or None,
        )
        rbm._rbm.initialize(0.01)
        if layer == 0:
            rbm.v_bias = log_odds(X)
        up = 2.0 if layer + 2 < len(sizes) else 1.0
        rbm._rbm.set_input_scales(up, 2.0 if layer > 0 else 1.0)
        _train(rbm, rows, settings, op)
        if layer + 2 < len(sizes):
            rows = _hidden_means(rbm, rows, op)
        rbms.append(rbm)
    return DBM.from_rbms(rbms, random_state=seed, **_model_options(settings))


def _model_options(settings: DBMSettings) -> dict[str, Any]:
    options = settings.options
    names = ("n_chains", "mean_field_iterations", "mean_field_tolerance", "centered")
    return {
        "cd_k": options["k"],
        "device": settings.device,
        "n_threads": settings.n_threads or None,
        **{name: options[name] for name in names},
    }


def new_model(visible: int, settings: DBMSettings, seed: int) -> DBM:
    """A DBM with weights from Normal(0, 0.01^2)."""
    sizes = (visible, *settings.hidden_layer_sizes)
    return DBM(sizes, random_state=seed, **_model_options(settings))


def _train(rbm: RBM, rows: Any, settings: DBMSettings, op: str) -> None:
    options = {"persistent": False, "l2": settings.options["l2"], "sample_input": True}
    trainer = _core.Trainer(rbm._rbm, core_options(options))
    data, size = as_dataset(rows, op, settings.device), settings.batch_size
    batches = -(-data.rows // size)
    for epoch in range(settings.pretrain_iter):
        trainer.momentum = settings.momentum_at(epoch, op)
        rate = settings.pretrain_rate_at(epoch, op)
        order = _core.permutation(data.rows, rbm.seed, epoch)
        done, tensor = trainer.train(data, order, size, 0, batches, rate)
        if tensor:
            raise DivergenceError(
                f"[{op}] {tensor} of the RBM below layer {rbm.h_size} would become non-finite in "
                f"pre-training epoch {epoch}, batch {done}, at learning rate {rate:g}",
                epoch=epoch,
                batch=int(done),
                tensor=tensor,
            )


def _hidden_means(rbm: RBM, rows: Any, op: str) -> FloatArray:
    out = np.empty((rows.shape[0], rbm.h_size), np.float32)
    for where, v in blocks(rows, op):
        out[where] = np.asarray(rbm.hidden_mean(v))
    return out

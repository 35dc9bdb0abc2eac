"""Estimators of networks in the ways that resuming must not change, and what to compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gibbslab import VAE, Autoencoder, nn
from gibbslab.estimators import Linear

ROWS, V = 45, 9  # the last of five batches is short


def data(n: int = ROWS, seed: int = 0) -> np.ndarray:
    """Rows in [0, 1] near a curve, so that a few numbers tell all."""
    rng = np.random.default_rng(seed)
    angle = rng.random((n, 1)) * np.linspace(0.5, 3, V)
    return np.clip(0.5 + 0.4 * np.cos(angle) + rng.normal(0, 0.02, (n, V)), 0, 1)


def convolutions() -> tuple[list[nn.Module], list[nn.Module]]:
    """Of images of 3 x 3 pixels; with running means, which need no bias before them."""
    encoder = [
        nn.Reshape(3, 3, 1), nn.Conv2d(1, 2, 3, 1, "same", False, random_state=0),
        nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 4, random_state=1),
    ]  # fmt: skip
    decoder = [
        nn.Linear(4, 8, random_state=2), nn.Reshape(2, 2, 2), nn.Upsample(2),
        nn.ConvTranspose2d(2, 1, 2, random_state=3, padding=1), nn.Flatten(),
    ]  # fmt: skip
    return encoder, decoder


def layers() -> tuple[list[nn.Module], list[nn.Module]]:
    """Of an encoder and a decoder; among them one that draws."""
    encoder = [nn.Reshape(3, 3), nn.Flatten(), nn.Linear(V, 6, random_state=0), nn.ELU()]
    decoder = [nn.Dropout(0.2, random_state=1), nn.Linear(6, V, random_state=2)]
    return encoder, decoder


AUTOENCODERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "denoising": {
        "noise": "masking", "loss": "bce", "optimizer": "sgd", "momentum": 0.5,
        "validation_fraction": 0.2, "learning_rate": Linear(0.1, 0.01, 8),
    },
    "penalties": {
        "activation": "sigmoid", "contractive": 0.1, "sparsity_target": 0.1, "activity_l1": 0.01,
        "optimizer": "rmsprop", "shuffle": False,
    },
    "stacked": {"architecture": (6, 3), "pretrain_iter": 3, "n_iter": 4, "noise": "gaussian"},
    "images": {"learning_rate": 0.02},
    "layers": {"optimizer": "adamw", "weight_decay": 0.01},
}  # fmt: skip


def autoencoder(case: str, **params: Any) -> Autoencoder:
    """The estimator of a case, which trains for ten epochs."""
    settings: dict[str, Any] = {
        "architecture": (5, 2), "n_iter": 10, "batch_size": 9, "random_state": 7, "n_threads": 1,
        "learning_rate": 0.01,
    }  # fmt: skip
    if case in ("layers", "images"):
        settings["architecture"] = layers() if case == "layers" else convolutions()
    return Autoencoder(**settings | AUTOENCODERS[case] | params)


VAES: dict[str, dict[str, Any]] = {
    "plain": {},
    "gaussian": {
        "decoder": "gaussian", "variance": "per_pixel", "beta": Linear(0, 1, 4),
        "n_latent_samples": 3, "optimizer": "rmsprop", "validation_fraction": 0.2,
        "hidden_layer_sizes": (6, 4), "shuffle": False,
    },
    "images": {"hidden_layer_sizes": "conv", "n_latent_samples": 2, "validation_fraction": 0.2},
}  # fmt: skip


def vae(case: str, **params: Any) -> VAE:
    """The estimator of a case, which trains for ten epochs."""
    settings: dict[str, Any] = {
        "latent_size": 2, "hidden_layer_sizes": (6,), "n_iter": 10, "batch_size": 9,
        "random_state": 7, "n_threads": 1, "learning_rate": 0.01,
    }  # fmt: skip
    return VAE(**settings | VAES[case] | params)


# Makers of estimators that train for ten epochs, by the name of the test.
NEURAL: dict[str, Callable[..., Any]] = {
    f"autoencoder, {case}": lambda case=case, **params: autoencoder(case, **params)
    for case in AUTOENCODERS
} | {
    f"vae, {case}": lambda case=case, **params: vae(case, **params)
    for case in VAES
}  # fmt: skip


def state(estimator: Any) -> dict[str, Any]:
    """All that decides what comes next, and the history but for its times."""
    now = estimator._training.state()
    history = {name: column for name, column in estimator.history_.items() if name != "time"}
    return {**now["arrays"], **now["counters"], "seed": estimator.model_.seed, **history}


def assert_same_training(one: Any, other: Any) -> None:
    """Bit for bit the same."""
    first, second = state(one), state(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name, strict=True)


def finished(estimator: Any) -> Any:
    """The estimator after the rest of its ten epochs."""
    done = max(estimator.n_epochs_, getattr(estimator._training, "greedy_epochs", 0))
    estimator.set_params(warm_start=True, callbacks=None, n_iter=10 - done)
    return estimator.fit(data())

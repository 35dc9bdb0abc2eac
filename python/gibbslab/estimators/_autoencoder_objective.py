"""What an autoencoder minimises: reconstruction loss and penalties, and the same as measures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import nn
from ..models import Autoencoder
from ..models.autoencoder import corrupted, sparsity_divergence

__all__ = ["objective", "penalised", "penalty", "row_losses", "with_noise"]

DoubleArray = npt.NDArray[np.float64]
Options = dict[str, Any]


def penalised(options: Options) -> bool:
    """Whether there is more than the reconstruction loss."""
    return any(options[name] for name in ("contractive", "sparsity_target", "activity_l1"))


def with_noise(x: Any, options: Options, seed: int, draw: int, first_row: int = 0) -> Any:
    """The rows as the encoder gets them in training."""
    if options["noise"] is None:
        return x
    return corrupted(x, options["noise"], options["noise_level"], seed, draw, first_row)


def _penalties(net: Autoencoder, x: Any, options: Options) -> tuple[nn.Variable, nn.Variable]:
    """Codes, and all penalties of a batch together."""
    n = len(x)
    if options["contractive"]:
        codes, norm = net.contraction(x)
        total = norm * (options["contractive"] / n)
    else:
        codes = net.encode(x)
        total = nn.Variable(0.0, device=codes.device)
    if options["sparsity_target"]:
        divergence = sparsity_divergence(codes, options["sparsity_target"])
        total = total + divergence * options["sparsity_cost"]
    if options["activity_l1"]:
        size = nn.relu(codes) + nn.relu(-codes)
        total = total + size.sum() * (options["activity_l1"] / n)
    return codes, total


def objective(net: Autoencoder, given: Any, target: Any, options: Options) -> nn.Variable:
    """Mean loss of the reconstruction of `target` from `given`, and the penalties."""
    added = None
    if penalised(options):
        codes, added = _penalties(net, given, options)
    else:
        codes = net.encode(given)
    if options["loss"] == "bce":
        loss = nn.bce_with_logits_loss(net.logits(codes), target)
    else:
        loss = nn.mse_loss(net.decode(codes), target)
    return loss if added is None else loss + added


def penalty(net: Autoencoder, x: Any, options: Options) -> float:
    """All penalties of some rows together."""
    return _penalties(net, x, options)[1].item()


def row_losses(net: Autoencoder, given: Any, target: Any, loss: str) -> DoubleArray:
    """The loss of the reconstruction of each row, the mean over the features, in float64."""
    codes = net.encode(given)
    rows = np.asarray(target, np.float64)
    if loss == "bce":
        logits = np.asarray(net.logits(codes), np.float64)
        return (np.logaddexp(0, logits) - rows * logits).mean(axis=1)
    return np.square(rows - np.asarray(net.decode(codes))).mean(axis=1)

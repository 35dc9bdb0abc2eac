"""The parameters of the autoencoder, checked and resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import nn
from .._validation import as_integer, as_real
from ..models.autoencoder import NOISES
from ._architecture import ACTIVATIONS, Architecture, as_architecture
from ._neural_settings import descent_options
from ._settings import LoopSettings, as_choice, as_positive_or_none, loop_settings

__all__ = ["AutoencoderSettings", "resolve_autoencoder"]

_LOSSES = ("mse", "bce")


@dataclass(frozen=True)
class AutoencoderSettings(LoopSettings):
    """What one call of ``fit`` works with."""

    architecture: Architecture


def _target(e: Any, op: str) -> float:
    target = as_positive_or_none(e.sparsity_target, "sparsity_target", op)
    if target >= 1:
        raise ValueError(f"[{op}] sparsity_target must be in (0, 1), got {e.sparsity_target!r}")
    return target


def _noise(e: Any, op: str) -> dict[str, Any]:
    if e.noise is not None:
        as_choice(e.noise, "noise", op, NOISES)
    level = as_real(e.noise_level, "noise_level", op)
    if e.noise not in (None, "gaussian") and level > 1:
        raise ValueError(
            f"[{op}] noise_level must be in [0, 1] with {e.noise!r} noise, got {e.noise_level!r}"
        )
    return {"noise": e.noise, "noise_level": level}


def _options(e: Any, op: str) -> dict[str, Any]:
    return {
        **descent_options(e, op),
        **_noise(e, op),
        "loss": as_choice(e.loss, "loss", op, _LOSSES),
        "contractive": as_real(e.contractive, "contractive", op),
        "sparsity_target": _target(e, op),
        "sparsity_cost": as_real(e.sparsity_cost, "sparsity_cost", op),
        "activity_l1": as_real(e.activity_l1, "activity_l1", op),
        "pretrain_iter": as_integer(e.pretrain_iter, "pretrain_iter", op, minimum=0),
    }


def _check_architecture(of: Architecture, options: dict[str, Any], op: str) -> None:
    """Refuse losses, penalties and stages that the networks do not allow."""
    if options["loss"] == "bce" and of.output_activation is not nn.Sigmoid:
        raise ValueError(
            f"[{op}] loss='bce' needs a decoder that ends in a sigmoid, "
            f"got {of.output_activation.__name__}"
        )
    if options["sparsity_target"] and of.code_activation is not nn.Sigmoid:
        raise ValueError(
            f"[{op}] sparsity_target needs an encoder that ends in a sigmoid, "
            f"got {of.code_activation.__name__}"
        )
    if options["pretrain_iter"] and not of.mirrored:
        raise ValueError(
            f"[{op}] pretrain_iter needs hidden sizes as architecture, or a preset whose decoder "
            "mirrors its encoder"
        )


def resolve_autoencoder(estimator: Any, op: str) -> AutoencoderSettings:
    """Check every parameter of the estimator; `TypeError` or `ValueError` names a wrong one."""
    e = estimator
    loop, options = loop_settings(e, op), _options(e, op)
    activation = as_choice(e.activation, "activation", op, tuple(ACTIVATIONS))
    output = "sigmoid" if options["loss"] == "bce" else "identity"
    if e.output_activation is not None:
        output = as_choice(e.output_activation, "output_activation", op, tuple(ACTIVATIONS))
    architecture = as_architecture(e.architecture, activation, output, op)
    _check_architecture(architecture, options, op)
    return AutoencoderSettings(architecture=architecture, options=options, **loop)

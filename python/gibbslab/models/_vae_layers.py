"""The hidden layers of a variational autoencoder: fully connected, or convolutions of images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .. import _core, nn
from .._validation import as_integer
from ..nn._variable import Variable, as_variable
from ._vae_plan import VariablePlan

__all__ = ["PRESETS", "Convolutions", "Dense", "as_layers"]


@dataclass(frozen=True)
class Dense:
    """Softplus layers of these sizes, from the data on, and in reverse in the decoder."""

    sizes: tuple[int, ...]

    def check(self, data_size: int, name: str) -> None:
        """Any size of the data fits."""

    def n_parameters(self, latent_size: int, data_size: int) -> int:
        """Values that training changes, but for variances."""
        sizes = (data_size, *self.sizes, latent_size)
        up = sum((below + 1) * above for below, above in pairwise(sizes))
        down = sum((above + 1) * below for below, above in pairwise(sizes))
        return up + (sizes[-2] + 1) * sizes[-1] + down

    def add_to(self, model: Any, streams: np.random.Generator, device: str) -> None:
        """Give the model its layers."""
        encoder, decoder = (model.data_size, *self.sizes), (model.latent_size, *self.sizes[::-1])
        options: dict[str, Any] = {"random_state": streams, "device": device}
        for i, (below, above) in enumerate(pairwise(encoder), 1):
            setattr(model, f"enc_fc{i}", nn.Linear(below, above, **options))
        model.enc_mu = nn.Linear(encoder[-1], model.latent_size, **options)
        model.enc_logvar = nn.Linear(encoder[-1], model.latent_size, **options)
        for i, (below, above) in enumerate(pairwise(decoder), 1):
            setattr(model, f"dec_fc{i}", nn.Linear(below, above, **options))
        model.dec_out = nn.Linear(decoder[-1], model.data_size, **options)

    def _through(self, model: Any, part: str, x: Any) -> Any:
        for i in range(1, len(self.sizes) + 1):
            x = getattr(model, f"{part}_fc{i}").activated(x, "softplus", 0.0)
        return x

    def encode(self, model: Any, x: Any) -> Any:
        """What means and log-variances are computed from."""
        return self._through(model, "enc", x)

    def decode(self, model: Any, z: Variable) -> Variable:
        """The decoder's last values (n, V)."""
        out: Variable = model.dec_out(self._through(model, "dec", z))
        return out

    def plan(self, model: Any) -> _core.nn.VAETrainer:
        """What computes the model's steps."""
        pair = lambda layer: (layer.weight._node, layer.bias._node)  # noqa: E731
        numbers = range(1, len(self.sizes) + 1)
        return _core.nn.VAETrainer(
            [pair(getattr(model, f"enc_fc{i}")) for i in numbers],
            pair(model.enc_mu),
            pair(model.enc_logvar),
            [*(pair(getattr(model, f"dec_fc{i}")) for i in numbers), pair(model.dec_out)],
            None if model.decoder == "bernoulli" else model._data_logvar()._node,
        )


@dataclass(frozen=True)
class Convolutions:
    """3 x 3 convolutions of square grey images, each halving their sides, and the way back.

    Rectifiers follow all layers but the last ones; a fully connected layer leads from the latents
    to the images that the transposed convolutions enlarge.
    """

    channels: tuple[int, ...]

    def check(self, data_size: int, name: str) -> None:
        """Refuse data that are no square images."""
        if math.isqrt(data_size) ** 2 != data_size:
            raise ValueError(
                f"[VAE] {name}={_name_of(self)!r} needs square images, got {data_size} features"
            )

    def _sides(self, data_size: int) -> list[int]:
        """From the data's on."""
        sides = [math.isqrt(data_size)]
        for _ in self.channels:
            sides.append((sides[-1] + 1) // 2)
        return sides

    def n_parameters(self, latent_size: int, data_size: int) -> int:
        """Values that training changes, but for variances."""
        features = self._sides(data_size)[-1] ** 2 * self.channels[-1]
        pairs = list(pairwise((1, *self.channels)))
        kernels = sum(9 * 2 * below * above + above + below for below, above in pairs)
        return kernels + (features + 1) * 2 * latent_size + (latent_size + 1) * features

    def add_to(self, model: Any, streams: np.random.Generator, device: str) -> None:
        """Give the model its layers."""
        options: dict[str, Any] = {"random_state": streams, "device": device}
        sides, channels = self._sides(model.data_size), (1, *self.channels)
        features = sides[-1] ** 2 * channels[-1]
        for i, (below, above) in enumerate(pairwise(channels), 1):
            setattr(model, f"enc_conv{i}", nn.Conv2d(below, above, 3, 2, 1, init="he", **options))
        model.enc_mu = nn.Linear(features, model.latent_size, **options)
        model.enc_logvar = nn.Linear(features, model.latent_size, **options)
        model.dec_fc1 = nn.Linear(model.latent_size, features, init="he", **options)
        for name, i in self._enlarging():
            chosen = "glorot" if name == "dec_out" else "he"
            layer = nn.ConvTranspose2d(channels[i], channels[i - 1], 3, 2, 1, 1 - sides[i - 1] % 2,
                                       init=chosen, **options)  # fmt: skip
            setattr(model, name, layer)

    def _enlarging(self) -> Iterator[tuple[str, int]]:
        """Names of the transposed convolutions, each with the encoder's layer that it mirrors."""
        last = len(self.channels)
        for i in range(last, 0, -1):
            yield "dec_out" if i == 1 else f"dec_conv{last - i + 1}", i

    def encode(self, model: Any, x: Any) -> Variable:
        """What means and log-variances are computed from."""
        h = as_variable(x, model.enc_mu.weight, "VAE.encode")
        side = math.isqrt(model.data_size)
        h = h.reshape(-1, side, side, 1)
        for i in range(1, len(self.channels) + 1):
            h = getattr(model, f"enc_conv{i}").activated(h, "leaky_relu", 0.0)
        return h.reshape(h.shape[0], -1)

    def decode(self, model: Any, z: Variable) -> Variable:
        """The decoder's last values (n, V)."""
        h = model.dec_fc1.activated(z, "leaky_relu", 0.0)
        side = self._sides(model.data_size)[-1]
        h = h.reshape(z.shape[0], side, side, self.channels[-1])
        for name, _ in self._enlarging():
            function = "identity" if name == "dec_out" else "leaky_relu"
            h = getattr(model, name).activated(h, function, 0.0)
        out: Variable = h.reshape(z.shape[0], model.data_size)
        return out

    def plan(self, model: Any) -> VariablePlan:
        """What computes the model's steps."""
        return VariablePlan(model)


PRESETS: dict[str, Dense | Convolutions] = {
    "conv": Convolutions((32, 64)),
    "dense": Dense((200, 200)),
}


def _name_of(layers: Dense | Convolutions) -> str:
    return next((name for name, preset in PRESETS.items() if preset == layers), "")


def as_layers(value: Any, name: str, op: str) -> Dense | Convolutions:
    """Hidden sizes or the name of a preset, checked."""
    if isinstance(value, str):
        if value not in PRESETS:
            raise ValueError(
                f"[{op}] {name} must be integers or one of {tuple(PRESETS)}, got {value!r}"
            )
        return PRESETS[value]
    if isinstance(value, bytes) or not isinstance(value, Sequence):
        raise TypeError(
            f"[{op}] {name} must be a sequence of integers or one of {tuple(PRESETS)}, "
            f"got {value!r}"
        )
    return Dense(tuple(as_integer(n, name, op) for n in value))

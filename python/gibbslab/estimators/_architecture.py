"""What networks an autoencoder is made of: hidden sizes, a preset, or layers as they are."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from .. import nn
from .._validation import as_integer
from ..models import Autoencoder
from ._settings import as_choice

__all__ = ["ACTIVATIONS", "PRESETS", "Architecture", "Dense", "Layers", "as_architecture"]

ACTIVATIONS: dict[str, type[nn.Activation]] = {
    "elu": nn.ELU,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}

_RECTIFIERS = ("relu", "leaky_relu", "elu")


@dataclass(frozen=True)
class Dense:
    """Fully connected layers: those of the encoder, and those of the decoder but for the last."""

    encoder: tuple[int, ...]
    decoder: tuple[int, ...]
    activation: str
    output: str

    @property
    def mirrored(self) -> bool:
        """Whether the decoder's sizes are those of the encoder in reverse."""
        return self.decoder == self.encoder[-2::-1]

    @property
    def code_activation(self) -> type[nn.Module]:
        """What gives the code."""
        return ACTIVATIONS[self.activation]

    @property
    def output_activation(self) -> type[nn.Module]:
        """What gives the reconstruction."""
        return ACTIVATIONS[self.output]

    def n_parameters(self, n_features: int) -> int:
        """Values that training would change; nothing is built."""
        sizes = (n_features, *self.encoder, *self.decoder, n_features)
        return sum((below + 1) * above for below, above in pairwise(sizes))

    def build(self, n_features: int, seed: int, device: str) -> Autoencoder:
        """The networks, with weights from `seed`."""
        streams = np.random.default_rng(seed)

        def stack(sizes: tuple[int, ...], last: str) -> list[nn.Module]:
            layers: list[nn.Module] = []
            for i, (below, above) in enumerate(pairwise(sizes)):
                name = self.activation if i + 2 < len(sizes) else last
                init = "he" if name in _RECTIFIERS else "glorot"
                linear = nn.Linear(below, above, init=init, random_state=streams, device=device)
                layers += [linear, ACTIVATIONS[name]()]
            return layers

        encoder = stack((n_features, *self.encoder), self.activation)
        decoder = stack((self.encoder[-1], *self.decoder, n_features), self.output)
        return Autoencoder(encoder, decoder, n_features, random_state=seed, device=device)


@dataclass(frozen=True)
class Convolutions:
    """3 x 3 convolutions of square grey images, each halving their sides, and the way back."""

    channels: tuple[int, ...]
    upsample: bool  # in the decoder, instead of transposed convolutions
    mirrored: ClassVar[bool] = False  # by no single layer each
    code_activation: ClassVar[type[nn.Module]] = nn.ReLU
    output_activation: ClassVar[type[nn.Module]] = nn.Sigmoid

    @property
    def encoder(self) -> tuple[int, ...]:
        """One number for each layer."""
        return self.channels

    def n_parameters(self, n_features: int) -> int:
        """Values that training would change; nothing is built."""
        there = (1, *self.channels)
        back = (self.channels[-1], *self.channels[::-1], 1)
        pairs = [*pairwise(there), *pairwise(back)]
        return sum((9 * below + 1) * above for below, above in pairs)

    def _enlarging(self, below: int, above: int, **options: Any) -> list[nn.Module]:
        if not self.upsample:
            return [nn.ConvTranspose2d(below, above, 3, 2, "same", **options), nn.ReLU()]
        return [nn.Upsample(2), nn.Conv2d(below, above, 3, 1, "same", **options), nn.ReLU()]

    def build(self, n_features: int, seed: int, device: str) -> Autoencoder:
        """The networks, with weights from `seed`."""
        side, factor = math.isqrt(n_features), 2 ** len(self.channels)
        if side * side != n_features or side % factor:
            raise ValueError(
                f"[Autoencoder] convolutions need square images with a side divisible by {factor}, "
                f"got {n_features} features"
            )
        options: dict[str, Any] = {"random_state": np.random.default_rng(seed), "device": device}
        encoder: list[nn.Module] = [nn.Reshape(side, side, 1)]
        for below, above in pairwise((1, *self.channels)):
            encoder += [nn.Conv2d(below, above, 3, 2, "same", init="he", **options), nn.ReLU()]
        decoder: list[nn.Module] = []
        for below, above in pairwise((self.channels[-1], *self.channels[::-1])):
            decoder += self._enlarging(below, above, init="he", **options)
        decoder += [nn.Conv2d(self.channels[0], 1, 3, 1, "same", **options), nn.Sigmoid()]
        return Autoencoder(encoder, decoder, n_features, random_state=seed, device=device)


@dataclass(frozen=True, eq=False)
class Layers:
    """Networks as the caller made them; copies are trained, from the weights that they have."""

    encoder: Any
    decoder: Any

    @property
    def mirrored(self) -> bool:
        """Never taken for so."""
        return False

    @property
    def code_activation(self) -> type[nn.Module]:
        """What gives the code."""
        return _last(self.encoder)

    @property
    def output_activation(self) -> type[nn.Module]:
        """What gives the reconstruction."""
        return _last(self.decoder)

    def build(self, n_features: int, seed: int, device: str) -> Autoencoder:
        """Copies of the networks."""
        encoder, decoder = copy.deepcopy((self.encoder, self.decoder))
        return Autoencoder(encoder, decoder, n_features, random_state=seed, device=device)


def _last(network: Any) -> type[nn.Module]:
    layers = getattr(network, "layers", network)
    return type(layers[-1]) if isinstance(layers, Sequence) and layers else nn.Module


# Of course documents and tutorials: 784-64-784, the same with one more layer in the encoder, that
# for electrocardiograms of 140 values, and those for images with noise.
PRESETS: dict[str, Dense | Convolutions] = {
    "conv": Convolutions((16, 8), upsample=False),
    "conv_upsample": Convolutions((16, 8), upsample=True),
    "dense": Dense((64,), (), "relu", "sigmoid"),
    "dense_deep": Dense((128, 64), (), "relu", "sigmoid"),
    "ecg": Dense((32, 16, 8), (16, 32), "relu", "sigmoid"),
}

Architecture = Dense | Convolutions | Layers


def as_architecture(value: Any, activation: str, output: str, op: str) -> Architecture:
    """The parameter `architecture`, checked."""
    if isinstance(value, str):
        return PRESETS[as_choice(value, "architecture", op, tuple(PRESETS))]
    if not isinstance(value, Sequence) or not value:
        raise TypeError(
            f"[{op}] architecture must be a preset's name, hidden sizes, or a pair of lists of "
            f"layers, got {value!r}"
        )
    if len(value) == 2 and all(_is_network(part) for part in value):
        return Layers(*value)
    sizes = tuple(as_integer(n, "architecture", op) for n in value)
    return Dense(sizes, sizes[-2::-1], activation, output)


def _is_network(part: Any) -> bool:
    if isinstance(part, nn.Module):
        return True
    listed = isinstance(part, Sequence) and not isinstance(part, str)
    return listed and all(isinstance(layer, nn.Module) for layer in part)

"""What networks an autoencoder is made of: hidden sizes, a preset, or layers as they are."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .. import nn
from .._validation import as_integer
from ..models import Autoencoder
from ._settings import as_choice

__all__ = ["ACTIVATIONS", "PRESETS", "Dense", "Layers", "as_architecture"]

ACTIVATIONS: dict[str, type[nn.Activation]] = {
    "elu": nn.ELU,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


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
        streams, init = np.random.default_rng(seed), "glorot"
        if self.activation in ("relu", "leaky_relu", "elu"):
            init = "he"

        def stack(sizes: tuple[int, ...], last: str) -> list[nn.Module]:
            layers: list[nn.Module] = []
            for i, (below, above) in enumerate(pairwise(sizes)):
                inner = i + 2 < len(sizes)
                name = self.activation if inner else last
                start = "glorot" if name == self.output and not inner else init
                linear = nn.Linear(below, above, init=start, random_state=streams, device=device)
                layers += [linear, ACTIVATIONS[name]()]
            return layers

        encoder = stack((n_features, *self.encoder), self.activation)
        decoder = stack((self.encoder[-1], *self.decoder, n_features), self.output)
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


# Of course documents and tutorials: 784-64-784, the same with one more layer in the encoder, and
# that for electrocardiograms of 140 values.
PRESETS = {
    "dense": Dense((64,), (), "relu", "sigmoid"),
    "dense_deep": Dense((128, 64), (), "relu", "sigmoid"),
    "ecg": Dense((32, 16, 8), (16, 32), "relu", "sigmoid"),
}


def as_architecture(value: Any, activation: str, output: str, op: str) -> Dense | Layers:
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

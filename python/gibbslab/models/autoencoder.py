"""The autoencoder, step by step: codes, reconstructions, corruption, penalties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core, nn
from .._validation import as_integer, as_real, as_seed, as_trailing_batch
from ..nn._variable import Variable, as_variable

__all__ = ["NOISES", "Autoencoder", "corrupted", "sparsity_divergence"]

NOISES = ("gaussian", "masking", "salt_and_pepper")
FloatArray = npt.NDArray[np.float32]

_NOISE = 2  # the layer of such draws, which are the data's: the low byte of their stream's name
# Mean activities are kept so far from 0 and 1, where the divergence is infinite.
_MARGIN = 1e-7


def corrupted(
    x: FloatArray, noise: str, level: float, seed: int, draw: int, first_row: int = 0
) -> FloatArray:
    """Rows (n, V) with noise, by the addressed words of a draw; see `Autoencoder.corrupt`."""
    where = (*x.shape, seed, draw << 8 | _NOISE, first_row)
    if noise == "gaussian":
        return x + np.float32(level) * _core.normal(*where)
    u = _core.uniform(*where)
    share = 1.0 - level if _core.fault("masking_keeps_share") else level
    if noise == "masking":
        return np.where(u < np.float32(share), np.float32(0), x)
    return np.where(u < np.float32(level), (u < np.float32(level / 2)).astype(np.float32), x)


def sparsity_divergence(codes: Any, target: float) -> Variable:
    """Sum over the units of KL(target || mean activity), in nats.

    Parameters
    ----------
    codes : Variable or array_like of shape (n, Z)
        Activities in (0, 1); the mean is that over the rows.
    target : float
        Wanted mean activity, in (0, 1).

    Returns
    -------
    Variable
        One number.
    """
    mean = as_variable(codes, Variable(0.0), "sparsity_divergence").mean(axis=0)
    on = mean * (1 - 2 * _MARGIN) + _MARGIN
    off = (1 - mean) * (1 - 2 * _MARGIN) + _MARGIN
    if _core.fault("sparsity_divergence_reversed"):
        return (on * (on / target).log() + off * (off / (1 - target)).log()).sum()
    entropy = target * math.log(target) + (1 - target) * math.log(1 - target)
    cross = (on.log() * target + off.log() * (1 - target)).sum()
    return mean.size * entropy - cross


class Autoencoder(nn.Module):
    """An encoder and a decoder of vectors or images (Hinton and Salakhutdinov 2006).

    A batch is any array that reshapes to (-1, V): flat rows, or images. Layers that want images
    start with `nn.Reshape`. Codes are flat, whatever the shape of what the encoder gives.

    Parameters
    ----------
    encoder, decoder : Module, or sequence of Module
        The decoder must give V values for each sample. They are used as they are, and moved to
        `device`.
    data_size : int
        V, at least 1.
    random_state : int, RandomState, Generator or None, default=None
        Of the noise.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.

    Attributes
    ----------
    encoder, decoder : Module
    data_size, code_size : int
        V and Z.
    seed, draws : int
        The whole random state: key of the stream and position in it.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value, or the two do not fit each other and the data.
    RuntimeError
        If ``device="cuda"`` cannot be had.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import nn
    >>> from gibbslab.models import Autoencoder
    >>> encoder = [nn.Linear(784, 64, random_state=0), nn.ReLU()]
    >>> decoder = [nn.Linear(64, 784, random_state=1), nn.Sigmoid()]
    >>> model = Autoencoder(encoder, decoder, 784)
    >>> model.n_parameters
    101200
    >>> optimizer = nn.Adam(model.parameters())
    >>> images = np.random.default_rng(0).random((10, 28, 28))
    >>> loss = nn.mse_loss(model(images), images.reshape(10, -1))
    >>> loss.backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        encoder: nn.Module | Sequence[nn.Module],
        decoder: nn.Module | Sequence[nn.Module],
        data_size: int,
        *,
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        self.data_size = as_integer(data_size, "data_size", "Autoencoder")
        self.encoder, self.decoder = as_network(encoder), as_network(decoder)
        self.seed, self.draws = as_seed(random_state, "Autoencoder"), 0
        self.to(device)
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        code = self.encoder(np.zeros((1, self.data_size), np.float32))
        self._code_shape: tuple[int, ...] = code.shape[1:]
        self.code_size = math.prod(self._code_shape)
        given = self.decoder(code).size
        for module, mode in modes:
            module.training = mode
        if given != self.data_size:
            raise ValueError(
                f"[Autoencoder] decoder must give {self.data_size} values for each sample, "
                f"got {given}"
            )

    def _batch(self, x: Any, op: str) -> Variable:
        if isinstance(x, Variable):
            return x.reshape(-1, self.data_size)
        rows = as_trailing_batch(x, "x", f"Autoencoder.{op}", self.data_size)
        return Variable(rows, device=self.device, n_threads=self._n_threads)

    @property
    def _n_threads(self) -> int | None:
        return next((p._node.n_threads or None for p in self.parameters()), None)

    def encode(self, x: Any) -> Variable:
        """Codes (n, Z) of a batch.

        Parameters
        ----------
        x : array_like or Variable that reshapes to (-1, V)

        Returns
        -------
        Variable of shape (n, Z)

        Raises
        ------
        TypeError, ValueError
            If `x` has a wrong type or shape, is empty or not finite.
        """
        code = self.encoder(self._batch(x, "encode"))
        return code.reshape(code.shape[0], self.code_size)

    def decode(self, z: Any) -> Variable:
        """Reconstructions (n, V) of codes (n, Z).

        Raises
        ------
        TypeError, ValueError
            If `z` has a wrong type or shape, or is not finite.
        """
        return self._decoded(self.decoder, z)

    def logits(self, z: Any) -> Variable:
        """The decoder's values (n, V) before the sigmoid that it ends in.

        Raises
        ------
        ValueError
            If it ends in something else, or as `decode`.
        """
        if not self.ends_in_sigmoid:
            raise ValueError("[Autoencoder.logits] the decoder must end in nn.Sigmoid")
        layers = self.decoder.layers  # type: ignore[attr-defined]
        return self._decoded(nn.Sequential(*layers[:-1]), z)

    def _decoded(self, network: nn.Module, z: Any) -> Variable:
        like = next(iter(self.parameters()), Variable(0.0))
        codes = as_variable(z, like, "Autoencoder.decode")
        if codes.ndim != 2 or codes.shape[1] != self.code_size:
            raise ValueError(
                f"[Autoencoder.decode] z must have shape (n, {self.code_size}), got {codes.shape}"
            )
        out = network(codes.reshape(codes.shape[0], *self._code_shape))
        return out.reshape(codes.shape[0], self.data_size)

    @property
    def ends_in_sigmoid(self) -> bool:
        """Whether the decoder is a `Sequential` whose last layer is `nn.Sigmoid`."""
        return isinstance(self.decoder, nn.Sequential) and (
            len(self.decoder) > 0 and type(self.decoder[-1]) is nn.Sigmoid
        )

    def forward(self, x: Any) -> Variable:
        """Reconstructions (n, V) of a batch; as `encode`."""
        return self.decode(self.encode(x))

    def corrupt(self, x: npt.ArrayLike, noise: str, level: float) -> FloatArray:
        """The batch with noise (Vincent et al. 2008, 2010); one draw.

        Parameters
        ----------
        x : array_like that reshapes to (-1, V)
        noise : {"gaussian", "masking", "salt_and_pepper"}
            Added normal deviates; zeros in place of some values; zeros and ones, equally often,
            in place of some values.
        level : float
            The deviation; or the share of the values that are replaced, in [0, 1].

        Returns
        -------
        ndarray of shape (n, V), float32

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "Autoencoder.corrupt"
        rows = as_trailing_batch(x, "x", op, self.data_size)
        if noise not in NOISES:
            raise ValueError(f"[{op}] noise must be one of {NOISES}, got {noise!r}")
        level = as_real(level, "level", op)
        if noise != "gaussian" and level > 1:
            raise ValueError(f"[{op}] level must be in [0, 1] with {noise!r} noise, got {level!r}")
        self.draws += 1
        return corrupted(rows, noise, level, self.seed, self.draws - 1)

    def contraction(self, x: Any) -> tuple[Variable, Variable]:
        """Codes, and the squared Frobenius norm of the encoder's Jacobian, summed over the rows.

        ||d code / d x||_F^2 is exact, and can be differentiated by the parameters (Rifai et al.
        2011). One layer takes a closed form; more take a pass of differentiation for each unit
        of the code. Samples must not depend on each other, as they do through batch norm in
        training.

        Parameters
        ----------
        x : array_like that reshapes to (-1, V)

        Returns
        -------
        codes : Variable of shape (n, Z)
        norm : Variable
            One number.
        """
        batch = self._batch(x, "contraction")
        if self._one_layer:
            return self._contraction_of_one(batch, *self.encoder.layers)  # type: ignore
        rows = Variable(batch.numpy(), True, device=batch.device, n_threads=self._n_threads)
        codes = self.encode(rows)
        norm = Variable(0.0, device=batch.device)
        for unit in range(self.code_size):
            seed = np.zeros(codes.shape, np.float32)
            seed[:, unit] = 1
            (gradient,) = nn.grad(codes, [rows], seed, create_graph=True)
            norm = norm + (gradient * gradient).sum()
        return codes, norm

    @property
    def _one_layer(self) -> bool:
        """Whether the encoder is a linear layer, with an activation or without."""
        layers = getattr(self.encoder, "layers", [])
        linear = len(layers) in (1, 2) and type(layers[0]) is nn.Linear
        return linear and all(isinstance(layer, nn.Activation) for layer in layers[1:])

    def _contraction_of_one(
        self, x: Variable, linear: Any, activation: nn.Module | None = None
    ) -> tuple[Variable, Variable]:
        """sum_j f'(a_j)^2 |W_j|^2 for the code f(a), a = x W^T + b."""
        total = linear(x)
        codes = total if activation is None else activation(total)
        squares = (linear.weight * linear.weight).sum(axis=1)
        if activation is None or _core.fault("contraction_without_slope"):
            return codes, squares.sum() * float(x.shape[0])
        (slope,) = nn.grad(codes.sum(), [total], create_graph=True)
        return codes, (slope * slope * squares).sum()


def as_network(layers: nn.Module | Sequence[nn.Module]) -> nn.Module:
    """A module as it is, a sequence of them as a `Sequential`."""
    if isinstance(layers, nn.Module):
        return layers
    if isinstance(layers, (str, bytes)) or not isinstance(layers, Sequence):
        raise TypeError(f"[Autoencoder] layers must be a sequence of modules, got {layers!r}")
    return nn.Sequential(*layers)

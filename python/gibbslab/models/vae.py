"""The variational autoencoder, step by step: the interface of course templates."""

from __future__ import annotations

from typing import NamedTuple

import numpy.typing as npt

from .. import nn
from .._validation import as_integer, as_real, as_trailing_batch
from ._vae_sampling import VAESampling

__all__ = ["VAE", "VAELoss"]


class VAELoss(NamedTuple):
    """Sums over a batch, in nats; their sum is minus the ELBO, summed.

    Attributes
    ----------
    reconstruction : float
        -log p(x|z), the mean over the latent samples: for a Bernoulli decoder the cross-entropy of
        the data and its reconstruction.
    kl : float
        KL(q(z|x) || N(0, I)).
    """

    reconstruction: float
    kl: float


class VAE(VAESampling):
    """Variational autoencoder (Kingma and Welling 2014) of binary, grey-valued or real data.

    q(z|x) = N(mu(x), exp(logvar(x))), p(z) = N(0, I), p(x|z) = Bernoulli(decode(z)) or
    N(decode(z), variance). Encoder and decoder are fully connected, with softplus hidden units, the
    decoder's sizes those of the encoder in reverse, or convolutional. Without hidden units and with
    a Gaussian decoder p(x) is that of probabilistic PCA ("shared" variance; Tipping and Bishop
    1999) or factor analysis ("per_pixel").

    A batch is any array that reshapes to (-1, V): flat rows, or images.

    Parameters
    ----------
    latent_size : int
        Z, at least 1.
    data_size : int, default=784
        V, at least 1.
    hidden_sizes : sequence of int or str, default=(200, 200)
        Of the encoder, from the data on; none for a linear model. Or a preset: "dense" is the
        default, "conv" two 3 x 3 convolutions of square grey images with stride 2, to 32 and 64
        channels, and back by a fully connected layer and transposed convolutions, with rectifiers.
    decoder : {"bernoulli", "gaussian"}, default="bernoulli"
        Kind of p(x|z), of data in [0, 1] or of any real numbers.
    variance : float or {"shared", "per_pixel"}, default=1.0
        Of a Gaussian decoder: known, learned, or learned for each of the V data on its own, the
        same for all z; learned ones start at 1.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights and samples, whatever the number of threads.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.

    Attributes
    ----------
    latent_size, data_size : int
        Z and V.
    enc_fc1, enc_fc2, ..., dec_fc1, dec_fc2, ... : nn.Linear
        The hidden layers, each numbered from its input on; with "conv" enc_conv1 and enc_conv2,
        dec_fc1 and dec_conv1 (nn.Conv2d, nn.Linear, nn.ConvTranspose2d).
    enc_mu, enc_logvar, dec_out : nn.Linear
        What gives means and log-variances (n, Z), and logits or means (n, V); with "conv" dec_out
        is an nn.ConvTranspose2d.
    dec_logvar : nn.Parameter of shape (1,) or (V,)
        The log-variance of a Gaussian decoder, where it is learned.
    seed, draws : int
        The whole random state: key of the stream and position in it.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    RuntimeError
        If ``device="cuda"`` cannot be had.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import nn
    >>> from gibbslab.models import VAE
    >>> batch = np.random.default_rng(0).random((10, 784))
    >>> model = VAE(20, random_state=0)
    >>> optimizer = nn.Adam(model.parameters(), lr=1e-3)
    >>> reconstruction, z, mu, logvar = model(batch)
    >>> loss = model.loss_fn(reconstruction, batch, mu, logvar)
    >>> loss.backward()
    >>> optimizer.step()
    """

    def training_step(
        self,
        batch: npt.ArrayLike,
        optimizer: nn.Optimizer,
        *,
        beta: float = 1.0,
        samples: int = 1,
    ) -> VAELoss:
        """Forward, loss, backward and the optimiser's step for one batch, in one call.

        The gradient is that of `loss_fn`, from logits: the fastest way to train.

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Values in [0, 1] for a Bernoulli decoder.
        optimizer : nn.Optimizer
            Of this model's parameters.
        beta : float, default=1.0
            Factor of the KL divergence, at least 0 (Higgins et al. 2017).
        samples : int, default=1
            Latent samples of each row; the loss is the mean over them. One draw.

        Returns
        -------
        VAELoss
            Before the step; the KL divergence without the factor.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        DivergenceError
            If the step would make a parameter non-finite; all of them are unchanged.
        """
        op = "VAE.training_step"
        x = as_trailing_batch(batch, "batch", op, self.data_size)
        factor, count = as_real(beta, "beta", op), as_integer(samples, "samples", op)
        draw, self.draws = self.draws, self.draws + 1
        trouble, reconstruction, kl = self._plan().step(
            x, optimizer._descent, self.seed, draw, factor, count
        )
        optimizer._check(trouble, "step")
        return VAELoss(reconstruction, kl)

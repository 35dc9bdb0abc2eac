"""Differentiable networks: variables, layers, losses and optimisers.

Networks are written as with other libraries: derive from `Module`, or put layers into a
`Sequential`; compute a loss, call its `backward`, and let an optimiser `step`. Arrays go in
wherever variables do, and variables are read as arrays.

Examples
--------
>>> import numpy as np
>>> from gibbslab import nn
>>> net = nn.Sequential(nn.Linear(2, 8, random_state=0), nn.Tanh(), nn.Linear(8, 1, random_state=1))
>>> optimizer = nn.Adam(net.parameters(), lr=0.05)
>>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
>>> y = np.array([[0], [1], [1], [0]])
>>> for _ in range(200):
...     optimizer.zero_grad()
...     loss = nn.bce_with_logits_loss(net(x), y)
...     loss.backward()
...     optimizer.step()
>>> (net(x).numpy() > 0).astype(int).ravel()
array([0, 1, 1, 0])
"""

from __future__ import annotations

from ._convolution import Conv2d, ConvTranspose2d
from ._functional import (
    bce_loss,
    bce_with_logits_loss,
    elu,
    gaussian_nll_loss,
    kl_normal,
    leaky_relu,
    mse_loss,
    relu,
    sigmoid,
    softplus,
    tanh,
)
from ._layers import (
    ELU,
    Activation,
    Dropout,
    Flatten,
    Identity,
    LeakyReLU,
    Linear,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    Tanh,
)
from ._module import Module
from ._normalisation import BatchNorm1d, BatchNorm2d
from ._optim import SGD, Adam, AdamW, Optimizer, RMSprop
from ._sequential import Sequential
from ._upsampling import Upsample
from ._variable import Buffer, Parameter, Variable, grad, no_grad

__all__ = [
    "ELU",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Flatten",
    "Identity",
    "LeakyReLU",
    "Linear",
    "Module",
    "Optimizer",
    "Parameter",
    "RMSprop",
    "ReLU",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "Upsample",
    "Variable",
    "bce_loss",
    "bce_with_logits_loss",
    "elu",
    "gaussian_nll_loss",
    "grad",
    "kl_normal",
    "leaky_relu",
    "mse_loss",
    "no_grad",
    "relu",
    "sigmoid",
    "softplus",
    "tanh",
]

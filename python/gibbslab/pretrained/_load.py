"""Reading the weights, verified by their content's hash at every load."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any

import numpy as np
import safetensors.numpy

from ..errors import FormatError
from ..models import DBM

# SHA-256 of each file: float16 tensors W0, W1, ..., b0, b1, ... in safetensors.
_SHA256 = {
    "dbm-mnist-500-1000": "bfd732c27d3445777909690ddb7875e14501ac29837be395d44ed8cd27c9429a",
}


def available() -> list[str]:
    """Names that `load_pretrained` knows."""
    return sorted(_SHA256)


def load_pretrained(name: str, **options: Any) -> DBM:
    """A trained model of the package.

    ``"dbm-mnist-500-1000"`` is a DBM of 784, 500 and 1000 units, trained on MNIST with
    ``tests/validation/dbm_mnist_500_1000.py``: 5 epochs of greedy pre-training for each layer, then
    60 of PCD-5, at learning rates from 0.05 to 0.044 for 18 epochs, and falling from 0.021 to
    0.0002 in the others. The log beside the script gives its variational bound on the test set,
    -86.4 nats by AIS forwards and -86.3 in reverse; published is -84.62. Weights are in half
    precision, in which notebook 03_dbm finds the same bound.

    Parameters
    ----------
    name : str
        One of `gibbslab.pretrained.available()`.
    **options
        Further arguments of `gibbslab.models.DBM`, such as `random_state` and `device`.

    Returns
    -------
    gibbslab.models.DBM

    Raises
    ------
    ValueError
        If there is no model of this name.
    FormatError
        If the file is damaged: its content is not what was published.
    """
    if name not in _SHA256:
        raise ValueError(f"[load_pretrained] name must be one of {available()}, got {name!r}")
    content = resources.files(__package__).joinpath(f"data/{name}.safetensors").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != _SHA256[name]:
        raise FormatError(
            f"[load_pretrained] {name}: sha256 of the content is {digest}, expected {_SHA256[name]}"
        )
    tensors = {k: x.astype(np.float32) for k, x in safetensors.numpy.load(content).items()}
    sizes = [len(tensors[f"b{layer}"]) for layer in range(len(tensors) // 2 + 1)]
    model = DBM(sizes, **options)
    model.set_named_parameters(tensors)
    return model

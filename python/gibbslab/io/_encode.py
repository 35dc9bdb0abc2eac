"""From what a model says of itself to the bytes of a file."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from .. import _core
from ._reader import FORMAT_VERSION, KEY, UNSEALED

__all__ = ["encode"]


def encode(kind: str, document: dict[str, Any], tensors: dict[str, npt.NDArray[Any]]) -> bytes:
    """A safetensors file of the tensors, with the document and a checksum in its metadata.

    Parameters
    ----------
    kind : str
        Name of the model's class.
    document : dict
        What JSON can hold.
    tensors : dict of ndarray
        float32 or uint8, of one or two dimensions.

    Returns
    -------
    bytes
    """
    # The digest comes first, so that the first run of 64 zeros is its place.
    first = {"sha256": UNSEALED, "format_version": FORMAT_VERSION}
    metadata = {**first, "class": kind, "gibbslab": _core.__version__, **document}
    text = json.dumps(metadata, allow_nan=False, separators=(",", ":"))
    arrays = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    content = safetensors.numpy.save(arrays, {KEY: text})
    digest = hashlib.sha256(content).hexdigest()
    return content.replace(UNSEALED.encode(), digest.encode(), 1)

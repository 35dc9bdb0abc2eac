"""Data sets as NumPy arrays, verified by content hash at every load.

A file is looked for in the `data_dir` argument, in the folder that ``GIBBSLAB_DATA_DIR`` names,
in the cache (``GIBBSLAB_CACHE_DIR``, else the platform's cache folder), in the system's data
folder, and is then downloaded (extra ``data``). `load_mnist_sample` and `load_digits` need no
file and no network. `ising2d` draws samples of the two-dimensional Ising model.
"""

from gibbslab.datasets._idx import read_idx
from gibbslab.datasets._ising import ising2d
from gibbslab.datasets._loaders import (
    load_binarized_mnist,
    load_digits,
    load_ecg5000,
    load_fashion_mnist,
    load_mnist,
    load_mnist_sample,
)

__all__ = [
    "ising2d",
    "load_binarized_mnist",
    "load_digits",
    "load_ecg5000",
    "load_fashion_mnist",
    "load_mnist",
    "load_mnist_sample",
    "read_idx",
]

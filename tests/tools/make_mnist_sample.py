"""Makes the sample of MNIST that comes with the package from the original IDX files.

    GIBBSLAB_DATA_DIR=... python tests/tools/make_mnist_sample.py [--output FOLDER]

Every sixth training and every fifth test image is taken from the images sorted by digit, then put
back into the order of the files: the digits keep their proportions to within one image, and every
part of the files, hence every group of writers, is represented. The test set's first half is
easier than its second, so a sample of the first images would flatter. Nothing is random.

The sample is stored as IDX files in gzip, so that the package's one reader serves it too. They
compress to 1.9 MB. The output is the same bit for bit wherever zlib's is; the uncompressed content,
whose hashes are printed and pinned in the package's registry, is the same everywhere.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
from gibbslab.datasets import load_mnist

DEFAULT_OUTPUT = Path(__file__).parents[2] / "python/gibbslab/datasets/data/mnist-sample"
PARTS = (("train", "train", 6), ("test", "t10k", 5))


def choose_rows(labels: np.ndarray, step: int) -> np.ndarray:
    """Indices of a systematic sample of one image in `step`, stratified by label, ascending."""
    by_label = np.argsort(labels, kind="stable")
    return np.sort(by_label[step // 2 :: step])


def encode_idx(array: np.ndarray) -> bytes:
    """IDX file of an array of unsigned bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_gzip(path: Path, content: bytes) -> None:
    """Write `content` without name and time stamp in the gzip header."""
    with (
        open(path, "wb") as file,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed,
    ):
        packed.write(content)
    print(f"{hashlib.sha256(content).hexdigest()}  {path.name}, {path.stat().st_size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    for split, prefix, step in PARTS:
        X, y = load_mnist(split, flatten=False, scale=False, dtype=np.uint8)
        rows = choose_rows(y, step)
        write_gzip(folder / f"{prefix}-images-idx3-ubyte.gz", encode_idx(X[rows]))
        write_gzip(folder / f"{prefix}-labels-idx1-ubyte.gz", encode_idx(y[rows]))


if __name__ == "__main__":
    main()

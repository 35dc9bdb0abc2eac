"""Facts about the published files; each test exists where GIBBSLAB_DATA_DIR holds its files."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gibbslab import datasets
from gibbslab.datasets import _registry
from gibbslab.datasets._search import find_in

_FOLDER = os.environ.get("GIBBSLAB_DATA_DIR")
_TOOL = Path(__file__).parents[1] / "tools" / "make_mnist_sample.py"


def _holds(dataset: str) -> bool:
    files = [file for file in _registry.FILES if file.dataset == dataset]
    return _FOLDER is not None and all(find_in(Path(_FOLDER), file) for file in files)


if _holds("mnist"):

    def test_mnist() -> None:
        X, y = datasets.load_mnist("all", download=False)
        assert X.shape == (70_000, 784)
        assert (X.min(), X.max()) == (0, 1)
        assert X[:60_000].mean(dtype=np.float64) * 255 == pytest.approx(33.318421, abs=1e-5)
        assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert y[60_000:60_010].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]

    def test_bundled_sample_is_what_its_script_makes(tmp_path: Path) -> None:
        subprocess.run([sys.executable, str(_TOOL), "--output", str(tmp_path)], check=True)
        bundled = Path(datasets.__file__).parent / "data" / "mnist-sample"
        names = sorted(path.name for path in bundled.iterdir())
        assert names == sorted(path.name for path in tmp_path.iterdir())
        for name in names:
            made, kept = (folder / name for folder in (tmp_path, bundled))
            assert gzip.decompress(made.read_bytes()) == gzip.decompress(kept.read_bytes())


if _holds("fashion-mnist"):

    def test_fashion_mnist() -> None:
        X, y = datasets.load_fashion_mnist("all", download=False)
        assert X.shape == (70_000, 784)
        assert (X.min(), X.max()) == (0, 1)
        assert np.bincount(y[:60_000]).tolist() == [6_000] * 10
        assert np.bincount(y[60_000:]).tolist() == [1_000] * 10


if _holds("binarized-mnist"):

    def test_binarized_mnist() -> None:
        X = datasets.load_binarized_mnist("all", download=False, dtype=np.uint8)
        assert X.shape == (70_000, 784)
        assert np.unique(X).tolist() == [0, 1]
        assert int(X.sum()) == 7_184_973


if _holds("ecg5000"):

    def test_ecg5000() -> None:
        X, y = datasets.load_ecg5000(download=False)
        assert X.shape == (500, 140)
        assert np.bincount(y).tolist() == [0, 292, 177, 10, 19, 2]
        np.testing.assert_allclose(X.mean(axis=1), 0, atol=1e-6)
        np.testing.assert_allclose(X.std(axis=1, ddof=1), 1, atol=1e-6)

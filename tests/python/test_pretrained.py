"""The trained models of the package: whole, verified, and what they claim to be."""

from __future__ import annotations

from pathlib import Path

import gibbslab
import numpy as np
import pytest
from gibbslab import FormatError, load_pretrained, pretrained
from gibbslab.datasets import load_mnist_sample

NAME = "dbm-mnist-500-1000"


def test_the_dbm_of_mnist_loads() -> None:
    assert pretrained.available() == [NAME]
    model = load_pretrained(NAME, random_state=1, n_threads=1)
    assert isinstance(model, gibbslab.models.DBM)
    assert model.layer_sizes == (784, 500, 1000)
    assert model.seed == 1


def test_it_has_learned_digits() -> None:
    """Images are reconstructed through the mean field, noise of the same density is not."""
    model = load_pretrained(NAME, n_threads=1)
    X = (load_mnist_sample("test")[0][:200] > 0.5).astype(np.float32)
    noise = np.random.default_rng(0).permuted(X, axis=1)
    assert model.reconstruction_error(X).mean() < 0.03
    assert model.reconstruction_error(noise).mean() > 0.06
    fields = [model.infer(x) for x in (X, noise)]
    digits, others = (model.bound_of(x, f).mean() for x, f in zip((X, noise), fields))
    assert digits > others + 300


def test_unknown_names_and_damaged_files_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValueError, match=r"\[load_pretrained\] name must be one of \['dbm-mnist"):
        load_pretrained("dbm-mnist")
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path)[:-1] + b"\0\0")
    with pytest.raises(FormatError, match="sha256 of the content is"):
        load_pretrained(NAME)

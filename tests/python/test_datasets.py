"""Loaders: search order, arguments, layouts, content hashes, and the bundled sample."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets
import tiny_data
from gibbslab import datasets
from gibbslab.datasets import _registry, _search
from gibbslab.errors import FormatError

LABELLED = {
    "mnist": datasets.load_mnist,
    "fashion-mnist": datasets.load_fashion_mnist,
}
LOADERS = {**LABELLED, "binarized-mnist": datasets.load_binarized_mnist}


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    with tiny_data.isolated(monkeypatch, tmp_path):
        yield


# ---- what is returned -----------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("split", ["train", "test", "all"])
@pytest.mark.parametrize("dataset", LABELLED)
def test_labelled_content(tmp_path: Path, dataset: str, split: str, packed: bool) -> None:
    tiny_data.write(tmp_path / dataset, dataset, packed=packed)
    X, y = LABELLED[dataset](split, data_dir=tmp_path, download=False)
    parts = ("train", "test") if split == "all" else (split,)
    seed = len(dataset)
    images = np.concatenate([tiny_data.images(seed, tiny_data.COUNTS[p]) for p in parts])
    labels = np.concatenate([tiny_data.labels(seed, tiny_data.COUNTS[p]) for p in parts])
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    assert y.dtype == np.uint8
    np.testing.assert_array_equal(X, images.reshape(-1, 784).astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(y, labels)


@pytest.mark.parametrize("split", ["train", "valid", "test", "all"])
def test_binarized_content(tmp_path: Path, split: str) -> None:
    tiny_data.write(tmp_path / "binarized-mnist", "binarized-mnist")
    X = datasets.load_binarized_mnist(split, data_dir=tmp_path, download=False)
    parts = ("train", "valid", "test") if split == "all" else (split,)
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X, np.concatenate([tiny_data.bits(p) for p in parts]))


def test_result_names_data_and_target(tmp_path: Path) -> None:
    tiny_data.write(tmp_path, "mnist")
    result = datasets.load_mnist(data_dir=tmp_path)
    X, y = result
    assert result.data is X
    assert result.target is y


def test_layout_options(tmp_path: Path) -> None:
    tiny_data.write(tmp_path, "mnist")
    raw = tiny_data.images(len("mnist"), tiny_data.COUNTS["train"])
    X, _ = datasets.load_mnist(data_dir=tmp_path, flatten=False, scale=False, dtype=np.uint8)
    assert X.dtype == np.uint8
    np.testing.assert_array_equal(X, raw)
    X, _ = datasets.load_mnist(data_dir=tmp_path, dtype=np.float64)
    np.testing.assert_array_equal(X, raw.reshape(-1, 784) / 255)


def test_binarized_layout_options(tmp_path: Path) -> None:
    tiny_data.write(tmp_path, "binarized-mnist")
    X = datasets.load_binarized_mnist(data_dir=tmp_path, flatten=False, dtype=np.uint8)
    assert X.dtype == np.uint8
    np.testing.assert_array_equal(X, tiny_data.bits("train").reshape(-1, 28, 28))


def test_results_are_writable(tmp_path: Path) -> None:
    tiny_data.write(tmp_path, "mnist")
    X, y = datasets.load_mnist(data_dir=tmp_path, scale=False, dtype=np.uint8)
    X[0, 0] = 1
    y[0] = 9
    assert (X[0, 0], y[0]) == (1, 9)


# ---- search order ---------------------------------------------------------------------------


def test_search_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    argument, environment = tmp_path / "argument", tmp_path / "environment"
    monkeypatch.setenv("GIBBSLAB_DATA_DIR", str(environment))
    folders = [argument, environment, tmp_path / "cache", tmp_path / "system"]
    for folder in folders:
        tiny_data.write(folder / "mnist", "mnist")
    file = _registry.LABELLED["mnist", "train"][0]
    for folder in folders:
        found = _search.locate(file, argument, False, "load_mnist")
        assert found == folder / "mnist" / file.name
        shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError):
        _search.locate(file, argument, False, "load_mnist")


@pytest.mark.parametrize("subfolder", ["mnist", "MNIST/raw", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_subfolders(tmp_path: Path, subfolder: str, packed: bool) -> None:
    tiny_data.write(tmp_path / subfolder, "mnist", packed=packed)
    X, _ = datasets.load_mnist("test", data_dir=str(tmp_path), download=False)
    assert X.shape == (3, 784)


@pytest.mark.parametrize("dataset", LOADERS)
def test_not_found_lists_everything_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dataset: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("GIBBSLAB_DATA_DIR", str(tmp_path / "empty"))
    loader = LOADERS[dataset]
    with pytest.raises(FileNotFoundError) as caught:
        loader("test", data_dir=tmp_path / "absent", download=False)
    text = str(caught.value)
    assert text.startswith(f"[{loader.__name__}] ")
    assert f"data_dir argument: {tmp_path / 'absent'} is no folder" in text
    assert f"GIBBSLAB_DATA_DIR: {tmp_path / 'empty'} has no such file" in text
    assert f"cache: {tmp_path / 'cache'} is no folder" in text
    assert f"system folder: {tmp_path / 'system'} is no folder" in text
    assert "download: switched off" in text
    assert f"subfolder {dataset}" in text
    assert ("load_mnist_sample()" in text) == (dataset == "mnist")


def test_not_found_says_what_is_not_set() -> None:
    with pytest.raises(FileNotFoundError, match=r"(?s)data_dir.*: not set.*DATA_DIR: not set"):
        datasets.load_mnist(download=False)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"GIBBSLAB_CACHE_DIR": "chosen", "XDG_CACHE_HOME": "xdg"}, "chosen"),
        ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/gibbslab"),
        ("linux", {}, "home/.cache/gibbslab"),
        ("darwin", {}, "home/Library/Caches/gibbslab"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/gibbslab/Cache"),
    ],
)
def test_cache_dir(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("GIBBSLAB_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_search.sys, "platform", platform)
    monkeypatch.setattr(_search.Path, "home", lambda: Path("home"))
    assert _search.cache_dir() == Path(expected)


# ---- content is verified --------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dataset", LOADERS)
def test_changed_content_is_refused(tmp_path: Path, dataset: str, packed: bool) -> None:
    tiny_data.write(tmp_path, dataset)
    name = next(name for name in tiny_data.contents(dataset) if "train" in name)
    content = bytearray((tmp_path / name).read_bytes())
    content[-2] ^= 1  # the last pixel: still a well-formed file
    (tmp_path / name).unlink()
    path = tmp_path / (name + ".gz" if packed else name)
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(FormatError, match=r"sha256 of the content is [0-9a-f]{64}, expected"):
        LOADERS[dataset]("train", data_dir=tmp_path, download=False)


def test_changed_labels_are_refused(tmp_path: Path) -> None:
    tiny_data.write(tmp_path, "mnist")
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    with pytest.raises(FormatError, match="train-labels-idx1-ubyte"):
        datasets.load_mnist(data_dir=tmp_path, download=False)


def test_another_data_set_is_named(tmp_path: Path) -> None:
    tiny_data.write(tmp_path, "fashion-mnist")
    with pytest.raises(FormatError, match="the content is that of fashion-mnist/train-images"):
        datasets.load_mnist(data_dir=tmp_path, download=False)


def test_damaged_file_in_the_cache_is_not_passed_over(tmp_path: Path) -> None:
    tiny_data.write(tmp_path / "cache" / "mnist", "mnist")
    tiny_data.write(tmp_path / "system" / "mnist", "mnist")
    path = tmp_path / "cache" / "mnist" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"^\[load_mnist\] .*data is truncated"):
        datasets.load_mnist(download=False)


# ---- bad arguments --------------------------------------------------------------------------

BAD_CALLS = [
    ({"split": "tets"}, ValueError, r"split must be 'train'.* or 'all', got 'tets'"),
    ({"split": "TRAIN"}, ValueError, r"split must be .*got 'TRAIN'"),
    ({"split": None}, TypeError, r"split must be a str, got NoneType"),
    ({"split": ["train"]}, TypeError, r"split must be a str, got list"),
    ({"dtype": "no type"}, TypeError, r"dtype must be a NumPy type, got 'no type'"),
    ({"dtype": np.complex64}, TypeError, r"dtype must be .*got complex64"),
    ({"dtype": np.int8}, TypeError, r"dtype must be .*got int8"),
    ({"dtype": bool}, TypeError, r"dtype must be .*got bool"),
    ({"dtype": object}, TypeError, r"dtype must be .*got object"),
    ({"data_dir": 3}, TypeError, r"data_dir must be a str or path-like, got int"),
    ({"data_dir": b"folder"}, TypeError, r"data_dir must be a str or path-like, got bytes"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_CALLS)
@pytest.mark.parametrize("loader", LOADERS.values())
def test_bad_arguments(
    loader: Callable[..., Any], arguments: dict[str, Any], error: type, message: str
) -> None:
    with pytest.raises(error, match=rf"^\[{loader.__name__}\] {message}"):
        loader(**arguments, download=False)


@pytest.mark.parametrize("loader", [datasets.load_mnist, datasets.load_mnist_sample])
def test_scaling_needs_a_float_type(loader: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="dtype must be a float type if scale=True, got uint8"):
        loader(dtype=np.uint8)


def test_labelled_sets_have_no_validation_split() -> None:
    with pytest.raises(ValueError, match="split must be 'train', 'test' or 'all', got 'valid'"):
        datasets.load_mnist_sample("valid")


# ---- data that needs no file ----------------------------------------------------------------


def test_sample_facts() -> None:
    X, y = datasets.load_mnist_sample("all")
    assert X.shape == (12_000, 784)
    assert X.dtype == np.float32
    assert (X.min(), X.max()) == (0, 1)
    assert y.dtype == np.uint8
    train = [987, 1124, 993, 1022, 973, 904, 986, 1044, 975, 992]
    assert np.bincount(y[:10_000]).tolist() == train
    assert np.bincount(y[10_000:]).tolist() == [196, 227, 206, 202, 197, 178, 192, 205, 195, 202]


@pytest.mark.parametrize(("split", "count"), [("train", 10_000), ("test", 2_000)])
def test_sample_splits(split: str, count: int) -> None:
    whole, part = datasets.load_mnist_sample("all"), datasets.load_mnist_sample(split)
    rows = slice(0, 10_000) if split == "train" else slice(10_000, None)
    assert len(part.data) == len(part.target) == count
    np.testing.assert_array_equal(part.data, whole.data[rows])
    np.testing.assert_array_equal(part.target, whole.target[rows])


def test_sample_is_small_and_carries_its_licence() -> None:
    folder = Path(datasets.__file__).with_name("data")
    assert sum(path.stat().st_size for path in folder.rglob("*.gz")) < 2_500_000
    licence = (folder / "LICENSE-MNIST.txt").read_text()
    for part in ("Attribution-Share Alike 3.0", "LeCun", "Cortes", "Burges", "Changes made"):
        assert part in licence


def test_digits() -> None:
    X, y = datasets.load_digits()
    theirs = sklearn.datasets.load_digits()
    assert X.dtype == np.float32
    assert y.dtype == np.uint8
    np.testing.assert_array_equal(X, (theirs.data / 16).astype(np.float32))
    np.testing.assert_array_equal(y, theirs.target)
    raw, _ = datasets.load_digits(flatten=False, scale=False, dtype=np.uint8)
    np.testing.assert_array_equal(raw, theirs.images)

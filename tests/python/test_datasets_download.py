"""Downloads, from a server on this machine, and the registry of mirrors."""

from __future__ import annotations

import functools
import gzip
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_data
from gibbslab import datasets
from gibbslab.datasets import _registry
from gibbslab.datasets._registry import Source

IMAGES = "train-images-idx3-ubyte"


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Base address of a server of the folder `tmp_path / "www"`."""
    handler = functools.partial(_QuietHandler, directory=str(tmp_path / "www"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with tiny_data.isolated(monkeypatch, tmp_path):
        yield


def _mirrors(monkeypatch: pytest.MonkeyPatch, dataset: str, *mirrors: str) -> None:
    packed = _registry.SOURCES[dataset].packed
    monkeypatch.setitem(_registry.SOURCES, dataset, Source((), mirrors, packed))


def test_mirrors_are_https_folders() -> None:
    mirrors = [mirror for source in _registry.SOURCES.values() for mirror in source.mirrors]
    assert len(mirrors) >= 5
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in mirrors)


def test_registry_pins_whole_hashes() -> None:
    assert len({file.sha256 for file in _registry.FILES}) == len(_registry.FILES) == 16
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in _registry.FILES)


def test_download_is_stored_and_used_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str
) -> None:
    tiny_data.write(tmp_path / "www" / "good", "mnist", packed=True)
    _mirrors(monkeypatch, "mnist", server + "absent/", server + "good/")
    X, y = datasets.load_mnist("all")
    stored = {path.name: path.read_bytes() for path in (tmp_path / "cache" / "mnist").iterdir()}
    assert stored == tiny_data.contents("mnist")
    again = datasets.load_mnist("all", download=False)
    np.testing.assert_array_equal(again.data, X)
    np.testing.assert_array_equal(again.target, y)


def test_download_of_unpacked_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str
) -> None:
    tiny_data.write(tmp_path / "www", "binarized-mnist")
    _mirrors(monkeypatch, "binarized-mnist", server)
    np.testing.assert_array_equal(datasets.load_binarized_mnist("valid"), tiny_data.bits("valid"))


BAD_CONTENT = {
    "other": (gzip.compress(tiny_data.encode_idx(tiny_data.images(99, 7))), "does not match"),
    "short": (gzip.compress(b"\0" * 100), "content is truncated"),
    "long": (gzip.compress(b"\0" * 100_000), "longer than its header"),
    "huge": (b"\0" * 1_000_000, "more than"),
    "cut": (gzip.compress(tiny_data.contents("mnist")[IMAGES])[:-1], "truncated"),
    "empty": (b"", "truncated"),
}


@pytest.mark.parametrize("case", BAD_CONTENT)
def test_bad_download_is_not_stored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str, case: str
) -> None:
    content, reason = BAD_CONTENT[case]
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / f"{IMAGES}.gz").write_bytes(content)
    _mirrors(monkeypatch, "mnist", server)
    with pytest.raises(FileNotFoundError, match=rf"download: {server}{IMAGES}.gz: .*{reason}"):
        datasets.load_mnist()
    assert list((tmp_path / "cache" / "mnist").iterdir()) == []


def test_unreachable_mirrors_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _mirrors(monkeypatch, "mnist", "http://127.0.0.1:9/a/", "http://127.0.0.1:9/b/")
    with pytest.raises(FileNotFoundError, match=rf"(?s)9/a/{IMAGES}.gz.*9/b/{IMAGES}.gz"):
        datasets.load_mnist()


def test_unwritable_cache_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str
) -> None:
    tiny_data.write(tmp_path / "www", "mnist", packed=True)
    _mirrors(monkeypatch, "mnist", server)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GIBBSLAB_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(FileNotFoundError, match=r"download: .*(NotADirectory|FileExists)Error"):
        datasets.load_mnist()


def test_without_pooch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(FileNotFoundError, match=r"pooch is not installed .*gibbslab\[data\]"):
        datasets.load_mnist()

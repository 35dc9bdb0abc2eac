"""ECG5000: a text of numbers, plain, packed, with either line end, or inside a zip archive."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_data
from gibbslab import datasets
from gibbslab.datasets import _registry, _search
from gibbslab.datasets._registry import DataFile, Source
from gibbslab.errors import FormatError
from test_datasets_download import server

__all__ = ["server"]  # a fixture

NAME = "ECG5000_TRAIN.txt"
ROWS = np.random.default_rng(0).normal(size=(5, 140)).round(6)
CLASSES = np.array([1, 1, 2, 5, 3])


def table(end: str = "\n") -> bytes:
    lines = ("".join(f"{v:16.7e}" for v in (c, *row)) + end for c, row in zip(CLASSES, ROWS))
    return "".join(lines).encode()


def windows() -> bytes:
    return table("\r\n")


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    hashes = (hashlib.sha256(text).hexdigest() for text in (table(), windows()))
    file = DataFile("ecg5000", NAME, len(table()), *hashes)
    with tiny_data.isolated(monkeypatch, tmp_path):
        monkeypatch.setitem(_registry.ECG5000, "train", file)
        yield


def write(folder: Path, content: bytes, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder


def archive(content: bytes, name: str = NAME) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("subfolder", ["ecg5000", "ECG5000", "."])
@pytest.mark.parametrize("content", [table, windows])
def test_content(tmp_path: Path, subfolder: str, content: Any) -> None:
    write(tmp_path / subfolder, content())
    X, y = datasets.load_ecg5000(data_dir=tmp_path, download=False)
    assert (X.dtype, y.dtype) == (np.float32, np.uint8)
    np.testing.assert_array_equal(X, ROWS.astype(np.float32))
    np.testing.assert_array_equal(y, CLASSES)


def test_packed_and_named_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path / "ecg5000", gzip.compress(table()), NAME + ".gz")
    monkeypatch.setenv("GIBBSLAB_DATA_DIR", str(tmp_path))
    assert datasets.load_ecg5000().data.shape == (5, 140)


def changed(place: int, by: bytes) -> bytes:
    text = table()
    return text[:place] + by + text[place + len(by) :]


DAMAGED = {
    "another digit": (changed(20, b"7"), "sha256 of the content is"),
    "a word": (changed(16, b"            word"), "expected numbers"),
    "infinity": (changed(16, b"             inf"), "must be finite"),
    "no line end": (changed(2 * 2257 - 1, b" "), "line 2 is not 2256 long"),
    "cut": (table()[:-1], "truncated"),
    "longer": (table() + b"\n", "longer than"),
    "empty": (b"", "truncated"),
    "gzip, cut": (gzip.compress(table())[:-1], "truncated"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_file_is_refused(tmp_path: Path, case: str) -> None:
    content, message = DAMAGED[case]
    write(tmp_path, content)
    with pytest.raises(FormatError, match=rf"^\[load_ecg5000\] .*{NAME}: .*{message}"):
        datasets.load_ecg5000(data_dir=tmp_path, download=False)


def test_not_found_lists_everything_tried(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        datasets.load_ecg5000(data_dir=tmp_path / "absent", download=False)
    text = str(caught.value)
    for part in (f"[load_ecg5000] {NAME}", f"{tmp_path / 'absent'} is no folder",
                 "GIBBSLAB_DATA_DIR: not set", f"cache: {tmp_path / 'cache'}",
                 f"system folder: {_search.SYSTEM_DIR}", "switched off",
                 "subfolder ecg5000"):  # fmt: skip
        assert part in text


def test_data_dir_must_be_a_path() -> None:
    with pytest.raises(TypeError, match=r"^\[load_ecg5000\] data_dir must be .*got int"):
        datasets.load_ecg5000(data_dir=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [table, windows])
def test_download_from_an_archive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str, content: Any
) -> None:
    write(tmp_path / "www", archive(content()), "E.zip")
    monkeypatch.setitem(_registry.SOURCES, "ecg5000", Source((), (server,), archive="E.zip"))
    np.testing.assert_array_equal(datasets.load_ecg5000().target, CLASSES)
    assert (tmp_path / "cache" / "ecg5000" / NAME).read_bytes() == table()
    np.testing.assert_array_equal(datasets.load_ecg5000(download=False).target, CLASSES)


BAD_ARCHIVES = {
    "no archive": (table(), f"no {NAME} in it"),
    "another file": (archive(table(), "other.txt"), f"no {NAME} in it"),
    "damaged": (archive(table()).replace(b"\x50\x4b\x03\x04", b"\0\0\0\0"), f"no {NAME} in it"),
    "another text": (archive(changed(20, b"7")), "does not match"),
    "a bomb": (archive(bytes(1 << 22)), "does not match"),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_bad_archive_is_not_stored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str, case: str
) -> None:
    content, reason = BAD_ARCHIVES[case]
    write(tmp_path / "www", content, "E.zip")
    monkeypatch.setitem(_registry.SOURCES, "ecg5000", Source((), (server,), archive="E.zip"))
    with pytest.raises(FileNotFoundError, match=rf"download: {server}E.zip: .*{reason}"):
        datasets.load_ecg5000()
    assert list((tmp_path / "cache" / "ecg5000").iterdir()) == []

"""libFuzzer target for the reader of model files.

    pip install atheris
    python tests/fuzz/fuzz_model.py -max_total_time=60

Anything but a usable model or `FormatError` is a crash. Every input is tried as it is, and again
with the checksum that fits it, which a mutation never has. Seeds are made here; a folder given on
the command line is used too.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["gibbslab.io"]):
    from gibbslab.io import _json, _models, _reader  # noqa: F401

from gibbslab.errors import FormatError
from model_files import FILES, assert_usable, model_of, sealed


def check_one(content: bytes) -> None:
    """Load the bytes, and compute with what comes out."""
    try:
        model = model_of(content)
    except FormatError:
        return
    assert_usable(model)


def check(data: bytes) -> None:
    """Try the bytes as they are and with a checksum that fits."""
    check_one(data)
    with_checksum = sealed(data)
    if with_checksum != data:
        check_one(with_checksum)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, make in FILES.items():
            Path(folder, name).write_bytes(make())
        atheris.Setup([*sys.argv, folder], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

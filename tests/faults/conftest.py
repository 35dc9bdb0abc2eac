"""The package with faults, built once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faulty import FaultyPackage


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyPackage]:
    package = FaultyPackage(tmp_path_factory.mktemp("faults"))
    yield package
    package.close()

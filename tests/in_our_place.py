"""pytest plugin: scikit-learn's own tests of BernoulliRBM, run on ours."""

from __future__ import annotations

import pytest
from gibbslab import BernoulliRBM


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.module.BernoulliRBM = BernoulliRBM

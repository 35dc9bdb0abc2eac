"""Estimators of networks on every device: near the CPU's, and going on bit for bit."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from neural_cases import NEURAL, assert_same_training, data
from on_device import core


@pytest.mark.parametrize("case", NEURAL)
def test_training_on_a_device(case: str) -> None:
    X = data(18)
    settings = {"n_iter": 1, "pretrain_iter": 1} if "stacked" in case else {"n_iter": 2}
    here, there = (NEURAL[case](device=d, **settings).fit(X) for d in ("cpu", core.device))
    assert there.model_.device == core.device
    for name, value in here.model_.state_dict().items():
        np.testing.assert_allclose(there.model_.state_dict()[name], value, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(there.transform(X), here.transform(X), atol=1e-3)
    copy = pickle.loads(pickle.dumps(there))
    assert copy.model_.device == core.device
    for net in (copy, there):
        net.set_params(warm_start=True, n_iter=1).fit(X)
    assert_same_training(copy, there)

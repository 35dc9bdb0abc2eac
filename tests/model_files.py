"""Model files taken apart and put together again, with a checksum that fits."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from typing import Any

import gibbslab
import numpy as np
from gibbslab import BernoulliRBM, nn, units
from gibbslab.callbacks import Callback
from gibbslab.estimators import Linear
from gibbslab.io._anomaly_detector import describe as describe_detector
from gibbslab.io._autoencoder import describe as describe_autoencoder
from gibbslab.io._classification_model import describe as describe_step_classifier
from gibbslab.io._classification_rbm import describe as describe_classifier
from gibbslab.io._dbm import describe as describe_dbm
from gibbslab.io._dbn import describe as describe_dbn
from gibbslab.io._encode import encode
from gibbslab.io._estimator import describe
from gibbslab.io._models import build
from gibbslab.io._rbm import describe as describe_rbm
from gibbslab.io._reader import decode
from gibbslab.io._unit_rbm import describe as describe_unit_rbm
from gibbslab.io._vae import describe as describe_vae
from gibbslab.models import DBM, RBM, ClassificationRBM, DeepBeliefNetwork, UnitRBM

ZEROS = b"0" * 64


def estimator_file() -> bytes:
    """A small estimator in training, with all that a file can hold."""
    X = np.array([[0, 1, 1], [1, 0, 1], [0.5, 1, 0]])
    rbm = BernoulliRBM(2, n_iter=1, batch_size=2, random_state=0, learning_rate=Linear(0.1, 0, 5))
    return encode("BernoulliRBM", *describe(rbm.set_params(momentum=0.5, n_threads=1).fit(X)))


def rbm_file() -> bytes:
    """A small step-level model."""
    return encode("RBM", *describe_rbm(RBM(3, 2, random_state=0)))


def dbm_estimator_file() -> bytes:
    """A small DBM estimator in training."""
    X = np.array([[0, 1, 1], [1, 0, 1], [0.5, 1, 0]])
    dbm = gibbslab.DBM((2, 2), n_iter=1, batch_size=2, random_state=0, n_threads=1).fit(X)
    return encode("DBM", *describe(dbm))


def dbm_in_pretraining_file() -> bytes:
    """A small DBM estimator that was stopped in its second greedy stage."""
    X = np.array([[0, 1, 1], [1, 0, 1], [0.5, 1, 0]])
    dbm = gibbslab.DBM((2, 2), pretrain_iter=2, batch_size=2, random_state=0, n_threads=1)
    dbm.set_params(callbacks=[_StopAfterEpoch(3)]).fit(X)
    return encode("DBM", *describe(dbm))


class _StopAfterEpoch(Callback):
    def __init__(self, epochs: int) -> None:
        self.last = epochs - 1

    def on_epoch_end(self, estimator: Any, epoch: int, logs: Any) -> bool:
        return epoch == self.last


def dbm_file() -> bytes:
    """A small step-level DBM."""
    return encode("models.DBM", *describe_dbm(DBM((3, 2, 2), n_chains=2, random_state=0)))


def classifier_file() -> bytes:
    """A small classification RBM in training."""
    X = np.array([[0, 1, 1], [1, 0, 1], [0.5, 1, 0]])
    rbm = gibbslab.ClassificationRBM(2, n_iter=1, random_state=0, n_threads=1, method="pcd")
    fitted = rbm.set_params(n_chains=2).fit(X, ["a", "b", "a"])
    return encode("ClassificationRBM", *describe_classifier(fitted))


def step_classifier_file() -> bytes:
    """A small step-level classification RBM."""
    model = ClassificationRBM(3, 2, n_classes=2, random_state=0)
    return encode("models.ClassificationRBM", *describe_step_classifier(model))


def dbn_estimator_file() -> bytes:
    """A small DBN estimator in training, in its up-down stage."""
    X = np.array([[0, 1, 1], [1, 0, 1], [0.5, 1, 0]])
    dbn = gibbslab.DBN((2, 2), n_iter=1, batch_size=2, random_state=0, n_threads=1)
    return encode("DBN", *describe(dbn.set_params(fine_tune_iter=1).fit(X)))


def dbn_classifier_file() -> bytes:
    """A small DBN with labels, in the greedy stage of its top."""
    X = np.array([[0, 1, 1], [1, 0, 1], [0.5, 1, 0]])
    dbn = gibbslab.DBNClassifier((2, 2), n_iter=2, batch_size=2, random_state=0, n_threads=1)
    dbn.set_params(method="pcd", callbacks=[_StopAfterEpoch(3)]).fit(X, ["a", "b", "a"])
    return encode("DBNClassifier", *describe_classifier(dbn))


def labelled_dbn_file() -> bytes:
    """A small step-level DBN with labels."""
    model = DeepBeliefNetwork((3, 2, 2), n_classes=2, random_state=0)
    return encode("models.DeepBeliefNetwork", *describe_dbn(model))


def dbn_file() -> bytes:
    """A small step-level DBN."""
    model = DeepBeliefNetwork((3, 2, 2), random_state=0)
    return encode("models.DeepBeliefNetwork", *describe_dbn(model))


def gaussian_rbm_file() -> bytes:
    """A small Gaussian estimator in training."""
    X = np.array([[0, 1, 1], [1, 0, 1], [0.5, 1, 0]])
    rbm = gibbslab.GaussianRBM(2, n_iter=1, batch_size=2, variance="learned", random_state=0)
    return encode("GaussianRBM", *describe(rbm.set_params(n_threads=1).fit(X)))


def unit_rbm_file() -> bytes:
    """A small step-level model of other units."""
    model = UnitRBM(3, 2, visible=units.Gaussian(2.5), hidden=units.Binomial(3), random_state=0)
    return encode("UnitRBM", *describe_unit_rbm(model))


def autoencoder_file() -> bytes:
    """A small autoencoder in training, of its user's layers."""
    X = np.array([[0, 1], [1, 0], [0.5, 1]])
    encoder = [nn.Linear(2, 1, random_state=0), nn.ELU()]
    networks = encoder, [nn.Dropout(0.1, random_state=1), nn.Linear(1, 2, random_state=0)]
    net = gibbslab.Autoencoder(networks, n_iter=1, batch_size=2, random_state=0, n_threads=1)
    return encode("Autoencoder", *describe_autoencoder(net.fit(X)))


def vae_file() -> bytes:
    """A small variational autoencoder in training."""
    X = np.array([[0, 1], [1, 0], [0.5, 1]])
    vae = gibbslab.VAE(1, (), decoder="gaussian", variance="shared", beta=Linear(0, 1, 5))
    vae.set_params(n_iter=1, batch_size=2, random_state=0, n_threads=1)
    return encode("VAE", *describe_vae(vae.fit(X)))


def detector_file() -> bytes:
    """A small detector of anomalies."""
    X = np.array([[0, 1, 1], [1, 0, 1], [0, 1, 0]])
    rbm = BernoulliRBM(2, n_iter=1, batch_size=2, random_state=0, n_threads=1)
    return encode("AnomalyDetector", *describe_detector(gibbslab.AnomalyDetector(rbm).fit(X)))


FILES = {
    "AnomalyDetector": detector_file,
    "Autoencoder": autoencoder_file,
    "BernoulliRBM": estimator_file,
    "ClassificationRBM": classifier_file,
    "DBM": dbm_estimator_file,
    "DBM in pre-training": dbm_in_pretraining_file,
    "DBN": dbn_estimator_file,
    "DBNClassifier": dbn_classifier_file,
    "GaussianRBM": gaussian_rbm_file,
    "RBM": rbm_file,
    "UnitRBM": unit_rbm_file,
    "VAE": vae_file,
    "models.ClassificationRBM": step_classifier_file,
    "models.DBM": dbm_file,
    "models.DeepBeliefNetwork": dbn_file,
    "models.DeepBeliefNetwork with labels": labelled_dbn_file,
}


def model_of(content: bytes) -> Any:
    """What `gibbslab.load` makes of these bytes."""
    return build(decode(content), "[test]")


def assert_usable(model: Any) -> None:
    """Finite weights, and a model that computes."""
    model = getattr(model, "estimator_", model)
    rbm = getattr(model, "model_", model)
    if isinstance(rbm, nn.Module):
        assert all(np.isfinite(x).all() for x in rbm.state_dict().values())
        assert model.transform(np.zeros((1, model.n_features_in_))).shape[0] == 1
        return
    if isinstance(rbm, DBM):
        assert all(np.isfinite(x).all() for x in rbm.named_parameters().values())
        assert rbm.infer(np.zeros(rbm.v_size)).means[0].shape == (1, rbm.layer_sizes[1])
        return
    if isinstance(rbm, ClassificationRBM):
        assert np.isfinite(rbm.log_proba(np.zeros(rbm.v_size))).all()
        return
    if isinstance(rbm, DeepBeliefNetwork):
        assert all(np.isfinite(x).all() for x in rbm.parameters.values())
        assert rbm.hidden_mean(np.zeros(rbm.v_size)).shape == (1, rbm.layer_sizes[-1])
        assert rbm.n_classes == 0 or np.isfinite(rbm.log_proba(np.zeros(rbm.v_size))).all()
        return
    for name in ("W", "v_bias", "h_bias"):
        assert np.isfinite(getattr(rbm, name)).all()
    mean = rbm.hidden_mean(np.zeros(rbm.v_size))
    assert mean.shape == (1, rbm.h_size)
    # A Gaussian unit's input is divided by its variance, and may then be no float32 number.
    assert isinstance(rbm, UnitRBM) or np.isfinite(mean).all()


def sealed(content: bytes) -> bytes:
    """The bytes with the checksum that fits them, if there is still a place for it."""
    found = re.search(rb'sha256\\":\\"([^"\\]{64})', content)
    if found is None:
        return content
    blank = content[: found.start(1)] + ZEROS + content[found.end(1) :]
    digest = hashlib.sha256(blank).hexdigest().encode()
    return content[: found.start(1)] + digest + content[found.end(1) :]


def header_of(content: bytes) -> tuple[bytes, bytes]:
    """The header's JSON, and the data."""
    (length,) = struct.unpack("<Q", content[:8])
    return content[8 : 8 + length], content[8 + length :]


def with_header(header: bytes, data: bytes) -> bytes:
    """A file of a header and data, sealed."""
    return sealed(struct.pack("<Q", len(header)) + header + data)


def parts(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Metadata, tensor table and data."""
    header, data = header_of(content)
    table = json.loads(header)
    metadata = json.loads(table.pop("__metadata__")["gibbslab"])
    return metadata, table, data


def joined(metadata: Any, table: dict[str, Any], data: bytes) -> bytes:
    """The inverse of `parts`, sealed; the metadata may be text already."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata, separators=(",", ":"))
    header = {"__metadata__": {"gibbslab": text}, **table}
    return with_header(json.dumps(header, separators=(",", ":")).encode(), data)

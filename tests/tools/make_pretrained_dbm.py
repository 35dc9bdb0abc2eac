"""Put a trained DBM into the package: ``make_pretrained_dbm.py CHECKPOINT``.

Takes a checkpoint of tests/validation/dbm_mnist_500_1000.py, writes its weights in half precision
to python/gibbslab/pretrained/data, and its hash into python/gibbslab/pretrained/_load.py.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import gibbslab
import numpy as np
import safetensors.numpy

PACKAGE = Path(__file__).parents[2] / "python" / "gibbslab" / "pretrained"
NAME = "dbm-mnist-500-1000"


def main() -> None:
    model = gibbslab.load(sys.argv[1]).model_
    tensors = {name: x.astype(np.float16) for name, x in model.named_parameters().items()}
    content = safetensors.numpy.save(tensors)
    (PACKAGE / "data" / f"{NAME}.safetensors").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    source = PACKAGE / "_load.py"
    pattern = rf'(?s)("{NAME}": )".*?"'
    source.write_text(re.sub(pattern, rf'\1"{digest}"', source.read_text()))
    print(f"{NAME}: {len(content)} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()

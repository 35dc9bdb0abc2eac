"""Draw the figure of README.md from the model that ``gibbslab demo`` leaves.

gibbslab demo && python tests/tools/make_readme_figure.py gibbslab-demo/model.safetensors
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import gibbslab
import matplotlib as mpl
import numpy as np
from gibbslab.datasets import load_mnist_sample
from gibbslab.plot import FilterDisplay, InpaintingDisplay, SampleDisplay
from PIL import Image

mpl.use("agg")

FIGURE = Path(__file__).parents[2] / "notebooks" / "readme.png"
SIDE, COLUMNS, IMAGES, COLOURS = 28, 7, 5, 96


def main(model: str) -> None:
    from matplotlib import pyplot

    estimator = gibbslab.load(model)
    test = load_mnist_sample("test").data
    upper_half = np.arange(SIDE * SIDE) < SIDE * SIDE // 2
    figure, (filters, samples, inpainting) = pyplot.subplots(
        1, 3, figsize=(10.6, 3.5), width_ratios=(1, 1, 1.35), layout="constrained"
    )
    count = COLUMNS * COLUMNS
    FilterDisplay.from_estimator(
        estimator, sort_by="norm", n_filters=count, ax=filters, n_columns=COLUMNS, colorbar=False
    )
    SampleDisplay.from_estimator(
        estimator, n_samples=count, n_steps=2000, ax=samples, random_state=1
    )
    InpaintingDisplay.from_estimator(
        estimator, test[:IMAGES], upper_half, ax=inpainting, random_state=1
    )
    titles = "what the hidden units look for", "samples of the model", "lower halves, filled in"
    for ax, title in zip(figure.axes, titles, strict=True):
        ax.set_title(title, fontsize=11)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110)
    Image.open(picture).convert("RGB").quantize(COLOURS).save(FIGURE, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])

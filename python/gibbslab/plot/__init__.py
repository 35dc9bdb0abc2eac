"""Pictures of models, in scikit-learn's display manner.

A display is made from arrays (``__init__``) or from a model (``from_estimator``, which takes a
fitted `gibbslab.BernoulliRBM` or a `gibbslab.models.RBM`) and draws itself with ``plot(ax=...)``.
Images of one picture share one colour scale. Drawing never moves a model's random stream: what
must be sampled is sampled from a copy, seeded by `random_state`.

matplotlib (extra ``plot``) is imported when something is drawn, not before.
"""

from ._activation import ActivationFrequencyDisplay
from ._animation import animate_gibbs
from ._build_up import BuildUpDisplay
from ._filters import FilterDisplay
from ._inpainting import InpaintingDisplay
from ._learning_curve import LearningCurveDisplay
from ._reconstruction import ReconstructionDisplay
from ._samples import SampleDisplay

__all__ = [
    "ActivationFrequencyDisplay",
    "BuildUpDisplay",
    "FilterDisplay",
    "InpaintingDisplay",
    "LearningCurveDisplay",
    "ReconstructionDisplay",
    "SampleDisplay",
    "animate_gibbs",
]

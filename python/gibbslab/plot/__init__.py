"""Pictures of models, in scikit-learn's display manner.

A display is made from arrays (``__init__``) or from a model (``from_estimator``, which takes a
fitted `gibbslab.BernoulliRBM` or a `gibbslab.models.RBM`; those of latent space take a
`gibbslab.models.VAE`) and draws itself with ``plot(ax=...)``.
Images of one picture share one colour scale. Drawing never moves a model's random stream: what
must be sampled is sampled from a copy, seeded by `random_state`.

matplotlib (extra ``plot``) is imported when something is drawn, not before.
"""

from ._activation import ActivationFrequencyDisplay
from ._animation import animate_gibbs
from ._anomaly import AnomalyHistogramDisplay
from ._anomaly_traces import AnomalyTraceDisplay
from ._build_up import BuildUpDisplay
from ._explorer import LatentExplorer, explore_latent_space
from ._filters import FilterDisplay
from ._inpainting import InpaintingDisplay
from ._latent_boxes import LatentBoxDisplay
from ._latent_grid import LatentGridDisplay
from ._latent_scatter import LatentScatterDisplay
from ._learning_curve import LearningCurveDisplay
from ._reconstruction import ReconstructionDisplay
from ._samples import SampleDisplay

__all__ = [
    "ActivationFrequencyDisplay",
    "AnomalyHistogramDisplay",
    "AnomalyTraceDisplay",
    "BuildUpDisplay",
    "FilterDisplay",
    "InpaintingDisplay",
    "LatentBoxDisplay",
    "LatentExplorer",
    "LatentGridDisplay",
    "LatentScatterDisplay",
    "LearningCurveDisplay",
    "ReconstructionDisplay",
    "SampleDisplay",
    "animate_gibbs",
    "explore_latent_space",
]

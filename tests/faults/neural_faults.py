"""The rows of the tables of planted faults that concern networks."""

from __future__ import annotations

from faulty import Fault

DENSE, VARIABLES = "tests/ops/test_dense.py::test_", "tests/ops/test_variables.py::test_"
REVERSE, DESCENT = "tests/ops/test_reverse_mode.py::test_", "tests/ops/test_descent.py::test_"
CONV = "tests/ops/test_conv.py::test_"
CONV_BY_FREQUENCY = "tests/ops/test_conv_by_frequency.py::test_"
NORM = "tests/ops/test_norm.py::test_"
CONV_NORM = "tests/ops/test_conv_norm.py::test_"
VAE = "tests/models/test_vae.py::test_"
BOUNDS = "tests/models/test_vae_bounds.py::test_"
DECODERS = "tests/models/test_vae_decoders.py::test_"
VAE_ESTIMATOR = "tests/python/test_vae_estimator.py::test_"
AUTOENCODER = "tests/models/test_autoencoder.py::test_"

# In the code of both devices.
SHARED = {
    "dense_bias_left_out": Fault(
        "of fused layers",
        (
            DENSE + "dense[tanh-True]",
            DENSE + "dense_equals_its_plain_twin[identity-sizes1]",
            CONV + "layers[tanh-False]",
            CONV + "layers[elu-True]",
        ),
    ),
    "conv_taps_mirrored": Fault(
        "a convolution with the kernel upside down",
        (
            CONV + "products[conv-3x3]",
            CONV + "products[transposed-3x3]",
            CONV + "products[weight-3x3]",
        ),
    ),
    "conv_share_left_out": Fault(
        "the last share of the samples adds nothing to the gradient by the weights",
        (CONV + "products_of_many_tiles[weight-many pixels]",),
    ),
    "upsample_last_row_left_out": Fault(
        "the gradient of a repeated pixel lacks its last row",
        ("tests/ops/test_upsample.py::test_both_directions[image1-factor1-False]",),
    ),
    "batch_norm_constant_moments": Fault(
        "gradients do not go through the mean and the variance of the batch",
        (NORM + "derivatives[identity-True]", NORM + "derivatives[tanh-True]"),
    ),
}
# In the code of the CPU, or above the devices.
NEURAL_FAULTS = SHARED | {
    "moments_between_parts_left_out": Fault(
        "the variance is the mean of the parts' variances",
        (
            CONV_NORM + "moments_are_those_of_the_products[many pixels-False-0.0]",
            CONV_NORM + "moments_are_those_of_the_products[by pixel-True-0.0]",
            NORM + "moments_of_many_pixels[0.0]",
        ),
    ),
    "conv_frequency_counted_once": Fault(
        "half of the frequencies are all, not two of each pair",
        tuple(
            CONV_BY_FREQUENCY + f"products[{name}-{case}]"
            for name in ("conv", "transposed", "weight")
            for case in ("odd", "even", "strides", "blocks of samples")
        ),
    ),
    "dense_slope_left_out": Fault(
        "the gradient passes a planned layer as if it had no activation",
        (VAE + "gradients_equal_those_of_variables[1.0-5]",),
    ),
    "last_nonzero_left_out": Fault(
        "products with rows that are mostly zeros lack the last of the others",
        (DENSE + "dense_does_not_depend_on_the_threads[0.2]",),
    ),
    "gradient_of_last_use": Fault(
        "a variable that is used twice gets the gradient of one use",
        (
            REVERSE + "derivatives_of_any_order",
            VARIABLES + "compositions_with_shared_parts",
        ),
    ),
    "dropout_not_scaled": Fault(
        "means shrink by the share that is dropped",
        (VARIABLES + "dropout_is_the_addressed_draw[0.3]",),
    ),
    "kl_without_half": Fault(
        "value and gradients are twice what they should be",
        (DENSE + "losses[kl-shape1]", VAE + "the_elbo_is_below_the_likelihood"),
    ),
    "adam_without_bias_correction": Fault(
        "the first steps are too short",
        (DESCENT + "steps_equal_the_formulas[adam-0.0]",),
    ),
    "vae_variance_for_deviation": Fault(
        "the planned step draws latents with the variance as their deviation",
        (VAE + "gradients_equal_those_of_variables[1.0-5]",),
    ),
    "vae_proposal_left_out": Fault(
        "importance weights that do not divide by q(z|x): the bound is none",
        (
            BOUNDS + "bounds_equal_the_twin[bernoulli-deep]",
            BOUNDS + "bounds_lie_between_the_elbo_and_the_likelihood[1]",
            BOUNDS + "bounds_are_tight_for_a_linear_decoder_with_its_posterior",
        ),
    ),
    "vae_samples_summed": Fault(
        "with several latent samples the reconstruction outweighs the KL divergence",
        (DECODERS + "gradients_equal_those_of_the_loss[bernoulli-deep-3]",),
    ),
    "contraction_without_slope": Fault(
        "the penalty is that of a linear encoder: only a saturating one tells",
        (
            AUTOENCODER + "contraction_is_the_norm_of_the_jacobian[sigmoid-sizes0]",
            AUTOENCODER + "contraction_has_the_gradient_of_its_definition[sigmoid-sizes0]",
        ),
    ),
    "sparsity_divergence_reversed": Fault(
        "the divergence is the other way round: both are 0 at the target, and both attract",
        (AUTOENCODER + "sparsity_divergence_and_its_gradient[0.05]",),
    ),
    "elbo_plus_divergence": Fault(
        "no bound, but larger the more the posterior tells",
        (VAE_ESTIMATOR + "scores_are_unbiased_estimates_of_the_elbo",),
    ),
    "masking_keeps_share": Fault(
        "the share is kept, not set to 0",
        (AUTOENCODER + "masking_sets_a_share_to_zero[0.2]",),
    ),
}
# In the kernels.
SHARED_NEURAL_FAULTS = SHARED | {
    "dense_slope_left_out": NEURAL_FAULTS["dense_slope_left_out"],
}

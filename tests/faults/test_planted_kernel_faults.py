"""Faults planted in the CUDA kernels, each of which the tests must catch on the emulated card.

Like test_planted_faults.py, with an emulated plug-in beside the extension. A switch `kernel_...`
may stand in several kernels: the tests of its row run one each.
"""

from __future__ import annotations

import pytest
from faulty import Fault, FaultyPackage, switches
from neural_faults import SHARED_NEURAL_FAULTS

HALF_STEP = "tests/ops/test_sampling.py::test_half_step_of_{}"
CD = "tests/ops/test_sampling.py::test_cd_statistics[scipy-False-(31, 33, 33, 17)-{}]"
REDUCE, RANDOM = "tests/ops/test_reduce.py::test_", "tests/ops/test_random.py::test_"
ELEMENT, OPTIM = "tests/ops/test_elementwise.py::test_", "tests/ops/test_optim.py::test_"
STEP = "tests/models/test_training_step.py::test_steps_equal_the_twin[scipy-bits-{}]"
BITS_UP, BITS_DOWN = (HALF_STEP.format(f"bits[{up}-0.6-(31, 127, 33)]") for up in (True, False))
GREY_UP = HALF_STEP.format("dense_states[scipy-True-grey-(31, 127, 33)]")
GREY_DOWN = HALF_STEP.format("dense_states[scipy-False-grey-(31, 127, 33)]")
FREE_ENERGY = REDUCE + "free_energy[1.0-bits-(127, 33)]"
CHAINS = "tests/cuda/test_chains.py::test_every_form_equals_half_steps[{}-False]"
ANNEAL = "tests/cuda/test_anneal.py::test_every_form_equals_half_steps[{}-False]"
RUN = "tests/cuda/test_cd_run.py::test_runs_equal_the_plain_trainer[{}-{}-(70, 33)]"
CONV = "tests/cuda/test_conv_tensor.py::test_products_of_rounded_factors[{}]"
DIVERGES = "tests/cuda/test_cd_run.py::test_a_run_stops_before_the_batch_that_diverges[{}]"
SQUARE = "tests/models/test_rbm_sampler.py::test_half_steps_draw_from_the_conditionals"

# Those of the kernels alone.
KERNEL_FAULTS = {
    "kernel_missing_barrier": Fault(
        "threads read shared memory that others have not written yet",
        (
            BITS_UP,  # the warps' sums on tensor cores
            GREY_UP,  # the tile of a float32 product
            FREE_ENERGY,  # hidden inputs, and a sum over a block
            REDUCE + "energy[('bits', 'bits')-(127, 33)]",
            REDUCE + "column_sums[(33, 31)-grey]",
            "tests/ops/test_dense.py::test_losses[squared_error-shape2]",
            REDUCE + "log_partition_over_blocks_of_states[1-(13, 40)]",
            OPTIM + "max_norm_limits_the_columns[0.5]",
            CONV.format("tf32-conv-3x3"),
        ),
    ),
    "kernel_transpose_without_barrier": Fault(
        "likewise, in the tile of a transposition",
        ("tests/ops/test_linalg.py::test_transpose[33-31]",),
    ),
    "kernel_rows_of_no_pixel": Fault(
        "moments of a tile take in rows beyond the last pixel",
        (
            "tests/ops/test_conv_norm.py::test_moments_are_those_of_the_products[odd-False-0.0]",
            "tests/ops/test_conv_norm.py::test_moments_are_those_of_the_products[quads-True-0.0]",
        ),
    ),
    "kernel_off_by_one": Fault(
        "the last column is left out",
        (
            ELEMENT + "sigmoid_of_any_shape_and_threads[33-31]",
            STEP.format("CD-1"),  # packed data
            FREE_ENERGY,
            OPTIM + "max_norm_limits_the_columns[0.5]",
        ),
    ),
    "kernel_tile_edge": Fault(
        "the last column of a factor reads as zero",
        (
            GREY_UP,
            GREY_DOWN,
            BITS_UP,
            BITS_DOWN,
            CD.format("grey x probabilities"),
            OPTIM + "update[momentum+l1+l2-31-33]",
        ),
    ),
    "kernel_wrong_mask": Fault(
        "bits are packed from too few lanes",
        (
            RANDOM + "bernoulli_decisions_are_exact[0-33]",
            STEP.format("CD-1"),  # packed data
        ),
    ),
    "kernel_swapped_fragment": Fault(
        "two registers of the first factor's fragment are exchanged: other depths, other rows",
        (
            BITS_UP,
            BITS_DOWN,
            CD.format("bits x bits"),
            CD.format("bits x probabilities"),
            CONV.format("tf32-conv-3x3"),
            CONV.format("bf16-weight-3x3"),
        ),
    ),
    "kernel_replay_left_out": Fault(
        "what was recorded is not done",
        ("tests/cuda/test_vae_steps.py::test_replayed_steps_equal_plain_ones[bernoulli]",),
    ),
    "kernel_copy_not_awaited": Fault(
        "a chunk of the factors is multiplied before it has come",
        (CONV.format("tf32-conv-3x3"), CONV.format("bf16-transposed-many channels")),
    ),
    "kernel_chain_depth": Fault(
        "the last unit of a layer is left out where it begins a word",
        tuple(CHAINS.format(form) for form in ("resident:2:8", "stream:8:16")),
    ),
    "kernel_last_chain_group": Fault(
        "a last group of one chain is left out",
        (CHAINS.format("resident:2:8"), ANNEAL.format("resident:2:8")),
    ),
    "kernel_callers_device": Fault(
        "work goes to the card that the caller has made current",
        ("tests/cuda/test_emulated_cards.py::test_another_current_card_stays_current",),
    ),
    "kernel_missing_cluster_barrier": Fault(
        "a block reads the states of the others before they are there",
        (
            CHAINS.format("resident:2:8"),
            ANNEAL.format("stream:8:16"),
            RUN.format("resident:2", "CD-1"),
        ),
    ),
    "kernel_batch_not_advanced": Fault(
        "every batch of a run is the first, and starts from the first parameters",
        (RUN.format("graph", "CD-1"), RUN.format("graph", "all")),
    ),
    "kernel_draws_repeat": Fault(
        "every batch of a run draws the words of the first",
        (RUN.format("graph", "CD-1"), RUN.format("graph", "all"), RUN.format("resident:2", "CD-1")),
    ),
    "kernel_last_row_group": Fault(
        "the last of the shares whose sum moves a bias is left out",
        (RUN.format("graph", "CD-1"),),
    ),
    "kernel_bias_without_barrier": Fault(
        "the shares of a bias are added before they are there",
        (RUN.format("graph", "CD-1"), RUN.format("resident:2", "CD-1")),
    ),
    "kernel_slice_edge": Fault(
        "the last unit of a whole slice is left out",
        (RUN.format("resident:2", "CD-1"),),
    ),
    "kernel_bias_untold": Fault(
        "a block keeps the new biases of hidden units to itself",
        (RUN.format("resident:2", "CD-1"),),
    ),
    "kernel_trouble_untold": Fault(
        "a block stops at a batch that diverges, the others go on",
        (DIVERGES.format("resident:2-CD-1"),),
    ),
}
IN_INT8 = {"GIBBSLAB_CUDA_MODE": "int8x3"}
INT8_FAULTS = {
    "kernel_swapped_fragment": Fault("likewise in bytes", (BITS_UP, BITS_DOWN)),
    "kernel_missing_barrier": Fault("the warps' sums of integers", (BITS_UP,)),
}

# Those that the CPU's code has too, with a test that runs the kernel's own copy of the formula.
SHARED_FAULTS = {
    "hidden_bias_left_out": Fault("the hidden units' inputs lack it", (BITS_UP, GREY_UP)),
    "w_transposed_in_down_pass": Fault(
        "only a square W can be, so the square model sees it",
        (SQUARE + "[1.0-visible-4x4]",),
    ),
    "added_input_left_out": Fault(
        "a layer between two others hears one of them only",
        (HALF_STEP.format("a_layer_between_two[True-bits-(33, 64, 257)]"),),
    ),
    "neighbours_share_stream": Fault("half of the rows draw another row's words", (BITS_UP,)),
    "sigmoid_off": Fault(
        "by 1e-3, in the activation and in the half-step",
        (ELEMENT + "sigmoid_is_accurate_everywhere", BITS_UP, GREY_UP),
    ),
    "uniforms_8_bit": Fault(
        "the bits below the 8th are empty", (RANDOM + "uniforms_have_24_bits", BITS_UP)
    ),
    "uniforms_open_at_zero": Fault(
        "the extreme words tell",
        (RANDOM + "word_of_ones_is_below_one[1]", RANDOM + "word_zero_is_uniform_zero[1]"),
    ),
    "uniform_at_most_p": Fault(
        "p = 0 fires on the word 0, and ties are decided wrongly",
        (
            RANDOM + "word_zero_is_uniform_zero[1]",
            RANDOM + "bernoulli_decisions_are_exact[0-33]",
        ),
    ),
    "momentum_times_learning_rate": Fault(
        "in the update alone and in that which follows the statistics",
        (
            OPTIM + "momentum_is_not_multiplied_by_the_learning_rate",
            STEP.format("momentum"),
        ),
    ),
    "extrapolated_backwards": Fault(
        "each step is cut short where it should go further",
        ("tests/ops/test_mean_field.py::test_extrapolate[5-(33, 127)]",),
    ),
} | SHARED_NEURAL_FAULTS
FAULTS = KERNEL_FAULTS | SHARED_FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_caught(fault: str, faulty: FaultyPackage) -> None:
    faulty.assert_caught(fault, FAULTS[fault], "cuda")


@pytest.mark.parametrize("fault", INT8_FAULTS)
def test_fault_is_caught_in_int8(fault: str, faulty: FaultyPackage) -> None:
    faulty.assert_caught(fault, INT8_FAULTS[fault], "cuda", IN_INT8)


def test_without_a_fault_the_same_tests_pass(faulty: FaultyPackage) -> None:
    faulty.assert_pass((t for fault in FAULTS.values() for t in fault.tests), "cuda")
    int8 = (t for fault in INT8_FAULTS.values() for t in fault.tests)
    faulty.assert_pass(int8, "cuda", IN_INT8)


def test_every_switch_in_the_kernels_is_in_the_table() -> None:
    found = switches("kernels")
    assert {name for name in found if name.startswith("kernel_")} == set(KERNEL_FAULTS)
    assert {name for name in found if not name.startswith("kernel_")} == set(SHARED_FAULTS)

"""Faults planted in the core, each of which the statistical suite must catch.

The extension is built once more with GIBBSLAB_FAULTS, which compiles in the switches that
`fault("name")` reads from the environment. Under each fault every test named here must fail, at
its first run; without a fault all of them must pass.
"""

from __future__ import annotations

import os
import sys

import pytest
from faulty import Fault, FaultyPackage, run, switches
from gibbslab import _core
from neural_faults import NEURAL_FAULTS

SAMPLER, GRADIENT = "tests/models/test_rbm_sampler.py::", "tests/models/test_cd_gradient.py::"
STEP, AIS = "tests/models/test_training_step.py::", "tests/models/test_ais.py::"
AIS_STEP, RANDOM = "tests/models/test_ais_steps.py::", "tests/ops/test_random.py::test_"
SIGMOID, OPTIM = "tests/ops/test_elementwise.py::test_", "tests/ops/test_optim.py::test_"
DBM, BETWEEN = "tests/models/test_dbm_", "tests/ops/test_sampling.py::test_half_step_of_a_layer_"
FIELD = "tests/models/test_dbm_mean_field.py::test_"
TEMPERING = "tests/models/test_tempering.py::"
CLASSIFIER = "tests/models/test_classification_rbm.py::"
ISING = "tests/python/test_ising.py::test_"
DBN_SAMPLER, DBN_STEP = "tests/models/test_dbn_sampler.py::", "tests/models/test_dbn_training.py::"
LABELLED_DBN = "tests/models/test_labelled_dbn"
DBN_BOUND = "tests/models/test_dbn_bound.py::"
UNIT, UNIT_OPS = "tests/models/test_unit_", "tests/ops/test_units.py::test_"
ONE_SWEEP = SAMPLER + "test_every_row_of_the_transition_matrix[1-{}]"

FAULTS = {
    "generation_by_recognition_weights": Fault(
        "the two sets of weights differ, so what is generated, predicted and learned is another's",
        (
            DBN_SAMPLER + "test_every_row_of_the_layers_tables[4x3x3]",
            DBN_SAMPLER + "test_every_row_of_generation_and_recognition[3x4x4x3]",
            DBN_STEP + "test_expected_gradient[1-4x3x3]",
            DBN_STEP + "test_steps_equal_the_twin[plain-bits-37x19x11]",
        ),
    ),
    "sleep_phase_starts_at_data": Fault(
        "the sleep phase then tells of recognised data, not of what the model dreams",
        (
            DBN_SAMPLER + "test_a_pass_is_wake_sweeps_and_sleep[4x3x3]",
            DBN_STEP + "test_expected_gradient[1-4x3x3]",
            DBN_STEP + "test_steps_equal_the_twin[plain-bits-37x19x11]",
        ),
    ),
    "label_units_not_normalised": Fault(
        "labels drawn as if each were a unit of its own, the first ones oftenest",
        (
            LABELLED_DBN + ".py::test_every_row_of_the_transition_matrix[1-4x3x3]",
            LABELLED_DBN + ".py::test_neighbours_labels_are_independent",
            LABELLED_DBN + "_training.py::test_steps_equal_the_twin[plain-bits-37x19x11]",
            CLASSIFIER + "test_exact_starts_stay_exact",
        ),
    ),
    "held_labels_drawn": Fault(
        "what is generated is of any class",
        (
            LABELLED_DBN + ".py::test_every_row_of_the_transition_matrix[1-4x3x3]",
            LABELLED_DBN + ".py::test_exact_starts_stay_exact_with_and_without_a_label[4x3x3]",
        ),
    ),
    "up_down_negative_label_of_data": Fault(
        "the label biases never learn, and the label weights learn something else",
        (
            LABELLED_DBN + "_training.py::test_expected_gradient[1-4x3x3]",
            LABELLED_DBN + "_training.py::test_steps_equal_the_twin[plain-bits-37x19x11]",
        ),
    ),
    "bound_without_entropy": Fault(
        "the bound falls short by the entropy of the recognition model",
        (
            DBN_BOUND + "test_log_weights_of_given_states[4x3x3]",
            DBN_BOUND + "test_the_bound_is_tight_where_recognition_is_the_posterior",
        ),
    ),
    "spin_input_not_doubled": Fault(
        "p(+1) is sigmoid(2 eta)",
        (
            UNIT_OPS + "two_state_decisions_are_those_of_the_addressed_uniform[0]",
            UNIT + "sampler.py::test_every_row_of_the_transition_matrix[1-spin-bernoulli]",
        ),
    ),
    "binomial_one_trial_short": Fault(
        "the largest count never comes",
        (
            UNIT_OPS + "samples_have_the_distribution[binomial5]",
            UNIT + "sampler.py::test_moments[1-binomial-spin]",
        ),
    ),
    "gaussian_variance_for_deviation": Fault(
        "only a variance other than 1 tells",
        (
            UNIT_OPS + "gaussian_draws_are_the_addressed_normals[1.0-0]",
            UNIT + "sampler.py::test_moments[1-gaussian-bernoulli]",
        ),
    ),
    "unit_bias_left_out": Fault(
        "of the hidden units: means and samples, not free energies",
        (
            UNIT + "likelihood.py::test_energies_and_conditionals[1.0-1.0-spin-gaussian]",
            UNIT + "sampler.py::test_moments[1-gaussian-bernoulli]",
            UNIT + "training.py::test_expected_cd_gradient[1-potts-spin]",
        ),
    ),
    "unit_sweep_too_many": Fault(
        "the distribution stays invariant: the transition and the biased gradient tell",
        (
            UNIT + "sampler.py::test_every_row_of_the_transition_matrix[1-spin-bernoulli]",
            UNIT + "training.py::test_expected_cd_gradient[1-gaussian-bernoulli]",
        ),
    ),
    "unit_ais_last_bias": Fault(
        "the transition leaves another distribution invariant than the weights assume",
        (UNIT + "ais.py::test_estimates_are_unbiased[1.0-False-spin-bernoulli]",),
    ),
    "variance_rate_squared": Fault(
        "the variances learn at the square of the rate",
        (UNIT + "training.py::test_learned_variances_climb_the_log_likelihood[1.0]",),
    ),
    "hidden_bias_left_out": Fault(
        "the hidden conditionals, what they leave invariant and the gradient are all another's",
        (
            SAMPLER + "test_half_steps_draw_from_the_conditionals[1.0-hidden-4x3]",
            SAMPLER + "test_one_sweep_leaves_the_distribution_invariant[1.0-4x3]",
            GRADIENT + "test_cd_k[False-1]",
        ),
    ),
    "mean_field_for_sample": Fault(
        "units given a mean are less correlated; the first sweep of CD starts from h0 all the same",
        (ONE_SWEEP.format("4x4"), GRADIENT + "test_cd_k[False-2]"),
    ),
    "visible_reuses_hidden_uniforms": Fault(
        "a visible unit follows the hidden unit of its place, in the transition and without W",
        (
            ONE_SWEEP.format("4x3"),
            SAMPLER + "test_hidden_and_visible_units_use_different_words",
            GRADIENT + "test_cd_k[True-1]",
        ),
    ),
    "w_transposed_in_down_pass": Fault(
        "only a square W can be, so the square model sees it",
        (
            SAMPLER + "test_half_steps_draw_from_the_conditionals[1.0-visible-4x4]",
            ONE_SWEEP.format("4x4"),
            GRADIENT + "test_cd_k[False-1]",
        ),
    ),
    "one_step_too_many": Fault(
        "the distribution stays invariant: only the transition and the biased gradient tell",
        (
            ONE_SWEEP.format("4x3"),
            SAMPLER + "test_cd_pass_is_k_sweeps_from_the_data[1]",
            GRADIENT + "test_cd_k[False-1]",
            GRADIENT + "test_persistent_chains_go_on[1]",
        ),
    ),
    "neighbours_share_stream": Fault(
        "each chain is right, pairs are not, and the gradient spreads twice as much",
        (
            SAMPLER + "test_neighbouring_chains_are_independent[1-4x3]",
            GRADIENT + "test_neighbouring_rows_make_independent_contributions",
        ),
    ),
    "counter_wraps": Fault(
        "each sweep is right, but after 16 draws the words come again",
        (SAMPLER + "test_draws_of_one_chain_are_independent",),
    ),
    "uniforms_8_bit": Fault(
        "a probability of 1/512 fires as 1/256 does; the bits below the 8th are empty",
        (SAMPLER + "test_rare_events[0.001953125]", RANDOM + "uniforms_have_24_bits"),
    ),
    "uniforms_open_at_zero": Fault(
        "2^-24 is too small to see in statistics: the extreme words tell",
        (RANDOM + "word_of_ones_is_below_one[1]", RANDOM + "word_zero_is_uniform_zero[1]"),
    ),
    "uniform_at_most_p": Fault(
        "likewise: p = 0 fires on the word 0, and ties are decided wrongly",
        (
            RANDOM + "word_zero_is_uniform_zero[1]",
            RANDOM + "bernoulli_decisions_are_exact[0-33]",
        ),
    ),
    "sigmoid_off": Fault(
        "by 1e-3: far beyond the last places, and half as much again as a rare event's rate",
        (
            SIGMOID + "sigmoid_is_accurate_everywhere",
            SIGMOID + "sigmoid_is_exact_at_the_ends",
            SAMPLER + "test_rare_events[0.001953125]",
        ),
    ),
    "momentum_times_learning_rate": Fault(
        "the velocity forgets at a speed that depends on the learning rate",
        (
            OPTIM + "momentum_is_not_multiplied_by_the_learning_rate",
            GRADIENT + "test_momentum_sums_gradients_without_the_learning_rate",
            STEP + "test_steps_equal_the_twin[scipy-bits-momentum]",
        ),
    ),
    "short_batch_divided_by_full": Fault(
        "the positive phase of the last batch shrinks by its share of a full one",
        (
            GRADIENT + "test_a_short_last_batch_is_unbiased[5-False]",
            GRADIENT + "test_a_short_last_batch_is_unbiased[5-True]",
            STEP + "test_steps_equal_the_twin[scipy-bits-CD-1]",
        ),
    ),
    "added_input_left_out": Fault(
        "a layer between two others hears one of them only",
        (
            BETWEEN + "between_two[True-bits-(33, 64, 257)]",
            BETWEEN + "between_two[False-grey-(16, 33, 17)]",
            DBM + "sampler.py::test_every_row_of_the_transition_matrix[1-(4, 3, 3)]",
            DBM + "training.py::test_steps_equal_the_twin[bits-plain-(5, 4, 3)]",
        ),
    ),
    "upper_input_forgotten": Fault(
        "the mean field of the first hidden layer is that of an RBM",
        (
            DBM + "likelihood.py::test_mean_field_solves_its_equations[1.0-(4, 3, 2)]",
            DBM + "likelihood.py::test_mean_field_iterations[1-1.0-(4, 3, 2)]",
            DBM + "training.py::test_the_expected_gradient",
        ),
    ),
    "last_block_of_changes": Fault(
        "of a layer with more units than a block has, the last ones are never heard",
        (
            FIELD + "iterations_of_wide_layers_equal_the_twin[12-(5, 65, 129)]",
            FIELD + "wide_layers_solve_their_equations[(5, 65, 129)]",
        ),
    ),
    "extrapolated_backwards": Fault(
        "each step is cut short where it should go further: the same means after more iterations",
        (
            FIELD + "iterations_to_a_tolerance_equal_the_twin[(5, 65, 129)]",
            FIELD + "extrapolation_shortens_the_way_to_the_same_means[(3, 130, 63, 257)]",
            "tests/ops/test_mean_field.py::test_extrapolate[5-(33, 127)]",
        ),
    ),
    "stale_states": Fault(
        "odd layers that follow the even ones of the sweep before: right for one sweep only",
        (
            DBM + "sampler.py::test_every_row_of_the_transition_matrix[2-(4, 3, 3)]",
            DBM + "training.py::test_steps_equal_the_twin[bits-two sweeps-(5, 4, 3)]",
        ),
    ),
    "ais_last_temperature_bias": Fault(
        "the transition leaves another distribution invariant than the weights assume",
        (
            AIS + "test_estimates_are_unbiased_however_coarse_the_schedule[shape0-False-betas1]",
            AIS_STEP + "test_log_weights_equal_the_twin[False-(9, 5)-three]",
        ),
    ),
    "swap_rule_sign": Fault(
        "exchanges then prefer the wrong energies; with one temperature there are none",
        (
            TEMPERING + "test_every_row_of_the_transition_matrix[1-two]",
            TEMPERING + "test_the_product_of_all_temperatures_is_invariant[three]",
            TEMPERING + "test_sweeps_equal_the_twin[2-(9, 5)]",
        ),
    ),
    "swaps_never_happen": Fault(
        "every temperature stays right, but no mode found at another comes to beta = 1",
        (
            TEMPERING + "test_every_row_of_the_transition_matrix[1-two]",
            TEMPERING + "test_mode_weights_are_recovered_where_gibbs_sampling_fails",
            GRADIENT + "test_parallel_tempering[False-1]",
        ),
    ),
    "swap_parity_stuck": Fault(
        "the upper pair of three temperatures is never exchanged",
        (
            TEMPERING + "test_every_row_of_the_transition_matrix[2-three]",
            TEMPERING + "test_sweeps_equal_the_twin[5-(9, 5)]",
        ),
    ),
    "swapped_labels_not_temperatures": Fault(
        "the rows that are shown as those at beta = 1 go on at another",
        (
            TEMPERING + "test_every_row_of_the_transition_matrix[2-two]",
            TEMPERING + "test_the_product_of_all_temperatures_is_invariant[two]",
            TEMPERING + "test_moments_at_beta_one",
        ),
    ),
    "swap_energy_at_own_temperature": Fault(
        "energies are then not those that the Metropolis rule compares",
        (
            TEMPERING + "test_every_row_of_the_transition_matrix[1-two]",
            TEMPERING + "test_the_product_of_all_temperatures_is_invariant[three]",
            TEMPERING + "test_sweeps_equal_the_twin[2-(9, 5)]",
        ),
    ),
    "class_bias_left_out": Fault(
        "labels are then as probable as if none were rarer",
        (
            CLASSIFIER + "test_probabilities_are_the_enumerated_ones[(4, 3, 2)]",
            CLASSIFIER + "test_the_discriminative_gradient_is_that_of_finite_differences"
            "[False-16-(4, 3, 2)]",
        ),
    ),
    "class_softmax_over_rows": Fault(
        "the probabilities of one label over the rows sum to 1, not those of a row",
        (
            CLASSIFIER + "test_probabilities_are_the_enumerated_ones[(4, 3, 2)]",
            CLASSIFIER + "test_the_discriminative_gradient_is_that_of_finite_differences"
            "[False-16-(4, 3, 2)]",
        ),
    ),
    "class_alpha_ignored": Fault(
        "the positive phase of the joint likelihood weighs more than its negative phase",
        (CLASSIFIER + "test_the_hybrid_gradient_weighs_both",),
    ),
    "class_negative_label_of_data": Fault(
        "the label biases never learn, and the label weights learn something else",
        (CLASSIFIER + "test_the_joint_gradient_is_that_of_cd[1]",),
    ),
    "ising_bond_probability": Fault(
        "1 - exp(-J / T) for 1 - exp(-2 J / T): clusters too small, detailed balance lost",
        (
            ISING + "every_row_of_the_transition_matrix[1.5-wolff-1]",
            ISING + "a_step_leaves_the_distribution_invariant[3-3.5-wolff]",
            ISING + "energy_levels_of_the_4x4_lattice[3.5-hybrid]",
        ),
    ),
    "ising_half_field": Fault(
        "a spin sees half the field of its neighbours: the heat bath is at twice the temperature",
        (
            ISING + "every_row_of_the_transition_matrix[1.5-heat_bath-1]",
            ISING + "a_step_leaves_the_distribution_invariant[2-1.5-hybrid]",
            ISING + "energy_levels_of_the_4x4_lattice[3.5-hybrid]",
        ),
    ),
    "ising_rows_run_on": Fault(
        "a row's last site is joined to the next row's first: the bonds of another torus",
        (
            ISING + "rows_of_the_transition_matrix_of_an_odd_lattice[1.5-heat_bath]",
            ISING + "rows_of_the_transition_matrix_of_an_odd_lattice[1.5-wolff]",
            ISING + "energy_levels_of_the_4x4_lattice[3.5-hybrid]",
        ),
    ),
    "ising_chains_share_words": Fault(
        "each chain is right, pairs are not",
        (
            ISING + "neighbouring_chains_are_independent[1-heat_bath]",
            ISING + "neighbouring_chains_are_independent[4-wolff]",
        ),
    ),
    "ising_steps_share_words": Fault(
        "each step is right, but every step draws the same words",
        (ISING + "successive_steps_use_different_words",),
    ),
} | NEURAL_FAULTS  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_caught(fault: str, faulty: FaultyPackage) -> None:
    faulty.assert_caught(fault, FAULTS[fault], "cpu")


def test_without_a_fault_the_same_tests_pass(faulty: FaultyPackage) -> None:
    faulty.assert_pass((test for fault in FAULTS.values() for test in fault.tests), "cpu")


def test_every_switch_in_the_sources_is_in_the_table() -> None:
    assert switches("csrc") | switches("python") == set(FAULTS)


def test_the_ordinary_build_has_no_faults() -> None:
    assert _core.FAULTS_COMPILED_IN is False
    show = "from gibbslab import _core; print(_core.uniform(1, 9, 5, 3).tolist())"
    plain, planted = (
        run([sys.executable, "-c", show], {**os.environ, "GIBBSLAB_FAULT": fault})
        for fault in ("", "uniforms_8_bit")
    )
    assert plain.returncode == 0, plain.stderr
    assert planted.stdout == plain.stdout

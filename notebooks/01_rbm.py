# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · The Bernoulli restricted Boltzmann machine
#
# One model, trained, looked at and measured on MNIST. The notebook answers two exercise sheets:
#
# * **Part A**, a lab on generative models, task 1 with its eight subtasks (A1 to A8): train with
#   CD-1, look at weights, reconstructions, activity; vary the input, the number of Gibbs steps,
#   the learning rate, the number of hidden units.
# * **Part B**, an assignment on energy-based models, five questions (B1 to B5): what the
#   pseudo-likelihood has to do with training, what the hyper-parameters do, how many Gibbs steps
#   a sample needs, and how well missing rows of an image can be filled in.
#
# Every claim rests on a number printed here. Likelihoods are in nats, on test images that the
# model has not seen; higher (closer to 0) is better.
#
# ## The model in a minute
#
# $V$ binary pixels $v$, $H$ binary hidden units $h$, no connection inside a layer:
#
# $$E(v,h) = -v^\top W h - a^\top v - b^\top h, \qquad p(v,h) = e^{-E(v,h)}/Z .$$
#
# Given one layer, the units of the other are independent coins, so a layer is drawn in one go:
#
# $$p(h_j=1\mid v)=\sigma\Big(b_j+\sum_i v_i W_{ij}\Big),\qquad
#   p(v_i=1\mid h)=\sigma\Big(a_i+\sum_j W_{ij}h_j\Big).$$
#
# Summing out $h$ gives $p(v)=e^{-F(v)}/Z$ with the free energy
# $F(v)=-a^\top v-\sum_j\log(1+e^{b_j+(v^\top W)_j})$, which is cheap. $Z$ is not: even after that
# it is a sum of $2^{\min(V,H)}$ terms. The gradient of the log-likelihood is data minus model,
#
# $$\frac{\partial\log p(v)}{\partial W_{ij}} =
#   \langle v_ih_j\rangle_{\text{data}}-\langle v_ih_j\rangle_{\text{model}} .$$
#
# **CD-k** replaces the model's average by that after $k$ Gibbs sweeps from the data; **PCD** keeps
# its own chains running from update to update.

# %%
import os
import warnings

import matplotlib.pyplot as plt
import numpy as np
import sklearn.neural_network
from gibbslab import BernoulliRBM, datasets, metrics
from gibbslab.callbacks import Callback
from gibbslab.estimators import Linear
from gibbslab.models import RBM
from gibbslab.plot import (
    ActivationFrequencyDisplay,
    BuildUpDisplay,
    FilterDisplay,
    InpaintingDisplay,
    ReconstructionDisplay,
    SampleDisplay,
)
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

SMOKE = "GIBBSLAB_NOTEBOOK_SMOKE" in os.environ  # a quick check that every cell runs
FULL = not SMOKE  # True: all of MNIST; False: the sample that comes with the package
THREADS = 2
plt.rcParams.update(
    {"figure.dpi": 70, "figure.max_open_warning": 0, "image.interpolation": "nearest"}
)

load = datasets.load_mnist if FULL else datasets.load_mnist_sample
train, train_digit = load("train")
test, test_digit = load("test")
if SMOKE:
    train, train_digit = train[:600], train_digit[:600]
    test, test_digit = test[:200], test_digit[:200]


def binarise(grey, rng):
    """Grey values are probabilities of a 1: draw the 0/1 image."""
    return (rng.random(grey.shape, dtype=np.float32) < grey).astype(np.float32)


def epochs(n):
    return 1 if SMOKE else n


train01 = binarise(train[:10_000], np.random.default_rng(1))  # drawn once, for measuring
test01 = binarise(test, np.random.default_rng(2))
watch01 = test01[:1000]
print(f"{len(train):,} training and {len(test):,} test images of {train.shape[1]} pixels")
print(f"share of ones: {train01.mean():.1%}")

# %% [markdown]
# ### How the models are measured
#
# * **Exact log-likelihood** where the hidden layer has at most 25 units: $Z$ is enumerated.
# * **AIS** (annealed importance sampling) elsewhere: chains go from a model of independent pixels
#   to the RBM through many temperatures, and their weights estimate $Z$. The estimate of
#   $\log Z$ is low on average, so the log-likelihood that follows from it is *optimistic*. An
#   interval of three standard errors stands beside it; an upper end of `inf` says that a handful
#   of chains carries nearly all the weight, so that the estimate cannot rule out better values.
# * **Reverse AIS** goes the other way, from samples of the model, and bounds from the other side,
#   *provided those are samples of the model*. Chains that start at data and cannot leave
#   their neighbourhood are not. A wide gap between the two is a finding in itself.
# * **Pseudo-likelihood** and **reconstruction error**: cheap, and not the likelihood; see B1.

# %%
TEMPERATURES = 50 if SMOKE else 3000


def ais_likelihood(model, **options):
    """Mean test log-likelihood by forward AIS, and its interval (three standard errors)."""
    options = {"n_temperatures": TEMPERATURES, "random_state": 0, **options}
    result = metrics.ais(model, train[:10_000], **options).log_likelihood(test01)
    return result.mean, result.interval


def pseudo_likelihood(model):
    return model.pseudo_likelihood(watch01).mean()


def reconstruction_error(model):
    return model.reconstruction_error(test01).mean()


# %% [markdown]
# # Part A · Task 1: an RBM with 100 hidden units, CD-1
#
# Batches of 100, 100 epochs, learning rate 0.1. The template's driver hands the grey images to
# the update; the task asks for a *sample* of them, so the draw stands in front of the update. A
# new draw every time an image is seen.

# %%
rng = np.random.default_rng(0)
model = RBM(visible_size=784, hidden_size=100, cd_k=1, random_state=0, n_threads=THREADS)
checkpoints = [n for n in (1, 2, 4, 7, 10, 15, 20, 30, 50, 70, 100) if n <= epochs(100)]
curve = []
for epoch in range(1, epochs(100) + 1):
    order = rng.permutation(len(train))
    for start in range(0, len(train), 100):
        batch = binarise(train[order[start : start + 100]], rng)
        model.update_weights_for_batch(batch, learning_rate=0.1)
    if epoch in checkpoints:
        error = reconstruction_error(model)
        curve.append((epoch, pseudo_likelihood(model), ais_likelihood(model)[0], error))
curve = np.array(curve)
print("epoch  pseudo-likelihood  log-likelihood (AIS)  reconstruction error")
for row in curve:
    print(f"{row[0]:5.0f}  {row[1]:17.1f}  {row[2]:20.1f}  {row[3]:20.4f}")

# %% [markdown]
# ## A1 · What do the weights look like, and what do they mean?
#
# Column $j$ of $W$ has one weight per pixel, so it is an image: red pixels speak for unit $j$,
# blue ones against it; in the other direction, an active unit $j$ makes red pixels likely.

# %%
FilterDisplay.from_estimator(model, n_filters=100)
plt.show()

# %%
activity = model.hidden_mean(test01)
by_digit = np.stack([activity[test_digit == d].mean(axis=0) for d in range(10)], axis=1)
selectivity = by_digit.max(axis=1) - by_digit.min(axis=1)
chosen = np.r_[np.argsort(-selectivity)[:5], np.argsort(selectivity)[:2]]
limit = float(np.quantile(np.abs(model.W), 0.998))
figure, axes = plt.subplots(2, 7, figsize=(12, 3.9), layout="constrained")
for unit, top, bottom in zip(chosen, *axes):
    image = top.imshow(model.W[:, unit].reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
    top.set(title=f"unit {unit}", xticks=[], yticks=[])
    bottom.bar(range(10), by_digit[unit], color="0.35")
    bottom.set(ylim=(0, 1), xticks=range(10), xlabel="digit")
    bottom.tick_params(labelsize=7)
axes[1, 0].set_ylabel("mean activity")
figure.colorbar(image, ax=axes[0], label="weight", shrink=0.9)
figure.suptitle("Five most and two least digit-selective units, and their activity by digit")
plt.show()
mass = np.sort(np.square(model.W), axis=0)[::-1].cumsum(axis=0) / np.square(model.W).sum(axis=0)
print(
    "pixels that hold half of a filter's squared weight, median over units:",
    f"{np.median((mass < 0.5).sum(axis=0) + 1):.0f} of 784",
)
print(
    f"selectivity (largest minus smallest mean activity): median {np.median(selectivity):.2f},",
    f"largest {selectivity.max():.2f}",
)
edge = np.zeros((28, 28), bool)
edge[[0, 1, -2, -1]] = edge[:, [0, 1, -2, -1]] = True
edge = edge.ravel()
print(
    f"root mean square weight: rim of two pixels {np.sqrt(np.square(model.W[edge]).mean()):.3f},",
    f"inside {np.sqrt(np.square(model.W[~edge]).mean()):.3f}",
)

# %% [markdown]
# **Answer.** The filters are local. Half of a filter's squared weight sits in 21 of the 784
# pixels (median over units), and weights on the rim, where there is hardly ever ink, stay smaller
# (root mean square 0.343 against 0.630 inside). Most columns are one of three kinds: a red dot or
# short stroke with a blue rim ("ink here, and not around it"), a blue one ("no ink here"), and a
# line at the upper or lower edge of the digits' box ("how far up or down does it reach").
#
# The second figure reads some of them. Unit 19 wants ink in the centre: it is on for almost every
# 1 and off for the 0, which has its hole there. Unit 86 is its opposite, and means "hole in the
# middle": on for the 0, off for the 1. Units 85 and 33 are switched *off* by ink to the right and
# to the left of the centre, so they are on for the 1. No unit stands for a digit, but half of
# them differ by more than 0.66 in mean activity between the digits (median selectivity); the last
# two of the figure respond to all digits alike. A digit is what many such votes have in common:
# the RBM is a product of experts.

# %% [markdown]
# ## A2 · How well are the first 20 test images reconstructed?
#
# One sweep $v\to h\to v$; the second half is drawn as the probabilities $p(v_i=1\mid h)$, which
# look smoother than a binary draw from them. Between the two: the sampled hidden state (10 x 10).

# %%
display = ReconstructionDisplay.from_estimator(model, test[:20], show_hidden=True)
plt.show()
error20 = display.error_
mean_image = train.mean(axis=0)
print(f"mean squared error, these 20 images: {error20:.4f}")
print(f"predicting the mean training image:  {np.square(test[:20] - mean_image).mean():.4f}")
bits = model.sample_hidden(test01).sum(axis=1)
print(f"active hidden units per test image: {bits.mean():.1f} +- {bits.std():.1f} of 100")

# %% [markdown]
# The template's other view: the same reconstruction built up one active hidden unit at a time,
# from the image of the visible bias (`bias`) on.

# %%
BuildUpDisplay.from_estimator(model, test[0], max_units=27)
plt.show()

# %% [markdown]
# **Answer.** Well: mean squared error 0.0135 per pixel, a fifth of what the mean image gives
# (0.0661), through 100 bits, of which 45.5 are on for an average image. Strokes come out smoother
# than in the original, since the model shows probabilities, and what is unusual is pulled to the
# usual: the 3 in the second row with its nearly closed loops comes back much like an 8. The
# stages show that no single unit draws a stroke of the 7: the visible bias is a grey cloud, every
# unit adds or removes a patch somewhere, and the shape stands only when nearly all 59 active
# units have been added.

# %% [markdown]
# ## A3 · How often is each hidden unit active? Filters sorted by it
#
# The template counts samples of one batch of 100 images, whose error is up to 5 percentage points
# per unit; the mean of $p(h_j=1\mid v)$ over all test images is free of that noise.

# %%
figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
frequency = activity.mean(axis=0)
display = ActivationFrequencyDisplay(frequency)
display.plot(ax=axes[0])
display.plot(ax=axes[1], kind="grid")
axes[1].set_title("The same, as a map of the 100 units")
plt.show()
print(
    f"activation frequency: mean {frequency.mean():.2f}, smallest {frequency.min():.2f},",
    f"largest {frequency.max():.2f}",
)
print(f"units below 5 %: {(frequency < 0.05).sum()}, above 95 %: {(frequency > 0.95).sum()}")
norms = np.linalg.norm(model.W, axis=0)
for name, values in (("filter norm", norms), ("hidden bias", model.h_bias)):
    print(f"correlation of frequency and {name}: {np.corrcoef(frequency, values)[0, 1]:+.2f}")

# %%
FilterDisplay.from_estimator(model, test01, sort_by="frequency")
plt.show()

# %% [markdown]
# **Answer.** No unit is dead and none is always on: frequencies go from 0.16 to 0.83 with mean
# 0.45, and none lies below 5 % or above 95 %. So every unit tells images apart. In the sorted
# filters the order has a meaning: the first rows are red dots in the middle of the image, where
# most digits have ink, so "ink here" is true most of the time; the last rows are blue patches in
# the same region, since "no ink here" is rarely true there. Neither the size of a filter
# (correlation -0.19) nor the hidden bias alone (+0.17) tells the frequency: what counts is the
# bias *together with* the weighted ink that the unit usually sees.

# %% [markdown]
# ## A4 to A6, A8 · One helper for the variations
#
# The variations below are trained for 10 epochs instead of 100, each with the same batches of 100
# and seed; `BernoulliRBM(method="cd")` makes the same updates as `update_weights_for_batch`, and
# `sample_input=True` draws the binary images (its weights start smaller, at a standard deviation
# of 0.01 instead of 0.1).

# %%
SHORT = epochs(10)


def fit(**options):
    settings = {
        "n_components": 100,
        "method": "cd",
        "k": 1,
        "learning_rate": 0.1,
        "batch_size": 100,
        "n_iter": SHORT,
        "sample_input": True,
        "random_state": 0,
        "n_threads": THREADS,
        **options,
    }
    return BernoulliRBM(**settings).fit(train)


def report(models, **options):
    print(f"{'':>24}  PL      log-lik (AIS) and interval      rec. error")
    scores = {}
    for name, fitted in models.items():
        m = fitted.model_
        mean, (low, high) = ais_likelihood(m, **options)
        scores[name] = mean, pseudo_likelihood(m), reconstruction_error(m)
        print(
            f"{name:>24}  {scores[name][1]:6.1f}  {mean:7.1f} in [{low:7.1f}, {high:7.1f}]",
            f"       {scores[name][2]:.4f}",
        )
    return scores


def show_filters(models, n_filters=36, title=""):
    """Filters of several models on one colour scale."""
    limit = max(float(np.quantile(np.abs(m.components_), 0.998)) for m in models.values())
    figure, axes = plt.subplots(
        1, len(models), figsize=(12, 12 / len(models) + 0.5), layout="constrained", squeeze=False
    )
    for (name, fitted), ax in zip(models.items(), axes[0]):
        display = FilterDisplay.from_estimator(
            fitted, n_filters=n_filters, ax=ax, limit=limit, colorbar=False
        )
        ax.set_title(name)
    figure.colorbar(display.images_[0], ax=axes, label="weight", shrink=0.8)
    figure.suptitle(title)
    plt.show()


def show_reconstructions(models, n_images=12):
    """The same unseen images, reconstructed by several models."""
    rows, names = [test[:n_images]], ["original"]
    for name, fitted in models.items():
        h = fitted.model_.sample_hidden(test[:n_images])
        rows.append(fitted.model_.visible_mean(h))
        names.append(name)
    SampleDisplay(rows, labels=names, title="Unseen test images and p(v = 1 | h)").plot()
    plt.show()


# %% [markdown]
# ## A4 · Grey values as they are, instead of sampled 0/1 images
#
# How does an RBM differ that sees $v\in[0,1]$ instead of $v\in\{0,1\}$? Both are measured on the
# same *binary* test images, since only for those does the model have a probability.

# %%
base = fit()
grey = fit(sample_input=False)
pair = {"sampled 0/1": base, "grey as they are": grey}
scores4 = report(pair)
for name, fitted in pair.items():
    W, p = fitted.components_, fitted.transform(test)
    small = (np.abs(W) < 0.05).mean()
    undecided = ((p > 0.1) & (p < 0.9)).mean()
    again = fitted.model_.visible_mean(fitted.model_.sample_hidden(test))
    grey_error = np.square(again - test).mean()
    print(
        f"{name:>24}: weight sd {W.std():.3f}, |w| < 0.05: {small:.1%}, hidden units on "
        f"{p.mean():.1%},\n{'':>26}undecided (0.1 < p < 0.9) {undecided:.1%}, "
        f"reconstruction error of grey images {grey_error:.4f}"
    )

# %%
show_filters(pair, title="36 filters, same colour scale")
figure, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
bins = np.linspace(-1.5, 1.5, 121)
for name, fitted in pair.items():
    ax.hist(fitted.components_.ravel(), bins, histtype="step", density=True, label=name)
ax.set(
    title="Distribution of the weights",
    xlabel="weight",
    ylabel="density",
    yscale="log",
    xlim=(-1.5, 1.5),
)
ax.legend()
plt.show()

# %% [markdown]
# **Answer.** On MNIST the two differ little. The filters look alike, many are nearly the same;
# weights of the grey-fed RBM are slightly smaller (standard deviation 0.332 against 0.348) and a
# few more of them are near zero (10.8 % against 10.0 %). On the binary test images the sampled
# one is better in every column: pseudo-likelihood -89.4 against -90.3, log-likelihood -129.7
# against -133.6, even the reconstruction of *grey* images (0.0162 against 0.0167). The difference
# in likelihood is smaller than what CD-1 moves from one epoch to another (table at the top of
# part A), so one run does not decide it. What does is principle: the model gives probabilities to
# 0/1 images only, and the fresh draw in every epoch is noise that hinders memorising single
# images, at no cost.

# %% [markdown]
# ## A5 · More Gibbs sweeps in CD-k
#
# With more sweeps the negative phase is closer to the model's own distribution, so CD-k comes
# closer to the likelihood gradient; a batch costs more. PCD, for comparison, pays for one sweep
# only.

# %%
sweeps = {f"CD-{k}": base if k == 1 else fit(k=k) for k in (1, 2, 5, 10)}
sweeps["PCD-1, 100 chains"] = fit(method="pcd", n_chains=100)
scores5 = report(sweeps)

# %% [markdown]
# PCD's chains must keep up with the weights, so its learning rate should fall. The same PCD with a
# rate that goes from 0.1 to 0.001 along a line, for 20 epochs; and for it and for the CD-1 model
# of 100 epochs both directions of AIS.

# %%
good = fit(method="pcd", n_iter=epochs(20), learning_rate=Linear(0.1, 0.001, epochs(20))).model_
for name, m in (("PCD, falling rate", good), ("CD-1, 100 epochs", model)):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.AISDisagreementWarning)  # told by `agree` below
        bounds = metrics.ais_bounds(m, train[:10_000], n_temperatures=TEMPERATURES, random_state=0)
    print(f"{name} (pseudo-likelihood {pseudo_likelihood(m):.1f}); agree: {bounds.agree}")
    for direction, result in (("forward", bounds.forward), ("reverse", bounds.reverse)):
        mean, (low, high), _ = result.log_likelihood(test01)
        print(
            f"  {direction} AIS: log-likelihood {mean:.1f} in [{low:.1f}, {high:.1f}], "
            f"effective chains {result.effective_sample_size:.0f} of {result.n_chains}"
        )

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
titles = ("Log-likelihood (AIS)", "Pseudo-likelihood", "Reconstruction error")
units = ("nats per test image", "nats per test image", "mean square per pixel")
for i, (ax, title, unit) in enumerate(zip(axes, titles, units)):
    ax.plot([1, 2, 5, 10], [scores5[f"CD-{k}"][i] for k in (1, 2, 5, 10)], "o-", label="CD-k")
    ax.axhline(scores5["PCD-1, 100 chains"][i], color="C1", linestyle="--", label="PCD-1")
    ax.set(title=title, xlabel="Gibbs sweeps k", ylabel=unit, xticks=[1, 2, 5, 10])
    ax.grid(alpha=0.3)
axes[0].legend()
plt.show()

# %%
show_filters(
    {name: sweeps[name] for name in ("CD-1", "CD-10", "PCD-1, 100 chains")},
    25,
    "25 filters, same colour scale",
)

# %% [markdown]
# **Answer.** The cheap measures see no difference: pseudo-likelihood between -88.9 and -89.7,
# reconstruction error between 0.0323 and 0.0328 for all four CD-k. The likelihood does: CD-5 and
# CD-10 reach -124.3 and -114.5, against -129.7 and -132.8 for CD-1 and CD-2, whose order is
# within the noise of CD (see the table at the top of part A). More sweeps visit places farther
# from the data, so probability that has gone there is found and taken away. The filters stay
# local strokes for all of them.
#
# PCD with a constant rate of 0.1 is no better (-129.8): its chains cannot follow weights that
# move so fast. With the falling rate it reaches **-107.5**, better than CD-10 for a tenth of the
# sweeps per batch (with 10 epochs, as CD-10 had, it is -112.0, see A8), and better than 100
# epochs of CD-1 (-117.0), although its pseudo-likelihood is *worse* (-91.4 against -80.6). For
# PCD the two directions of AIS give -107.5 both, with 60 and 46 effective chains of 100. For CD-1
# the means are also near each other, but 4 and 9 chains carry the weight and the forward interval
# is open: a model whose own samples are hard to reach is also hard to measure.

# %% [markdown]
# ## A6 · The learning rate
#
# CD-1 with learning rates over three orders of magnitude, all else equal.

# %%
rates = (0.001, 0.01, 0.1, 0.5, 2.0)
by_rate = {f"rate {rate:g}": base if rate == 0.1 else fit(learning_rate=rate) for rate in rates}
scores6 = report(by_rate)

# %%
figure, axes = plt.subplots(1, 2, figsize=(12, 3.6), layout="constrained")
for name, fitted in by_rate.items():
    for ax, column in zip(axes, ("pseudo_likelihood", "reconstruction_error")):
        ax.plot(np.arange(1, SHORT + 1), fitted.history_[column], "o-", markersize=3, label=name)
axes[0].set(title="Pseudo-likelihood (monitor of the training)", ylabel="nats per image")
axes[1].set(
    title="Reconstruction error (mean field)", ylabel="mean square per pixel", ylim=(0, None)
)
for ax in axes:
    ax.set(xlabel="epoch")
    ax.grid(alpha=0.3)
axes[1].legend(fontsize="small")
plt.show()
show_filters(
    {name: by_rate[name] for name in ("rate 0.001", "rate 0.1", "rate 2")},
    25,
    "25 filters, same colour scale",
)

# %% [markdown]
# **Answer.** Ten epochs are 6,000 updates. At rate 0.001 that is not enough to get anywhere: the
# filters are still almost empty and the likelihood is -349.9. At 0.01 it is -157.2 and still
# rising. Rates 0.1 (-129.7) and 0.5 (-130.2) arrive; 0.5 gets there in fewer epochs (its curves
# lie above or below the others from epoch 1) and ends with the best pseudo-likelihood, -87.8. At
# 2 the steps are so large that training jitters: larger and noisier weights, rims that have
# learnt something although there is no ink, and every measure worse than at 0.1 (-147.0, -100.2,
# error 0.0380). So: as large as possible without jitter, then lower it; the falling rate of A5
# does both.

# %% [markdown]
# ## A7 · Images out of nothing: random hidden state, then Gibbs sampling
#
# Each hidden unit starts on with probability 1/2; every column is one chain. The model of 100
# epochs of CD-1, and below it the PCD model of A5.

# %%
steps = (1, 2, 5, 19, 100, 1000)
for name, m in (("CD-1, 100 epochs", model), ("PCD with falling rate", good)):
    display = SampleDisplay.from_estimator(m, n_samples=12, n_steps=steps, random_state=3)
    display.ax_.set_title(f"{name}: p(v = 1 | h) of chains from a random hidden state")
    plt.show()

# %% [markdown]
# The template also starts from *exaggerated* states: the first seven have one unit at 10, the
# others about a tenth of the units at 20. One step shows what such a state means, 19 steps what
# is left of it.

# %%
state_rng = np.random.default_rng(5)
states = 20.0 * (state_rng.random((19, 100)) > 0.9)
states[:7] = 10.0 * np.eye(7, 100)
model_after = {n: model.reconstruct(states, n) for n in (1, 19)}
shown = np.r_[:7, 7:12]
figure, axes = plt.subplots(4, 12, figsize=(12, 4.5), layout="constrained")
rows = (
    ("set state", states.reshape(-1, 10, 10), 20),
    ("image, 1 step", model_after[1][2], 1),
    ("final state", model_after[19][1], 1),
    ("image, 19 steps", model_after[19][2], 1),
)
for (name, images, top), line in zip(rows, axes):
    for ax, index in zip(line, shown):
        side = int(np.sqrt(images[index].size))
        ax.imshow(images[index].reshape(side, side), cmap="gray", vmin=0, vmax=top)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(name, fontsize=8)
figure.suptitle("From exaggerated states: seven single units at 10, then random tenths at 20")
plt.show()


# %%
def nearest_distance(images):
    """Mean squared distance to the nearest of 10,000 binary training images."""
    cross = images @ train01.T
    square = (images**2).sum(1)[:, None] + train01.sum(1) - 2 * cross
    return square.min(axis=1).mean() / 784


chain_start = np.random.default_rng(4).integers(0, 2, (200, 100)).astype(np.float32)
print("distance of 200 samples to the nearest training image (mean square per pixel)")
print(f"  unseen test images, for comparison: {nearest_distance(test01[:200]):.3f}")
for n in steps:
    v_cd, v_pcd = (m.reconstruct(chain_start, n)[3] for m in (model, good))
    near = f"CD-1 {nearest_distance(v_cd):.3f}, PCD {nearest_distance(v_pcd):.3f}"
    print(f"  {n:4d} sweeps: {near}; ones: CD-1 {v_cd.mean():.1%}, PCD {v_pcd.mean():.1%}")

# %% [markdown]
# **Answer.** After one step there are blots, after some twenty steps pieces of strokes. Then the
# two models part. The chains of the CD-1 model leave what looks like digits: after 1000 sweeps
# most of them show the same flat bar with a stroke, which is no digit at all. CD-1 cannot notice:
# its own chains end one sweep away from the data; neither can the reconstruction error. The PCD
# model goes the other way: its chains end as digits, of which some are good (4, 9, 6) and some
# only nearly so.
#
# The distance to the nearest training image says the same with care: dark images are close to
# everything, so it must be read with the share of ones (13.1 % in the data). For CD-1 the
# distance grows to 0.079 while the images have half the ink of a digit (7.2 %); for PCD it is
# 0.068 at 12.2 % of ones, near the 0.061 of unseen test images.
#
# From the template's exaggerated states: with one unit at 10, the first image is essentially the
# sigmoid of ten times that unit's filter, so this is another way to look at a filter. After 19
# sweeps nothing of the set state is left in the hidden layer; the image is where the chain has
# got to from there, for this CD-1 model often a shape that is no digit.

# %% [markdown]
# ## A8 · Fewer or more hidden units

# %%
sizes = {f"{h} hidden": base if h == 100 else fit(n_components=h) for h in (25, 100, 400)}
falling = {"method": "pcd", "learning_rate": Linear(0.1, 0.001, SHORT)}
scores8 = report(
    {**sizes, **{f"{h} hidden, PCD": fit(n_components=h, **falling) for h in (25, 100, 400)}}
)
for name, fitted in sizes.items():
    p = fitted.transform(test01)
    W = fitted.components_
    norm = np.linalg.norm(W, axis=1).mean()
    print(
        f"{name:>11}: weight sd {W.std():.3f}, filter norm {norm:.2f}, "
        f"units on {p.mean():.1%}, that is {p.sum(axis=1).mean():.0f} per image"
    )

# %%
show_filters(sizes, 25, "25 filters, same colour scale")
show_reconstructions(sizes)

# %% [markdown]
# **Answer.** Few units must share the work: with 25 the filters are large (norm 21.00) and each
# covers a good part of the image; with 100 (norm 10.25) they are local, and with 400 (norm 4.63)
# each is a faint, small stroke, and 134 of them are on per image instead of 12. Reconstructions
# get better with every unit added: error 0.0516, 0.0325, 0.0237, and so does the
# pseudo-likelihood (-127.7, -89.4, -73.4). The log-likelihood does not: -162.5, -129.7, then
# **-176.0** with 400 units. CD-1 looks only one sweep away from the data; what a larger model can
# do elsewhere, it never sees, and much probability ends up there. It is not the size: the same
# models trained by PCD with a falling rate, for as many epochs, give -154.9, -112.0 and
# **-95.8**, each better than its twin and better with every unit, although both cheap measures
# prefer CD-1 throughout. Reconstruction measures the data's neighbourhood, the likelihood
# everything.

# %% [markdown]
# # Part B · Five questions on energy-based models
#
# ## B1 · Why does the training script speak of a pseudo-likelihood? What follows for the training?
#
# The likelihood needs $Z$. The pseudo-likelihood needs none: it asks for each pixel given all
# others,
#
# $$\mathrm{PL}(v)=\sum_{i=1}^{V}\log p(v_i\mid v_{-i}),\qquad
#   p(v_i\mid v_{-i})=\sigma\big(F(\tilde v^{(i)})-F(v)\big),$$
#
# where $\tilde v^{(i)}$ is $v$ with pixel $i$ flipped: two free energies, and $Z$ cancels.
#
# **Two corrections to the sheet.** It writes $\log p(v_i\mid v_{-i})=\sum_i\log p(v_i\mid v_{-i})$;
# the sum is the pseudo-likelihood, a single term is not. And it says that CD optimises the
# pseudo-likelihood: it does not, CD and PCD follow (approximately) the gradient of the
# likelihood, and the pseudo-likelihood is only *printed* along the way.
#
# First, on MNIST: a model with 16 hidden units, whose likelihood is exact, and the model of part
# A.


# %%
class Watch(Callback):
    """Pseudo-likelihood and exact likelihood of test images after every epoch."""

    def __init__(self):
        self.rows = []

    def on_epoch_end(self, estimator, epoch, logs):
        m = estimator.model_
        likelihood = m.log_likelihood(test01, log_z=m.log_partition()).mean()
        self.rows.append((epoch + 1, pseudo_likelihood(m), likelihood))


watch = Watch()
small = fit(n_components=16, n_iter=epochs(20), learning_rate=0.05, callbacks=[watch])
small_curve = np.array(watch.rows)
figure, axes = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained")
panels = (
    (small_curve, "16 hidden units, CD-1: exact", "log-likelihood, exact"),
    (curve, "100 hidden units, CD-1: by AIS", "log-likelihood, AIS"),
)
for ax, (rows, title, label) in zip(axes, panels):
    ax.plot(rows[:, 0], rows[:, 1], "o-", markersize=3, label="pseudo-likelihood")
    ax.plot(rows[:, 0], rows[:, 2], "s-", markersize=3, label=label)
    ax.set(title=title, xlabel="epoch", ylabel="nats per test image", xlim=(0, rows[-1, 0] * 1.03))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    ax.legend(loc="center right")
plt.show()
for name, rows in (("16 hidden", small_curve), ("100 hidden", curve)):
    best_pl, best_ll = rows[rows[:, 1].argmax(), 0], rows[rows[:, 2].argmax(), 0]
    print(
        f"{name}: pseudo-likelihood best at epoch {best_pl:.0f} ({rows[:, 1].max():.1f}), "
        f"log-likelihood best at epoch {best_ll:.0f} ({rows[:, 2].max():.1f}), "
        f"last: {rows[-1, 1]:.1f} and {rows[-1, 2]:.1f}"
    )

# %% [markdown]
# Second, a case where everything is exact: the 30 bars-and-stripes images of 4 x 4 pixels. One
# RBM follows CD-1, another climbs the *pseudo-likelihood itself* (the gradient in the cell below).
# The best possible log-likelihood is $-\log 30$, with every image equally likely.

# %%
bits4 = (np.arange(16)[:, None] >> np.arange(4)) & 1
columns = np.repeat(bits4[:, None, :], 4, axis=1)
bars = np.unique(np.concatenate([columns, columns.transpose(0, 2, 1)]).reshape(-1, 16), axis=0)
bars = bars.astype(np.float32)
flipped = np.abs(bars[:, None] - np.eye(16, dtype=np.float32)).reshape(-1, 16)


def cd_step(m, rate=0.1):
    m.update_weights_for_batch(bars, rate)


def pseudo_likelihood_step(m, rate=0.1):
    """Ascend sum_i log p(v_i | v_-i); miss = 1 - p(v_i | v_-i) for every image and pixel."""
    miss = expit(np.repeat(m.free_energy(bars), 16) - m.free_energy(flipped))[:, None]
    total = miss.reshape(-1, 16).sum(axis=1)[:, None]
    h, h_flipped, n = m.hidden_mean(bars), m.hidden_mean(flipped), len(bars)
    m.W = m.W + rate / n * ((total * bars).T @ h - (miss * flipped).T @ h_flipped)
    m.v_bias = m.v_bias + rate / n * ((total * bars).sum(0) - (miss * flipped).sum(0))
    m.h_bias = m.h_bias + rate / n * ((total * h).sum(0) - (miss * h_flipped).sum(0))


def follow(step, n_updates):
    m, rows = RBM(16, 16, random_state=1, n_threads=1), []
    for update in range(1, n_updates + 1):
        step(m)
        if update % (n_updates // 50) == 0:
            rows.append((update, m.pseudo_likelihood(bars).mean(), m.log_likelihood(bars).mean()))
    return np.array(rows)


bars_curves = {
    "CD-1": follow(cd_step, 200 if SMOKE else 20_000),
    "pseudo-likelihood": follow(pseudo_likelihood_step, 100 if SMOKE else 3000),
}

# %%
figure, axes = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained")
for ax, (name, rows) in zip(axes, bars_curves.items()):
    ax.plot(rows[:, 0], rows[:, 1], label="pseudo-likelihood, exact")
    ax.plot(rows[:, 0], rows[:, 2], label="log-likelihood, exact")
    ax.axhline(-np.log(30), color="0.5", linestyle="--", label="best log-likelihood, -log 30")
    ax.set(
        title=f"Bars and stripes, trained by {name}",
        xlabel="updates",
        ylabel="nats per image",
        ylim=(-8, 0.2),
    )
    ax.grid(alpha=0.3)
axes[0].legend(loc="lower right")
plt.show()
for name, rows in bars_curves.items():
    best = rows[rows[:, 2].argmax()]
    print(
        f"{name:>18}: log-likelihood best {best[2]:.2f} after {best[0]:.0f} updates "
        f"(PL {best[1]:.2f}), at the end {rows[-1, 2]:.2f} (PL {rows[-1, 1]:.2f})"
    )

# %% [markdown]
# **Answer.** The script speaks of the pseudo-likelihood because the likelihood needs $Z$, a sum
# that is out of reach for a larger RBM, while each $p(v_i\mid v_{-i})$ needs two free energies.
# It is a *monitor*: the updates do not know it. Three observations show that it is another
# quantity than the likelihood.
#
# * It is far higher: -141.8 against an exact log-likelihood of -169.1 at the end with 16 hidden
#   units. Guessing one pixel from the 783 others is easier than a whole image.
# * With 100 units the two part company: from epoch 10 to epoch 15 the pseudo-likelihood rises
#   from -90.1 to -87.8, while the log-likelihood falls from -121.6 to -141.2. By the monitor
#   alone nothing has happened.
# * With everything exact (bars and stripes), CD-1 reaches its best log-likelihood, -4.79, after
#   4400 updates and then *loses* 0.99 nats, to -5.78, while the pseudo-likelihood climbs from
#   -0.20 to -0.03. Climbing the pseudo-likelihood itself is another algorithm, with another
#   result: -4.57 at best. Neither attains $-\log 30=-3.40$.
#
# The consequence: training is not changed at all by the pseudo-likelihood, but decisions taken by
# it (when to stop, which model is better) can be wrong, since it asks only about single flips of
# pixels around the data. It does not see probability that has gone to places far from all data.
# For decisions take the likelihood, exact or by AIS.

# %% [markdown]
# ## B2 · Number of components, learning rate, number of iterations
#
# The five configurations of the sheet. The script uses scikit-learn's estimator, so its default
# **batch size of 10** and PCD apply; an epoch has 6,000 updates on 60,000 images. What the
# learning rate and the number of epochs do together is told by their product with the number of
# updates, which is printed as `travel`. (Here the grey values are drawn as 0/1, so that all are
# measured on what they are trained for; see A4.)

# %%
configurations = [(20, 0.01, 10), (10, 0.01, 10), (10, 0.001, 10), (10, 0.001, 30), (50, 0.001, 30)]
five = {}


def measure(n, rate, n_iter, note="", **options):
    name = f"{n}, {rate:g}, {n_iter}{note}"
    settings = {"n_components": n, "learning_rate": rate, "n_iter": epochs(n_iter)}
    five[name] = fit(method="pcd", batch_size=10, **settings, **options)
    m = five[name].model_
    exact = f"{m.log_likelihood(test01).mean():.1f}" if n <= 25 else "-"
    always = (m.hidden_mean(test01).mean(axis=0) > 0.99).sum()
    print(
        f"{name:>25}  {rate * n_iter * len(train) / 10:6.0f}  {pseudo_likelihood(m):9.1f}  "
        f"{exact:>13}  {ais_likelihood(m)[0]:11.1f}  {reconstruction_error(m):10.4f}  {always:9d}"
    )


header = "travel  PL (test)  log-lik exact  log-lik AIS  rec. error  always on"
print(f"  components, rate, epochs  {header}")
for configuration in configurations:
    measure(*configuration)
measure(10, 0.01, 10, ", bias set", init_visible_bias="data")
measure(10, 0.01, 10, ", centred", centered=True)
pixels = np.clip(train.mean(axis=0), 1e-3, 1 - 1e-3)
independent = (test01 * np.log(pixels) + (1 - test01) * np.log1p(-pixels)).sum(axis=1).mean()
print(f"independent pixels (no hidden unit): log-likelihood {independent:.1f}")

# %% [markdown]
# Is it this library, or the method? The second configuration with scikit-learn's own estimator
# (3 epochs, grey values as they are), its weights put into an `RBM` to be measured:

# %%
peer = sklearn.neural_network.BernoulliRBM(
    10, learning_rate=0.01, n_iter=epochs(3), random_state=0
).fit(train)
m = RBM(784, 10)
m.W, m.h_bias, m.v_bias = peer.components_.T, peer.intercept_hidden_, peer.intercept_visible_
always = (m.hidden_mean(test01).mean(axis=0) > 0.99).sum()
print(f"scikit-learn: log-likelihood {m.log_likelihood(test01).mean():.1f}, always on: {always}")

# %%
figure, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
for name, fitted in five.items():
    scores = fitted.history_["pseudo_likelihood"]
    ax.plot(np.arange(1, len(scores) + 1), scores, label=name)
ax.set(
    title="Pseudo-likelihood printed by the training",
    xlabel="epoch",
    ylabel="nats per image",
    xlim=(0, epochs(30) + 1),
)
ax.grid(alpha=0.3)
ax.legend(title="components, rate, epochs", fontsize="small", loc="lower right", ncols=2)
plt.show()
show_reconstructions(five)

# %% [markdown]
# **Answer.** The most instructive line is the failure: **all three configurations with 10
# components have learnt nothing but the mean image.** Their exact log-likelihood (-206.2, -206.2,
# -206.0) is that of independent pixels (-206.0), all 10 hidden units are on for every image
# (`always on` = 10), and the reconstruction of every test image is the same grey cloud. What
# happened: the visible biases start at 0, the units start alike, and all are first used to make
# the mean image dark; once they are always on, their gradient is gone. So the comparisons of 10
# components with each other say nothing about learning rate or epochs: neither ten times the rate
# nor three times the epochs changes the outcome. With 20 components 14 are lost in this way, and
# 6 are left to learn: -179.6. The method is to blame, not the library: scikit-learn's own
# estimator ends with 10 units always on, too, at -209.1. The cure is one argument.
# `init_visible_bias="data"` starts the visible biases at the log-odds of the mean image,
# `centered=True` uses the centred gradient: the same 10 units, rate and epochs then give -171.1
# and -173.9, better than the 20.
#
# *Components*: the only setting with a large effect here, -141.6 with 50. *Learning rate and
# epochs* matter through their product with the number of updates: `travel` is 600 at (0.01, 10
# epochs) and 180 at (0.001, 30), and the curve of the 50 units still rises at the end. A ten
# times lower rate wants ten times the epochs, not three. *Measures*: pseudo-likelihood,
# likelihood and reconstruction error order these models in the same way here, but the
# pseudo-likelihood is far higher (-125.3 against -141.6), and AIS agrees with the exact values to
# 0.2 nats. (The sheet has the pseudo-likelihood "decrease" with better settings: it rises; its
# magnitude decreases.)

# %% [markdown]
# ## B3 · The number of Gibbs sampling steps
#
# The sheet's later model: 100 components, learning rate 0.01, 30 epochs, PCD with batches of 10.
# Its chains are run for 50, 100 and 200 steps, from test images and from random hidden states,
# and the states on the way are given their log-probability under the model. A chain that has
# forgotten its start has the same mean log-probability from either.

# %%
sheet = fit(learning_rate=0.01, n_iter=epochs(30), method="pcd", batch_size=10).model_
start_images = np.array([test[np.flatnonzero(test_digit == d)[0]] for d in range(10)])
for start in ("random", start_images):
    display = SampleDisplay.from_estimator(
        good, n_samples=10, n_steps=(1, 50, 100, 200, 1000), start=start, random_state=1
    )
    source = "random hidden states" if isinstance(start, str) else "test images"
    display.ax_.set_title(f"p(v = 1 | h), PCD with falling rate, chains from {source}")
    plt.show()

# %%
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
CHAINS = 20 if SMOKE else 500


def chain_likelihood(m, v, log_z):
    """Mean log p(v) of the chains after each number of steps, its error, and the last states."""
    rows, done = [], 0
    for n in STEPS:
        v, done = m.gibbs(v, n - done), n
        values = m.log_likelihood(v, log_z=log_z)
        rows.append((n, values.mean(), values.std() / np.sqrt(len(values))))
    return np.array(rows)


coins = (np.random.default_rng(7).random((CHAINS, 784)) < 0.5).astype(np.float32)
three = (("PCD, falling rate", good), ("PCD, rate 0.01 (sheet)", sheet), ("CD-1, rate 0.1", model))
figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained", sharey=True)
for ax, (name, m) in zip(axes, three):
    log_z = metrics.ais(m, train[:10_000], n_temperatures=TEMPERATURES, random_state=0).log_z
    print(name)
    for source, v in (("test images", test01[:CHAINS]), ("fair coins", coins)):
        rows = chain_likelihood(m, v, log_z)
        ax.errorbar(rows[:, 0], rows[:, 1], 2 * rows[:, 2], fmt="o-", markersize=3, label=source)
        told = ", ".join(f"{n:.0f} steps {x:.1f}" for n, x, _ in rows[[0, 5, 6, 7, 9]])
        print(f"  from {source:11}: {told}")
    own = m.log_likelihood(test01, log_z=log_z).mean()
    ax.axhline(own, color="0.5", linestyle="--", label="test images themselves")
    print(f"  test images themselves: {own:.1f}")
    ax.set(title=name, xlabel="Gibbs steps", xscale="log", ylim=(-320, -80))
    ax.grid(alpha=0.3)
axes[0].set_ylabel("mean log p(v) of the chains, nats")
axes[0].legend(title="chains from", fontsize="small", loc="lower right")
plt.show()

# %% [markdown]
# **Answer.** The number of steps does not change the model, only how far a chain has come from
# its start to the model's distribution, so the start matters. From test images, 1 step is a
# reconstruction; with 50, 100 and 200 steps the digit is lost piece by piece and turns into
# others. From random states it is the reverse: 1 step is noise, at 50 many chains show strokes or
# digits, and with 100 and 200 more of them do, as the sheet saw.
#
# The likelihood tells when that is over. For the PCD model with the falling rate, chains from
# fair coins come from -657.8 (1 step) to -119.6, -117.2 and -112.9 (50, 100, 200 steps), and only
# at 1000 steps (-104.8) are they where the chains from test images are (-107.4). So 200 steps are
# not enough for a start from noise. That model's chains are also as probable as the test images
# themselves (-107.5): it dreams what it was shown.
#
# The other two dream something else. The model with the sheet's settings gives its own chains
# -104.6, but the test images only -144.5: it finds its dreams 40 nats more probable than the
# data. For the CD-1 model it is -97.7 against -117.2, and from fair coins it takes hundreds of
# steps to arrive anywhere (-158.9 at 200). More steps do not repair such a model; they show more
# clearly what it believes. "More steps, better images" holds only as far as the model is good.

# %% [markdown]
# ## B4 · Reconstructing missing parts of an image
#
# The unknown pixels start as fair coins and are drawn by Gibbs sampling while the known ones are
# put back after every sweep. Then the chain's stationary distribution is
# $p(v_{\text{unknown}}\mid v_{\text{known}})$; without putting them back it would drift to any
# digit.

# %%
known = {"a hole of 12 x 12": np.ones((28, 28), bool), "the right half": np.ones((28, 28), bool)}
known["a hole of 12 x 12"][8:20, 8:20] = False
known["the right half"][:, 14:] = False
known["half of the pixels"] = np.random.default_rng(9).random((28, 28)) < 0.5
for name, mask in known.items():
    display = InpaintingDisplay.from_estimator(good, test01[:12], mask, n_images=12, n_steps=100)
    display.ax_.set_title(f"{name} unknown: mean square {display.error_:.3f} per unknown pixel")
    plt.show()

# %% [markdown]
# How many steps does it take, and is it better than filling in the mean image?

# %%
n_fill, draws = (20, 2) if SMOKE else (400, 8)
truth = test01[:n_fill]
mean_image = train01.mean(axis=0)


def fill(mask, n_steps):
    """Images filled in by one chain, by the mean of several chains, and by the mean image."""
    filled, states = good.inpaint(np.repeat(truth, draws, axis=0), mask, n_steps)
    filled = filled.reshape(n_fill, draws, -1)
    one, several = filled[:, 0], filled.mean(axis=1)
    trivial = np.where(mask, truth, mean_image)
    return (one, several, trivial), states[::draws]


def squared_error(images, mask):
    """Mean square of the unknown pixels, per image."""
    return np.square(images - truth)[:, ~mask].mean(axis=1)


figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
fill_steps = (1, 2, 5, 10, 20, 50, 100, 200)
for color, (name, mask) in enumerate(known.items()):
    rows = [[squared_error(x, mask.ravel()) for x in fill(mask.ravel(), n)[0]] for n in fill_steps]
    mean = np.mean(rows, axis=2).T
    bar = 2 * np.std(rows, axis=2).T / np.sqrt(n_fill)
    for style, level, spread in zip(("o-", "s--", ":"), mean, bar):
        label = name if style == "o-" else None
        spread = spread if style != ":" else None
        ax.errorbar(
            fill_steps, level, spread, fmt=style, markersize=3, color=f"C{color}", label=label
        )
    told = ", ".join(f"{n}: {x:.3f}/{y:.3f}" for n, x, y in zip(fill_steps, *mean[:2]))
    print(f"{name}, mean image {mean[2, 0]:.3f}; steps: one chain / mean of chains\n   {told}")
ax.set(
    title="Solid: one chain; dashed: mean of 8 chains; dotted: the mean image",
    xlabel="Gibbs steps",
    ylabel="mean square per unknown pixel",
    xscale="log",
    ylim=(0, None),
)
ax.grid(alpha=0.3)
ax.legend(title="unknown", fontsize="small")
plt.show()

# %% [markdown]
# **Answer.** Scattered gaps are easy: with half of the pixels unknown, every unknown one has
# known neighbours, one chain has settled after 10 steps, and the error (0.043) is half of that of
# the mean image (0.081). A contiguous part is harder: for the right half 0.080 after 200 steps
# against 0.089, for the hole in the middle 0.200 against 0.224 and still falling. The images show
# why: the fill continues the strokes at the border in a plausible way, but several digits may be
# plausible (left half of a 2 or 6), and the model has to choose one.
#
# That choice is why a single chain can have a *larger* error than the dull mean image without
# being wrong: it draws one possibility, sharp and perhaps another than the truth. The mean of
# eight chains estimates $E[v_{\text{unknown}}\mid v_{\text{known}}]$, which is what the squared
# error asks for: 0.163 for the hole, 0.066 for the right half, 0.038 for the scattered pixels,
# all clearly below the mean image.
#
# How many steps? There is no magic number such as the sheet's 49: it depends on the part that is
# missing. Ten suffice for scattered pixels, about 50 for the right half, and the hole wants more
# than 200 since its middle hangs on nothing but pixels that are unknown too.

# %% [markdown]
# ## B5 · Removing more rows, and rows at the top, in the middle, at the bottom
#
# Rows are removed in bands that start at the top, grow from the middle, or end at the bottom. Two
# measures on unseen images: the error per removed pixel, against that of the mean image; and
# whether a classifier (logistic regression on the hidden units' probabilities) still reads the
# digit.


# %%
def rows_removed(place, n):
    first = {"top": 0, "middle": 14 - n // 2, "bottom": 28 - n}[place]
    mask = np.ones((28, 28), bool)
    mask[first : first + n] = False
    return mask.ravel()


reader = LogisticRegression(max_iter=300)
reader.fit(good.hidden_mean(train01), train_digit[: len(train01)])
whole_accuracy = reader.score(good.hidden_mean(truth), test_digit[:n_fill])
removed = (2, 4, 6, 8, 10, 12, 16, 20, 24)
places = ("top", "middle", "bottom")
result = {}
for place in places:
    for n in removed:
        mask = rows_removed(place, n)
        images, states = fill(mask, 100)
        right = reader.predict(good.hidden_mean(states)) == test_digit[:n_fill]
        black = reader.predict(good.hidden_mean(truth * mask)) == test_digit[:n_fill]
        result[place, n] = (*(squared_error(x, mask) for x in images), right, black)

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
missing = 28 * np.array(removed)[:, None]
for color, place in enumerate(places):
    one, several, trivial, right, black = (
        np.array(x) for x in zip(*(result[place, n] for n in removed))
    )
    panels = (
        (one, several, trivial),
        (one * missing, several * missing, trivial * missing),
        (right, None, black),
    )
    for ax, lines in zip(axes, panels):
        for values, style in zip(lines, ("o-", "s--", ":")):
            if values is None:
                continue
            bar = 2 * values.std(axis=1) / np.sqrt(n_fill) if style != ":" else None
            options = {"color": f"C{color}", "markersize": 3, "fmt": style}
            label = place if style == "o-" else None
            ax.errorbar(removed, values.mean(axis=1), bar, label=label, **options)
axes[2].axhline(whole_accuracy, color="0.5", linestyle="--")
axes[0].set(title="Error per removed pixel", ylabel="mean square")
axes[1].set(title="Error per image", ylabel="summed square")
figure.suptitle(
    "Left, middle: one chain (solid), mean of 8 (dashed), mean image (dotted). "
    "Right: filled in (solid), left black (dotted), whole (dashed)",
    fontsize="medium",
)
axes[2].set(
    title="Digits read after filling in",
    ylabel="share read correctly",
    ylim=(0, 1),
)
for ax in axes:
    ax.set(xlabel="rows removed", xlim=(0, 26))
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.3)
axes[0].legend(title="from", fontsize="small")
plt.show()
print(f"whole images: {whole_accuracy:.1%} read correctly ({n_fill} images)")
for place in places:
    for n in (4, 8, 12, 20):
        one, several, trivial, right, black = (x.mean() for x in result[place, n])
        print(
            f"{place:>6} {n:2d} rows: one chain {one:.3f}, mean of chains {several:.3f}, "
            f"mean image {trivial:.3f}; per image {one * n * 28:5.1f}; "
            f"read {right:.1%} (black {black:.1%})"
        )

# %%
for place, n in (("top", 8), ("middle", 8), ("bottom", 8), ("middle", 20)):
    mask = rows_removed(place, n)
    display = InpaintingDisplay.from_estimator(good, start_images, mask, n_steps=100)
    error = f"mean square {display.error_:.3f} per removed pixel"
    display.ax_.set_title(f"{n} rows removed, {place}: {error}")
    plt.show()
print("share of digits read correctly with 8 rows removed and filled in, by digit:")
print("  digit  " + "  ".join(f"{d:4d}" for d in range(10)))
whole_right = reader.predict(good.hidden_mean(truth)) == test_digit[:n_fill]
for name, right in (("whole", whole_right), *((p, result[p, 8][3]) for p in places)):
    shares = [right[test_digit[:n_fill] == d].mean() for d in range(10)]
    print(f"{name:>7}  " + "  ".join(f"{share:4.0%}" for share in shares))
count = "  ".join(f"{(test_digit[:n_fill] == d).sum():4d}" for d in range(10))
print(f" images  {count}")

# %% [markdown]
# **Answer.** *Number.* The error per removed pixel grows with the number of rows, from next to
# nothing up to about what a fill gives that knows nothing: with 20 rows in the middle the mean of
# 8 chains (0.126) is no better than the mean image (0.110), and the digits are read correctly in
# 16.8 % of cases, little more than by chance. So there is no sudden limit, as the sheet has it at
# 6 or 7 rows, but a steady decline: 87.5 % read correctly with 4 middle rows removed, 74.8 % with
# 8, 47.0 % with 12.
#
# *Place.* The middle is worst, by far. With 8 rows removed the error per pixel is 0.036 at the
# top, 0.044 at the bottom, 0.110 in the middle, per image 8.1, 9.9 and 24.7; digits read: 87.8 %,
# 90.0 % and 74.8 %, of 91.2 % when whole. There is little ink in the outer four rows, so filling
# them with black is already right (4 rows at the top: error 0.003 and mean image 0.004); the
# middle rows hold the strokes that tell the digits apart. With 8 and with 12 rows missing the
# fill helps the reader at every place: at the bottom with 12 rows 82.8 % instead of 60.2 % with
# the rows left black.
#
# *Which digit* depends on where its mark is (about 40 images per digit, so give or take 7
# points). With 8 middle rows gone the 1 and the 7 lose most, 28 and 27 points: what is left of
# them above and below can belong to other digits. With the top gone it is the 9 (93 % to 76 %),
# whose loop is there; the bottom costs no digit more than 6 points. The last picture shows what
# is left to do with 20 rows missing: the model draws *some* digit, mostly a 0, which is a fair
# sample of what it believes and no reconstruction.

# %% [markdown]
# # What to remember
#
# * **Measure the likelihood.** Reconstruction error and pseudo-likelihood improved in nearly
#   every run above; the likelihood did not. Where the hidden layer has up to 25 units it is exact
#   (`log_likelihood`), else `metrics.ais_bounds` gives it from both sides and says whether the
#   sides agree.
# * **CD-1 is fast and near-sighted.** 100 epochs of it gave filters and reconstructions to be
#   proud of, and chains that end in an image no one has ever written. PCD with a falling rate
#   gave -107.5 nats in 20 epochs, against -117.0.
# * **Learning rate x updates** is one quantity; compare runs by it. Let the rate fall at the end.
# * **Start the visible biases at the data's log-odds** (`init_visible_bias="data"`) or use the
#   centred gradient (`centered=True`): 10 units without it learnt nothing at all.
# * **Gibbs steps are for the sampler, not for the model.** Look at chains from two different
#   starts; where their free energies meet is the number you need.
# * **To fill in, clamp.** Put the known pixels back at every sweep (`inpaint`), and average over
#   chains if the squared error counts.
#
# *Read on:* Hinton, *Training products of experts by minimizing contrastive divergence* (2002)
# and *A practical guide to training RBMs* (2012); Tieleman, *Training RBMs using approximations
# to the likelihood gradient* (2008); Salakhutdinov and Murray, *On the quantitative analysis of
# deep belief networks* (2008, AIS); Burda, Grosse and Salakhutdinov, *Accurate and conservative
# estimates of MRF log-likelihood using reverse annealing* (2015); Fischer and Igel, *Empirical
# analysis of the divergence of Gibbs sampling based learning algorithms for RBMs* (2010, on bars
# and stripes).

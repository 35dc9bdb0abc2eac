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
# # 06 · The variational autoencoder
#
# Three exercise sheets, answered with models of 784-200-200-$Z$-200-200-784 units, softplus in
# between, trained here on MNIST:
#
# * **Part A**, a lab task: a VAE with 20 latents, then with 2 (A1 to A4): reconstructions, the
#   distribution of the latents, the layout of test images in latent space, a walk through it.
# * **Part B**, three questions of an assignment (Q1 to Q3): what is maximised in place of the
#   likelihood, how a VAE differs from a stacked autoencoder, what its latent space looks like. (Q4,
#   the comparison with GANs, belongs to the notebook on GANs.)
# * **Part C**, theory questions in practice (1b to 1d): the two terms of the loss, the two kinds
#   of latent space, when to use which.
#
# ## The model in a minute
#
# A latent $z\sim N(0,I)$ is decoded to a distribution over images $p(x\mid z)$: 784 independent
# coins whose log-odds are the decoder's output. Then $p(x)=\int p(x\mid z)\,p(z)\,dz$, which nobody
# can compute for 20 latents. An encoder gives $q(z\mid x)=N(\mu(x),\operatorname{diag}\sigma^2(x))$
# and with it a bound that can be estimated:
#
# $$\log p(x)=\underbrace{E_q[\log p(x\mid z)]-KL(q(z\mid x)\,\|\,p(z))}_{\text{ELBO}}
#   +KL(q(z\mid x)\,\|\,p(z\mid x)).$$
#
# The last term is dropped because it cannot be computed, and it may be dropped because it is never
# negative. With $z=\mu+\sigma\epsilon$, $\epsilon\sim N(0,I)$, the bound can be differentiated by
# both networks. Its two terms in full:
#
# $$E_q[\log p(x\mid z)]\approx\sum_i x_i\log p_i+(1-x_i)\log(1-p_i)=-H(x,p),\qquad
#   KL=\tfrac12\sum_j\mu_j^2+\sigma_j^2-1-\log\sigma_j^2 .$$
#
# (The log-probability is *minus* the cross-entropy $H$; and the encoder's second output is
# $\log\sigma^2$, so that the variance is its exponential, not the square of that.)

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from gibbslab import datasets, nn
from gibbslab.models import VAE
from gibbslab.plot import (
    AnomalyHistogramDisplay,
    LatentBoxDisplay,
    LatentExplorer,
    LatentGridDisplay,
    LatentScatterDisplay,
    LearningCurveDisplay,
    SampleDisplay,
    explore_latent_space,
)
from threadpoolctl import threadpool_limits

SMOKE = "GIBBSLAB_NOTEBOOK_SMOKE" in os.environ  # a quick check that every cell runs
EPOCHS = 1 if SMOKE else 6
BATCH = 128
threadpool_limits(1)
plt.rcParams.update({"figure.dpi": 70, "image.interpolation": "nearest"})
plt.rcParams["figure.max_open_warning"] = 0

load = datasets.load_mnist_sample if SMOKE else datasets.load_mnist
(train, train_labels), (test, labels) = load("train")[:2], load("test")[:2]
if SMOKE:
    train, test, train_labels, labels = train[:600], test[:200], train_labels[:600], labels[:200]


def binarised(images, seed):
    """Each pixel 1 with its grey value as probability."""
    rng = np.random.default_rng(seed)
    return (rng.random(images.shape, dtype=np.float32) < images).astype(np.float32)


test01 = binarised(test, 0)
print(f"{len(train)} training images, {len(test)} test images")

# %% [markdown]
# Training: one call per batch does forward pass, loss, gradients and the step of Adam. Images are
# binarised anew in every epoch, so that the numbers are log-probabilities of binary images, as in
# the other notebooks. (The course's own loop, with `model(batch)`, `loss_fn`, `backward` and
# `step`, gives the same gradients.)


# %%
def fit(model, epochs=EPOCHS, beta=1.0, watch=None):
    """Train; returns the history: ELBO of training and test images, in nats."""
    optimizer = nn.Adam(model.parameters(), lr=1e-3)
    history = {"epoch": [], "ELBO": [], "validation_ELBO": []}
    for epoch in range(epochs):
        optimizer.lr = 2e-3 * (1 - epoch / epochs) + 1e-4
        images = binarised(train, 1 + epoch)
        order = np.random.default_rng(epoch).permutation(len(images))
        total = 0.0
        for first in range(0, len(order), BATCH):
            loss = model.training_step(images[order[first : first + BATCH]], optimizer, beta=beta)
            total += sum(loss)
        history["epoch"].append(epoch)
        history["ELBO"].append(-total / len(images))
        history["validation_ELBO"].append(model.elbo(test01).mean())
        if watch is not None:
            watch(epoch)
    return history


vae20 = VAE(20, random_state=0)
history20 = fit(vae20)
print(f"{vae20.n_parameters:,} parameters")
print(f"ELBO after {EPOCHS} epochs: {history20['ELBO'][-1]:.1f} training, "
      f"{history20['validation_ELBO'][-1]:.1f} test, nats per image")  # fmt: skip

# %%
LearningCurveDisplay(history20, metrics=["ELBO"]).plot()
plt.gca().set(title="20 latents", ylabel="nats per image")
plt.show()

# %% [markdown]
# # Part A · The lab task
#
# ## A1 · Reconstructions of the first 20 test images
#
# Below the image the mean of $p(x\mid z)$ for one $z\sim q(z\mid x)$.


# %%
def reconstructions(model, title):
    means = model(test[:20])[0].numpy()
    groups = [test[:10], means[:10], test[10:20], means[10:]]
    names = ["image", "reconstruction"] * 2
    SampleDisplay(groups, labels=names, title=title).plot()
    plt.show()


reconstructions(vae20, "VAE, 20 latents")

# %% [markdown]
# And the latents themselves, the state between the two, as 4 x 5 pictures (blue -4, red 4).


# %%
def states(model, shape):
    figure, axes = plt.subplots(2, 10, figsize=(11, 2.6))
    for axis, z in zip(axes.flat, model(test[:20])[1].numpy()):
        picture = axis.imshow(z.reshape(shape), cmap="RdBu_r", vmin=-4, vmax=4)
        axis.set_axis_off()
    figure.colorbar(picture, ax=axes)
    plt.show()


states(vae20, (4, 5))

# %% [markdown]
# ## A2 · The distribution of the latents
#
# For all test images: the means $\mu_j(x)$, the variances $\sigma_j^2(x)$, and the weights that
# lead from each latent into the decoder. A unit that tells nothing of the image has mean 0 and
# variance 1, whatever the image: then its KL term is 0.

# %%
LatentBoxDisplay.from_estimator(vae20, test01, weights=True)
plt.show()


# %%
def describe(model):
    found = model.latent_statistics(test01)
    order = np.argsort(-found.kl)
    print("unit   std of means   mean KL (nats)")
    for unit in order[:4]:
        print(f"{unit:>4}{found.variance[unit] ** 0.5:>15.2f}{found.kl[unit]:>17.2f}")
    if len(order) > 4:
        unit = order[-1]
        print(f"...\n{unit:>4}{found.variance[unit] ** 0.5:>15.2f}{found.kl[unit]:>17.2f}")
    print(f"active units: {found.active.sum()} of {len(order)}; KL together {found.kl.sum():.1f}")
    return order


informative = describe(vae20)
deviation = np.exp(0.5 * vae20.encode(test01)[1].numpy())
print(f"standard deviations: {np.quantile(deviation, 0.05):.2f} to "
      f"{np.quantile(deviation, 0.95):.2f} (5 % to 95 %), mean {deviation.mean():.2f}")  # fmt: skip

# %% [markdown]
# ## A3 · Where test images lie
#
# Twenty latents do not fit on paper. Left: the two units with the largest KL; right: the two
# leading principal components of all twenty means.

# %%
means20 = vae20.encode(test01)[0].numpy()
away = means20 - means20.mean(axis=0)
_, spectrum, directions = np.linalg.svd(away, full_matrices=False)
figure, axes = plt.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
pair = tuple(int(unit) for unit in informative[:2])
LatentScatterDisplay(means20, labels, dimensions=pair).plot(ax=axes[0], legend=False)
LatentScatterDisplay(away @ directions[:2].T, labels).plot(ax=axes[1])
axes[1].set(xlabel="first component", ylabel="second component")
plt.show()
share = spectrum**2 / (spectrum**2).sum()
print(f"the two components hold {share[:2].sum():.0%} of the variance of the means")


# %%
def neighbours_agree(codes, n=2000, k=10):
    """Share of the k nearest of the other test images that are of the same class."""
    points, classes = codes[:n], labels[:n]
    squares = (points**2).sum(axis=1)
    distance = squares[:, None] + squares - 2 * points @ points.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1)[:, :k]
    return (classes[nearest] == classes[:, None]).mean()


print(f"neighbours of the same class: {neighbours_agree(means20):.1%} by all 20 latents, "
      f"{neighbours_agree(means20[:, pair]):.1%} by the two, "
      f"{neighbours_agree(test01):.1%} by pixels")  # fmt: skip

# %% [markdown]
# A walk along the same two units, all others 0.

# %%
LatentGridDisplay.from_estimator(vae20, dimensions=pair, n_points=12)
plt.show()

# %% [markdown]
# **Answers, A1 to A3.** After six epochs the ELBO of test images is -108.1 nats, and that of
# training images, the mean over the last epoch, no higher: nothing is learned by heart yet. Most
# reconstructions keep digit and slant. The failures tell how it works: the hurried 5 (ninth image)
# comes out as something like an 8, because twenty numbers, blurred by the encoder's own noise, must
# do.
#
# The units come in two kinds. Ten of them spread over test images like their prior (standard
# deviation of the means up to 1.1) with variances far below 1, and say up to 2.4 nats each. The
# others have means near 0 and variances near 1 whatever the image, and small weights into the
# decoder: what they carry is noise, and the decoder has learned not to listen. The count by the
# usual rule (variance of the means above 0.01) says 16 active of 20; the box plot shows that six of
# these hardly are. All together tell 17.3 nats.
#
# By any two units classes overlap (35.4 % of the nearest neighbours agree with an image's class);
# by all twenty, 76.9 % do, against 73.6 % by the 784 pixels. The two leading components hold only
# 25 % of the variance: the KL term makes all informative units about equally wide, so a plane can
# never show much of twenty latents. The walk along units 13 and 1 goes through 6, 1, 0 and 7,
# changing shape without breaks, with unreadable mixtures where they meet.

# %% [markdown]
# ## A4 · The same with 2 latents
#
# Two latents can be drawn, and their $p(x)$ can be computed: `log_likelihood` sums over a grid of
# $z$. So for this model it is watched during training what the bound does, and what it bounds.

# %%
LONGER = EPOCHS + 2
watched = {"epoch": [], "ELBO": [], "log p(x)": []}
some = test01[:50] if SMOKE else test01[:200]


def watch(epoch):
    if epoch not in (0, 1, 3, LONGER - 1):
        return
    watched["epoch"].append(epoch)
    watched["ELBO"].append(vae2.elbo(some, 20).mean())
    exact = vae2.log_likelihood(some, tolerance=0.5)
    watched["log p(x)"].append(exact.mean())


vae2 = VAE(2, random_state=0)
history2 = fit(vae2, LONGER, watch=watch)
print(f"ELBO after {LONGER} epochs: {history2['ELBO'][-1]:.1f} training, "
      f"{history2['validation_ELBO'][-1]:.1f} test")  # fmt: skip
_ = describe(vae2)

# %%
reconstructions(vae2, "VAE, 2 latents")

# %%
states(vae2, (2, 1))

# %%
LatentBoxDisplay.from_estimator(vae2, test01, weights=True)
plt.show()
deviation = np.exp(0.5 * vae2.encode(test01)[1].numpy())
print(f"standard deviations: {np.quantile(deviation, 0.05):.3f} to "
      f"{np.quantile(deviation, 0.95):.3f} (5 % to 95 %)")  # fmt: skip

# %%
means2 = vae2.encode(test01)[0].numpy()
LatentScatterDisplay(means2, labels).plot()
plt.show()
print(f"neighbours of the same class: {neighbours_agree(means2):.1%}")

# %% [markdown]
# The walk: every point of the grid decoded, with coordinates such that each cell has the same
# probability under the prior. (Both coordinates must move on their own, as an outer product: one
# line of points with $z_0=z_1$ shows a diagonal only.)

# %%
LatentGridDisplay.from_estimator(vae2, n_points=20, spacing="quantile")
plt.show()

# %% [markdown]
# **Answer, A4.** With two latents the ELBO falls from -108.1 to -151.7 nats. Reconstructions are
# blurred and often of another digit: 2 becomes 3, 4 becomes 9, 5 becomes 3. Both units are active,
# and each says more than any of the twenty did (3.0 and 2.6 nats, against 2.4): the standard
# deviations of $q$, 0.04 to 0.12, lie where only the smallest 5 % of the twenty's lay (0.10). Where
# there is little room, it is measured finely.
#
# Now the layout can be seen whole: 0 and 1 lie outside on opposite sides, 6 and 7 by themselves in
# part, while 3, 5, 8 and 4, 9, 7 share their places. 54.3 % of the neighbours agree. The walk shows
# the same map as images, and what lies between: neighbours in latent space look alike, and mixtures
# appear where classes meet.

# %% [markdown]
# # Part B · Questions of the assignment
#
# ## Q1 · What is maximised in place of the log-likelihood?
#
# The ELBO. First what was recorded while the 2-latent model was trained.

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
for name in ("log p(x)", "ELBO"):
    axes[0].plot(np.array(watched["epoch"]) + 1, watched[name], "o-", label=name)
axes[0].set(xlabel="epochs done", ylabel="nats per test image", title="2 latents")
axes[0].legend()
counts = [1, 2, 5, 10, 50] if SMOKE else [1, 2, 5, 10, 50, 200, 1000]
curves = {}
for name, model in (("2 latents", vae2), ("20 latents", vae20)):
    curves[name] = [model.importance_weighted_bound(some, k).mean() for k in counts]
for name, curve in curves.items():
    axes[1].plot(counts, np.array(curve) - curve[0], "o-", label=name)
axes[1].axhline(watched["log p(x)"][-1] - curves["2 latents"][0], color="C0", linestyle=":",
                label="exact, 2 latents")  # fmt: skip
axes[1].set(xscale="log", xlabel="K", ylabel="nats above K = 1", title="The gap closes with K")
axes[1].legend()
plt.show()

print(f"{'nats per test image':<22}{'ELBO':>9}{f'K = {counts[-1]}':>10}{'exact':>9}")
for name, model in (("2 latents", vae2), ("20 latents", vae20)):
    exact = f"{watched['log p(x)'][-1]:>9.2f}" if name == "2 latents" else f"{'?':>9}"
    print(f"{name:<22}{model.elbo(some, 20).mean():>9.2f}{curves[name][-1]:>10.2f}{exact}")

# %% [markdown]
# Where the gap comes from: for four images the true posterior $p(z\mid x)$ on a grid (colours), and
# the encoder's $q(z\mid x)$ (its ellipse at two deviations).

# %%
four = test01[[0, 8, 18, 33]]
gaps = vae2.log_likelihood(four, tolerance=0.5) - vae2.elbo(four, 2000)
figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
angle = np.linspace(0, 2 * np.pi, 100)
for axis, x, gap in zip(axes, four, gaps):
    mu, logvar = (a.numpy()[0] for a in vae2.encode(x))
    sigma = np.exp(0.5 * logvar)
    reach = 6 * sigma.max()
    lines = [np.linspace(m - reach, m + reach, 81) for m in mu]
    z = np.stack([a.ravel() for a in np.meshgrid(*lines)], axis=1)
    logits = vae2.logits(z).numpy()
    log_joint = logits @ x - np.logaddexp(0, logits).sum(axis=1) - 0.5 * (z**2).sum(axis=1)
    density = np.exp(log_joint - log_joint.max()).reshape(81, 81)
    axis.imshow(density, extent=(*lines[0][[0, -1]], *lines[1][[0, -1]]), origin="lower")
    axis.plot(mu[0] + 2 * sigma[0] * np.cos(angle), mu[1] + 2 * sigma[1] * np.sin(angle), "w")
    axis.set(title=f"gap {gap:.2f} nats", xlabel="latent 0", ylabel="latent 1")
plt.show()

# %% [markdown]
# **Answer, Q1.** The metric is the ELBO, because $p(x)$ is an integral over all latents: for two of
# them a grid of points is enough, for twenty no grid is. The ELBO needs one sample of $q$ and its
# gradient is unbiased. It works by a detour: whatever raises the bound either raises $\log p(x)$,
# or brings $q(z\mid x)$ nearer to $p(z\mid x)$.
#
# Here both can be seen. With 2 latents $\log p(x)$ is -143.72 where the ELBO says -146.52, a gap of
# 2.8 nats, and it rises together with the bound in every epoch that was watched. That need not be
# so: only the bound is promised to rise. The gap itself is $KL(q\,\|\,p(z\mid x))$, and the four
# images show where it comes from: a posterior with a second mode that a Gaussian cannot have (4.97
# nats), or one that is tilted where the encoder's axes cannot be (1.60).
#
# With $K$ weighted samples, $\log\frac1K\sum_k p(x,z_k)/q(z_k\mid x)$, the gap shrinks: 1.9 of the
# 2.8 nats are gone at $K=1000$. What is left belongs to modes that $q$ hardly ever visits. For 20
# latents, where nothing exact is to be had, this bound moves from -105.2 to -102.1. So when
# published numbers are compared, $K$ has to be told along with them.

# %% [markdown]
# ## Q2 · A VAE against a stacked autoencoder
#
# The same layers without the sampling and without the KL term, trained on the squared error: a
# plain autoencoder with a code of 20 numbers.


# %%
def autoencoder(size, seed=0):
    linear = lambda a, b, i: nn.Linear(a, b, random_state=10 * seed + i)  # noqa: E731
    encoder = nn.Sequential(linear(784, 200, 0), nn.Softplus(), linear(200, 200, 1),
                            nn.Softplus(), linear(200, size, 2))  # fmt: skip
    decoder = nn.Sequential(linear(size, 200, 3), nn.Softplus(), linear(200, 200, 4),
                            nn.Softplus(), linear(200, 784, 5), nn.Sigmoid())  # fmt: skip
    return nn.Sequential(encoder, decoder)


def fit_autoencoder(model, epochs):
    optimizer = nn.Adam(model.parameters(), lr=1e-3)
    for epoch in range(epochs):
        optimizer.lr = 2e-3 * (1 - epoch / epochs) + 1e-4
        order = np.random.default_rng(epoch).permutation(len(train))
        for first in range(0, len(order), BATCH):
            x = train[order[first : first + BATCH]]
            optimizer.zero_grad()
            nn.mse_loss(model(x), x).backward()
            optimizer.step()
    return model


ae20 = fit_autoencoder(autoencoder(20), EPOCHS // 2 + 1)


def errors(means):
    """Squared error and cross-entropy of grey test images and their reconstructions, per image."""
    p = np.clip(means, 1e-6, 1 - 1e-6)
    crossentropy = -(test * np.log(p) + (1 - test) * np.log(1 - p)).sum(axis=1)
    return ((test - means) ** 2).sum(axis=1).mean(), crossentropy.mean()


mu20 = vae20.encode(test)[0]
rows = {
    "autoencoder": ae20(test).numpy(),
    "VAE, from the mean": vae20.decode(mu20).numpy(),
    "VAE, from a sample": vae20(test)[0].numpy(),
}
print(f"{'per test image':<22}{'squared error':>14}{'cross-entropy':>15}")
for name, means in rows.items():
    print("{:<22}{:>14.2f}{:>15.1f}".format(name, *errors(means)))

# %% [markdown]
# Both decoders fed with noise: with codes from $N(0,I)$, and for the autoencoder also with codes
# from a normal distribution of the mean and covariance that its codes have. A number for it: how
# far test images are from the nearest of 1000 new ones, which is small only if these are like
# digits, and like all kinds of them.

# %%
codes = ae20[0](train).numpy().astype(np.float64)
rng = np.random.default_rng(5)
prior = rng.normal(size=(1000, 20)).astype(np.float32)
fitted = rng.multivariate_normal(codes.mean(axis=0), np.cov(codes.T), 1000).astype(np.float32)
drawn = {
    "VAE": vae20.decode(prior).numpy(),
    "autoencoder, N(0, I)": ae20[1](prior).numpy(),
    "autoencoder, fitted": ae20[1](fitted).numpy(),
}
SampleDisplay([x[:12] for x in drawn.values()], labels=list(drawn), title="New images").plot()
plt.show()


def distance(images, of=test[:1000]):
    """Mean squared distance of test images to the nearest of so many others."""
    squares = (images**2).sum(axis=1)
    cross = (of**2).sum(axis=1)[:, None] + squares - 2 * of @ images.T
    return cross.min(axis=1).mean()


print("squared distance of a test image to the nearest of 1000")
for name, images in {**drawn, "training images": train[:1000]}.items():
    print(f"{name:<22}{distance(images):6.1f}")

# %% [markdown]
# **Answer, Q2.** Similar: the same layers, a bottleneck of 20 numbers, an encoder and a decoder
# trained together by gradients, no labels. Different: a stacked autoencoder sends one code through
# (and was trained layer by layer when such nets could not be trained otherwise), a VAE a sample of
# a distribution, and pays for what that sample tells. So the error is another one: for the
# autoencoder the squared error, for the VAE $-\log p(x\mid z)$, which is the cross-entropy for a
# Bernoulli decoder and would be a squared error over $2\sigma^2$, plus constants, for a Gaussian
# one; and beside it the KL term.
#
# In numbers the autoencoder reconstructs better by either measure, squared error 7.5 against 13.1
# and cross-entropy 75 against 88, after four epochs instead of six. That is the price of the noise.
# What it buys is the other direction. Fed with $N(0,I)$ the VAE's decoder gives digits, from which
# test images are no further away (28.3) than from as many training images (34.4; it is lower
# because the new ones are smooth). The autoencoder's codes do not lie there, and its decoder gives
# smudges (51.5). With a Gaussian fitted to its codes it does better (36.7), and many of its images
# are still no digits.

# %% [markdown]
# ## Q3 · The latent space
#
# On the way from one image to another, with 20 latents and with 2, against the straight way in
# pixels.

# %%
starts, ends = test01[[0, 2, 4]], test01[[1, 3, 7]]
for name, model in (("20 latents", vae20), ("2 latents", vae2)):
    path = model.interpolate(starts, ends, 11)
    SampleDisplay(list(path), labels=["", "", ""], title=f"Interpolation, {name}").plot()
    plt.show()
mixed = [[(1 - t) * a + t * b for t in np.linspace(0, 1, 11)] for a, b in zip(starts, ends)]
SampleDisplay(mixed, labels=["", "", ""], title="Interpolation of pixels").plot()
plt.show()

# %% [markdown]
# What the model itself says of the pictures in the middle: the ELBO of binary images drawn with
# their grey values.

# %%
pairs = np.random.default_rng(1).permutation(len(test01))[:200].reshape(2, -1)
halfway = vae20.interpolate(test01[pairs[0]], test01[pairs[1]], 3)[:, 1]
in_pixels = (test[pairs[0]] + test[pairs[1]]) / 2
for name, images in (("test images", test[pairs[0]]), ("halfway, latents", halfway),
                     ("halfway, pixels", in_pixels)):  # fmt: skip
    grey = np.mean((images > 0.2) & (images < 0.8))
    elbo = vae20.elbo(binarised(images, 3), 20).mean()
    print(f"{name:<18} ELBO {elbo:8.1f}, {grey:.1%} of the pixels grey (0.2 to 0.8)")

# %% [markdown]
# By hand: two sliders over the 2-latent space. In a running notebook `explore_latent_space(vae2)`
# as the last line of a cell shows them; on paper here is what they move, at one place.

# %%
sliders = explore_latent_space(vae2, test01[:2000], labels[:2000])
LatentExplorer(vae2, test01[:2000], labels[:2000]).plot().move(0.5, -1.0).figure_

# %% [markdown]
# **Answer, Q3.** The space is continuous: neighbours decode to images that look alike, classes have
# their regions, and between two images the way leads through shapes that each could be written, the
# 1 that becomes round and then a 0. Mixing pixels shows two digits at once instead. The model says
# the same in nats: images drawn halfway in latent space have an ELBO of -133.5, images drawn
# halfway in pixels -182.9, test images -106.4.
#
# Not every point is a good one. Halfway pictures are blurred, 15 % of their pixels are grey against
# 6 % in test images, for the straight line also crosses regions that hold few images or several
# classes. And with 2 latents the ends of the way are not the images themselves: what the space has
# no room for (2 against 3, 4 against 9) is lost before the walk begins.

# %% [markdown]
# # Part C · Theory in practice
#
# ## 1b · What the two terms of the loss do
#
# $\text{loss}=-E_q[\log p(x\mid z)]+\beta\,KL(q(z\mid x)\,\|\,p(z))$, with the KL term left out
# ($\beta=0$), weak, as it should be, and too strong.

# %%
betas = (0.0, 0.1, 1.0, 5.0, 25.0)
models = {}
for beta in betas:
    models[beta] = VAE(20, random_state=0)
    fit(models[beta], 1, beta)

print(
    f"{'beta':>5}{'reconstruction':>16}{'KL':>9}{'ELBO':>9}{'active':>8}{'distance to samples':>21}"
)
table = []
for beta, model in models.items():
    found = model.latent_statistics(test01)
    elbo, kl = model.elbo(test01, 3).mean(), found.kl.sum()
    fresh = distance(model.decode(prior).numpy())
    table.append((elbo + kl, kl))
    print(
        f"{beta:>5g}{elbo + kl:>16.1f}{kl:>9.1f}{elbo:>9.1f}{found.active.sum():>8}{fresh:>21.1f}"
    )

# %%
groups = [model.decode(prior[:12]).numpy() for model in models.values()]
SampleDisplay(groups, labels=[f"beta {beta:g}" for beta in betas], title="New images").plot()
plt.show()
groups = [model.decode(model.encode(test[:12])[0]).numpy() for model in models.values()]
SampleDisplay([test[:12], *groups], labels=["image", *(f"beta {beta:g}" for beta in betas)],
              title="Reconstructions").plot()  # fmt: skip
plt.show()

# %% [markdown]
# **Answer, 1b.** Each term has its own way of being small. Without the KL term ($\beta=0$)
# reconstruction is best, -85 nats, but the codes run away from the prior: a KL of 708 nats, an ELBO
# of -794, and new images are smudges. With $\beta$ of 5 the KL is down to 1.2 nats, reconstructions
# are blots but for 0s and 1s, and at 25 the encoder says nothing at all (no active unit, a KL of 0,
# every image the mean of the data): **posterior collapse**. In between the two terms trade.
# $\beta=1$ is the only value for which the sum is a bound on $\log p(x)$; its ELBO, -137.8 after
# this single epoch, is the best, and its new images are the nearest to test images (29.9, against
# 47.6 for $\beta=0$ and 50.3 for $\beta=25$). Reconstruction keeps codes apart, the KL term keeps
# them together and near the prior, and only with both can the decoder be fed with noise.
#
# Against that the loss of a plain autoencoder has one term. The document writes it as a mean
# squared error; that is the case of a Gaussian decoder with fixed variance and $\beta=0$, with the
# mean of $q$ in place of a sample.

# %% [markdown]
# ## 1c · Two kinds of latent space
#
# A plain autoencoder with a code of two numbers beside the VAE with two latents.

# %%
ae2 = fit_autoencoder(autoencoder(2, seed=1), EPOCHS)
codes2 = ae2[0](test).numpy()
figure, axes = plt.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
LatentScatterDisplay(codes2, labels).plot(ax=axes[0], legend=False)
axes[0].set(title="Codes of the autoencoder", xlabel="code 0", ylabel="code 1", aspect="auto")
LatentScatterDisplay(means2, labels).plot(ax=axes[1])
axes[1].set_title("Means of the VAE")
plt.show()
for name, points in (("autoencoder", codes2), ("VAE", means2)):
    z = points if name == "autoencoder" else vae2(test01)[1].numpy()
    inside = (np.abs(z) < 3).all(axis=1).mean()
    spread = f"mean {np.round(z.mean(axis=0), 2)}, std {np.round(z.std(axis=0), 2)}"
    agree = f"neighbours of the same class {neighbours_agree(points):.1%}"
    print(f"{name:<12} {spread}, {inside:.0%} within +-3; {agree}")

# %% [markdown]
# What a step does: the codes moved by noise, in units of the deviation of all codes, and the
# squared error of what is then decoded.

# %%
sizes = [0.0, 0.02, 0.05, 0.1, 0.2, 0.5]
figure, axis = plt.subplots(figsize=(5.5, 3.4))
noise = np.random.default_rng(3).normal(size=means20.shape).astype(np.float32)
z_ae, z_vae = ae20[0](test).numpy(), mu20.numpy()
for name, z, decode in (("autoencoder", z_ae, ae20[1]), ("VAE", z_vae, vae20.decode)):
    moved = [decode(z + s * z.std(axis=0) * noise).numpy() for s in sizes]
    error = [((test - m) ** 2).sum(axis=1).mean() for m in moved]
    axis.plot(sizes, error, "o-", label=f"{name}, 20")
    print(f"{name:<12}", [round(float(e), 1) for e in error])
axis.set(xlabel="noise, in deviations of the codes", ylabel="squared error per image")
axis.set_title("Codes moved by noise")
axis.legend()
plt.show()

# %% [markdown]
# **Answer, 1c.** The codes of the autoencoder have whatever place and scale training left them:
# deviations of 33 and 43 here, long rays from a crowded middle, and 1 % of the codes within $\pm3$.
# The VAE's samples have mean 0 and deviation 1.1 to 1.2, 99 % of them within $\pm3$, and fill the
# place without gaps. It does not follow that they separate classes better: with free scale the
# autoencoder's do (62.8 % of the neighbours agree, 54.3 % for the VAE).
#
# The VAE's space is probabilistic because each image is given a region, not a point: the decoder
# must make the image from anywhere in it, so places near to each other must decode alike. The curve
# of moved codes shows how much: noise of 0.1 deviations adds 0.8 to the squared error of either,
# but for the VAE that is 6 % of its error, for the autoencoder 11 %, and half a deviation doubles
# the VAE's error and trebles the autoencoder's. The gain in smoothness is real, and smaller than it
# is often said to be: an autoencoder of softplus units is smooth, too, and ten of the VAE's units
# may be moved at will, for they say nothing.

# %% [markdown]
# ## 1d · When to use which
#
# What only the VAE can do: say how probable an image is. Here images of clothes among the digits,
# by minus the ELBO of the model that has seen digits only, and by the squared error of the
# autoencoder.

# %%
strange = test[:, ::-1] if SMOKE else datasets.load_fashion_mnist("test").data
both = np.concatenate([test[:1000], strange[:1000]])
foreign = np.arange(len(both)) >= len(test[:1000])
scores = {
    "minus ELBO of the VAE": -vae20.elbo(binarised(both, 9), 5),
    "error of the autoencoder": ((both - ae20(both).numpy()) ** 2).sum(axis=1),
}
figure, axes = plt.subplots(1, 2, figsize=(12, 3.6), layout="constrained")
for axis, (name, score) in zip(axes, scores.items()):
    limit = float(np.quantile(score[~foreign], 0.95))
    AnomalyHistogramDisplay(score, foreign, threshold=limit).plot(ax=axis)
    axis.set_xlabel(name)
    ranks = score.argsort().argsort()[foreign]
    area = (ranks.mean() - (foreign.sum() - 1) / 2) / (~foreign).sum()
    print(f"{name}: area under the ROC curve {area:.4f}, "
          f"{np.mean(score[foreign] > limit):.1%} found at 5 % false alarms")  # fmt: skip
plt.show()

# %% [markdown]
# **Answer, 1d.** *A VAE*, where new images or a probability are wanted: samples (Q2), ways between
# images (Q3), or a score that is a bound on $\log p(x)$. Among digits it finds 99.2 % of the images
# of clothes at 5 % false alarms (area under the ROC curve 0.9985); the plain reconstruction error
# finds 97.0 % (0.9944). Both do it well, the VAE with a score in units that mean something.
#
# *An autoencoder*, where the image itself must be kept: compression and features at a given code
# length (7.5 against 13.1 in squared error with 20 numbers), removal of noise, and whenever the
# randomness of a VAE is only a cost. (In the document both of these cases carry the heading "prefer
# a VAE"; the second is the one for the autoencoder.)

"""
Ensemble and test-time augmentation
===================================

Networks that differ in their seed make different mistakes, and the mean of their probabilities makes fewer. One network
that looks at an image and at shifted copies of it gains in the same way, if it has learned from such copies.
"""

import matplotlib.pyplot as plt
import numpy as np

from pipeline import Deform, Fetch, MLPClassifier, TestTimeAugmentation, make_ensemble

X, y = Fetch(dataset="digits").load("train")
X_test, y_test = Fetch(dataset="digits").load("test")
X, X_test = (X / 255).astype("float32"), (X_test / 255).astype("float32")

deform = Deform(translation=1, whole_pixels=True)
network = MLPClassifier(
    (64,), augmentation=deform, batch_size=50, learning_rate="cosine", learning_rate_init=0.01, max_iter=40, n_threads=1
)
members = make_ensemble(network, 8).fit(X, y).estimators_

# %%
# The ensemble of k members is the mean of k probabilities. Draw many groups of k members to see the spread.

P = np.array([member.predict_proba(X_test) for member in members])
rng = np.random.default_rng(0)
sizes = [1, 2, 3, 4, 6, 8]
groups = {k: [rng.choice(8, k, replace=False) for _ in range(40)] for k in sizes}
errors = {k: [(P[rows].mean(axis=0).argmax(axis=1) != y_test).mean() for rows in groups[k]] for k in sizes}

# %%
# The same for copies: each network by itself, averaged over n copies of each image.

copies = [1, 2, 4, 8, 16]
averaged = [
    [1 - TestTimeAugmentation(member, deform, n_copies=n).score(X_test, y_test) for member in members] for n in copies
]

figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
kinds = [
    ("Ensemble", "members", sizes, [errors[k] for k in sizes]),
    ("Test-time augmentation", "copies", copies, averaged),
]
for axes, (title, label, counts, spread), colour in zip(panels, kinds, ["#0072B2", "#D55E00"], strict=True):
    low, middle, high = np.array([[np.quantile(one, 0.1), np.mean(one), np.quantile(one, 0.9)] for one in spread]).T
    axes.fill_between(counts, low, high, color=colour, alpha=0.2, label="80 % of them")
    axes.plot(counts, middle, "o-", color=colour, label="mean")
    axes.set(title=title, xlabel=label, xscale="log")
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.legend(frameon=False)
panels[0].set(ylabel="test error rate", ylim=(0, None))
plt.show()

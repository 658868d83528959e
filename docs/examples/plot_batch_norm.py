"""
Batch normalization in a deep network, dropout in a wide one
============================================================

Ten layers of sigmoids hardly learn: what comes before each activation is so small that its gradient fades from layer to
layer. Batch normalization gives it mean 0 and variance 1. Dropout sets units to 0 at random: training gets harder, and the
loss on test images grows less.
"""

import warnings
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from pipeline import Fetch, MLPClassifier
from pipeline.network import Affine, BatchNorm

warnings.simplefilter("ignore", ConvergenceWarning)  # to use all epochs is what is asked for

X, y = Fetch(dataset="digits").load("train")
X_test, y_test = Fetch(dataset="digits").load("test")
X, X_test = (X / 255).astype("float32"), (X_test / 255).astype("float32")

settings = {"batch_size": 50, "learning_rate_init": 0.003, "tol": 0, "n_iter_no_change": 100, "random_state": 0}
settings |= {"n_threads": 1}
deep = {
    "ten sigmoid layers": MLPClassifier((32,) * 10, "logistic", max_iter=20, **settings),
    "with batch normalization": MLPClassifier((32,) * 10, "logistic", batch_norm=True, max_iter=20, **settings),
}
wide = {
    "two ReLU layers": MLPClassifier((128, 128), max_iter=80, **settings),
    "with dropout 0.5": MLPClassifier((128, 128), dropout=0.5, max_iter=80, **settings),
}
for model in deep.values():
    model.fit(X, y, X_val=X_test, y_val=y_test)
rng = np.random.default_rng(0)
noisy, noisy_test = (part + rng.normal(scale=0.3, size=part.shape).astype("float32") for part in (X, X_test))
for model in wide.values():  # few images, and noisy ones, so that there is overfitting
    model.fit(noisy[:400], y[:400], X_val=noisy_test, y_val=y_test)

# %%
# ``network_`` is the network itself. Go through its layers by hand, and keep the spread of what comes before each activation.


def spreads(model):
    """Return the standard deviation of what comes before each hidden activation, the mean over the units."""
    found, A = [], X_test
    layers = model.network_.layers
    for layer, following in pairwise(layers):
        A = layer.forward(A)
        if isinstance(layer, Affine | BatchNorm) and not isinstance(following, BatchNorm):
            found.append(A.std(axis=0).mean())
    return found


colours = ["#D55E00", "#0072B2"]
figure, (accuracy, spread, loss) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for (name, model), colour in zip(deep.items(), colours, strict=True):
    accuracy.plot(range(1, 21), model.history_["validation_score"], color=colour, label=name)
    spread.plot(range(1, 11), spreads(model), "o-", color=colour, label=name)
for (name, model), colour in zip(wide.items(), colours, strict=True):
    loss.plot(range(1, 81), model.history_["loss"], color=colour, ls=":", label=f"{name}, training")
    loss.plot(range(1, 81), model.history_["validation_loss"], color=colour, label=f"{name}, test")
accuracy.set(title="Accuracy on test images", xlabel="epoch", ylim=(0, 1.02))
spread.set(title="Spread before each activation", xlabel="layer", xticks=range(1, 11), yscale="log")
loss.set(title="Loss, learning from 400 noisy images", xlabel="epoch", yscale="log")
for axes, place in ((accuracy, "center right"), (spread, "center right"), (loss, "lower left")):
    axes.legend(frameon=False, loc=place)
plt.show()

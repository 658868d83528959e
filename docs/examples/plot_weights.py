"""
Weights of the first layer
==========================

Each hidden unit has one weight for each pixel, so its weights are an image: red where ink excites the unit, blue where ink
inhibits it. Regularization changes what these images look like.
"""

import matplotlib.pyplot as plt
import numpy as np

from pipeline import Fetch, MLPClassifier
from pipeline.network import Adversarial

X, y = Fetch(dataset="digits").load("train")
X = X / 255

settings = {"learning_rate": "cosine", "learning_rate_init": 0.01, "max_iter": 40, "random_state": 0, "n_threads": 1}
models = {
    "no regularization": MLPClassifier((16,), alpha=0, **settings),
    "L2 regularization": MLPClassifier((16,), alpha=1, **settings),
    "adversarial training": MLPClassifier((16,), alpha=0, adversary=Adversarial(epsilon=1.0), **settings),
}

# %%
# The units are sorted by the norm of their weights. Without regularization the weights keep the noise that they began with,
# and units that are never active keep all of it. An L2 penalty shrinks whatever does not help, whole units as well.
# Adversarial training leaves weights where the ink of digits differs, and makes them small at the border.

figure = plt.figure(figsize=(10, 4), layout="constrained")
for part, (name, model) in zip(figure.subfigures(1, 3), models.items(), strict=True):
    weights = model.fit(X, y).coefs_[0]
    limit = np.quantile(np.abs(weights), 0.99)
    strongest = np.argsort(-np.linalg.norm(weights, axis=0))
    for axes, unit in zip(part.subplots(4, 4).ravel(), weights.T[strongest], strict=True):
        axes.imshow(unit.reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.axis("off")
    part.suptitle(name)
plt.show()

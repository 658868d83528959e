"""
Decision boundaries and regularization
======================================

Two classes of points in the plane that overlap. A large network without regularization draws a boundary around single
points: it overfits. Each of the other panels adds one thing.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.ensemble import BaggingClassifier

from pipeline import MLPClassifier

X, y = make_moons(120, noise=0.35, random_state=1)
X_test, y_test = make_moons(2000, noise=0.35, random_state=2)

settings = {"batch_size": 30, "learning_rate": "cosine", "learning_rate_init": 0.01, "max_iter": 250}
settings |= {"alpha": 0, "n_threads": 1, "random_state": 0}
free = MLPClassifier((100, 100), **settings)


def changed(**parameters):
    """Return the network with other parameters."""
    return MLPClassifier((100, 100), **settings | parameters)


models = {
    "no regularization": free,
    "L2 regularization, alpha=0.1": changed(alpha=0.1),
    "dropout=0.5": changed(dropout=0.5),
    "noise of the input, 0.3": changed(noise=(0.3, 0, 0)),
    "early stopping": changed(
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=30,
        learning_rate="constant",
        learning_rate_init=0.002,
    ),
    "ensemble of 15, by bagging": BaggingClassifier(changed(max_iter=150), 15, random_state=0),
}

# %%
# Colour is the probability of a class. A boundary that is smooth, and pale where the classes overlap, is right more often
# on points that the network has not seen.

across, up = np.meshgrid(np.linspace(-2.2, 3.2, 120), np.linspace(-1.8, 2.2, 100))
plane = np.column_stack([across.ravel(), up.ravel()])

figure, grid = plt.subplots(2, 3, figsize=(10, 6), layout="constrained", sharex=True, sharey=True)
for axes, (name, model) in zip(grid.ravel(), models.items(), strict=True):
    model.fit(X, y)
    probability = model.predict_proba(plane)[:, 1].reshape(across.shape)
    axes.contourf(across, up, probability, levels=np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.7)
    axes.contour(across, up, probability, levels=[0.5], colors="black", linewidths=1)
    axes.scatter(*X.T, c=y, cmap="RdBu_r", edgecolors="white", s=22, linewidths=0.6)
    axes.set(
        title=f"{name}\n{model.score(X, y):.0%} training, {model.score(X_test, y_test):.1%} test", xticks=[], yticks=[]
    )
plt.show()

"""
Adversarial training
====================

A step of the same length is harmless in a random direction, and not in the one in which the loss grows fastest. A network
that learns from such adversarial steps keeps a margin around its training images.
"""

import matplotlib.pyplot as plt
import numpy as np

from pipeline import Fetch, MLPClassifier
from pipeline.network import Adversarial

X, y = Fetch(dataset="digits").load("train")
X_test, y_test = Fetch(dataset="digits").load("test")
X, X_test = X / 255, X_test / 255

settings = {"learning_rate": "cosine", "learning_rate_init": 0.01, "max_iter": 30, "random_state": 0, "n_threads": 1}
models = {
    "plain": MLPClassifier((64,), **settings).fit(X, y),
    "adversarial": MLPClassifier((64,), adversary=Adversarial(epsilon=0.6), **settings).fit(X, y),
}

# %%
# The gradient of the loss with respect to the pixels shows where to step. With one hidden layer it is two lines.


def directions(model):
    """Return for each test image the direction of length 1 in which the loss grows fastest."""
    (W1, W2), (b1, _) = model.coefs_, model.intercepts_
    slope = (X_test @ W1 + b1 > 0).astype(float)
    gradient = ((model.predict_proba(X_test) - np.eye(10)[y_test]) @ W2.T * slope) @ W1.T
    return gradient / (np.linalg.norm(gradient, axis=1, keepdims=True) + 1e-12)


random = np.random.default_rng(0).normal(size=X_test.shape)
random /= np.linalg.norm(random, axis=1, keepdims=True)
lengths = np.linspace(0, 1.5, 16)

# %%
# The images of the lower row are the same test image after a step of length 1: the plain network is fooled by what a person
# hardly sees.

figure = plt.figure(figsize=(10, 4.4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1.3, 1])
axes = left.subplots()
for (name, model), colour in zip(models.items(), ["#D55E00", "#0072B2"], strict=True):
    for steps, line in ((directions(model), "-"), (random, ":")):
        accuracy = [model.score(X_test + length * steps, y_test) for length in lengths]
        axes.plot(
            lengths, accuracy, line, color=colour, label=f"{name}, {'adversarial' if line == '-' else 'random'} step"
        )
axes.set(title="Accuracy on moved test images", xlabel="length of the step", ylim=(0, 1.02))
axes.legend(frameon=False)

steps = directions(models["plain"])
fooled = np.flatnonzero(
    (models["plain"].predict(X_test) == y_test) & (models["plain"].predict(X_test + steps) != y_test)
)[:4]
for images, column in zip((X_test, X_test + steps), right.subplots(2, 4), strict=True):
    for axes, row in zip(column, fooled, strict=True):
        axes.imshow(images[row].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axes.set(title=f"says {models['plain'].predict(images[[row]])[0]}", xticks=[], yticks=[])
plt.show()

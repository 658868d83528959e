"""
Calibration and rejection
=========================

Is a network that says 90 % right in nine of ten cases? And if it may leave out the images that it is least sure of, how
many mistakes stay? Both matter as soon as somebody acts on an answer.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from pipeline import Evaluate, MLPClassifier

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
X = X / 16 + rng.normal(scale=0.4, size=X.shape)  # noisy images, so that there is something to doubt
X, X_test, y, y_test = train_test_split(X, y, test_size=0.6, random_state=0, stratify=y)

settings = {"learning_rate": "cosine", "learning_rate_init": 0.01, "max_iter": 40, "random_state": 0, "n_threads": 1}
models = {
    "plain": MLPClassifier((100,), **settings).fit(X, y),
    "label smoothing 0.1": MLPClassifier((100,), label_smoothing=0.1, **settings).fit(X, y),
    "noise 0.3": MLPClassifier((100,), noise=(0.3, 0), **settings).fit(X, y),
}

# %%
# A point under the diagonal is overconfident. ``Evaluate`` has the mean distance as the calibration error. On the
# right the most confident images are answered first. The further the curve stays down, the more can be answered at a
# given error.

figure, (reliability, rejection) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
reliability.plot([0, 1], [0, 1], color="#999999", ls="--", lw=1)
for (name, model), colour in zip(models.items(), ["#D55E00", "#E69F00", "#0072B2"], strict=True):
    probabilities = model.predict_proba(X_test)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y_test
    bins = np.digitize(confidence, np.linspace(0, 1, 11)[1:-1])
    points = [(confidence[bins == k].mean(), right[bins == k].mean()) for k in range(10) if (bins == k).sum() >= 10]
    error = -Evaluate(measure="neg_calibration_error").score(model, X_test, y_test)
    reliability.plot(*zip(*points, strict=True), "o-", color=colour, label=f"{name}: calibration error {error:.1%}")

    order = np.argsort(-confidence)
    answered = np.arange(1, len(order) + 1)
    rejection.plot(answered / len(order), 1 - right[order].cumsum() / answered, color=colour, label=name)
reliability.set(title="Reliability", xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
reliability.legend(frameon=False)
rejection.set(
    title="Rejection", xlabel="share of images that are answered", ylabel="error rate among them", xlim=(0, 1)
)
rejection.legend(frameon=False)
plt.show()

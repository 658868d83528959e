"""
Learning-rate schedules
=======================

A constant learning rate is either too small at the beginning or too large at the end. A schedule begins with large steps
and ends with small ones. Here the same network learns by six of them, with the same largest rate.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.exceptions import ConvergenceWarning

from pipeline import Fetch, MLPClassifier
from pipeline.network import Cosine, CosineCycles, Exponential, OneCycle, Step

warnings.simplefilter("ignore", ConvergenceWarning)  # to use all epochs is what is asked for

X, y = Fetch(dataset="digits").load("train")
X_test, y_test = Fetch(dataset="digits").load("test")
X, X_test = X / 255, X_test / 255

schedules = {
    "constant": "constant",
    "step": Step(every=10, drop=0.3),
    "exponential": Exponential(decay=0.9),
    "cosine, warm-up": Cosine(warmup=3),
    "one cycle": OneCycle(),
    "cosine cycles": CosineCycles(),
}

# %%
# Every epoch leaves its learning rate, its loss and, on validation data, its accuracy in ``history_``.

models = {
    name: MLPClassifier(
        (64,), batch_size=50, learning_rate=schedule, learning_rate_init=0.02, max_iter=30, tol=0, n_iter_no_change=30
    )
    .set_params(random_state=0, n_threads=1)
    .fit(X, y, X_val=X_test, y_val=y_test)
    for name, schedule in schedules.items()
}

# %%
# With a constant rate the loss jumps until the end. The schedules that fall to 0 come to rest.

figure, (rates, losses) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, model in models.items():
    epochs = range(1, model.n_iter_ + 1)
    rates.plot(epochs, model.history_["learning_rate"], label=name)
    losses.plot(epochs, model.history_["validation_loss"], label=f"{name}: {model.score(X_test, y_test):.1%}")
rates.set(title="Learning rate", xlabel="epoch")
losses.set(title="Loss on test images", xlabel="epoch", yscale="log")
losses.legend(title="test accuracy", frameon=False)
plt.show()

"""
Numbers of a table
==================

Incomes, prices and counts have a few values that are far out, and what depends on them often does so by steps. Two
transformers bring such numbers into a form that a network learns well from.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline import PiecewiseLinear, RobustSmoothClip

rng = np.random.default_rng(0)
income = np.sort(rng.lognormal(10, 0.7, 400))[:, np.newaxis]
income[-1] = 2e6  # one that is far out

# %%
# ``StandardScaler`` divides by a standard deviation that the largest incomes make, and crowds all others together.
# ``RobustSmoothClip`` goes by the median and the interquartile range, and lets nothing be beyond 3.

figure, scaling = plt.subplots(figsize=(7, 4), layout="constrained")
for scaler, colour in ((StandardScaler(), "#D55E00"), (RobustSmoothClip(), "#0072B2")):
    scaling.plot(income, scaler.fit_transform(income), ".", color=colour, label=type(scaler).__name__)
scaling.set(title="Scales", xlabel="income", ylabel="scaled", xscale="log")
scaling.legend(frameon=False)
plt.show()

# %%
# ``PiecewiseLinear`` gives a number several columns, one for each bin. What is linear in them has a bend at every edge,
# so that even ridge regression follows a step. With ``strategy="tree"`` there are edges where y steps, at 15,000 and
# 30,000. That is not always better: between two edges there is a slope, and here those by quantiles lie closer together.

rate = np.where(income.ravel() < 30_000, 0.2, 0.35) - 0.1 * (income.ravel() < 15_000) + rng.normal(scale=0.03, size=400)
figure, encoding = plt.subplots(figsize=(7, 4), layout="constrained")
encoding.plot(income, rate, ".", color="#BBBBBB")
models = {
    "scaled": make_pipeline(RobustSmoothClip(), Ridge(0.01)),
    "8 bins by quantiles": make_pipeline(PiecewiseLinear(8), Ridge(0.01)),
    "8 bins by a tree": make_pipeline(PiecewiseLinear(8, strategy="tree"), Ridge(0.01)),
}
for (name, model), colour in zip(models.items(), ["#D55E00", "#E69F00", "#0072B2"], strict=True):
    model.fit(income, rate)
    score = model.score(income, rate)
    encoding.plot(income, model.predict(income), color=colour, label=f"{name}: $R^2$ {score:.2f}")
encoding.set(title="Ridge regression on encodings", xlabel="income", ylabel="rate", xscale="log")
encoding.legend(frameon=False)
plt.show()

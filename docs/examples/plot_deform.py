"""
Data augmentation with Deform
=============================

A digit that is turned a little is the same digit. ``Deform`` shows the network such copies, other ones in every epoch, so
that it does not learn the images by heart.
"""

import matplotlib.pyplot as plt
import numpy as np

from pipeline import Deform, Fetch

X, y = Fetch(dataset="digits").load("train")
rng = np.random.default_rng(0)

deformations = {
    "rotation=20": Deform(rotation=20),
    "scale=0.3": Deform(scale=0.3),
    "shear=20": Deform(shear=20),
    "translation=1.5": Deform(translation=1.5),
    "elastic=5, smoothness=2": Deform(elastic=5, smoothness=2),
    "all, half as strong": Deform(rotation=10, scale=0.15, shear=10, translation=0.7, elastic=3, smoothness=2),
}

# %%
# ``apply`` deforms each row in its own way. ``MLPClassifier(augmentation=...)`` does so for every batch.

figure, grid = plt.subplots(len(deformations), 9, figsize=(9, 4.8), layout="constrained")
for row, (name, deform), image in zip(grid, deformations.items(), X[[3, 4, 5, 6, 8, 9]] / 255, strict=True):
    copies = deform.apply(np.tile(image, (8, 1)), rng)
    for axes, one in zip(row, [image, *copies], strict=True):
        axes.imshow(one.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
grid[0, 0].set_title("image")
grid[0, 1].set_title("deformed")
plt.show()

"""
The most confident mistakes
===========================

Where is the network wrong and sure of it? The first pictures to look at after training: they show wrong labels, odd
images, and what the network has not learned.
"""

import matplotlib.pyplot as plt
import numpy as np

from pipeline import Fetch, MLPClassifier

X, y = Fetch(dataset="digits").load("train")
X_test, y_test = Fetch(dataset="digits").load("test")

model = MLPClassifier((64,), learning_rate="cosine", learning_rate_init=0.01, max_iter=20, random_state=0, n_threads=1)
model.fit(X / 255, y)
probabilities = model.predict_proba(X_test / 255)
predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)

# %%
# Sort the wrong ones by confidence. Beside each image stand the probabilities of all ten digits: orange is what the network
# says, blue what the label says.

wrong = np.flatnonzero(predicted != y_test)
worst = wrong[np.argsort(-confidence[wrong])][:6]

figure, grid = plt.subplots(3, 4, figsize=(10, 6), layout="constrained", width_ratios=[1, 1.6, 1, 1.6])
for (image, bars), row in zip(grid.reshape(-1, 2), worst, strict=True):
    image.imshow(X_test[row].reshape(8, 8), cmap="gray_r")
    image.set(title=f"true {y_test[row]}, predicted {predicted[row]}", xticks=[], yticks=[])
    colours = ["#D55E00" if k == predicted[row] else "#0072B2" if k == y_test[row] else "#bbbbbb" for k in range(10)]
    bars.bar(range(10), probabilities[row], color=colours)
    bars.set(ylim=(0, 1), xticks=range(10), yticks=[0, 0.5, 1])
    bars.spines[["top", "right"]].set_visible(False)
figure.suptitle(f"{len(wrong)} of {len(y_test)} test images are wrong; the most confident mistakes")
plt.show()

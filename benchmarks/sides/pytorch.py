"""The same networks in PyTorch, with the fastest form of each optimizer, batches gathered by index tensors.

Eager, eager with products in bfloat16, and with network and loss compiled by ``torch.compile``.

First weights and biases are drawn by scikit-learn's rule, as on the other sides.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from benchmarks.rows import Training
from benchmarks.sides.ours import shifts
from pipeline.network import Cosine

_OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda parameters, rate: torch.optim.SGD(parameters, rate, fused=True),
    "adam": lambda parameters, rate: torch.optim.Adam(parameters, rate, fused=True),
    "rmsprop": lambda parameters, rate: torch.optim.RMSprop(parameters, rate, alpha=0.9, foreach=True),  # none fused
}


class PyTorch:
    """PyTorch in float32."""

    def __init__(self, training: Training, seed: int) -> None:
        self.training, self.seed = training, seed

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> Self:
        """Train from new weights."""
        torch.manual_seed(self.seed)
        training = self.training
        images, labels = torch.from_numpy(X), torch.from_numpy(y)
        loss_of = self.prepare(build(training, X.shape[1], int(y.max()) + 1))
        optimizer = _OPTIMIZERS[training.solver](self.model.parameters(), training.learning_rate)
        deform, rng = shifts(training), np.random.default_rng(self.seed)
        deformer = deform and deform.prepare(X.shape[1])  # ours on both sides: what is compared is the network
        for rows, rate in batches(training, len(X)):
            if rate is not None:
                optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            batch = images[rows]
            if deformer is not None:
                deformer.apply(batch.numpy(), rng, batch.numpy())
            with self.precision():
                loss = loss_of(batch, labels[rows])
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not say its type
            optimizer.step()
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities."""
        self.model.eval()
        with torch.inference_mode(), self.precision():
            probabilities = torch.softmax(self.model(torch.from_numpy(X)), dim=1)
        return probabilities.float().numpy()

    def prepare(self, model: nn.Sequential) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """Take a new network, and return what computes its loss from images and labels."""
        self.model = model
        return lambda images, labels: functional.cross_entropy(model(images), labels)

    def precision(self) -> Any:
        """Return the context that the network works in."""
        return nullcontext()


class PyTorchBFloat16(PyTorch):
    """PyTorch with the products in bfloat16, by autocast."""

    def precision(self) -> Any:
        """Return the context of autocast."""
        return torch.autocast("cpu", dtype=torch.bfloat16)


class PyTorchCompiled(PyTorch):
    """PyTorch in float32 with network and loss compiled, once for every size of a batch."""

    def __init__(self, training: Training, seed: int) -> None:
        super().__init__(training, seed)
        self.compiled: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None

    def prepare(self, model: nn.Sequential) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """Put the new weights into the network that has been compiled, so that nothing is compiled anew."""
        if self.compiled is None:
            self.compiled = torch.compile(super().prepare(model), dynamic=False)
        else:
            self.model.load_state_dict(model.state_dict())
            self.model.train()
        return self.compiled


def build(training: Training, n_in: int, n_out: int) -> nn.Sequential:
    """Return the network, with its first weights."""
    logistic = training.activation == "logistic"
    modules: list[nn.Module] = []
    for fan_in, fan_out in pairwise(training.widths(n_in, n_out)):
        modules += [_affine(fan_in, fan_out, 2 if logistic else 6), nn.Sigmoid() if logistic else nn.ReLU()]
        modules += [nn.Dropout(training.dropout)] if training.dropout else []
    n_last = 2 if training.dropout else 1  # what follows the output layer: softmax is in the loss
    return nn.Sequential(*modules[:-n_last])


def _affine(n_in: int, n_out: int, factor: float) -> nn.Linear:
    """Return a layer with weights and biases uniform within sqrt(factor / (n_in + n_out))."""
    layer, bound = nn.Linear(n_in, n_out), float(np.sqrt(factor / (n_in + n_out)))
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.uniform_(layer.bias, -bound, bound)
    return layer


def batches(training: Training, n_images: int) -> Iterator[tuple[torch.Tensor, float | None]]:
    """Yield the rows of every batch of all epochs, and the learning rate where it changes."""
    schedule = Cosine(warmup=1) if training.schedule == "cosine" else None
    for epoch in range(training.epochs):
        order = torch.randperm(n_images)
        for start in range(0, n_images, training.batch):
            factor = schedule.factor(epoch + start / n_images, training.epochs, 0) if schedule else None
            rate = None if factor is None else training.learning_rate * factor
            yield order[start : start + training.batch], rate

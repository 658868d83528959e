"""What a model comes to, of whatever parts: the steps before the network, the network, and what is put around it.

``summarize`` takes what ``load_model`` and ``load_ensemble`` return, and what was put together in Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from pipeline.ensemble.test_time_augmentation import TestTimeAugmentation
from pipeline.mlp.base import BaseMLP
from pipeline.mlp.summary import NetworkSummary, html_facts, html_table, summarize_network, text_facts, text_table
from pipeline.preprocessing.normalize import Normalize
from pipeline.text import shown

AT_MOST = 20
"""Members of an ensemble that are shown."""


@dataclass(frozen=True)
class ModelSummary:
    """A fitted model, part by part; it shows itself as text, and as HTML in a notebook.

    Attributes
    ----------
    name : str
        What it is.
    preprocessing : list of str
        The steps before it, with what they have learned.
    test_time_augmentation : str or None
        The copies of an image that are averaged over, in words.
    network : NetworkSummary or None
        The network; None for an ensemble, and for a classifier of another kind.
    members : list of ModelSummary
        Of an ensemble.
    """

    name: str
    preprocessing: list[str]
    test_time_augmentation: str | None
    network: NetworkSummary | None
    members: "list[ModelSummary]"

    @property
    def n_parameters(self) -> int:
        """Numbers that were learned by their gradient, those of all members together."""
        own = 0 if self.network is None else self.network.n_parameters
        return own + sum(member.n_parameters for member in self.members)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it in values that JSON has."""
        return {
            "name": self.name,
            "preprocessing": self.preprocessing,
            "test_time_augmentation": self.test_time_augmentation,
            "n_parameters": self.n_parameters,
            "network": None if self.network is None else self.network.to_dict(),
            "members": [member.to_dict() for member in self.members],
        }

    def brief(self) -> str:
        """Return the model in one line."""
        steps = [step.partition(",")[0] for step in self.preprocessing]
        inner = self.name if self.network is None else f"{self.name} {self.network.brief()}"
        return " -> ".join([*steps, inner])

    def facts(self) -> dict[str, str]:
        """Return what is said of it in words, by what it is about."""
        told = {"Model": self.name}
        if self.preprocessing:
            told["Before it"] = "; ".join(self.preprocessing)
        if self.test_time_augmentation:
            told["Test time"] = self.test_time_augmentation
        for number, member in enumerate(self.members[:AT_MOST], start=1):
            told[f"Member {number}"] = member.brief()
        if len(self.members) > AT_MOST:
            told["and"] = f"{len(self.members) - AT_MOST} members more"
        if self.members:
            told["Parameters"] = f"{self.n_parameters:,} in all"
        return told

    def __str__(self) -> str:
        return "\n".join(self._lines())

    __repr__ = __str__

    def _lines(self) -> Iterator[str]:
        """Yield the lines of the text."""
        if self.network is None:
            yield from text_facts(self.facts())
            return
        yield from text_table(self.network.table())
        yield ""
        yield from text_facts(self.facts() | self.network.facts())

    def _repr_html_(self) -> str:
        """Return the same as tables for a notebook."""
        if self.network is None:
            return html_facts(self.facts())
        return html_table(self.network.table()) + html_facts(self.facts() | self.network.facts())


def summarize(model: Any) -> ModelSummary:
    """Return what a fitted model comes to: layers, shapes, parameters, memory, and what is around the network.

    Parameters
    ----------
    model : classifier or regressor
        What ``load_model`` or ``load_ensemble`` has returned; an ``MLPClassifier``, an ``MLPRegressor``, or a
        ``Pipeline``, a ``VotingClassifier``, a ``VotingRegressor``, a ``TransformedTargetRegressor`` or a
        ``TestTimeAugmentation`` of some. Of an estimator of another kind there is its name.

    Returns
    -------
    ModelSummary
        It shows itself: as text at the prompt or by ``print``, as HTML in a notebook.

    Raises
    ------
    NotFittedError
        Where nothing is fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipeline import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> steps = [("preprocess", Normalize()), ("train", MLPClassifier((16,), learning_rate="cosine", max_iter=3))]
    >>> model = Pipeline(steps).fit(X, y)
    >>> summarize(model).network.n_parameters
    1210
    >>> print(summarize(model).brief())
    Normalize -> MLPClassifier 64-16-10, 1,210 parameters, 9.7 kB float64
    """
    check_is_fitted(model)
    steps: list[str] = []
    shape: tuple[int, ...] | None = None
    copies: str | None = None
    scaled_by: Any = None
    while not isinstance(model, BaseMLP | VotingClassifier | VotingRegressor):
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif isinstance(model, TransformedTargetRegressor):
            scaled_by, model = model.transformer_, model.regressor_
        elif isinstance(model, Pipeline):
            *before, model = (step for _, step in model.steps)
            steps += [_describe_step(step) for step in before]
            shape = next((step.image_shape_ for step in before if hasattr(step, "image_shape_")), shape)
        elif isinstance(model, TestTimeAugmentation):
            copies = f"mean over an image and {model.n_copies - 1} copies of it, {shown(repr(model.augmentation))}"
            model = vars(model).get("estimator_", model.estimator)
        else:
            return ModelSummary(type(model).__name__, steps, copies, None, [])
    if isinstance(model, VotingClassifier):
        members = [summarize(member) for member in model.estimators_]
        return ModelSummary(f"ensemble of {len(members)}, {model.voting} voting", steps, copies, None, members)
    of_targets = "" if scaled_by is None else f", targets by {shown(' '.join(repr(scaled_by).split()))}"
    if isinstance(model, VotingRegressor):
        members = [summarize(member) for member in model.estimators_]
        return ModelSummary(f"ensemble of {len(members)}, mean prediction{of_targets}", steps, copies, None, members)
    network = summarize_network(model, image_shape=shape)
    return ModelSummary(type(model).__name__ + of_targets, steps, copies, network, [])


def _describe_step(step: Any) -> str:
    """Return a step of preprocessing with its parameters that are not the defaults, and what it does to pixels."""
    name = shown(" ".join(repr(step).split()))
    if not isinstance(step, Normalize):
        return name
    shape = f", images of {'x'.join(map(str, step.image_shape_))}" if hasattr(step, "image_shape_") else ""
    return f"{name.removesuffix('()')}{shape}, pixels x {step.scale_:.6g} + {step.shift_:.6g}"

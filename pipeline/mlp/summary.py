"""What a network comes to, as a table to look at: layers, parameters, memory, and how it was trained.

``NetworkSummary`` is what ``MLPClassifier.summary`` returns. It shows itself as text, and as HTML in a notebook; its
fields have the same figures as numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike
from sklearn.exceptions import NotFittedError

from pipeline.mlp import builder
from pipeline.mlp.layer_summary import LayerSummary, count_activations, summarize_layers
from pipeline.network.batches import chunk_size
from pipeline.network.layers import Affine, Layer
from pipeline.text import listed, shown

if TYPE_CHECKING:
    from pipeline.mlp.base import BaseMLP

LBFGS_PAIRS = 10
"""Iterations that SciPy's L-BFGS-B remembers, with two vectors each, in float64."""
AT_MOST = 40
"""Layers of a table; of more, those in the middle are left out."""
N_CLASSES = 10
"""Classes whose names are listed."""


@dataclass(frozen=True)
class NetworkSummary:
    """A network's layers and what they take.

    Attributes
    ----------
    fitted : bool
        Whether it has learned something, or would be as large as this.
    n_features : int
        Width of the input.
    image_shape : tuple of int or None
        Height and width of the images, and 3 after them where they are coloured, where that is known.
    n_outputs : int
        Width of the output.
    output_activation : {"softmax", "logistic"}
        Of the output layer.
    classes : list or None
        The labels.
    layers : list of LayerSummary
        From the input to the output.
    dtype : str
        ``float32`` or ``float64``.
    solver : str
        What trains it.
    engine : str or None
        What has trained it, ``numpy`` or ``numba``; None where that is not known, or not yet.
    epochs : int or None
        Epochs that it was trained for.
    batch_size : int or None
        Samples that go through it at once in training; None where that depends on data that are not there.
    memory : dict of int
        Bytes. ``weights`` is the parameters and statistics. Training takes ``gradients``, ``optimizer`` (its state)
        and ``activations`` besides: outputs of all layers for a batch, and their gradients, as NumPy's engine has them.
    """

    fitted: bool
    n_features: int
    image_shape: tuple[int, ...] | None
    n_outputs: int
    output_activation: str
    classes: list[Any] | None
    layers: list[LayerSummary] = field(repr=False)
    dtype: str
    solver: str
    engine: str | None
    epochs: int | None
    batch_size: int | None
    memory: dict[str, int]

    @property
    def n_parameters(self) -> int:
        """Numbers that are learned by their gradient."""
        return sum(layer.n_parameters for layer in self.layers)

    @property
    def n_statistics(self) -> int:
        """Numbers that batch normalization learns beside them."""
        return sum(layer.n_statistics for layer in self.layers)

    @property
    def n_multiplications(self) -> int:
        """Multiplications by a parameter that the prediction of one sample takes."""
        return sum(layer.n_multiplications for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it in values that JSON has."""
        totals = ("n_parameters", "n_statistics", "n_multiplications")
        labels = None if self.classes is None else [one if _is_plain(one) else str(one) for one in self.classes]
        return asdict(self) | {name: getattr(self, name) for name in totals} | {"classes": labels}

    def brief(self) -> str:
        """Return the network in one line."""
        hidden = [str(one.n_out) for one in self.layers[:-1] if one.layer.startswith("Affine")]
        widths = [str(self.n_features), *_middle_out(hidden, "...", 8), str(self.n_outputs)]
        return f"{'-'.join(widths)}, {self.n_parameters:,} parameters, {size(self.memory['weights'])} {self.dtype}"

    def table(self) -> list[list[str]]:
        """Return the rows of the table as texts, the first of them the heading."""
        each = np.dtype(self.dtype).itemsize
        rows = [
            [
                shown(one.layer, 60),
                str(one.n_out),
                *_counts(one.n_parameters + one.n_statistics, one.n_multiplications, each),
            ]
            for one in self.layers
        ]
        left_out = ["", f"... {len(rows) - AT_MOST + 1} more", "", "", "", ""]
        numbered = [[str(number), *row] for number, row in enumerate(rows, start=1)]
        total = _counts(self.n_parameters + self.n_statistics, self.n_multiplications, each)
        return [
            ["", "Layer", "Output", "Parameters", "Memory", "Multiplications"],
            ["", "input", str(self.n_features), "", "", ""],
            *_middle_out(numbered, left_out, AT_MOST),
            ["", self.output_activation, str(self.n_outputs), "", "", ""],
            ["", "all", "", *total],
        ]

    def facts(self) -> dict[str, str]:
        """Return what stands below the table, in words, by what it is about."""
        shape = "" if self.image_shape is None else f" (images of {'x'.join(map(str, self.image_shape))})"
        statistics = f", and {self.n_statistics:,} statistics of batch normalization" if self.n_statistics else ""
        return {
            "Input": f"{self.n_features} features{shape}",
            "Output": self._output(),
            "Parameters": f"{self.n_parameters:,} trainable{statistics}",
            "Memory": f"{size(self.memory['weights'])}, {self.dtype}",
            "Trained": self._training(),
            "To train": self._in_training(),
        }

    def _output(self) -> str:
        """Return what comes out of the network, in words."""
        if self.classes is None:
            return f"{self.n_outputs}, {self.output_activation}"
        n, names = len(self.classes), listed(list(map(str, self.classes)), N_CLASSES)
        return f"{n} class{'' if n == 1 else 'es'}, {self.output_activation}: {names}"

    def _in_training(self) -> str:
        """Return what memory training takes besides the weights, in words."""
        words = [f"{name} {size(self.memory[name])}" for name in ("gradients", "optimizer")]
        if self.batch_size is not None:
            words.append(f"activations {size(self.memory['activations'])} for a batch of {self.batch_size:,}")
        return ", ".join(words)

    def _training(self) -> str:
        """Return how it was trained, in words."""
        if not self.fitted:
            return f"not yet, by {self.solver}"
        if not self.epochs:
            return f"elsewhere; to be trained on by {self.solver}"
        engine = "" if self.engine is None else f", engine {self.engine}"
        return f"{self.epochs} epoch{'' if self.epochs == 1 else 's'} by {self.solver}{engine}"

    def __str__(self) -> str:
        return "\n".join([*text_table(self.table()), "", *text_facts(self.facts())])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the same as a table for a notebook."""
        return html_table(self.table()) + html_facts(self.facts())


def summarize_network(
    estimator: "BaseMLP",
    *,
    n_features: int | None = None,
    n_classes: int | None = None,
    n_targets: int | None = None,
    dtype: DTypeLike = np.float32,
    image_shape: Sequence[int] | None = None,
) -> NetworkSummary:
    """Return the summary of an estimator: of its network, or of the one that its parameters ask for.

    Parameters
    ----------
    estimator : BaseMLP
        Fitted, or else those after it must say what is not known.
    n_features, n_classes, n_targets, dtype
        See ``MLPClassifier.summary`` and ``MLPRegressor.summary``.
    image_shape : sequence of int, optional
        Height and width of the images, and 3 after them where they are coloured.

    Raises
    ------
    NotFittedError
        Where nothing is fitted, and no widths are given.
    ValueError
        Where one width is given alone, or is no positive number.
    """
    values = estimator._parameter_values()  # noqa: SLF001 - what the builder takes
    shape = None if image_shape is None else tuple(map(int, image_shape))
    width, least = estimator._width  # noqa: SLF001 - the same
    n_given = {"n_classes": n_classes, "n_targets": n_targets}[width]
    if n_features is not None or n_given is not None:
        _check_width("n_features", n_features, 1, width)
        _check_width(width, n_given, least, width)
        n_outputs, activation = estimator._planned_output(n_given)  # type: ignore[arg-type]  # noqa: SLF001 - not None
        layers = builder.layers(values, n_features, n_outputs)  # type: ignore[arg-type]  # the same
        return _summary(
            values,
            layers,
            np.dtype(dtype),
            fitted=False,
            image_shape=shape,
            output_activation=activation,
        )
    if "network_" not in vars(estimator):
        raise NotFittedError(
            f"This {type(estimator).__name__} instance is not fitted yet, so the widths of input and output are not "
            f"known: call 'fit' first, or give both, as in summary(n_features=784, {width}=10)."
        )
    network, n_epochs = estimator.network_, len(estimator.history_["loss"])
    return _summary(
        values,
        network.layers,
        network.dtype,
        fitted=True,
        image_shape=shape,
        output_activation=estimator.out_activation_,
        classes=estimator.classes_.tolist() if hasattr(estimator, "classes_") else None,
        engine=vars(estimator).get("engine_"),
        epochs=n_epochs,
        n_samples=estimator.t_ // n_epochs if n_epochs else None,
    )


def _summary(
    values: builder.Parameters,
    layers: Sequence[Layer],
    dtype: np.dtype[Any],
    *,
    fitted: bool,
    image_shape: tuple[int, ...] | None,
    output_activation: str,
    classes: list[Any] | None = None,
    engine: str | None = None,
    epochs: int | None = None,
    n_samples: int | None = None,
) -> NetworkSummary:
    """Put a summary together."""
    affine = [layer for layer in layers if isinstance(layer, Affine)]
    summaries, n_features = summarize_layers(layers), affine[0].n_in
    batch_size = _batch_size(values, n_samples, max(n_features, *(layer.n_out for layer in affine)))
    n_parameters = sum(one.n_parameters for one in summaries)
    n_learned = n_parameters + sum(one.n_statistics for one in summaries)
    memory = {
        "weights": n_learned * dtype.itemsize,
        "gradients": n_parameters * dtype.itemsize,
        "optimizer": _optimizer_state(values, n_parameters, dtype),
        "activations": _activations(values, layers) * (batch_size or 0) * dtype.itemsize,
    }
    return NetworkSummary(
        fitted=fitted,
        n_features=n_features,
        image_shape=image_shape,
        n_outputs=affine[-1].n_out,
        output_activation=output_activation,
        classes=classes,
        layers=summaries,
        dtype=str(dtype),
        solver=str(values["solver"]),
        engine=engine,
        epochs=epochs,
        batch_size=batch_size,
        memory=memory,
    )


def _check_width(name: str, value: Any, least: int, other: str) -> None:
    """Raise for a width that is none, or is not given."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise ValueError(
            f"{name} must be an integer >= {least}, and n_features and {other} be given together; got {value!r}"
        )


def _batch_size(values: builder.Parameters, n_samples: int | None, width: int) -> int | None:
    """Return how many samples go through the network at once, as far as that is known."""
    if values["solver"] == "lbfgs":  # takes all samples, in chunks
        return min(n_samples or chunk_size(width), chunk_size(width))
    if values["batch_size"] == "full":
        return n_samples
    return builder.sampling(values, n_samples or np.iinfo(np.int64).max).batch_size


def _optimizer_state(values: builder.Parameters, n_parameters: int, dtype: np.dtype[Any]) -> int:
    """Return the bytes of an optimizer's state."""
    if values["solver"] == "lbfgs":
        return 2 * LBFGS_PAIRS * n_parameters * 8
    return len(builder.optimizer(values).slots) * n_parameters * dtype.itemsize


def _activations(values: builder.Parameters, layers: Sequence[Layer]) -> int:
    """Return how many numbers a sample of a batch leaves in training."""
    adversary = values["adversary"] is not None
    return count_activations(layers, n_copies=2 if adversary else 1, to_input=adversary)


# ---------------------------------------------------------------- text and HTML


def size(n_bytes: int) -> str:
    """Return bytes in words.

    Examples
    --------
    >>> size(800), size(2_678_824), size(999_999)
    ('800 bytes', '2.7 MB', '1.0 MB')
    """
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    amount, units = n_bytes / 1000, ["kB", "MB", "GB", "TB"]
    while amount >= 999.95 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:,.1f} {units[0]}"


def text_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of a table whose first two columns are words, and the others numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            text.ljust(width) if place == 1 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def text_facts(facts: Mapping[str, str]) -> list[str]:
    """Return a line for each fact, its name before it."""
    width = max(map(len, facts), default=0)
    return [f"{name.ljust(width)}  {words}" for name, words in facts.items()]


def html_table(rows: Sequence[Sequence[str]]) -> str:
    """Return the same table as HTML, in the colours of what it stands in."""
    heading, *body = rows

    def line(row: Sequence[str], tag: str) -> str:
        scope = ' scope="col"' if tag == "th" else ""
        sides = ["left" if place == 1 else "right" for place in range(len(row))]
        cells = (
            f'<{tag}{scope} style="text-align: {side}">{escape(text)}</{tag}>'
            for side, text in zip(sides, row, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    lines = "".join(line(row, "td") for row in body)
    return f"<table><thead>{line(heading, 'th')}</thead><tbody>{lines}</tbody></table>"


def html_facts(facts: Mapping[str, str]) -> str:
    """Return a table with a line for each fact as HTML."""
    lines = (
        f'<tr><th scope="row" style="text-align: left">{escape(name)}</th>'
        f'<td style="text-align: left">{escape(words)}</td></tr>'
        for name, words in facts.items()
    )
    return f"<table><tbody>{''.join(lines)}</tbody></table>"


def _counts(n_learned: int, n_multiplications: int, itemsize: int) -> list[str]:
    """Return three columns of a layer, empty where it has nothing of it."""
    counted = [f"{n_learned:,}", size(n_learned * itemsize)] if n_learned else ["", ""]
    return [*counted, f"{n_multiplications:,}" if n_multiplications else ""]


def _middle_out(rows: list[Any], in_its_place: Any, at_most: int) -> list[Any]:
    """Return rows as they are, or where there are more than so many, with one in the place of those in the middle."""
    if len(rows) <= at_most:
        return rows
    head = at_most // 2
    return [*rows[:head], in_its_place, *rows[len(rows) - (at_most - head - 1) :]]


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)

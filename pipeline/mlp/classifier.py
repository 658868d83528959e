"""The network as a scikit-learn estimator: ``MLPClassifier``, a drop-in for scikit-learn's, and what its users miss.

It translates scikit-learn's words into bricks, checks what it is given, and hands back scikit-learn's fitted
attributes. The mathematics is in ``network``.
"""

import warnings
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from typing import Annotated, Any, Literal, Self

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted

from pipeline.callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from pipeline.images.deform import Deform
from pipeline.images.statistics import ImageStatistics
from pipeline.mlp import builder
from pipeline.mlp.builder import ActivationName, InitializerName, Monitor, ScheduleName, SolverName
from pipeline.mlp.class_weights import ClassWeights
from pipeline.mlp.threads import bounded_blas
from pipeline.mlp.validation import (
    Views,
    as_generator,
    checked_samples,
    checked_samples_and_labels,
    checked_weight,
    dense,
    inside_a_search,
    is_copied,
    precision,
    sparse_taker,
    taker,
    types,
)
from pipeline.network import Adversary, Averaging, Network, Schedule
from pipeline.network.batches import Samples
from pipeline.network.full_batch import FullBatchGradient
from pipeline.network.parallel.workers import Workers
from pipeline.network.training import Callback, DivergenceError, Epoch
from pipeline.parameters import check_parameters

Array = NDArray[Any]

REMEMBERED = 1000
"""Samples that a network remembers the looks of, at the most."""


class MLPClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """A multi-layer perceptron that learns to tell classes apart, in NumPy.

    Takes the place of ``sklearn.neural_network.MLPClassifier``: the first 23 parameters are its own, in its order, with
    its defaults and its meaning; those from ``rho`` on are new, and change nothing until they are set. One thing
    differs on purpose: ``warm_start=True`` and ``partial_fit`` go on exactly where training stopped.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(100,)
        Units in each hidden layer. A bare number is one layer; an empty tuple is none.
    activation : str or tuple of str, default="relu"
        What a hidden unit makes of its input, for all layers or one by one. ``logistic`` is the sigmoid.
    solver : str, default="adam"
        The rule that moves the weights. ``lbfgs`` takes all samples at once, by SciPy.
    alpha : float, default=0.0001
        Strength of the L2 penalty on the weights, which is divided by the samples in a batch.
    batch_size : "auto", "full" or int, default="auto"
        Samples in a mini-batch. ``auto`` is 200, or all where there are fewer; ``full`` is all.
    learning_rate : str or Schedule, default="constant"
        How the learning rate changes. ``constant``, ``invscaling`` and ``adaptive`` mean something to ``sgd`` alone;
        the others are schedules for every solver that makes updates. See the notes for what becomes of a schedule
        where training goes on.
    learning_rate_init : float, default=0.001
        The learning rate that the schedule begins with.
    power_t : float, default=0.5
        The exponent of ``invscaling``.
    max_iter : int, default=200
        Epochs that one call of ``fit`` trains at the most; iterations for ``lbfgs``.
    shuffle : bool, default=True
        Whether the order of the samples is drawn anew in every epoch.
    random_state : None, int, Generator or RandomState, default=None
        Where all random numbers come from: first weights, order of samples, validation rows, dropout.
    tol : float, default=0.0001
        By how much the monitored figure must get better to count.
    verbose : bool or int, default=False
        Whether to print a line for every epoch.
    warm_start : bool, default=False
        Whether ``fit`` goes on where it stopped, with all that training is in the middle of.
    momentum : float, default=0.9
        The share of the last step that goes on, for ``sgd``.
    nesterovs_momentum : bool, default=True
        Whether momentum looks ahead.
    early_stopping : bool, default=False
        Whether to stop by the score on validation data, and bring the best weights back. ``lbfgs`` does not.
    validation_fraction : float, default=0.1
        The share of the samples that ``early_stopping`` sets aside, where no validation data are given.
    beta_1 : float, default=0.9
        How much of the mean gradient is kept, for ``adam`` and ``adamw``.
    beta_2 : float, default=0.999
        How much of the mean square is kept, for ``adam`` and ``adamw``.
    epsilon : float, default=1e-08
        Keeps the division from 0, for all but ``sgd`` and ``lbfgs``.
    n_iter_no_change : int, default=10
        Epochs without getting better by ``tol`` that are waited for. ``inf`` waits for ever.
    max_fun : int, default=15000
        Evaluations of the loss that ``lbfgs`` may make.
    rho : float, default=0.9
        How much of the mean square is kept, for ``rmsprop``.
    weight_decay : float, default=0.01
        The share of the learning rate by which weights and biases shrink at every update, for ``adamw``.
    class_weight : dict, "balanced", list of dict or None, default=None
        How much each class counts. ``balanced`` makes all classes count alike, as they are in the training labels; for
        validation data it counts by those as well. A class that a dict leaves out counts 1. For several labels at once
        there is a dict for each, with the weights of 0 and 1, and the product over its labels is a sample's weight.
    monitor : str, default="auto"
        The figure that decides on stopping. ``auto`` is scikit-learn's: the validation score under
        ``early_stopping``, else the loss. Any other brings the best weights back. ``lbfgs`` stops by its own rule.
    dropout : float or tuple of float, default=0.0
        The share of units dropped in training: of every hidden layer, or of the input and each hidden layer. Not
        for ``lbfgs``.
    weight_init : str or float, default="auto"
        How the first weights are drawn. ``auto`` is scikit-learn's rule; a number is the standard deviation of normal
        weights.
    biases : bool, default=True
        Whether the layers have biases.
    replacement : bool, default=False
        Whether every batch is drawn from all samples, independently of the others.
    max_updates : int or None, default=None
        Updates that one call of ``fit`` makes at the most.
    batch_norm : bool, default=False
        Whether every hidden layer is normalised over the batch before its activation. Not for ``lbfgs``.
    re_estimate : bool, default=False
        Whether batch normalisation's mean and variance are found anew at the end of ``fit``, over all samples; after
        ``averaging`` they always are.
    noise : float or tuple of float, default=0.0
        Standard deviation of normal noise that is added in training: before the activation of every hidden layer, or
        to the input and each hidden layer. Not for ``lbfgs``.
    max_norm : float or None, default=None
        What the norm of a unit's incoming weights is held to after every update. Not for ``lbfgs``.
    label_smoothing : float, default=0.0
        The share of a target that is spread over all classes alike.
    averaging : Averaging or None, default=None
        Which weights along training are averaged, to end with: ``ExponentialAverage`` or ``LastEpochs``. The figures
        of an epoch are those of the weights themselves.
    augmentation : Deform or None, default=None
        How images are deformed while the network learns from them, anew in every epoch. Not for ``lbfgs``.
    adversary : Adversary or None, default=None
        What moves each sample a little, to where the network does worst, so that it learns from that as well:
        ``Adversarial`` or ``VirtualAdversarial``. Not for ``lbfgs``.
    pixel_scale : float or None, default=None
        What whole numbers of any type are multiplied by: 1/255 for images. Those on 0..255 are held as uint8 and scaled
        batch by batch, so that they stay small in memory; others become float32. None reads them as float64, as
        scikit-learn does. Floats are taken as they are.
    n_threads : int or None, default=None
        Threads that ``fit`` uses at the most. None is as many as BLAS is set to use: the cores, or this process's
        share of them in a search with ``n_jobs``; in a thread beside the main one it is 1. The last bits of the weights
        depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of ``predict_proba``.
    network_ : Network
        The network itself.
    coefs_, intercepts_ : list of ndarray
        Weights (n_in, n_out) and biases (n_out,) of each layer: views of the network's parameters.
    history_ : dict of list
        ``loss``, ``score``, ``validation_loss``, ``validation_score`` (None where there is no validation),
        ``learning_rate`` and ``seconds`` of every epoch. Loss and score are running means over the epoch's batches.
    loss_, best_loss_ : float
        Loss of the last epoch, and the smallest, which is None under ``early_stopping``.
    loss_curve_ : list of float
        Loss of every epoch.
    validation_scores_, best_validation_score_ : list of float, float
        Accuracy on validation data under ``early_stopping``; else, and for ``lbfgs``, None.
    n_iter_ : int
        Epochs (or iterations) of the last call.
    t_ : int
        Samples seen.
    n_layers_, n_outputs_ : int
        Layers, input and output counted; columns of the output.
    out_activation_ : {"softmax", "logistic"}
        Of the output layer.
    input_statistics_ : ImageStatistics
        What the samples of ``fit`` look like, for ``unlike_training``.
    background_ : float
        What ``augmentation`` reads outside of an image.
    n_features_in_, feature_names_in_
        As in every estimator.

    Raises
    ------
    ParameterError
        In ``fit``, for a parameter that is not allowed; it is a ValueError.
    DivergenceError
        In ``fit``, when the loss is no finite number any more; it is a ValueError, and the best weights are kept.

    Notes
    -----
    A schedule with an end (``cosine``, ``one_cycle``) takes its own ``epochs``, or ``max_iter`` at the time when it
    begins. ``fit`` stops where it ends. What comes after the end begins it anew, be it ``fit`` under ``warm_start``, a
    call of ``partial_fit``, or either after a file that was saved with ``resume=True``: so ``partial_fit`` goes through
    one schedule every ``max_iter`` calls, and ends best with a multiple of it. What comes before the end, because
    training was interrupted, stopped early or was bounded by ``max_updates`` or a smaller ``max_iter``, goes on with
    it, and another ``max_iter`` changes its length no more. ``adaptive`` begins at ``learning_rate_init`` anew once it
    has come to its end. ``step``, ``exponential`` and ``invscaling`` have no end and fall from call to call; a warning
    says when the rate has become too small to learn with. Another schedule, set in between, begins when it is set.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
    >>> model = MLPClassifier((64,), learning_rate="cosine", learning_rate_init=0.01, max_iter=30, random_state=0)
    >>> model.fit(X, y).score(X_test, y_test) > 0.95
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: tuple[Annotated[int, ">= 1"], ...] | Annotated[int, ">= 1"] = (100,),
        activation: ActivationName | tuple[ActivationName, ...] = "relu",
        *,
        solver: SolverName = "adam",
        alpha: Annotated[float, ">= 0"] = 0.0001,
        batch_size: Literal["auto", "full"] | Annotated[int, ">= 1"] = "auto",
        learning_rate: ScheduleName | Schedule = "constant",
        learning_rate_init: Annotated[float, "> 0"] = 0.001,
        power_t: Annotated[float, ">= 0"] = 0.5,
        max_iter: Annotated[int, ">= 1"] = 200,
        shuffle: bool = True,
        random_state: Annotated[int, ">= 0"] | np.random.Generator | np.random.RandomState | None = None,
        tol: Annotated[float, ">= 0"] = 0.0001,
        verbose: bool | Annotated[int, ">= 0"] = False,
        warm_start: bool = False,
        momentum: Annotated[float, ">= 0", "<= 1"] = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: Annotated[float, ">= 0", "< 1"] = 0.1,
        beta_1: Annotated[float, ">= 0", "< 1"] = 0.9,
        beta_2: Annotated[float, ">= 0", "< 1"] = 0.999,
        epsilon: Annotated[float, "> 0"] = 1e-8,
        n_iter_no_change: Annotated[float, ">= 1"] = 10,
        max_fun: Annotated[int, ">= 1"] = 15000,
        rho: Annotated[float, ">= 0", "< 1"] = 0.9,
        weight_decay: Annotated[float, ">= 0"] = 0.01,
        class_weight: Literal["balanced"] | dict[Any, float] | tuple[dict[Any, float], ...] | None = None,
        monitor: Monitor = "auto",
        dropout: Annotated[float, ">= 0", "< 1"] | tuple[Annotated[float, ">= 0", "< 1"], ...] = 0.0,
        weight_init: InitializerName | Annotated[float, "> 0", "<= 1e9"] = "auto",
        biases: bool = True,
        replacement: bool = False,
        max_updates: Annotated[int, ">= 1"] | None = None,
        batch_norm: bool = False,
        re_estimate: bool = False,
        noise: Annotated[float, ">= 0", "<= 1e9"] | tuple[Annotated[float, ">= 0", "<= 1e9"], ...] = 0.0,
        max_norm: Annotated[float, "> 0"] | None = None,
        label_smoothing: Annotated[float, ">= 0", "< 1"] = 0.0,
        averaging: Averaging | None = None,
        augmentation: Deform | None = None,
        adversary: Adversary | None = None,
        pixel_scale: Annotated[float, "> 0"] | None = None,
        n_threads: Annotated[int, ">= 1"] | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.rho = rho
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.monitor = monitor
        self.dropout = dropout
        self.weight_init = weight_init
        self.biases = biases
        self.replacement = replacement
        self.max_updates = max_updates
        self.batch_norm = batch_norm
        self.re_estimate = re_estimate
        self.noise = noise
        self.max_norm = max_norm
        self.label_smoothing = label_smoothing
        self.averaging = averaging
        self.augmentation = augmentation
        self.adversary = adversary
        self.pixel_scale = pixel_scale
        self.n_threads = n_threads

    # ---------------------------------------------------------------- learning

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Learn from samples and their labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples. float32 is worked on in float32, anything else in float64. Where at most an eighth of its numbers
            are stored, a sparse matrix is multiplied as it is, unless noise or dropout of the input, an augmentation
            or an adversary needs whole rows: then batches are made dense, one at a time.
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
            Labels of any kind that scikit-learn knows: numbers, truths, text, dates, categories, all of them known; two
            dimensions mean several labels at once, 0 or 1 each.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.
        X_val, y_val : array-like, default=None
            Validation data, measured after every epoch, and used by ``early_stopping``.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            How much each validation sample counts.

        Returns
        -------
        self
        """
        check_parameters(self)
        builder.check_combinations(self)
        goes_on = self.warm_start and hasattr(self, "_trainer")
        rows, labels = self._check_samples(X, y, goes_on=goes_on)
        self._take_classes(labels, goes_on=goes_on)
        self.input_statistics_ = ImageStatistics.of(rows, sample=REMEMBERED)
        samples = self._training_samples(rows, labels, sample_weight, goes_on=goes_on)
        if not goes_on:
            self._begin(samples)
        validation = self._validation_data(len(samples), X_val, y_val, sample_weight_val)
        if self.early_stopping and validation is None and self.solver != "lbfgs":
            samples, validation = self._set_aside(samples)
        tasks = FitTasks(self, self.max_iter, {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}})
        learn = self._minimize if self.solver == "lbfgs" else self._train
        learn(samples, validation, tasks)
        tasks.end()
        return self

    @available_if(lambda self: self._makes_updates())
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Go on with training, for one epoch over the samples given.

        A schedule with an end is gone through once every ``max_iter`` calls, or ``epochs`` of its own.

        Parameters
        ----------
        X, y, sample_weight
            As in ``fit``.
        classes : array-like of shape (n_classes,), default=None
            All labels that there will be; needed in the first call, allowed in later ones.

        Returns
        -------
        self
        """
        check_parameters(self)
        builder.check_combinations(self)
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.class_weight == "balanced":
            raise ValueError(
                "partial_fit does not support class_weight='balanced', since it never sees all labels at once: give a "
                "dict, which sklearn.utils.compute_class_weight makes of them"
            )
        goes_on = hasattr(self, "_trainer")
        if not goes_on and classes is None and not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        rows, labels = self._check_samples(X, y, goes_on=goes_on)
        self._take_classes(labels, goes_on=goes_on, classes=classes)
        samples = self._training_samples(rows, labels, sample_weight, goes_on=goes_on)
        if not goes_on:
            self._begin(samples)
        self._train(samples, None, tasks=None, max_epochs=1)
        return self

    # ---------------------------------------------------------------- predicting

    def predict(self, X: ArrayLike) -> Array:
        """Return the likeliest label of each sample, (n_samples,), or 0 and 1 for several labels at once."""
        P = self._outputs(X)
        if self.out_activation_ == "softmax":
            return np.asarray(self.classes_[P.argmax(axis=1)])
        if self.n_outputs_ == 1:
            return np.asarray(self.classes_[np.minimum(P[:, 0] > 0.5, len(self.classes_) - 1)])
        several: Array = self._label_binarizer.inverse_transform(P)  # sparse where y was
        return several

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each class, (n_samples, n_classes), in the order of ``classes_``."""
        P = self._outputs(X)
        if self.n_outputs_ > 1:
            return P
        if len(self.classes_) == 1:  # the output would tell it from a class that there is not
            return np.ones_like(P)
        return np.hstack([1 - P, P])

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Return the logarithm of ``predict_proba``."""
        P = self.predict_proba(X)
        with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf, as it should be
            return np.log(P, out=P)

    def _outputs(self, X: ArrayLike) -> Array:
        """Return the network's outputs, piece by piece so that memory is bounded."""
        if "network_" not in vars(self):
            check_is_fitted(self)
        network, scale = self.network_, self.pixel_scale
        rows = checked_samples(self, X, dtype=types(scale, network.dtype))
        take = sparse_taker(rows, scale)
        sparse = take is not None and network.accepts_sparse(training=False)
        n, size = rows.shape[0], network.chunk_size(copied=not sparse and is_copied(rows))

        def outputs(some: slice) -> Array:
            return network.predict_proba(take(rows, some) if take and sparse else dense(rows[some], scale))

        if n <= size:
            return outputs(slice(n))
        return np.concatenate([outputs(slice(start, start + size)) for start in range(0, n, size)])

    # ---------------------------------------------------------------- what scikit-learn's has as attributes

    @property
    def coefs_(self) -> list[Array]:
        """Weights of each layer, (n_in, n_out); what is written there is in the network."""
        return Views(layer.W for layer in self._fitted_network("coefs_").affine_layers)

    @coefs_.setter
    def coefs_(self, values: list[Array]) -> None:
        """Write other weights into the network."""
        self.coefs_[:] = values

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each layer, (n_out,); zeros that cannot be written where there are no biases."""
        network = self._fitted_network("intercepts_")
        none = [np.broadcast_to(network.dtype.type(0), layer.n_out) for layer in network.affine_layers]
        return Views(layer.b if layer.bias else zeros for layer, zeros in zip(network.affine_layers, none, strict=True))

    @intercepts_.setter
    def intercepts_(self, values: list[Array]) -> None:
        """Write other biases into the network."""
        self.intercepts_[:] = values

    def _fitted_network(self, asked: str) -> Network:
        """Return the network; before fit there is no such attribute, as ``hasattr`` must find."""
        if "network_" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {asked!r} before it is fitted")
        return self.network_

    def __sklearn_tags__(self) -> Any:
        """Say that sparse samples and several labels at once are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags

    # ---------------------------------------------------------------- checking what is given

    def _take_classes(self, y: Array, *, goes_on: bool, classes: ArrayLike | None = None) -> None:
        """Learn the labels, or check that they are the ones learned before."""
        if goes_on:
            self._check_classes(unique_labels(y), classes)
            return
        self._label_binarizer = LabelBinarizer()
        self._label_binarizer.fit(y if classes is None or type_of_target(y).startswith("multilabel") else classes)
        self.classes_ = self._label_binarizer.classes_
        if classes is not None:
            self._check_classes(unique_labels(y), classes)

    def _check_samples(self, X: ArrayLike, y: ArrayLike, *, goes_on: bool) -> tuple[Any, Any]:
        """Return samples and labels checked, in the precision that training began with or will begin with."""
        dtype = types(self.pixel_scale, self.network_.dtype if goes_on else None)
        return checked_samples_and_labels(self, X, y, dtype=dtype, reset=not goes_on)

    def _check_classes(self, labels: Array, classes: ArrayLike | None) -> None:
        """Raise for labels, or announced ``classes``, that training did not begin with."""
        if classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )
        if self.warm_start and set(labels) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {labels}"
            )
        if len(np.setdiff1d(labels, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {labels}."
            )

    def _training_samples(self, X: Any, y: Array, sample_weight: ArrayLike | None, *, goes_on: bool) -> Samples:
        """Return samples to learn from; how much their classes count holds for all that are given in the same call."""
        self._class_weights = None
        if self.class_weight is not None:
            self._class_weights = ClassWeights.learn(self.class_weight, self.classes_, self._codes(y))
        return self._samples(X, y, sample_weight, goes_on=goes_on)

    def _codes(self, y: Array) -> Array:
        """Return the number of each sample's class, or 0 or 1 for each of several labels."""
        if self._label_binarizer.y_type_.startswith("multilabel"):
            return np.asarray(self._label_binarizer.transform(y), dtype=np.intp)
        return np.searchsorted(self.classes_, y)

    def _samples(self, X: Any, y: Array, sample_weight: ArrayLike | None, *, goes_on: bool) -> Samples:
        """Return samples, one-hot targets and weights as the network takes them, or will take them."""
        dtype = self.network_.dtype if goes_on else precision(X)
        Y = self._label_binarizer.transform(y).astype(dtype)
        weight = None if sample_weight is None else checked_weight(sample_weight, len(Y), dtype)
        if self._class_weights is not None:
            by_class = self._class_weights.of(self._codes(y)).astype(dtype)
            weight = by_class if weight is None else weight * by_class
        return Samples(X, Y, weight, taker(X, self.pixel_scale), sparse_taker(X, self.pixel_scale))

    def _validation_data(
        self, n_samples: int, X_val: ArrayLike | None, y_val: ArrayLike | None, sample_weight_val: ArrayLike | None
    ) -> Samples | None:
        """Return the validation data that ``fit`` was given, checked."""
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val was given without X_val and y_val")
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val go together; got one without the other")
        rows, labels = self._check_samples(X_val, y_val, goes_on=True)
        if rows.shape[0] == n_samples and inside_a_search():
            raise ValueError(
                f"X_val has as many rows as X, {n_samples}, inside a search or a cross-validation: it was sliced "
                "with X, and is no validation data any more. Use cv= for the search, and early_stopping with "
                "validation_fraction in the estimator"
            )
        self._check_validation_labels(unique_labels(labels))
        return self._samples(rows, labels, sample_weight_val, goes_on=True)

    def _check_validation_labels(self, labels: Array) -> None:
        """Raise for labels that training has never heard of."""
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"y_val has labels that y has not: {unknown}; y has {self.classes_}")

    def _set_aside(self, samples: Samples) -> tuple[Samples, Samples]:
        """Split samples for ``early_stopping``, into the same rows again when training goes on."""
        train, validation = train_test_split(
            np.arange(len(samples)),
            test_size=self.validation_fraction,
            random_state=self._split_seed,
            stratify=samples.Y.astype(bool) if self.n_outputs_ == 1 else None,  # for two classes, as scikit-learn's
        )
        if len(validation) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return samples.subset(np.sort(train)), samples.subset(np.sort(validation))

    # ---------------------------------------------------------------- training

    def _begin(self, samples: Samples) -> None:
        """Build the network and all that training needs; if that fails, there is nothing to go on with."""
        self.__dict__.pop("_trainer", None)
        self.n_outputs_ = samples.Y.shape[1]
        self._build(samples.X.shape[1], samples.Y.dtype, self._generator())
        if self.augmentation is not None:
            some = samples.X[:: -(-len(samples) // REMEMBERED)]
            self.background_ = self.augmentation.with_background_of(dense(some, self.pixel_scale)).outside
        self._trainer = builder.trainer(self, len(samples))

    def _generator(self) -> np.random.Generator:
        """Return the generator that a network begins with; its first number decides on the validation rows."""
        generator = as_generator(self.random_state)
        self._split_seed = int(generator.integers(2**31))
        return generator

    def _build(self, n_features: int, dtype: Any, random_state: np.random.Generator) -> None:
        """Build the network."""
        self.out_activation_ = "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"
        self.network_ = Network(
            builder.layers(self, n_features, self.n_outputs_),
            builder.loss(self, self.out_activation_),
            dtype=dtype,
            random_state=random_state,
        )
        self.n_layers_ = len(self.network_.affine_layers) + 1

    def _train(
        self, samples: Samples, validation: Samples | None, tasks: FitTasks | None, max_epochs: int | None = None
    ) -> None:
        """Train by mini-batches, and hand back what came of it."""
        if self.monitor.startswith("validation") and validation is None:
            raise ValueError(f"monitor={self.monitor!r} needs validation data: give X_val and y_val, or early_stopping")
        if not isinstance(self.batch_size, str) and self.batch_size > len(samples):
            warnings.warn(
                f"Got `batch_size` {self.batch_size}, larger than sample size {len(samples)}: it is clipped",
                stacklevel=4,
            )
        builder.refresh(self, len(samples))
        epochs_before, vanished_before = len(self._trainer.history), self._trainer.rate_vanished
        reason = "interrupted"
        try:
            with bounded_blas(1):
                reason = self._trainer.run(
                    samples,
                    max_epochs=max_epochs or self.max_iter,
                    max_updates=self.max_updates or np.inf,
                    validation=validation,
                    callback=_Reporter(self, tasks),
                )
        except KeyboardInterrupt:
            self._interrupted()
        finally:
            self._hand_back(epochs_before)
        self._say_why(reason, warn=tasks is not None)
        if self._trainer.rate_vanished and not vanished_before:
            warnings.warn(
                f"The learning rate is down to {self.history_['learning_rate'][-1]:.3g}, too small to learn with, by "
                f"{self._trainer.schedule!r} with learning_rate_init={self.learning_rate_init}: training goes on for "
                "nothing. Another learning_rate, or one with other parameters, begins anew",
                stacklevel=4 if tasks else 3,
            )

    def _interrupted(self) -> None:
        """Keep what was learned when a person interrupts ``fit``, as scikit-learn does."""
        warnings.warn("Training interrupted by user.", stacklevel=5)

    def _say_why(self, reason: str, *, warn: bool) -> None:
        """Say why training ended, as scikit-learn does."""
        if reason == "stalled" and self.verbose:
            self._print_stalled("Learning rate too small. Stopping." if self._trainer.adaptive else "Stopping.")
        if reason == "max_epochs" and warn and not self._trainer.schedule_over:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _print_stalled(self, then: str) -> None:
        """Print which figure has stalled, and what is done about it."""
        monitor = self._trainer.stopping.monitor
        figure = (monitor if monitor.startswith("validation") else f"training_{monitor}").replace("_", " ")
        print(
            f"{figure.capitalize()} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} "
            f"consecutive epochs. {then}"
        )

    def _hand_back(self, epochs_before: int) -> None:
        """Set scikit-learn's fitted attributes, ``epochs_before`` of the history being from earlier calls."""
        history = self._trainer.history
        self.n_iter_ = len(history) - epochs_before
        self.t_ = self._trainer.samples
        self.history_ = {field.name: [getattr(epoch, field.name) for epoch in history] for field in fields(Epoch)}
        self.loss_curve_ = list(self.history_["loss"])
        self.loss_ = self.loss_curve_[-1] if history else np.inf
        stops_early = self.early_stopping and self.solver != "lbfgs"
        scores = [score for score in self.history_["validation_score"] if score is not None]
        self.validation_scores_ = scores if stops_early else None
        self.best_validation_score_ = max(scores, default=-np.inf) if stops_early else None
        self.best_loss_ = None if stops_early else min(self.loss_curve_, default=np.inf)

    def _minimize(self, samples: Samples, validation: Samples | None, tasks: FitTasks) -> None:
        """Train on all samples at once by SciPy's L-BFGS-B, Byrd et al. 1995, SIAM J. on Scientific Computing 16."""
        builder.refresh(self, len(samples))
        trainer, network = self._trainer, self.network_
        trainer.resume()
        trainer.best_params[:] = network.params
        reporter = _Reporter(self, tasks)
        epochs_before = len(trainer.history)

        def loss_and_gradient(params: Array) -> tuple[float, Array]:
            network.params[:] = params
            return gradient.compute(), network.grads.astype(np.float64)

        def iteration_ends(intermediate_result: Any) -> None:
            network.params[:] = intermediate_result.x
            if np.isfinite(intermediate_result.fun):
                trainer.best_params[:] = network.params  # each iteration goes further down
            if trainer.record(intermediate_result.fun, len(samples), validation, reporter):
                raise StopIteration

        with bounded_blas(1), Workers(trainer.n_threads) as workers:
            gradient = FullBatchGradient(trainer, samples, workers)
            result = scipy.optimize.minimize(
                loss_and_gradient,
                network.params.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=iteration_ends,
                options={"maxfun": self.max_fun, "maxiter": self.max_iter, "gtol": self.tol},
            )
        network.params[:] = result.x
        self._hand_back(epochs_before)
        self.loss_, self.n_iter_ = float(result.fun), min(result.nit, self.max_iter)
        if not (np.isfinite(result.fun) and np.isfinite(network.params).all()):
            network.params[:] = trainer.best_params
            raise DivergenceError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                f"preprocessed. The loss became {result.fun}"
            )
        if result.status in {1, 2}:  # too many iterations, or no way down; when a callback stops it, it is 99
            warnings.warn(
                f"lbfgs failed to converge after {result.nit} iteration(s): {result.message}. Increase max_iter or "
                "max_fun, or scale the data",
                ConvergenceWarning,
                stacklevel=4,
            )

    # ---------------------------------------------------------------- for the model file

    def get_state(self, *, resume: bool = False) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what was learned: plain values that JSON has, and arrays.

        Parameters
        ----------
        resume : bool, default=False
            Whether to add what it takes to go on with training.

        Returns
        -------
        values, arrays : dict, dict
            ``from_state`` takes them. Seconds are left out, so that equal training gives an equal state.
        """
        check_is_fitted(self)
        values: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN_ATTRIBUTES}
        values["y_type"] = self._label_binarizer.y_type_
        if self._label_binarizer.sparse_input_:
            values["sparse_labels"] = True
        values["history"] = {**self.history_, "seconds": [None] * len(self.history_["loss"])}
        arrays = {"classes": self.classes_, "params": self.network_.snapshot()}
        if hasattr(self, "input_statistics_"):  # `partial_fit` sees no training set
            values["inputs"] = self.input_statistics_.get_state()
        if hasattr(self, "background_"):
            values["background"] = self.background_
        if hasattr(self, "feature_names_in_"):
            values["feature_names"] = [str(name) for name in self.feature_names_in_]
        if resume:
            plain, of_training = self._trainer.get_state()
            values["training"] = {**plain, "split_seed": self._split_seed}
            arrays |= of_training
        return values, arrays

    def set_state(self, values: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Become what ``get_state`` was asked of, given the same parameters.

        Raises
        ------
        KeyError, ValueError
            Where the state is not one of an estimator with these parameters.
        """
        for name in _PLAIN_ATTRIBUTES:
            setattr(self, name, values[name])
        if "inputs" in values:
            self.input_statistics_ = ImageStatistics.from_state(values["inputs"])
        if "background" in values:
            self.background_ = float(values["background"])
        if "feature_names" in values:
            self.feature_names_in_ = np.array(values["feature_names"], dtype=object)
        self.classes_ = arrays["classes"]
        self._check_state(values["y_type"], arrays["params"])
        self._label_binarizer = LabelBinarizer()
        self._label_binarizer.classes_ = self.classes_
        self._label_binarizer.y_type_ = values["y_type"]
        self._label_binarizer.sparse_input_ = bool(values.get("sparse_labels", False))
        self.history_ = {field.name: values["history"][field.name] for field in fields(Epoch)}
        self._build(self.n_features_in_, arrays["params"].dtype, self._generator())
        self.network_.restore(arrays["params"])
        self._trainer = builder.trainer(self, 1)
        self._trainer.samples = self.t_
        self._trainer.history = [Epoch(*figures) for figures in zip(*self.history_.values(), strict=True)]
        if self._trainer.schedule.ends:
            self._trainer.begin_schedule()  # how far it had come is told by the training alone
        if "training" in values:
            self._split_seed = values["training"]["split_seed"]
            self._trainer.set_state(values["training"], arrays)
        return self

    def _check_state(self, y_type: str, params: Array) -> None:
        """Raise where labels or parameters are not those of the network that is about to be built."""
        n_outputs = 1 if y_type == "binary" else len(self.classes_)
        if y_type not in {"binary", "multiclass", "multilabel-indicator"} or self.n_outputs_ != n_outputs:
            raise ValueError(f"{self.n_outputs_} outputs for {y_type} labels {self.classes_}")
        layers = builder.layers(self, self.n_features_in_, self.n_outputs_)
        size = sum(layer.n_parameters + layer.n_state for layer in layers)
        if params.dtype not in (np.float32, np.float64) or params.shape != (size,):
            raise ValueError(f"{params.shape} {params.dtype} parameters, where {layers} have {size}")

    def _fitted_attributes(self) -> dict[str, Any]:
        """Return what a copy of this estimator needs to predict as of now, for a callback that asks."""
        names = ("classes_", "_label_binarizer", "n_outputs_", "out_activation_", "n_layers_", "n_features_in_")
        return {name: getattr(self, name) for name in names} | {"network_": deepcopy(self.network_)}

    def _makes_updates(self) -> bool:
        """Tell whether the solver has updates to go on with; scikit-learn asks before it offers ``partial_fit``."""
        if self.solver == "lbfgs":
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True


_PLAIN_ATTRIBUTES = (
    "best_loss_",
    "best_validation_score_",
    "loss_",
    "loss_curve_",
    "n_features_in_",
    "n_iter_",
    "n_outputs_",
    "t_",
    "validation_scores_",
)


class _Reporter(Callback):
    """Tells a person (under ``verbose``) and scikit-learn's callbacks what every epoch came to."""

    def __init__(self, model: MLPClassifier, tasks: FitTasks | None) -> None:
        self.model, self.tasks, self.rate = model, tasks, model._trainer.learning_rate  # noqa: SLF001 - its own hook

    def on_epoch_begin(self) -> None:
        """Tell if the learning rate has been made smaller, and open the task of an epoch."""
        rate = self.model._trainer.learning_rate  # noqa: SLF001 - this is the model's own hook
        if self.model.verbose and rate < self.rate:
            self.model._print_stalled(f"Setting learning rate to {rate:f}")  # noqa: SLF001 - the same
        self.rate = rate
        if self.tasks is not None:
            self.tasks.begin_epoch()

    def on_epoch_end(self, epoch: Epoch) -> bool:
        """Print what there is to print, and close the task."""
        if self.model.verbose:
            self._print(epoch)
        if self.tasks is None or not self.tasks.watched:
            return False
        self.model._hand_back(0)  # noqa: SLF001 - this is the model's own hook; a callback reads the attributes
        return self.tasks.end_epoch()

    def _print(self, epoch: Epoch) -> None:
        """Print the lines that scikit-learn prints of an epoch."""
        print(f"Iteration {len(self.model._trainer.history)}, loss = {epoch.loss:.8f}")  # noqa: SLF001 - the model's own
        if epoch.validation_score is not None:
            print(f"Validation score: {epoch.validation_score:f}")

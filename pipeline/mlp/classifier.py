"""The network as a scikit-learn estimator: ``MLPClassifier``, a drop-in for scikit-learn's, and what its users miss.

This file has its signature, and what is its own: labels and probabilities. What it shares with the regressor, and the
state for a model file, are in the modules beside it; the mathematics is in ``network``.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from pipeline.images.deform import Deform
from pipeline.mlp.builder import SolverName
from pipeline.mlp.labels import plain_labels
from pipeline.mlp.state import StatefulMLP
from pipeline.mlp.summary import NetworkSummary, summarize_network
from pipeline.mlp.targets import LABEL_TYPES, TargetEncoder
from pipeline.mlp.validation import LabelValidator
from pipeline.network import Adversary, Averaging, RateFactors, Schedule
from pipeline.network.batches import Samples
from pipeline.network.compiled.engines import Engine
from pipeline.network.early_stopping import BestEpoch, Monitor
from pipeline.network.initializers import InitializerName
from pipeline.network.layers.activations import ActivationName
from pipeline.network.schedules import ScheduleName
from pipeline.parameters import parameter_values, renamed_parameters

Array = NDArray[Any]


@renamed_parameters(biases="bias", re_estimate="recompute_statistics")
class MLPClassifier(ClassifierMixin, StatefulMLP):
    """A multi-layer perceptron for classification, in NumPy.

    Takes the place of ``sklearn.neural_network.MLPClassifier``: the first 23 parameters are its own, in its order, with
    its defaults and its meaning; those from ``rho`` on are new, and change nothing until they are set. One thing
    differs on purpose: ``warm_start=True`` and ``partial_fit`` resume training exactly where it stopped. ``fit`` warns
    once of a new one that is set and has no effect beside the others, as ``weight_decay`` with ``sgd``.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(100,)
        Units in each hidden layer. A bare number is one layer; an empty tuple is none.
    activation : str or tuple of str, default="relu"
        Activation function of the hidden units, for all layers or one by one. ``logistic`` is the sigmoid.
    solver : str, default="adam"
        The optimizer. ``lbfgs`` takes all samples at once, by SciPy.
    alpha : float, default=0.0001
        Strength of the L2 penalty on the weights, which is divided by the samples in a batch.
    batch_size : "auto", "full" or int, default="auto"
        Samples in a mini-batch. ``auto`` is 200, or all where there are fewer; ``full`` is all.
    learning_rate : str or Schedule, default="constant"
        How the learning rate changes. ``constant``, ``invscaling`` and ``adaptive`` mean something to ``sgd`` alone;
        the others are schedules for every solver that makes updates. See the notes for what becomes of a schedule
        where training is resumed.
    learning_rate_init : float, default=0.001
        The learning rate that the schedule begins with.
    power_t : float, default=0.5
        The exponent of ``invscaling``.
    max_iter : int, default=200
        Epochs that one call of ``fit`` trains at the most; iterations for ``lbfgs``.
    shuffle : bool, default=True
        Whether to shuffle the samples in every epoch.
    random_state : None, int, Generator or RandomState, default=None
        Where all random numbers come from: initial weights, order of samples, validation rows, dropout.
    tol : float, default=0.0001
        The least improvement of the monitored metric that counts.
    verbose : bool or int, default=False
        Whether to print a line for every epoch. In a notebook, True is one line that changes in place, and 2 a line for
        each.
    warm_start : bool, default=False
        Whether ``fit`` resumes training where it stopped, with the state of optimizer and schedule.
    momentum : float, default=0.9
        The fraction of the last step that is added to the next, for ``sgd``.
    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum, for ``sgd``.
    early_stopping : bool, default=False
        Whether to stop by the score on validation data, and restore the best weights. ``lbfgs`` does not.
    validation_fraction : float, default=0.1
        The fraction of the samples that ``early_stopping`` holds out, where no validation data are given.
    beta_1 : float, default=0.9
        Decay rate of the mean gradient, for ``adam`` and ``adamw``.
    beta_2 : float, default=0.999
        Decay rate of the mean squared gradient, for ``adam`` and ``adamw``.
    epsilon : float, default=1e-08
        Added to the denominator for numerical stability, for all but ``sgd`` and ``lbfgs``.
    n_iter_no_change : int, default=10
        Epochs to wait for an improvement by ``tol``. ``inf`` waits for ever.
    max_fun : int, default=15000
        Evaluations of the loss that ``lbfgs`` may make.
    rho : float, default=0.9
        Decay rate of the mean squared gradient, for ``rmsprop``.
    weight_decay : float, default=0.01
        The fraction of the learning rate by which weights and biases shrink at every update, for ``adamw``.
    class_weight : dict, "balanced", list of dict or None, default=None
        How much each class counts. ``balanced`` makes all classes count alike, as they are in the training labels; for
        validation data it counts by those as well. A class that a dict leaves out counts 1. For several labels at once
        there is a dict for each, with the weights of 0 and 1, and the product over its labels is a sample's weight. In
        ``params.yaml`` the keys are the names of the classes, where they have some: ``{cat: 2}``.
    monitor : str, default="auto"
        The metric that decides on stopping. ``auto`` is scikit-learn's: the validation score under
        ``early_stopping``, else the loss. Any other restores the best weights. ``lbfgs`` stops by its own rule.
    dropout : float or tuple of float, default=0.0
        The fraction of units dropped in training: of every hidden layer, or of the input and each hidden layer. Not
        for ``lbfgs``.
    weight_init : str or float, default="auto"
        How the initial weights are drawn. ``auto`` is scikit-learn's rule; a number is the standard deviation of normal
        weights.
    bias : bool, default=True
        Whether the layers have biases.
    replacement : bool, default=False
        Whether every batch is drawn from all samples, independently of the others.
    max_updates : int or None, default=None
        Updates that one call of ``fit`` makes at the most.
    batch_norm : bool, default=False
        Whether every hidden layer is normalised over the batch before its activation. Not for ``lbfgs``.
    recompute_statistics : bool, default=False
        Whether batch normalisation's mean and variance are recomputed at the end of ``fit``, over all samples; after
        ``averaging`` they always are.
    noise : float or tuple of float, default=0.0
        Standard deviation of normal noise that is added in training: before the activation of every hidden layer, or
        to the input and each hidden layer. Not for ``lbfgs``.
    max_norm : float or None, default=None
        The largest norm that a unit's incoming weights may have after every update. Not for ``lbfgs``.
    label_smoothing : float, default=0.0
        The fraction of a target that is spread over all classes alike.
    averaging : Averaging or None, default=None
        Which weights along training are averaged, to end with: ``ExponentialAverage`` or ``LastEpochs``. The metrics
        of an epoch are those of the weights themselves.
    augmentation : Deform or None, default=None
        Data augmentation: how images are deformed in training, at random in every epoch. Not for ``lbfgs``.
    adversary : Adversary or None, default=None
        Adversarial training: what perturbs each sample to where the loss is larger, to learn from that as well:
        ``Adversarial`` or ``VirtualAdversarial``. Not for ``lbfgs``.
    feature_scale : bool, default=False
        Whether each input is multiplied by a factor that is learned, and 1 at first.
    rate_factors : RateFactors or None, default=None
        Which parameters learn at a multiple of the learning rate: weights, biases, the factors of ``feature_scale``.
        Not for ``lbfgs``.
    bias_init : "auto" or float, default="auto"
        Standard deviation of the initial biases, which are normal. ``auto`` is the rule of ``weight_init``, which makes
        them 0, but for scikit-learn's.
    zero_output : bool, default=False
        Whether the last layer's weights and biases begin at 0, and training with equal probabilities for all classes.
    best_epoch : {"first", "last"}, default="first"
        Which of several epochs that are equally good has the best weights, where these are restored.
    pixel_scale : float or None, default=None
        What whole numbers of any type are multiplied by: 1/255 for images. Those on 0..255 stay uint8 and are scaled
        batch by batch, which takes less memory; others become float32. None reads them as float64, as
        scikit-learn does. Floats are taken as they are.
    n_threads : int or None, default=None
        Threads that ``fit`` uses at the most. None is as many as BLAS is set to use: the cores, or this process's
        share of them in a search with ``n_jobs``; in a thread beside the main one it is 1. The last bits of the weights
        depend on it.
    engine : {"auto", "numpy", "numba"}, default="auto"
        What ``fit`` works with: NumPy, or numba, which compiles the same arithmetic, once, and is faster. ``auto`` is
        numba where it is installed, as the extra ``fast`` does. The last bits of the weights depend on it. ``lbfgs``
        and predictions are always NumPy's.
    diagnose : bool, default=False
        Whether training is examined: what is found wrong is said in sentences, in ``diagnosis_`` and under ``verbose``.
        The weights are the same with it and without.

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
    engine_ : {"numpy", "numba"}
        What trained last, which ``engine="auto"`` was decided to be; a model file of an older version does not tell.
    n_layers_, n_outputs_ : int
        Layers, input and output counted; columns of the output.
    out_activation_ : {"softmax", "logistic"}
        Of the output layer.
    diagnosis_ : Diagnosis
        What ``diagnose``, or the callback ``TrainingDoctor``, measured by epoch and layer, and found, in the last call;
        there as well where training diverged.
    input_statistics_ : ImageStatistics
        Statistics of the training images, for ``unlike_training``.
    background_ : float
        What ``augmentation`` reads outside of an image.
    n_features_in_, feature_names_in_
        As in every estimator.

    Raises
    ------
    ParameterError
        In ``fit``, for a parameter that is not allowed; it is a ValueError.
    DivergenceError
        In ``fit``, when the loss is no finite number any more; it is a ValueError, and the best weights are restored.

    Notes
    -----
    A schedule with an end (``cosine``, ``one_cycle``, ``cosine_cycles``) takes its own ``epochs``, or ``max_iter`` at
    the time when it begins. ``fit`` stops where it ends. What comes after the end restarts it, be it ``fit`` under
    ``warm_start``, a call of ``partial_fit``, or either after a file that was saved with ``resume=True``: so
    ``partial_fit`` goes through one schedule every ``max_iter`` calls, and ends best with a multiple of it. What comes
    before the end, because training was interrupted, stopped early or was bounded by ``max_updates`` or a smaller
    ``max_iter``, goes on with it, and another ``max_iter`` changes its length no more. ``adaptive`` restarts at
    ``learning_rate_init`` once it has come to its end. ``step``, ``exponential`` and ``invscaling`` have no end and
    fall from call to call; a warning says when the rate has become too small to learn with. Another schedule, set in
    between, begins when it is set.

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
        learning_rate: Literal["constant", "invscaling", "adaptive"] | ScheduleName | Schedule = "constant",
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
        monitor: Literal["auto"] | Monitor = "auto",
        dropout: Annotated[float, ">= 0", "< 1"] | tuple[Annotated[float, ">= 0", "< 1"], ...] = 0.0,
        weight_init: Literal["auto"] | InitializerName | Annotated[float, "> 0", "<= 1e9"] = "auto",
        bias: bool = True,
        replacement: bool = False,
        max_updates: Annotated[int, ">= 1"] | None = None,
        batch_norm: bool = False,
        recompute_statistics: bool = False,
        noise: Annotated[float, ">= 0", "<= 1e9"] | tuple[Annotated[float, ">= 0", "<= 1e9"], ...] = 0.0,
        max_norm: Annotated[float, "> 0"] | None = None,
        label_smoothing: Annotated[float, ">= 0", "< 1"] = 0.0,
        averaging: Averaging | None = None,
        augmentation: Deform | None = None,
        adversary: Adversary | None = None,
        feature_scale: bool = False,
        rate_factors: RateFactors | None = None,
        bias_init: Literal["auto"] | Annotated[float, ">= 0", "<= 1e9"] = "auto",
        zero_output: bool = False,
        best_epoch: BestEpoch = "first",
        pixel_scale: Annotated[float, "> 0"] | None = None,
        n_threads: Annotated[int, ">= 1"] | None = None,
        engine: Engine = "auto",
        diagnose: bool = False,
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
        self.bias = bias
        self.replacement = replacement
        self.max_updates = max_updates
        self.batch_norm = batch_norm
        self.recompute_statistics = recompute_statistics
        self.noise = noise
        self.max_norm = max_norm
        self.label_smoothing = label_smoothing
        self.averaging = averaging
        self.augmentation = augmentation
        self.adversary = adversary
        self.feature_scale = feature_scale
        self.rate_factors = rate_factors
        self.bias_init = bias_init
        self.zero_output = zero_output
        self.best_epoch = best_epoch
        self.pixel_scale = pixel_scale
        self.n_threads = n_threads
        self.engine = engine
        self.diagnose = diagnose

    _width = ("n_classes", 2)

    # ---------------------------------------------------------------- learning

    @available_if(lambda self: self._makes_updates())
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch over the samples given, after what was trained before.

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
        self._check_partial_fit()
        if self.class_weight == "balanced":
            raise ValueError(
                "partial_fit does not support class_weight='balanced', since it never sees all labels at once: give a "
                "dict, which sklearn.utils.compute_class_weight makes of them"
            )
        resuming = hasattr(self, "_trainer")
        if not resuming and classes is None and not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        self._fit_epoch(self._input_validator(resuming=resuming, classes=classes), X, y, sample_weight)
        return self

    def _parameter_values(self) -> dict[str, Any]:
        return parameter_values(MLPClassifier, self)

    def _input_validator(self, *, resuming: bool, classes: ArrayLike | None = None) -> LabelValidator:
        return LabelValidator(
            self,
            class_weight=self.class_weight,
            classes=classes,
            all_classes=self.warm_start,
            **self._input_options(resuming=resuming),
        )

    def _set_targets(self, targets: TargetEncoder) -> None:
        super()._set_targets(targets)
        self.classes_ = targets.classes

    def _output_activation(self) -> str:
        return self._targets.output_activation

    def _planned_output(self, n_given: int) -> tuple[int, str]:
        return (1, "logistic") if n_given == 2 else (n_given, "softmax")

    def _strata(self, samples: Samples) -> Array | None:
        """Return the labels of two classes, which scikit-learn holds out alike; raise for a class of one sample."""
        if self.n_outputs_ > 1:
            return None
        strata = samples.Y.astype(bool)[:, 0]
        counts = np.bincount(strata, minlength=2)
        if 1 in counts and len(strata) > 1:
            rare = plain_labels(self.classes_)[counts.argmin()]
            raise ValueError(
                f"early_stopping holds out samples of both classes, by "
                f"validation_fraction={self.validation_fraction}, and class {rare!r} has 1 sample; expected are 2 or "
                "more. More samples of it, or X_val and y_val, mend it"
            )
        return strata

    def _fitted_attributes(self) -> dict[str, Any]:
        return super()._fitted_attributes() | {"classes_": self.classes_}

    def _target_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        values: dict[str, Any] = {"y_type": self._targets.label_type}
        if self._targets.sparse:
            values["sparse_labels"] = True
        return values, {"classes": self.classes_}

    def _set_target_state(self, values: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        kind, self.classes_ = values["y_type"], arrays["classes"]
        n_outputs = 1 if kind == "binary" else len(self.classes_)
        if kind not in LABEL_TYPES or self.n_outputs_ != n_outputs:
            raise ValueError(f"{self.n_outputs_} outputs for {kind} labels {self.classes_}")
        self._targets = TargetEncoder.from_state(self.classes_, kind, sparse=bool(values.get("sparse_labels", False)))

    # ---------------------------------------------------------------- predicting

    def predict(self, X: ArrayLike) -> Array:
        """Return the likeliest label of each sample, (n_samples,), or 0 and 1 for several labels at once."""
        P = self._outputs(X)  # which says so where nothing is fitted
        return self._targets.decode(P)

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

    # ---------------------------------------------------------------- looking at it

    def summary(
        self, *, n_features: int | None = None, n_classes: int | None = None, dtype: DTypeLike = np.float32
    ) -> NetworkSummary:
        """Return a table of the layers, with their parameters, memory and multiplications.

        It shows itself: as text at the prompt or by ``print``, as HTML in a notebook.

        Parameters
        ----------
        n_features, n_classes : int, default=None
            Widths of input and output, to see the network that the parameters ask for before anything is fitted.
        dtype : dtype, default=float32
            The precision in which that one is counted; a fitted network has its own.

        Returns
        -------
        NetworkSummary
            With the figures as numbers.

        Raises
        ------
        NotFittedError
            Where nothing is fitted, and no widths are given.
        ParameterError
            Where they are given, and the parameters are not allowed.

        Examples
        --------
        >>> print(MLPClassifier((32,), dropout=0.2).summary(n_features=64, n_classes=10))
           Layer           Output  Parameters  Memory  Multiplications
        --------------------------------------------------------------
           input               64
        1  Affine(64, 32)      32       2,080  8.3 kB            2,048
        2  ReLU()              32
        3  Dropout(0.2)        32
        4  Affine(32, 10)      10         330  1.3 kB              320
           softmax             10
        --------------------------------------------------------------
           all                          2,410  9.6 kB            2,368
        <BLANKLINE>
        Input       64 features
        Output      10, softmax
        Parameters  2,410 trainable
        Memory      9.6 kB, float32
        Trained     not yet, by adam
        To train    gradients 9.6 kB, optimizer 19.3 kB, activations 84.8 kB for a batch of 200
        """
        if n_features is not None or n_classes is not None:
            self._check_parameters()
        return summarize_network(self, n_features=n_features, n_classes=n_classes, dtype=dtype)

    def __sklearn_tags__(self) -> Any:
        """Say that sparse samples and several labels at once are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags

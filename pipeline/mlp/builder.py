"""From scikit-learn's words to components: what parameters mean, in layers, optimizers, schedules and so on.

Every function takes the values of parameters by name, and returns what they stand for; none reads data.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from pipeline.images.deform import Deform
from pipeline.mlp.threads import usable_threads
from pipeline.network import (
    ACTIVATIONS,
    INITIALIZERS,
    L2,
    LOSSES,
    REGRESSION_LOSSES,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Adversary,
    Affine,
    Averaging,
    BatchNorm,
    Constant,
    Dropout,
    GaussianNoise,
    GlorotUniformWithBias,
    Huber,
    InverseScaling,
    LabelSmoothing,
    Loss,
    MaxNorm,
    Momentum,
    Network,
    Normal,
    Optimizer,
    Pinball,
    RateFactors,
    RMSprop,
    Scale,
    Schedule,
    WithNormalBias,
)
from pipeline.network.batches import Sampling
from pipeline.network.compiled.engines import has_numba
from pipeline.network.early_stopping import EarlyStopping, Monitor
from pipeline.network.initializers import Initializer, zeros
from pipeline.network.layers import Layer
from pipeline.network.schedules import SCHEDULES
from pipeline.network.shards import Hook
from pipeline.network.training import Trainer
from pipeline.parameters import ParameterError, check_parameters

Parameters = Mapping[str, Any]
"""The values of ``MLPClassifier``'s parameters by name, which have been checked one by one."""

LossName = Literal["squared_error", "poisson", "absolute_error", "huber", "quantile"]
SolverName = Literal["lbfgs", "sgd", "adam", "rmsprop", "adagrad", "adamw"]

WORTH_SHARING = 10_000_000
"""Multiplications of a weight with a sample in a batch, from which on several threads are faster than one."""
WORTH_SHARING_COMPILED = 2_500_000
"""The same where many updates are made in one compiled call."""


def hidden_sizes(parameters: Parameters) -> tuple[int, ...]:
    """Return the widths of the hidden layers; a bare number is one layer."""
    sizes = parameters["hidden_layer_sizes"]
    return (int(sizes),) if np.ndim(sizes) == 0 else tuple(int(size) for size in sizes)


def layers(parameters: Parameters, n_in: int, n_out: int) -> list[Layer]:
    """Return the layers from the input to the last affine one."""
    sizes = hidden_sizes(parameters)
    names = _per_layer("activation", parameters["activation"], sizes)
    drops, noises = _rates(parameters, "dropout", sizes), _rates(parameters, "noise", sizes)
    initial, normed = _initializer(parameters), bool(parameters["batch_norm"])
    scale = [Scale(n_in)] if parameters["feature_scale"] else []
    built: list[Layer] = [*_noise(noises[0]), *_dropout(drops[0]), *scale]
    for size, name, noise, drop in zip(sizes, names, noises[1:], drops[1:], strict=True):
        built.append(Affine(n_in, size, bias=parameters["bias"] and not normed, initializer=initial))
        built += [BatchNorm(size)] if normed else []  # its beta is the bias
        built += [*_noise(noise), ACTIVATIONS[name](), *_dropout(drop)]
        n_in = size
    last = zeros if parameters["zero_output"] else initial
    return [*built, Affine(n_in, n_out, bias=parameters["bias"], initializer=last)]


def loss(parameters: Parameters, activation: str = "") -> Loss:
    """Return what the network makes small: a classifier's by the output's activation, a regressor's by its name."""
    if "loss" in parameters:
        return _regression_loss(parameters)
    plain = LOSSES[activation]()
    return LabelSmoothing(plain, float(parameters["label_smoothing"])) if parameters["label_smoothing"] else plain


def _regression_loss(parameters: Parameters) -> Loss:
    """Return the loss of a regressor, by its name."""
    match parameters["loss"]:
        case "huber":
            return Huber(float(parameters["delta"]))
        case "quantile":
            return Pinball(parameters["quantile"])
        case name:
            return REGRESSION_LOSSES[name]()


def n_quantiles(parameters: Parameters) -> int | None:
    """Return how many quantiles of each target a regressor predicts, or None where it is one number."""
    quantile = parameters["quantile"]
    return len(quantile) if parameters["loss"] == "quantile" and np.ndim(quantile) else None


def _per_layer(parameter: str, value: Any, sizes: tuple[int, ...]) -> list[Any]:
    """Return one name for each hidden layer."""
    names = [value] * len(sizes) if isinstance(value, str) else list(value)
    if len(names) != len(sizes):
        raise ParameterError(
            f"{parameter} must be one name, or one for each of the {len(sizes)} hidden layers; got {value!r}"
        )
    return names


def _rates(parameters: Parameters, parameter: str, sizes: tuple[int, ...]) -> list[float]:
    """Return a rate for the input and one for each hidden layer; a bare rate is for the hidden layers."""
    value = parameters[parameter]
    rates = [0.0] + [float(value)] * len(sizes) if np.ndim(value) == 0 else list(value)
    if len(rates) != len(sizes) + 1:
        raise ParameterError(
            f"{parameter} must be one rate for the hidden layers, or one for the input and each of the {len(sizes)} "
            f"hidden layers; got {value!r}"
        )
    return rates


def check_combinations(parameters: Parameters) -> None:
    """Raise for parameters that are allowed one by one, but not together.

    Raises
    ------
    ParameterError
        Where ``lbfgs``, which looks along a line for where the loss is least, would see another loss at every look, or
        has no updates to act upon; and where the best weights are asked for as well as an average.
    """
    if parameters["augmentation"] is not None:
        parameters["augmentation"].check()
    if "loss" in parameters and n_quantiles(parameters) == 0:
        raise ParameterError(f"quantile must be a number, or at least one in a tuple; got {parameters['quantile']!r}")
    for name in _OF_UPDATES:
        value = parameters[name]
        if parameters["solver"] == "lbfgs" and np.any(value):
            raise ParameterError(
                f"{name} must be left out for lbfgs, which takes all samples at once and looks along a line for where "
                f"the loss is least; got {value!r}"
            )
    if parameters["averaging"] is not None and (parameters["early_stopping"] or parameters["monitor"] != "auto"):
        raise ParameterError(
            f"averaging must be None where the best weights are brought back, as early_stopping and monitor do; got "
            f"{parameters['averaging']!r}"
        )


_OF_UPDATES = (
    "dropout",
    "noise",
    "batch_norm",
    "max_norm",
    "averaging",
    "augmentation",
    "adversary",
    "rate_factors",
)
"""What a solver that makes no updates of its own has no use for, or cannot bear."""


def _dropout(rate: float) -> list[Layer]:
    return [Dropout(rate)] if rate else []


def _noise(std: float) -> list[Layer]:
    return [GaussianNoise(std)] if std else []


def _initializer(parameters: Parameters) -> Initializer:
    """Return the rule for the first weights; ``auto`` is scikit-learn's, by the activation of all layers."""
    named, bias = parameters["weight_init"], parameters["bias_init"]
    rule: Initializer
    if named == "auto":
        rule = GlorotUniformWithBias(2 if set(np.ravel(parameters["activation"])) == {"logistic"} else 6)
    else:
        rule = INITIALIZERS[named] if named in INITIALIZERS else Normal(float(named))
    return rule if bias == "auto" else WithNormalBias(rule, float(bias))


def optimizer(parameters: Parameters) -> Optimizer:
    """Return the rule that updates the parameters; a grid's float64 would have it work in float64 throughout."""
    decay = float(parameters["beta_1"]), float(parameters["beta_2"]), float(parameters["epsilon"])
    match parameters["solver"]:
        case "sgd" if parameters["momentum"] > 0:
            return Momentum(float(parameters["momentum"]), nesterov=bool(parameters["nesterovs_momentum"]))
        case "sgd":
            return SGD()
        case "adam":
            return Adam(*decay)
        case "rmsprop":
            return RMSprop(float(parameters["rho"]), float(parameters["epsilon"]))
        case "adagrad":
            return AdaGrad(float(parameters["epsilon"]))
        case "adamw":
            return AdamW(*decay, float(parameters["weight_decay"]))
    raise ParameterError(f"{parameters['solver']} takes all samples at once, and makes no updates of its own")


def schedule(parameters: Parameters) -> Schedule:
    """Return how the learning rate changes; scikit-learn's three words mean something to ``sgd`` alone."""
    named: Any = parameters["learning_rate"]
    if isinstance(named, Schedule):
        check_parameters(named)
        return named
    if named == "invscaling" and parameters["solver"] == "sgd":
        return InverseScaling(float(parameters["power_t"]))
    return SCHEDULES.get(named, Constant)()


def regularizers(parameters: Parameters) -> list[Hook]:
    """Return the penalty on the weights, and their limit, as far as there are any."""
    penalty = [L2(float(parameters["alpha"]))] if parameters["alpha"] > 0 else []
    limit = [] if parameters["max_norm"] is None else [MaxNorm(float(parameters["max_norm"]))]
    return [*penalty, *limit]


def sampling(parameters: Parameters, n_samples: int) -> Sampling:
    """Return how batches are drawn from ``n_samples``."""
    size = {"auto": min(200, n_samples), "full": n_samples}.get(str(parameters["batch_size"])) or int(
        parameters["batch_size"]
    )
    return Sampling(min(size, n_samples), shuffle=parameters["shuffle"], replacement=parameters["replacement"])


def stopping(parameters: Parameters) -> EarlyStopping:
    """Return when to stop; what is monitored by default is what scikit-learn monitors."""
    by_default: Monitor = "validation_score" if parameters["early_stopping"] else "loss"
    monitor: Monitor = by_default if parameters["monitor"] == "auto" else parameters["monitor"]
    patience = float(parameters["n_iter_no_change"])
    return EarlyStopping(monitor, float(parameters["tol"]), patience, parameters["best_epoch"])


def trainer(
    parameters: Parameters,
    network: Network,
    n_samples: int,
    *,
    sparse: bool = False,
    background: float = 0.0,
    allocate: bool = True,
) -> Trainer:
    """Return a trainer of a network at its start, or with ``allocate=False`` the configuration of one.

    Parameters
    ----------
    parameters : mapping
        As for all of them.
    network : Network
        What ``layers`` and ``loss`` were made into.
    n_samples : int
        Training samples.
    sparse : bool, default=False
        Whether they stay sparse.
    background : float, default=0.0
        What ``augmentation`` reads outside of an image.
    allocate : bool, default=True
        Whether to make the arrays that training needs.
    """
    by_updates = parameters["solver"] != "lbfgs"  # which SciPy has, and for which the trainer keeps the history alone
    return Trainer(
        network,
        optimizer(parameters) if by_updates else SGD(),
        sampling(parameters, n_samples),
        float(parameters["learning_rate_init"]),
        schedule(parameters),
        length=int(parameters["max_iter"]),
        stopping=stopping(parameters),
        augmentation=augmentation(parameters, background),
        regularizers=regularizers(parameters),
        averaging=averaging(parameters),
        adversary=adversary(parameters),
        rate_factors=rate_factors(parameters),
        recompute_statistics=parameters["recompute_statistics"],
        restore_best=parameters["early_stopping"] or parameters["monitor"] != "auto",
        adaptive=parameters["learning_rate"] == "adaptive" and parameters["solver"] == "sgd",
        n_threads=threads(parameters, len(network.params), n_samples, sparse=sparse),
        engine=parameters["engine"],
        allocate=allocate,
    )


def augmentation(parameters: Parameters, background: float) -> Deform | None:
    """Return what deforms images, with the background that the images of training have."""
    deform: Deform | None = parameters["augmentation"]
    if deform is None or not isinstance(deform.background, str):
        return deform
    return replace(deform, background=background)


def averaging(parameters: Parameters) -> Averaging | None:
    """Return which parameters along training are averaged."""
    rule: Averaging | None = parameters["averaging"]
    if rule is not None:
        check_parameters(rule)
    return rule


def rate_factors(parameters: Parameters) -> RateFactors | None:
    """Return which parameters learn at a multiple of the learning rate."""
    factors: RateFactors | None = parameters["rate_factors"]
    if factors is not None:
        check_parameters(factors)
    return factors


def adversary(parameters: Parameters) -> Adversary | None:
    """Return what perturbs inputs while the network learns.

    Raises
    ------
    ParameterError
        For one that compares answers of the network, where that draws another one each time.
    """
    rule: Adversary | None = parameters["adversary"]
    if rule is None:
        return None
    check_parameters(rule)
    for name in ("dropout", "noise"):
        if rule.n_probes and np.any(parameters[name]):
            raise ParameterError(
                f"{name} must be 0 where {type(rule).__name__} compares answers of the same network; got "
                f"{parameters[name]!r}"
            )
    return rule


def threads(parameters: Parameters, n_parameters: int, n_samples: int, *, sparse: bool = False) -> int:
    """Return how many threads share an update: those that are allowed, or one where there is little to share."""
    n_together = n_samples if parameters["solver"] == "lbfgs" else sampling(parameters, n_samples).batch_size
    at_least = WORTH_SHARING
    if not sparse and _trains_in_few_calls(parameters):
        at_least = min(at_least, WORTH_SHARING_COMPILED)
    worth_while = n_together * n_parameters > at_least
    return int(parameters["n_threads"] or usable_threads()) if worth_while else 1


def _trains_in_few_calls(parameters: Parameters) -> bool:
    """Return whether compiled loops make many updates in one call, by themselves."""
    beside = ("augmentation", "adversary", "averaging", "batch_norm", "max_norm")
    random = any(np.any(parameters[name]) for name in ("dropout", "noise"))
    compiles = parameters["solver"] != "lbfgs" and parameters["engine"] != "numpy" and has_numba()
    return compiles and not random and not any(parameters[name] for name in beside)


def check_engine(parameters: Parameters) -> None:
    """Raise for an engine that cannot train here; a model that it trained elsewhere predicts all the same.

    Raises
    ------
    ParameterError
        For numba where it is not installed.
    """
    if parameters["engine"] == "numba" and not has_numba():
        raise ParameterError(
            "engine must be 'auto' or 'numpy' where numba is not installed; got 'numba'. The extra fast installs it: "
            "pip install 'digits-pipeline[fast]'"
        )


def network(
    parameters: Parameters, n_in: int, n_out: int, activation: str, *, dtype: Any, random_state: np.random.Generator
) -> Network:
    """Return the network at its start, with an output of this activation."""
    return Network(
        layers(parameters, n_in, n_out), loss(parameters, activation), dtype=dtype, random_state=random_state
    )


def check_same_layers(parameters: Parameters, built: Network, n_out: int) -> None:
    """Raise a ParameterError where the parameters ask for other layers than a network has."""
    wanted = layers(parameters, built.n_in, n_out)
    if repr(wanted) != repr(built.layers):
        raise ParameterError(f"training goes on with {built.layers}; the parameters now ask for {wanted}")

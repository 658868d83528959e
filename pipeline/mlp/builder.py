"""From scikit-learn's words to bricks: what ``MLPClassifier``'s parameters mean, in layers, optimizers and schedules.

Every function reads parameters of an estimator that have been checked, one by one; none reads data.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.images.deform import Deform
from pipeline.mlp.threads import usable_threads
from pipeline.network import (
    ACTIVATIONS,
    INITIALIZERS,
    L2,
    LOSSES,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Adversary,
    Affine,
    Averaging,
    BatchNorm,
    Constant,
    Cosine,
    Dropout,
    Exponential,
    GaussianNoise,
    GlorotUniformWithBias,
    InverseScaling,
    LabelSmoothing,
    Loss,
    MaxNorm,
    Momentum,
    Normal,
    OneCycle,
    Optimizer,
    RMSprop,
    Schedule,
    Step,
)
from pipeline.network.batches import Sampling
from pipeline.network.early_stopping import EarlyStopping
from pipeline.network.initializers import Initializer
from pipeline.network.layers import Layer
from pipeline.network.training import Trainer
from pipeline.parameters import ParameterError, check_parameters

if TYPE_CHECKING:
    from pipeline.mlp.classifier import MLPClassifier

ActivationName = Literal["identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "gelu"]
SolverName = Literal["lbfgs", "sgd", "adam", "rmsprop", "adagrad", "adamw"]
ScheduleName = Literal["constant", "invscaling", "adaptive", "cosine", "one_cycle", "step", "exponential"]
InitializerName = Literal[
    "auto", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "fan_out_normal"
]
Monitor = Literal["auto", "loss", "score", "validation_loss", "validation_score"]

_SCHEDULES: dict[str, type[Schedule]] = {
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "step": Step,
    "exponential": Exponential,
}


WORTH_SHARING = 10_000_000
"""Multiplications of a weight with a sample in a batch, from which on several threads are faster than one."""


def hidden_sizes(model: "MLPClassifier") -> tuple[int, ...]:
    """Return the widths of the hidden layers; a bare number is one layer."""
    sizes = model.hidden_layer_sizes
    return (int(sizes),) if np.ndim(sizes) == 0 else tuple(int(size) for size in sizes)  # type: ignore[arg-type, union-attr]  # told apart


def layers(model: "MLPClassifier", n_in: int, n_out: int) -> list[Layer]:
    """Return the layers from the input to the last affine one."""
    sizes = hidden_sizes(model)
    names = _per_layer("activation", model.activation, sizes)
    drops, noises = _rates(model, "dropout", sizes), _rates(model, "noise", sizes)
    initial, normed = _initializer(model), bool(model.batch_norm)
    built: list[Layer] = [*_noise(noises[0]), *_dropout(drops[0])]
    for size, name, noise, drop in zip(sizes, names, noises[1:], drops[1:], strict=True):
        built.append(Affine(n_in, size, bias=model.biases and not normed, initializer=initial))
        built += [BatchNorm(size)] if normed else []  # its beta is the bias
        built += [*_noise(noise), ACTIVATIONS[name](), *_dropout(drop)]
        n_in = size
    return [*built, Affine(n_in, n_out, bias=model.biases, initializer=initial)]


def loss(model: "MLPClassifier", activation: str) -> Loss:
    """Return what the network makes small, by the output's activation."""
    plain = LOSSES[activation]()
    return LabelSmoothing(plain, float(model.label_smoothing)) if model.label_smoothing else plain


def _per_layer(parameter: str, value: object, sizes: tuple[int, ...]) -> list[str]:
    """Return one name for each hidden layer."""
    names = [value] * len(sizes) if isinstance(value, str) else list(value)  # type: ignore[call-overload]  # checked
    if len(names) != len(sizes):
        raise ParameterError(
            f"{parameter} must be one name, or one for each of the {len(sizes)} hidden layers; got {value!r}"
        )
    return names


def _rates(model: "MLPClassifier", parameter: str, sizes: tuple[int, ...]) -> list[float]:
    """Return a rate for the input and one for each hidden layer; a bare rate is for the hidden layers."""
    value = getattr(model, parameter)
    rates = [0.0] + [float(value)] * len(sizes) if np.ndim(value) == 0 else list(value)
    if len(rates) != len(sizes) + 1:
        raise ParameterError(
            f"{parameter} must be one rate for the hidden layers, or one for the input and each of the {len(sizes)} "
            f"hidden layers; got {value!r}"
        )
    return rates


def check_combinations(model: "MLPClassifier") -> None:
    """Raise for parameters that are allowed one by one, but not together.

    Raises
    ------
    ParameterError
        Where ``lbfgs``, which looks along a line for where the loss is least, would see another loss at every look, or
        has no updates to act upon; and where the best weights are asked for as well as an average.
    """
    if model.augmentation is not None:
        model.augmentation.check()
    for name in ("dropout", "noise", "batch_norm", "max_norm", "averaging", "augmentation", "adversary"):
        value = getattr(model, name)
        if model.solver == "lbfgs" and np.any(value):
            raise ParameterError(
                f"{name} must be left out for lbfgs, which takes all samples at once and looks along a line for where "
                f"the loss is least; got {value!r}"
            )
    if model.averaging is not None and (model.early_stopping or model.monitor != "auto"):
        raise ParameterError(
            f"averaging must be None where the best weights are brought back, as early_stopping and monitor do; got "
            f"{model.averaging!r}"
        )


def _dropout(rate: float) -> list[Layer]:
    return [Dropout(rate)] if rate else []


def _noise(sd: float) -> list[Layer]:
    return [GaussianNoise(sd)] if sd else []


def _initializer(model: "MLPClassifier") -> Initializer:
    """Return the rule for the first weights; ``auto`` is scikit-learn's, by the activation of all layers."""
    if model.weight_init == "auto":
        return GlorotUniformWithBias(2 if set(np.ravel(model.activation)) == {"logistic"} else 6)
    if isinstance(model.weight_init, str):
        return INITIALIZERS[model.weight_init]
    return Normal(float(model.weight_init))


def optimizer(model: "MLPClassifier") -> Optimizer:
    """Return the rule that moves the parameters; a grid's float64 would have it work in float64 throughout."""
    decay = float(model.beta_1), float(model.beta_2), float(model.epsilon)
    match model.solver:
        case "sgd" if model.momentum > 0:
            return Momentum(float(model.momentum), nesterov=bool(model.nesterovs_momentum))
        case "sgd":
            return SGD()
        case "adam":
            return Adam(*decay)
        case "rmsprop":
            return RMSprop(float(model.rho), float(model.epsilon))
        case "adagrad":
            return AdaGrad(float(model.epsilon))
        case "adamw":
            return AdamW(*decay, float(model.weight_decay))
    raise ParameterError(f"{model.solver} takes all samples at once, and makes no updates of its own")


def schedule(model: "MLPClassifier") -> Schedule:
    """Return how the learning rate changes; scikit-learn's three words mean something to ``sgd`` alone."""
    if isinstance(model.learning_rate, Schedule):
        check_parameters(model.learning_rate)
        return model.learning_rate
    if model.learning_rate == "invscaling" and model.solver == "sgd":
        return InverseScaling(float(model.power_t))
    return _SCHEDULES.get(model.learning_rate, Constant)()


def penalty(model: "MLPClassifier") -> L2 | None:
    """Return the term on the weights, if there is one."""
    return L2(float(model.alpha)) if model.alpha > 0 else None


def sampling(model: "MLPClassifier", n_samples: int) -> Sampling:
    """Return how batches are drawn from ``n_samples``."""
    size = {"auto": min(200, n_samples), "full": n_samples}.get(str(model.batch_size)) or int(model.batch_size)
    return Sampling(min(size, n_samples), shuffle=model.shuffle, replacement=model.replacement)


def stopping(model: "MLPClassifier") -> EarlyStopping:
    """Return when to stop; what is monitored by default is what scikit-learn monitors."""
    by_default = "validation_score" if model.early_stopping else "loss"
    monitor = by_default if model.monitor == "auto" else model.monitor
    return EarlyStopping(monitor, float(model.tol), float(model.n_iter_no_change))


def trainer(model: "MLPClassifier", n_samples: int, *, allocate: bool = True) -> Trainer:
    """Return a trainer of the model's network, at its beginning, or one that only says how to train."""
    return Trainer(
        model.network_,
        SGD() if model.solver == "lbfgs" else optimizer(model),  # lbfgs is SciPy's; the trainer keeps its history alone
        sampling(model, n_samples),
        float(model.learning_rate_init),
        schedule(model),
        length=int(model.max_iter),
        penalty=penalty(model),
        stopping=stopping(model),
        augmentation=augmentation(model),
        constraint=None if model.max_norm is None else MaxNorm(float(model.max_norm)),
        averaging=averaging(model),
        adversary=adversary(model),
        recompute_statistics=model.re_estimate,
        restore_best=model.early_stopping or model.monitor != "auto",
        adaptive=model.learning_rate == "adaptive" and model.solver == "sgd",
        n_threads=threads(model, n_samples),
        allocate=allocate,
    )


def augmentation(model: "MLPClassifier") -> Deform | None:
    """Return what deforms images, with the background that the images of training have."""
    deform = model.augmentation
    if deform is None or not isinstance(deform.background, str):
        return deform
    return replace(deform, background=vars(model).get("background_", 0.0))


def averaging(model: "MLPClassifier") -> Averaging | None:
    """Return which parameters along training are averaged."""
    if model.averaging is not None:
        check_parameters(model.averaging)
    return model.averaging


def adversary(model: "MLPClassifier") -> Adversary | None:
    """Return what moves inputs while the network learns.

    Raises
    ------
    ParameterError
        For one that compares answers of the network, where that draws another one each time.
    """
    if model.adversary is None:
        return None
    check_parameters(model.adversary)
    for name in ("dropout", "noise"):
        if model.adversary.n_probes and np.any(getattr(model, name)):
            raise ParameterError(
                f"{name} must be 0 where {type(model.adversary).__name__} compares answers of the same network; got "
                f"{getattr(model, name)!r}"
            )
    return model.adversary


def threads(model: "MLPClassifier", n_samples: int) -> int:
    """Return how many threads share an update: those that are allowed, or one where there is little to share."""
    n_together = n_samples if model.solver == "lbfgs" else sampling(model, n_samples).batch_size
    worth_while = n_together * len(model.network_.params) > WORTH_SHARING
    return int(model.n_threads or usable_threads()) if worth_while else 1


def refresh(model: "MLPClassifier", n_samples: int) -> None:
    """Have the model's trainer train as the parameters say now; its progress stays.

    Raises
    ------
    ParameterError
        Where they ask for other layers than the network has.
    """
    wanted = layers(model, model.n_features_in_, model.n_outputs_)
    if repr(wanted) != repr(model.network_.layers):
        raise ParameterError(f"training goes on with {model.network_.layers}; the parameters now ask for {wanted}")
    model.network_.loss = loss(model, model.out_activation_)
    model._trainer.adopt(trainer(model, n_samples, allocate=False))  # noqa: SLF001 - the model's own builder

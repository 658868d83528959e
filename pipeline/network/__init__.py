"""A multilayer perceptron in pure NumPy, independent of the rest of the package.

To read it, begin with ``layers``, ``losses``, ``network``, ``optimizers`` and ``training``. Layers go forward and
backward; a loss says how wrong a prediction is; a network holds both, and its parameters in one flat buffer; an
optimizer updates them, at the rate that a schedule gives; training is the loop around it all.
"""

from pipeline.network.adversarial import Adversarial, Adversary, VirtualAdversarial
from pipeline.network.gradient_check import check_gradients, numerical_gradient
from pipeline.network.initializers import INITIALIZERS, GlorotUniformWithBias, Normal, WithNormalBias
from pipeline.network.layers import (
    ACTIVATIONS,
    ELU,
    GELU,
    SELU,
    Affine,
    BatchNorm,
    Cache,
    Dropout,
    GaussianNoise,
    Identity,
    Layer,
    LeakyReLU,
    Mish,
    ReLU,
    Scale,
    Sigmoid,
    Tanh,
)
from pipeline.network.losses import (
    LOSSES,
    REGRESSION_LOSSES,
    AbsoluteError,
    Huber,
    Loss,
    Pinball,
    PoissonDeviance,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from pipeline.network.network import Network
from pipeline.network.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Optimizer, RMSprop
from pipeline.network.rate_factors import RateFactors
from pipeline.network.regularizers import L2, LabelSmoothing, MaxNorm
from pipeline.network.schedules import (
    Constant,
    Cosine,
    CosineCycles,
    Exponential,
    InverseScaling,
    OneCycle,
    Schedule,
    Step,
)
from pipeline.network.weight_averaging import Averaging, ExponentialAverage, LastEpochs, RunningAverage

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "INITIALIZERS",
    "L2",
    "LOSSES",
    "REGRESSION_LOSSES",
    "SELU",
    "SGD",
    "AbsoluteError",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adversarial",
    "Adversary",
    "Affine",
    "Averaging",
    "BatchNorm",
    "Cache",
    "Constant",
    "Cosine",
    "CosineCycles",
    "Dropout",
    "Exponential",
    "ExponentialAverage",
    "GaussianNoise",
    "GlorotUniformWithBias",
    "Huber",
    "Identity",
    "InverseScaling",
    "LabelSmoothing",
    "LastEpochs",
    "Layer",
    "LeakyReLU",
    "Loss",
    "MaxNorm",
    "Mish",
    "Momentum",
    "Network",
    "Normal",
    "OneCycle",
    "Optimizer",
    "Pinball",
    "PoissonDeviance",
    "RMSprop",
    "RateFactors",
    "ReLU",
    "RunningAverage",
    "Scale",
    "Schedule",
    "Sigmoid",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "Step",
    "Tanh",
    "VirtualAdversarial",
    "WithNormalBias",
    "check_gradients",
    "numerical_gradient",
]

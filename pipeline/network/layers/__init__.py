"""The layers of a network, one module for each kind."""

from pipeline.network.layers.activations import (
    ACTIVATIONS,
    ELU,
    GELU,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    Tanh,
)
from pipeline.network.layers.affine import Affine
from pipeline.network.layers.base import ALL, Cache, Layer
from pipeline.network.layers.batch_norm import BatchNorm
from pipeline.network.layers.dropout import Dropout
from pipeline.network.layers.noise import GaussianNoise
from pipeline.network.layers.scale import Scale

__all__ = [
    "ACTIVATIONS",
    "ALL",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "Affine",
    "BatchNorm",
    "Cache",
    "Dropout",
    "GaussianNoise",
    "Identity",
    "Layer",
    "LeakyReLU",
    "Mish",
    "ReLU",
    "Scale",
    "Sigmoid",
    "Tanh",
]

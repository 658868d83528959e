"""Attacks, drawn by a seed: ``--hostile-size 10`` draws ten times as many, ``--hostile-seed 1`` draws others."""

import random

import pytest


def pytest_addoption(parser):
    """Let a night be longer than a change."""
    group = parser.getgroup("hostile", "attacks on the pipeline")
    group.addoption("--hostile-size", type=float, default=1.0, help="how many times as many attacks; 1 takes minutes")
    group.addoption("--hostile-seed", type=int, default=0, help="what draws them")


@pytest.fixture(scope="session")
def scaled(pytestconfig):
    """Return how many attacks to make in the place of so many."""
    size = pytestconfig.getoption("--hostile-size", default=1.0)
    return lambda n: max(1, round(n * size))


@pytest.fixture
def draw(request):
    """Return what draws the attacks of a test: the same with every run of a seed, and others for every test."""
    seed = request.config.getoption("--hostile-seed", default=0)
    return random.Random(f"{seed} {request.node.nodeid.rpartition('/')[2]}")

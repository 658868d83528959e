"""What all tests share."""

import os

# SciPy reads it when it is imported; without it, scikit-learn leaves out its check of array API input.
os.environ["SCIPY_ARRAY_API"] = "1"

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Multiply matrices with one thread: the networks of tests are so small that more only wait for each other."""
    with threadpool_limits(1, user_api="blas"):
        yield

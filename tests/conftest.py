"""What all tests share."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

# SciPy reads it when it is imported; without it, scikit-learn leaves out its check of array API input.
os.environ["SCIPY_ARRAY_API"] = "1"

import pytest
from chromium import NoBrowserError, Visits, is_required, started
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Multiply matrices with one thread: the networks of tests are so small that more only wait for each other."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """Return a folder in which the workflow has run, on the digits inside scikit-learn."""
    root, folder = Path(__file__).parents[1], tmp_path_factory.mktemp("workplace")
    settings = ["--set", "fetch.dataset=digits", "--set", "train.max_iter=2"]
    subprocess.run(
        [sys.executable, "-m", "pipeline", "run", "--params", str(root / "params.yaml"), *settings],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
    )
    return folder


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the tests that open a page: ``-m browser`` runs them alone, ``-m "not browser"`` all others."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """Return a browser without a network; where there is none the test is skipped, or fails if it must be there."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(started())
        except NoBrowserError as error:
            if is_required():
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield browser


@pytest.fixture
def open_page(chromium):
    """Return `chromium.Visits.open`; an error in the console or a request of a page fails the test."""
    visits = Visits(chromium)
    yield visits.open
    visits.close()
    assert not visits.problems

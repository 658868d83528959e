"""The choice between NumPy and compiled loops."""

import sys

import pytest

from pipeline.network.compiled import engines
from pipeline.network.compiled.engines import has_numba, updater_class
from pipeline.network.parallel.updates import Updater


@pytest.fixture
def without_numba(monkeypatch):
    """Have numba not be there."""
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in [name for name in sys.modules if name.startswith("pipeline.network.compiled")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(sys.modules["pipeline.network"], "compiled", raising=False)


def test_numpy_is_always_there():
    """It takes no numba."""
    assert updater_class("numpy") is Updater


@pytest.mark.usefixtures("without_numba")
def test_without_numba_auto_is_numpy():
    """Where numba is not installed, ``auto`` does not miss it, and ``numba`` names the extra that has it."""
    assert not has_numba()
    assert updater_class("auto") is Updater
    with pytest.raises(ImportError, match="engine 'numba' needs numba, which the extra fast installs"):
        updater_class("numba")


@pytest.mark.usefixtures("without_numba")
def test_a_numba_that_does_not_run_is_not_taken(monkeypatch):
    """One that is installed but does not know this NumPy fails when it is imported."""
    monkeypatch.setattr(engines, "has_numba", lambda: True)
    with pytest.warns(RuntimeWarning, match="numba does not run, so that NumPy trains, more slowly: .*numba"):
        assert updater_class("auto") is Updater
    with pytest.raises(ImportError, match="the extra fast"):
        updater_class("numba")


def test_with_numba_auto_is_numba():
    """Both names give the compiled updater."""
    pytest.importorskip("numba", reason="compiled loops need the extra fast")
    assert updater_class("auto") is updater_class("numba")
    assert updater_class("auto").__name__ == "CompiledUpdater"


def test_a_library_that_cannot_be_loaded_is_not_taken(monkeypatch):
    """Then numba ends in another error than that of a module that is missing."""
    pytest.importorskip("numba", reason="compiled loops need the extra fast")

    class Broken:
        def __getattr__(self, name):
            raise OSError(f"libllvmlite.so: cannot open shared object file ({name})")

    for name in [name for name in sys.modules if name.startswith("pipeline.network.compiled")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(sys.modules["pipeline.network"], "compiled", raising=False)
    monkeypatch.setitem(sys.modules, "numba", Broken())
    monkeypatch.setattr(engines, "has_numba", lambda: True)
    with pytest.warns(RuntimeWarning, match="cannot open shared object file"):
        assert updater_class("auto") is Updater
    with pytest.raises(ImportError, match="cannot open shared object file"):
        updater_class("numba")


def test_auto_interprets_no_loops(monkeypatch):
    """Where numba is told to compile nothing, only one who asks for its loops gets them."""
    pytest.importorskip("numba", reason="compiled loops need the extra fast")
    monkeypatch.setattr("pipeline.network.compiled.jit.DISABLED", True)
    assert updater_class("auto") is Updater
    assert updater_class("numba").__name__ == "CompiledUpdater"

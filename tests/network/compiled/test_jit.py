"""Compilation: what is stored on disk, and what may go wrong with it."""

import ctypes
import importlib.util
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from numba import config
from numba.core.caching import FunctionCache

from pipeline.network.compiled import jit

SOURCE = """
from pipeline.network.compiled.jit import compiled


@compiled
def twice(x):
    return x + x


@compiled
def double(X):
    for i in range(X.size):
        X[i] = twice(X[i])
"""
USE = """
import numpy as np
from pipeline.network.compiled import jit
jit.listeners.append(jit.Listener(lambda: print("compiling"), lambda: None, lambda: None))
from pipeline.network.compiled.parameters import add_to_average
total = np.ones(3)
add_to_average(total, total, 0.5)
assert total.tolist() == [1.5, 1.5, 1.5], total
"""
FORK = """
import os
child = os.fork()
more = np.ones(3, np.float32)
add_to_average(more, more, 0.5)
assert more.tolist() == [1.5, 1.5, 1.5], more
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
else:
    os._exit(0)
"""
ROOT = Path(jit.__file__).parents[3]


@pytest.fixture(autouse=True)
def beside_the_source(monkeypatch):
    """Store code beside the source, wherever else it is stored for other tests."""
    monkeypatch.setattr(config, "CACHE_DIR", "")


def load(folder):
    """Import a module from a folder anew, and return its compiled function."""
    (folder / "doubling.py").write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("doubling", folder / "doubling.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.double


@pytest.fixture
def heard(monkeypatch):
    """Return what a listener hears."""
    words = []
    listener = jit.Listener(*(partial(words.append, word) for word in ("begin", "advance", "end")))
    monkeypatch.setattr(jit, "listeners", [listener])
    return words


def doubles(function):
    """Return whether it does what it should."""
    X = np.arange(4.0)
    function(X)
    return X.tolist() == [0, 2, 4, 6]


def start(code, **environment):
    """Start another interpreter."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)


def test_what_is_compiled_is_announced_once(tmp_path, heard):
    """A listener hears of a function that is compiled, with all that it calls; from the cache it comes in silence."""
    assert doubles(load(tmp_path))
    assert heard == ["begin", "advance", "advance", "end"]
    assert doubles(load(tmp_path))
    assert heard == ["begin", "advance", "advance", "end"]


def test_an_interruption_ends_what_was_begun(tmp_path, monkeypatch):
    """A listener hears of the end, and the next one of the beginning again."""
    heard = []
    calls = [partial(heard.append, name) for name in ("begin", "advance", "end")]
    double = load(tmp_path)

    def interrupted(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(jit._Cache, "save_overload", interrupted)
        with pytest.raises(KeyboardInterrupt), jit.watching(*calls):
            double(np.ones(2))
    assert heard == ["begin", "end"]
    with jit.watching(*calls):
        assert doubles(load(tmp_path))
    assert [heard[2], heard[-1]] == ["begin", "end"]
    assert heard.count("end") == 2


@pytest.mark.parametrize("method", ["load_overload", "save_overload"])
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit(129)])
def test_an_interruption_inside_llvm_is_not_lost(tmp_path, monkeypatch, method, interrupt):
    """Python only prints what is raised while C calls it; it is raised again when C is done."""
    original = getattr(FunctionCache, method)

    def interrupted(*arguments):
        @ctypes.CFUNCTYPE(None)
        def call():
            raise interrupt

        call()
        return original(*arguments)

    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(FunctionCache, method, interrupted)
    expected = KeyboardInterrupt if interrupt is KeyboardInterrupt else SystemExit
    with pytest.raises(expected), jit.watching(*3 * [lambda: None]):
        load(tmp_path)(np.ones(2))
    monkeypatch.setattr(FunctionCache, method, original)
    assert doubles(load(tmp_path))


def test_a_change_of_any_file_makes_it_new(tmp_path, monkeypatch, heard):
    """What is stored belongs to the sources of all files, as a loop contains those that it calls."""
    assert doubles(load(tmp_path))
    heard.clear()
    monkeypatch.setattr(jit, "_STAMP", "another")
    assert doubles(load(tmp_path))
    assert heard == ["begin", "advance", "advance", "end"]


@pytest.mark.parametrize("what", ["", ".nbi", ".nbc"])
def test_damaged_files_are_passed_over(tmp_path, what):
    """An index or code that cannot be read is as good as none."""
    assert doubles(load(tmp_path))
    files = [path for path in (tmp_path / "__pycache__").iterdir() if path.name.endswith(what)]
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[:40] if path.suffix != ".pyc" else path.read_bytes())
    assert doubles(load(tmp_path))


def test_code_for_other_types_is_not_taken(tmp_path):
    """Two processes that store code at once may give it one name: the index then has it under the wrong types."""
    first = load(tmp_path)
    assert doubles(first)
    single = np.ones(2, np.float32)
    first(single)
    one, other = sorted((tmp_path / "__pycache__").glob("*.double-*.nbc"))
    other.write_bytes(one.read_bytes())
    again = load(tmp_path)
    again(single)
    assert single.tolist() == [4, 4]
    assert doubles(again)


@pytest.mark.parametrize("method", ["__init__", "load_overload", "save_overload"])
@pytest.mark.parametrize("error", [OSError(28, "no space left"), PermissionError(13, "denied")])
def test_a_cache_that_fails_is_done_without(tmp_path, monkeypatch, method, error):
    """Without a folder to write to, or with a full disk, loops are compiled all the same."""

    def fail(*_arguments):
        raise error

    monkeypatch.setattr(FunctionCache, method, fail)
    assert doubles(load(tmp_path))


def test_no_folder_for_a_cache_is_no_error(tmp_path, monkeypatch):
    """Where numba finds no place that it may write to, it says so by a RuntimeError of its own."""

    def fail(*_arguments):
        raise RuntimeError("cannot cache function 'double': no locator available")

    monkeypatch.setattr(FunctionCache, "__init__", fail)
    assert doubles(load(tmp_path))


def test_several_processes_compile_at_once(tmp_path):
    """Each ends well, and what they leave is whole: another one compiles nothing."""
    running = [start(USE, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(3)]
    assert [process.communicate() and process.returncode for process in running] == [0, 0, 0]
    last = start(USE, NUMBA_CACHE_DIR=str(tmp_path))
    assert last.communicate()[0] == ""
    assert last.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_process_compiles_on(tmp_path):
    """Parent and child go on with what was compiled, and compile what was not."""
    process = start(USE + FORK, NUMBA_CACHE_DIR=str(tmp_path))
    process.communicate()
    assert process.returncode == 0


def test_it_runs_without_its_compiler(tmp_path):
    """NUMBA_DISABLE_JIT has every loop interpreted, which a debugger can follow."""
    process = start(USE, NUMBA_DISABLE_JIT="1", NUMBA_CACHE_DIR=str(tmp_path))
    assert process.communicate()[0] == ""
    assert process.returncode == 0

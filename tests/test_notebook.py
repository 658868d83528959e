"""Progress in a notebook, against a stand-in for IPython that notes what is displayed."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from pipeline import MLPClassifier, Preprocess
from pipeline.mlp import reporting
from pipeline.notebook import NotebookProgress, in_notebook, progress_here
from pipeline.progress import Progress

X, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 3


@pytest.fixture
def shown(monkeypatch):
    """Be in a notebook; return a list with the states of each display, the last one last."""
    displays = []

    class Display:
        def __init__(self, data):
            self.states = [data]
            displays.append(self.states)

        def update(self, data, *, raw):
            assert raw
            self.states.append(data)

    module, inner = ModuleType("IPython"), ModuleType("IPython.display")
    module.get_ipython = lambda: SimpleNamespace(kernel="a kernel")
    inner.display = lambda data, *, raw, display_id: Display(data) if raw and display_id else None
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", inner)
    return displays


def texts(displays):
    """Return the last text of each display."""
    return [states[-1]["text/plain"] for states in displays]


def fitted(**parameters):
    """Return a fitted classifier."""
    options = {"learning_rate": "cosine", "max_iter": 3, "engine": "numpy", "random_state": 0} | parameters
    return MLPClassifier((5,), **options).fit(X, y)


def test_outside_of_a_notebook_nothing_is_shown(monkeypatch):
    """Neither where IPython is missing, nor in its shell, which has no kernel."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    shell = ModuleType("IPython")
    shell.get_ipython = SimpleNamespace
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert not in_notebook()
    assert type(progress_here()) is Progress


def test_a_notebook_is_a_shell_with_a_kernel(shown):
    """What shows progress there is chosen without a word."""
    assert in_notebook()
    assert isinstance(progress_here(), NotebookProgress)
    assert shown == []


def test_a_piece_of_work_changes_in_place(shown):
    """It has one display, which ends with all that was done."""
    progress = NotebookProgress()
    progress.begin("train", 2, "epochs")
    progress.advance(loss=0.5, validation_loss=0.25)
    progress.advance(loss=0.125)
    progress.end()
    assert len(shown) == 1
    assert shown[0][0]["text/plain"].startswith("train 0/2 epochs")
    assert texts(shown)[0].startswith("train 2/2 epochs, loss 0.125, validation loss 0.25, 0:00")
    assert '<progress value="2" max="2">' in shown[0][-1]["text/html"]


def test_work_inside_other_work_comes_and_goes(shown):
    """What is begun last ends first; the next piece has a display of its own."""
    progress = NotebookProgress()
    progress.begin("all", None, "files")
    progress.say("on the way")
    progress.begin("one", 4_000_000, "B")
    progress.advance(1_500_000)
    progress._draw()
    assert "one 1.5/4.0 MB" in texts(shown)[0]
    progress.end()
    progress.advance()
    progress.end()
    progress.begin("next", 1, "files")
    assert [text.partition(",")[0] for text in texts(shown)] == ["on the way\nall 1 files", "next 0/1 files"]


def test_states_that_follow_too_fast_are_left_out(shown):
    """A notebook stores every one; the last is there all the same."""
    progress = NotebookProgress()
    progress.begin("train", 1000, "epochs")
    for _ in range(1000):
        progress.advance()
    progress.end()
    assert len(shown[0]) < 500
    assert texts(shown)[0].startswith("train 1000/1000 epochs")


def test_no_text_is_a_tag(shown):
    """A file's name may hold anything."""
    progress = NotebookProgress()
    progress.say("<b>")
    progress.begin("<script>", 1, "files")
    progress.end()
    assert "<b>" not in shown[0][0]["text/html"]
    assert "<script>" not in shown[1][-1]["text/html"]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_verbose_is_one_line_in_a_notebook(shown, capsys, solver):
    """Nothing is printed; the bar tells epochs and metrics, and is left as it ended."""
    model = fitted(solver=solver, verbose=True, max_iter=500 if solver == "lbfgs" else 3)
    assert capsys.readouterr().out == ""
    assert len(shown) == 1
    assert texts(shown)[0].startswith(f"fit {model.n_iter_}/{model.max_iter} epochs, loss {model.loss_curve_[-1]:.4g}")


def test_verbose_2_prints_lines_in_a_notebook_too(shown, capsys):
    """As in a log."""
    fitted(verbose=2)
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert shown == []


def test_why_training_stopped_is_told_above_the_bar(shown, capsys):
    """The sentence that is printed elsewhere."""
    fitted(verbose=True, tol=10, n_iter_no_change=1, max_iter=50)
    assert capsys.readouterr().out == ""
    assert "did not improve more than tol=10" in texts(shown)[0]


def test_a_bar_is_left_as_it_is_where_training_fails(shown, monkeypatch):
    """Another fit begins a new one."""
    monkeypatch.setattr(reporting.Reporter, "on_epoch_end", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fitted(verbose=True)
    monkeypatch.undo()
    assert len(shown) == 1


def test_a_stage_that_runs_in_a_notebook_shows_what_it_does(shown, workplace, tmp_path):
    """Without being asked to."""
    (tmp_path / "raw").symlink_to(workplace / "artifacts" / "raw")
    Preprocess().run(tmp_path)
    assert [text.partition("/")[0] for text in texts(shown)] == ["normalise train_X 1437", "normalise test_X 360"]

"""What is said of training under ``verbose``, and to callbacks."""

from types import SimpleNamespace

import pytest

from pipeline.mlp.reporting import Reporter
from pipeline.network.early_stopping import EarlyStopping
from pipeline.network.training import Epoch


class Tasks:
    """The tasks of a fit, which note what they hear."""

    def __init__(self, *, watched):
        self.watched, self.heard = watched, []

    def begin_epoch(self):
        self.heard.append("begin")

    def end_epoch(self):
        self.heard.append("end")
        return True


def reporter(tasks=None, *, verbose=False, monitor="loss", update_attributes=list):
    """Return a reporter of a trainer after one epoch."""
    stopping = EarlyStopping(monitor, tol=0.01)
    trainer = SimpleNamespace(history=[None], learning_rate=0.5, adaptive=False, stopping=stopping)
    return Reporter(trainer, tasks, verbose=verbose, max_epochs=5, patience=3, update_attributes=update_attributes)


def epoch(validation_score=None):
    """Return the metrics of an epoch."""
    return Epoch(0.25, 0.5, None, validation_score, 0.1, 1.0)


def test_an_epoch_is_a_line_as_scikit_learn_prints_it(capsys):
    """And a second one for the score on validation data, where there are some."""
    one = reporter(verbose=True)
    assert not one.on_epoch_end(epoch())
    assert capsys.readouterr().out == "Iteration 1, loss = 0.25000000\n"
    one.on_epoch_end(epoch(0.75))
    assert capsys.readouterr().out == "Iteration 1, loss = 0.25000000\nValidation score: 0.750000\n"


@pytest.mark.parametrize(("monitor", "metric"), [("loss", "Training loss"), ("validation_score", "Validation score")])
def test_a_metric_that_has_stalled_is_named(capsys, monitor, metric):
    """Where the rate falls, and where training ends for it; not where it ends for another reason."""
    one = reporter(verbose=True, monitor=monitor)
    one.on_epoch_begin()
    assert capsys.readouterr().out == ""
    one.trainer.learning_rate = 0.1
    one.on_epoch_begin()
    one.on_training_end("max_epochs")
    stalled = f"{metric} did not improve more than tol=0.010000 for 3 consecutive epochs."
    assert capsys.readouterr().out == f"{stalled} Setting learning rate to 0.100000\n"
    one.on_training_end("stalled")
    assert capsys.readouterr().out == f"{stalled} Stopping.\n"
    one.trainer.adaptive = True
    one.on_training_end("stalled")
    assert capsys.readouterr().out == f"{stalled} Learning rate too small. Stopping.\n"


def test_nothing_is_printed_unasked(capsys):
    """Neither epochs nor the end."""
    one = reporter()
    one.trainer.learning_rate = 0.1
    one.on_epoch_begin()
    one.on_epoch_end(epoch(0.5))
    one.on_training_end("stalled")
    assert capsys.readouterr().out == ""


def test_a_callback_that_watches_sees_attributes_and_may_stop():
    """They are brought up to date before it is called; without one that watches they are left alone."""
    tasks = Tasks(watched=True)
    one = reporter(tasks, update_attributes=lambda: tasks.heard.append("update"))
    one.on_epoch_begin()
    assert one.on_epoch_end(epoch())
    assert tasks.heard == ["begin", "update", "end"]
    tasks = Tasks(watched=False)
    one = reporter(tasks, update_attributes=lambda: tasks.heard.append("update"))
    one.on_epoch_begin()
    assert not one.on_epoch_end(epoch())
    assert tasks.heard == ["begin"]

"""The page that shows a training: who may ask for it, what it answers, how it ends, and how it looks in a browser."""

import http.client
import json
import re
import socket
import threading
import time

import pytest

from pipeline.cli.curves import Curves
from pipeline.cli.watch_page import PAGE, WatchPage
from pipeline.parameters import ParameterError

EPOCHS = [
    {"loss": 0.5, "accuracy": 0.8, "validation_loss": 0.4, "validation_accuracy": 0.9, "learning_rate": 0.002},
    {"loss": float("nan"), "accuracy": 0.9, "validation_loss": 0.3, "validation_accuracy": 0.95, "seconds": 1.5},
]


@pytest.fixture
def page():
    """Return a page of two epochs that is being served."""
    with WatchPage(Curves(list(EPOCHS), total=12)) as served:
        yield served
        served.told.set()  # so that no test waits


def ask(page, path="/", method="GET", host=None):
    """Return status, headers and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=100)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{page.port}")
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def test_it_serves_the_page(page):
    """As HTML, which no browser stores or takes for anything else."""
    status, headers, text = ask(page)
    assert (status, text) == (200, PAGE)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Python" not in headers["Server"]


def test_its_table_can_be_reached_by_keys():
    """What scrolls sideways on a narrow screen can be focused, and has a name."""
    assert (
        PAGE.count('<div class="wide"') == PAGE.count('<div class="wide" tabindex="0" role="region" aria-label="') == 1
    )


def test_it_tells_what_is_new(page):
    """The epochs from a number on, strictly as JSON; what is no number is left out."""
    status, headers, text = ask(page, "/epochs?from=1")
    told = json.loads(text, parse_constant=pytest.fail)
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    expected = {name: value for name, value in EPOCHS[1].items() if name != "loss"}
    assert told == {"state": "training", "total": 12, "epochs": [expected]}
    assert json.loads(ask(page, "/epochs")[2])["epochs"] == [EPOCHS[0], expected]
    assert json.loads(ask(page, "/epochs?from=7")[2])["epochs"] == []


@pytest.mark.parametrize(
    "path", ["/epochs?from=-1", "/epochs?from=x", "/epochs?from=99999999999", "/epochs?from=%C2%B2"]
)
def test_a_number_that_is_none_is_refused(page, path):
    """With the status of a bad request."""
    assert ask(page, path)[0] == 400


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "localhost"])
def test_a_request_for_another_name_is_refused(page, host):
    """A site whose name was made to point to this machine learns nothing, of the page or of its figures."""
    for path in ("/", "/epochs"):
        status, _, text = ask(page, path, host=host.format(port=page.port))
        assert status == 421
        assert "loss" not in text


def test_both_names_of_this_machine_do(page):
    """127.0.0.1 and localhost."""
    assert ask(page, host=f"localhost:{page.port}")[0] == 200


@pytest.mark.parametrize(("method", "status"), [("POST", 501), ("PUT", 501), ("OPTIONS", 501)])
def test_nothing_can_be_sent(page, method, status):
    """It only answers."""
    assert ask(page, method=method)[0] == status


@pytest.mark.parametrize("path", ["/nothing", "/../etc/passwd", "/epochs/", "/%2e%2e/"])
def test_there_is_nothing_else(page, path):
    """No file is ever read."""
    assert ask(page, path)[0] == 404


def test_it_listens_on_this_machine_alone(page):
    """The address is that of the loopback."""
    assert page._server.server_address[0] == "127.0.0.1"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", page.address)


def test_a_port_that_is_taken_is_named(page):
    """Before any work is done."""
    with pytest.raises(ParameterError, match=f"--watch-port must be a port that is free; got {page.port}"):
        WatchPage(Curves(), page.port)


def test_a_client_that_hangs_or_talks_nonsense_disturbs_no_other(page):
    """Each has a thread of its own, and none is waited for at the end."""
    with (
        socket.create_connection(("127.0.0.1", page.port)) as silent,
        socket.create_connection(("127.0.0.1", page.port)) as noisy,
    ):
        noisy.sendall(b"\x16\x03\x01" + bytes(range(256)) + b"\r\n\r\n")
        assert silent
        assert ask(page)[0] == 200


def test_nothing_is_printed(page, capfd):
    """The terminal belongs to the training."""
    ask(page)
    ask(page, "/nothing")
    assert capfd.readouterr() == ("", "")


def test_a_page_that_looks_hears_of_the_end():
    """The server waits a moment for the one that asked just now, and then is gone."""
    told = []
    with WatchPage(Curves()) as page:
        ask(page, "/epochs")

        def look():
            while not told or told[-1] == "training":
                told.append(json.loads(ask(page, "/epochs")[2])["state"])

        thread = threading.Thread(target=look)
        thread.start()
    thread.join()
    assert told[-1] == "finished"
    with pytest.raises(ConnectionError):
        ask(page)


def test_an_error_is_told_as_one():
    """A training that broke off is not called finished."""
    page = WatchPage(Curves())
    with pytest.raises(ValueError, match="diverged"), page:
        raise ValueError("diverged")
    assert page.news(0)["state"] == "stopped"


def test_who_interrupts_does_not_wait(monkeypatch):
    """Ctrl-C ends at once, though a page is looking."""
    page = WatchPage(Curves())
    monkeypatch.setattr(page.told, "wait", lambda _: pytest.fail("waited"))
    page.asked = time.monotonic()
    with pytest.raises(KeyboardInterrupt), page:
        raise KeyboardInterrupt


@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_follows_the_training(open_page, dark):
    """It shows what is there, then what comes, and in the end that it is the end; no other request is made."""
    curves = Curves(list(EPOCHS), total=3)
    with WatchPage(curves) as page:
        opened = open_page(page.address, viewport=(390, 844), dark=dark)
        opened.locator("#state", has_text="Training: epoch 2 of 3.").wait_for()
        assert opened.inner_text("#best") == "Best: epoch 2, validation accuracy 0.9500."
        curves.epochs.append({"loss": 0.1, "accuracy": 0.97, "validation_loss": 0.3, "validation_accuracy": 0.94})
        opened.locator("#state", has_text="Training: epoch 3 of 3.").wait_for()
        assert opened.inner_text("#accuracy-words") == "Accuracy: training 0.9700, validation 0.9400"
        assert opened.locator("#loss polyline").count() == 2
        assert opened.locator("#rows tr").count() == 3
        page.state = "finished"
        opened.locator("#state", has_text="Finished: epoch 3 of 3.").wait_for()
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390

"""The browser of the tests: what it lets a page do, what it notes, and what is said where there is none."""

import http.server
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import chromium as browsers
import pytest

PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>page</title><link rel="icon" href="data:,">{}'
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw=="


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a page and returns its file."""

    def written(body):
        path = tmp_path / "page.html"
        path.write_text(PAGE.format(body), "utf-8")
        return path

    return written


@pytest.fixture
def visits(chromium):
    """Return what opens pages, whose problems a test may look at."""
    made = browsers.Visits(chromium)
    yield made
    made.close()


def test_a_page_is_opened_from_its_file(open_page, write):
    """What stands inside a page is no request; links to its own parts are none either."""
    page = open_page(write(f'<h1 id="top">Digits</h1><img src="{DOT}" alt=""><a href="#top">up</a>'))
    page.click("a")
    assert page.inner_text("h1") == "Digits"
    assert page.evaluate("document.images[0].naturalWidth") == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<script>console.error('so bad')</script>", "so bad"),
        ("<script>nothing.there</script>", "nothing is not defined"),
        ("<script>setTimeout(() => { throw new Error('later') })</script>", "later"),
        ('<img src="https://example.com/a.png">', "request for https://example.com/a.png"),
        ('<link rel="stylesheet" href="beside.css">', "beside.css"),
        ("<script>new WebSocket('ws://127.0.0.1:9/')</script>", "request for ws://127.0.0.1:9/"),
        ("<script>fetch('http://127.0.0.1:9/').catch(() => 0)</script>", "request for http://127.0.0.1:9/"),
        ('<meta http-equiv="Content-Security-Policy" content="img-src \'none\'"><img src="data:,">', "Security"),
    ],
)
def test_what_a_page_must_not_do_is_noted(visits, write, body, problem):
    """Errors in the console and of scripts, and requests, whether for the web, this machine or a file beside it."""
    page = visits.open(write(body))
    page.wait_for_timeout(100)
    assert any(problem in one for one in visits.problems), visits.problems


def test_the_network_is_cut_off(visits, write):
    """A page of a file reaches nothing, not even this machine."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        page = visits.open(write(""))
        assert page.evaluate(f"fetch('{address}').then(() => 'there', () => 'cut off')") == "cut off"
        assert not page.evaluate("navigator.onLine")


def test_a_page_of_a_local_server_may_ask_it(open_page, write):
    """A page that is served on 127.0.0.1 asks its own server as it likes."""
    folder = write("<script>fetch('page.html').then(() => document.title = 'done')</script>").parent
    handler = partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            page = open_page(f"http://127.0.0.1:{server.server_port}/page.html")
            browsers.wait_until(page, "document.title === 'done'")
        finally:
            server.shutdown()
            thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing of requests."""


def test_screen_and_colours_are_as_asked_for(open_page, write):
    """Width, pixels to a CSS pixel, touch and the preference for dark colours arrive in the page."""
    wide, narrow = open_page(write("")), open_page(write(""), viewport=(390, 844), dark=True, touch=True, scale=3)
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    asked = f"[innerWidth, devicePixelRatio, navigator.maxTouchPoints > 0, {dark}]"
    assert wide.evaluate(asked) == [1280, 1, False, False]
    assert narrow.evaluate("screen.width") == 390
    assert narrow.evaluate(asked)[1:] == [3, True, True]


def test_tests_that_open_a_page_are_marked(request, open_page):
    """``-m browser`` runs them alone."""
    assert callable(open_page)
    assert request.node.get_closest_marker("browser")


@pytest.mark.parametrize(("value", "required"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_a_variable_says_whether_a_browser_must_be_there(monkeypatch, value, required):
    """Without it tests are skipped where there is none."""
    if value is None:
        monkeypatch.delenv(browsers.REQUIRED, raising=False)
    else:
        monkeypatch.setenv(browsers.REQUIRED, value)
    assert browsers.is_required() is required


def test_without_playwright_a_line_says_what_brings_it(monkeypatch):
    """The reason names the extra."""
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(browsers.NoBrowserError, match=r"\.\[test\]"), browsers.started():
        pass


@pytest.mark.parametrize(("value", "end"), [("0", "1 skipped"), ("1", "1 error")])
def test_without_chromium_tests_are_skipped_or_fail(tmp_path, value, end):
    """A newcomer's tests pass, with a reason; where a browser must be there, they do not."""
    test = f"{Path(__file__)}::{test_a_page_is_opened_from_its_file.__name__}"
    environment = os.environ | {browsers.REQUIRED: value, "PATH": "", "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", test],
        cwd=Path(__file__).parents[1],
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == int(value), done.stderr
    assert end in done.stdout
    assert "no Chromium: apt-get install chromium" in done.stdout

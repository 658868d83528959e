"""A data set of five images, a server on 127.0.0.1 that behaves as it is told, and somebody who watches."""

import gc
import gzip
import hashlib
import threading
import tracemalloc
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.data.idx import FILES, write_idx
from pipeline.data.sources.base import Transfer
from pipeline.progress import Progress


@pytest.fixture(autouse=True)
def cache_root(tmp_path, monkeypatch):
    """Keep every test away from the user's own cache."""
    monkeypatch.setenv("DIGITS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tiny_folder(tmp_path):
    """Make a folder with the four raw files of a data set: three images and two, of 2x2 pixels, labels 0 to 2."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    pixels = np.arange(20, dtype=np.uint8).reshape(5, 2, 2)
    labels = np.array([0, 1, 2, 2, 1], np.uint8)
    for part, rows in {"train": slice(3), "test": slice(3, 5)}.items():
        for name, array in zip(FILES[part], (pixels, labels), strict=True):
            write_idx(folder / name, array[rows])
    return folder


@pytest.fixture
def tiny(tiny_folder):
    """Return the bytes of the four raw files, by name."""
    return {path.name: path.read_bytes() for path in sorted(tiny_folder.iterdir())}


@pytest.fixture
def files(tiny):
    """Return the SHA-256 of the four raw files, by name."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in tiny.items()}


class Recorder(Progress):
    """Progress that writes down what it hears."""

    def __init__(self):
        self.begun, self.total, self.ended, self.lines = [], 0, 0, []

    def begin(self, what, total, unit):
        self.begun.append((what, total, unit))

    def advance(self, step=1, **figures):
        assert not figures
        self.total += step

    def end(self):
        self.ended += 1

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def peak_of():
    """Return a function that returns the most memory that a call has held, without what only imports and waits take."""

    def peak(call):
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            gc.enable()

    return peak


@pytest.fixture
def home(tmp_path):
    """Make an empty folder that a data set is brought to."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def transfer():
    """Make a way to carry, with patience for a busy machine; its ``progress`` writes down what it hears."""
    return Transfer(timeout=10, retries=2, progress=Recorder())


@pytest.fixture
def waits(monkeypatch):
    """Take all waiting between attempts for done, and write down how long it would have been."""
    waited = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


@pytest.fixture
def server(monkeypatch):
    """Start a server whose ``pages`` say, for each path, with which bytes or in which way it answers."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    closing, pages, asked = threading.Event(), {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            answers = pages.get(self.path, status(404))
            answer = answers.pop(0) if isinstance(answers, list) else answers
            (content(answer) if isinstance(answer, bytes) else answer)(self, closing)

        def log_message(self, *_):
            """Be quiet."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{httpd.server_port}/", pages=pages, asked=asked, answers=ANSWERS)
    closing.set()
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def content(body, announced=None):
    """Answer with these bytes, and announce so many."""

    def answer(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if announced is None else announced))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def status(code, **headers):
    """Answer with a status and no bytes."""

    def answer(handler, _):
        handler.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


def hang(_, closing):
    """Answer nothing for as long as the server runs."""
    closing.wait(10)


def hang_within(body):
    """Answer with the first half of these bytes, and then nothing more."""

    def answer(handler, closing):
        content(body[: len(body) // 2], len(body))(handler, closing)
        closing.wait(10)

    return answer


def endless(head, piece, pause=0.0):
    """Answer with these bytes, headers and all, and then with a piece after a pause again and again."""

    def answer(handler, closing):
        handler.close_connection = True
        with suppress(OSError):  # whoever has asked has hung up
            handler.wfile.write(head)
            while not closing.wait(pause):
                handler.wfile.write(piece)

    return answer


ANSWERS = SimpleNamespace(content=content, status=status, hang=hang, hang_within=hang_within, endless=endless)


@pytest.fixture
def mirrored(server, tiny):
    """Let the server have the four files, compressed, and return their addresses' common start."""
    server.pages |= {f"/set/{name}.gz": gzip.compress(body) for name, body in tiny.items()}
    return server.url + "set/"

"""A server that sends what it likes: the next source is asked soon, little memory is taken, and no file is touched."""

import gzip
import hashlib
import json
import shutil
import threading
import time
import tracemalloc
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.data.download import deliver
from pipeline.data.registry import Dataset
from pipeline.data.sources import mirror, openml
from pipeline.data.sources.arrays import fixed_fifth, write_parts
from pipeline.data.sources.base import Transfer
from pipeline.data.sources.local import Folder
from pipeline.data.sources.mirror import Mirror
from pipeline.data.sources.openml import OpenML
from pipeline.progress import Progress

pytestmark = pytest.mark.hostile

TIMEOUT = 0.05
"""Seconds; a whole transfer has thirty times as long, and a data set has seven of them at most."""

MAX_BYTES = 2**16


@pytest.fixture
def bad(monkeypatch):
    """Start a server whose ``answer`` is given each path, and says with which bytes it begins and what then repeats."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    closing, control = threading.Event(), SimpleNamespace(answer=None)

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self):
            self.close_connection = True
            with suppress(OSError):
                line = self.rfile.readline(2**16).split()
                while self.rfile.readline(2**16).strip():
                    pass
                head, piece, pause = control.answer(line[1].decode() if len(line) > 1 else "")
                self.wfile.write(head)
                while piece and not closing.wait(pause):
                    self.wfile.write(piece)

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    control.url = f"http://127.0.0.1:{httpd.server_port}/"
    yield control
    closing.set()
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Make a data set of twenty images, a folder to bring it to, and one whose files are nobody's business."""
    monkeypatch.setenv("DIGITS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mirror, "_MAX_BYTES", MAX_BYTES)
    monkeypatch.setattr(openml, "_MAX_JSON", MAX_BYTES)
    monkeypatch.setattr(openml, "_MAX_TABLE", MAX_BYTES)
    world = SimpleNamespace(good=tmp_path / "good", home=tmp_path / "home", precious=tmp_path / "precious.gz")
    world.cache = tmp_path / "cache"
    world.good.mkdir()
    world.home.mkdir()
    world.precious.write_bytes(b"precious")
    labels = np.arange(20, dtype=np.uint8) % 2
    images = np.array([[i, 1, 2, 255] for i in range(20)], np.uint8).reshape(20, 2, 2)
    write_parts(world.good, images, labels, fixed_fifth(labels))
    world.files = {path.name: path.read_bytes() for path in world.good.iterdir()}
    world.hashes = {name: hashlib.sha256(body).hexdigest() for name, body in world.files.items()}
    return world


def body_of(path, world, url, draw):
    """Return what an honest server would answer, or what a sly one would."""
    name = path.rpartition("/")[2].removesuffix(".gz")
    if name in world.files:
        return gzip.compress(world.files[name])
    if path.startswith("/api/features"):
        columns = [{"index": str(i), "name": f"p{i}", "is_target": str(i == 4).lower()} for i in range(5)]
        return json.dumps({"data_features": {"feature": columns}}).encode()
    if path.startswith("/api/"):
        addresses = ["x.arff", f"../../../../../../{world.precious}"[:-3], f"{world.precious}"[:-3]]
        address = draw.choice([*(url + one for one in addresses), f"file://{world.precious}"])
        return json.dumps({"data_set_description": {"status": "active", "format": "ARFF", "url": address}}).encode()
    return b"@data\n" + b"".join(b"%d,1,2,255,%d\n" % (i, i % 2) for i in range(20))


def mutated(body, draw):
    """Return bytes with something wrong in them."""
    spoilt = bytearray(body)
    for _ in range(draw.randint(1, 8)):
        at = draw.randrange(len(spoilt)) if spoilt else 0
        how = draw.randrange(5)
        if how == 0 and spoilt:
            spoilt[at] = draw.randrange(256)
        elif how == 1:
            del spoilt[at:]
        elif how == 2:
            spoilt[at:at] = draw.randbytes(draw.randint(1, 50))
        elif how == 3:
            spoilt[at:at] = draw.choice([b"9" * 400, b"[" * 5000, b"NaN", b"null", b"\xff", b"\0" * 100, b"-1"])
        else:
            spoilt[at : at + 20] = b""
    return bytes(spoilt)


def answer_of(body, world, draw):
    """Return an answer with a body: its first bytes, what repeats after them, and seconds between."""
    places = [
        b"/",
        b"//[",
        b"file://%s" % str(world.precious).encode(),
        b"\x1b[31m",
        b"http://127.0.0.1:1/",
        b"x" * 9999,
    ]
    heads = [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body),
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body),
        b"HTTP/1.1 %d X\r\n\r\n" % draw.choice([100, 204, 206, 404, 412, 500, 999]),
        b"HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n" % draw.choice(places),
        b"",
        b"HTTP/1.1 ",
    ]
    head = draw.choice(heads[:1] * 20 + heads) + body
    pieces = [
        b"x",
        bytes(4096),
        gzip.compress(b"") * 50,
        b"A: b\r\n" * 50,
        b"1\r\nx\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ]
    piece = draw.choice([b""] * 20 + pieces)
    head = mutated(head, draw) if draw.random() < 0.1 else head
    return head, piece, draw.choice([0, 0, TIMEOUT / 5])


def test_bad_answers(bad, world, draw, scaled, monkeypatch):
    """Whatever mirrors and OpenML send, the folder behind them serves, in time, and nothing else is touched."""
    monkeypatch.setattr(openml, "_API", bad.url + "api/")
    transfer = Transfer(TIMEOUT, 0, Progress())

    def answer(path):
        body = body_of(path, world, bad.url, draw)
        return answer_of(mutated(body, draw) if draw.random() < 0.2 else body, world, draw)

    bad.answer = answer
    served = set()
    tracemalloc.start()
    for _ in range(scaled(100)):
        sources = (draw.choice([Mirror(bad.url), OpenML(7)]), Folder(world.good))
        start = time.monotonic()
        served |= {deliver(Dataset("bad", world.hashes, sources, n_classes=2), "auto", world.home, transfer).split()[0]}
        assert time.monotonic() - start < 7 * 30 * TIMEOUT + 5
        assert {path.name: path.read_bytes() for path in world.home.iterdir()} == world.files
        assert world.precious.read_bytes() == b"precious"
        for path in world.home.iterdir():
            path.unlink()
        shutil.rmtree(world.cache, ignore_errors=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**26
    assert served == {"mirror", "OpenML", "folder"}  # some answers are good

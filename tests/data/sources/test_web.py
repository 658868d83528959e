import gzip
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipeline.data.idx import FILES
from pipeline.data.sources import mirror, web
from pipeline.data.sources.base import SourceError
from pipeline.data.sources.mirror import Mirror
from pipeline.data.sources.web import Budget, Download, RefusedError, fetch, opened, save_plain

IMAGES = FILES["train"][0]
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = OK + b"\r\n"
ODD = b"\x1f\x8b\x08\x08" + bytes(6)
"""The beginning of a gzip stream whose next bytes are a file name."""


@pytest.fixture
def tight(monkeypatch):
    """Let 64 KiB be the most of a file, and 16 KiB of what surrounds it."""
    monkeypatch.setattr(mirror, "_MAX_BYTES", 2**16)
    monkeypatch.setattr(web, "_MAX_HEAD", 2**14)


def bring(url, home, transfer, **options):
    """Download one file under the name ``file``."""
    download = Download(transfer, save_plain, 2**16, "a file", **options)
    fetch({"file": url}, {"file": None}, home, transfer.retries, lambda _: download)
    return (home / "file").read_bytes()


ENDLESS = {
    "a body": (BODY, b"x" * 4096),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "headers": (OK, b"A: b\r\n" * 100),
    "a header": (OK + b"A: ", b"b" * 4096),
    "a status": (b"HTTP/1.1 200 ", b"O" * 4096),
    "a chunk's size": (CHUNKED, b"0" * 4096),
    "chunks": (CHUNKED, b"4\r\nabcd\r\n" * 100),
    "trailers": (CHUNKED + b"4\r\nabcd\r\n0\r\n", b"A: b\r\n" * 100),
    "a trailer": (CHUNKED + b"4\r\nabcd\r\n0\r\nA: ", b"b" * 4096),
    "redirects' headers": (b"HTTP/1.1 302 Found\r\nLocation: /\r\n", b"A: b\r\n" * 100),
}
"""How an answer begins, and what then comes for ever."""


@pytest.mark.usefixtures("tight", "waits")
@pytest.mark.parametrize("kind", ENDLESS)
def test_endless(server, home, transfer, kind):
    """Whatever a server sends without an end is given up after some bytes, and no file stays behind."""
    server.pages["/file"] = server.answers.endless(*ENDLESS[kind])
    with pytest.raises((SourceError, OSError)):
        bring(server.url + "file", home, replace(transfer, retries=0))
    assert list(home.iterdir()) == []
    assert transfer.progress.total <= 2**17


@pytest.mark.parametrize("kind", ["a chunk's size", "a trailer", "trailers"])
def test_what_surrounds_a_body_takes_no_room(server, home, transfer, kind):
    """However large a body may be, what surrounds it may not, so that no line of it fills the memory."""
    server.pages["/file"] = server.answers.endless(*ENDLESS[kind])
    download = Download(replace(transfer, retries=0), save_plain, 2**30, "a file")
    tracemalloc.start()
    with pytest.raises((SourceError, OSError), match=r"around the file|exceeded maximum"):  # urllib3 counts some of it
        fetch({"file": server.url + "file"}, {"file": None}, home, 0, lambda _: download)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


@pytest.mark.usefixtures("tight", "waits")
def test_a_proxys_answer_is_bounded_as_well(server, home, transfer, monkeypatch):
    """What comes through a proxy is counted like what comes without one."""
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.pages |= {
        "http://elsewhere.invalid/good": b"content",
        "http://elsewhere.invalid/bad": server.answers.endless(*ENDLESS["100 Continue"]),
    }
    assert bring("http://elsewhere.invalid/good", home, transfer) == b"content"
    (home / "file").unlink()
    with pytest.raises(SourceError, match=r"elsewhere\.invalid sends more than 16384 bytes around the file"):
        bring("http://elsewhere.invalid/bad", home, transfer)


@pytest.mark.usefixtures("tight", "waits")
@pytest.mark.parametrize("kind", ENDLESS)
def test_a_byte_at_a_time(server, home, transfer, kind):
    """A server that is never silent for long, and never done, is given up after three time-outs."""
    head, piece = ENDLESS[kind]
    server.pages["/file"] = server.answers.endless(head, piece[:1], pause=0.01)
    with pytest.raises(SourceError, match="is too slow"):
        bring(server.url + "file", home, replace(transfer, retries=0, timeout=0.08))
    assert list(home.iterdir()) == []


@pytest.mark.usefixtures("tight", "waits")
@pytest.mark.parametrize(
    ("more", "piece"),
    [
        (b"", bytes(4096)),
        (b"", gzip.compress(b"") * 200),
        (ODD, b"n" * 4096),
    ],
    ids=["padding", "empty members", "a name"],
)
@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_endless_gzip(server, home, tiny, files, transfer, more, piece, pause):
    """What goes on after gzip data or within its header ends as well, fast or slow."""
    packed = more or gzip.compress(tiny[IMAGES])
    server.pages[f"/{IMAGES}.gz"] = server.answers.endless(BODY + packed, piece[:1] if pause else piece, pause)
    hasty = replace(transfer, retries=0, timeout=0.08 if pause else 10)
    with pytest.raises(SourceError, match="is too slow" if pause else "sends more than 65536 bytes"):
        Mirror(server.url).bring({IMAGES: files[IMAGES]}, home, hasty)
    assert list(home.iterdir()) == []


@pytest.mark.usefixtures("tight")
def test_a_redirects_body_is_not_read(server, home, transfer):
    """A redirect is followed at once, however much comes with it."""
    head = b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n"
    server.pages |= {"/file": server.answers.endless(head, b"x" * 2**16), "/there": b"content"}
    assert bring(server.url + "file", home, transfer) == b"content"


def test_redirects_are_counted(server, home, transfer):
    """A server that always sends on is given up after five times."""
    server.pages["/file"] = server.answers.status(302, Location="/file")
    with pytest.raises(SourceError, match="sends us on more than 5 times"):
        bring(server.url + "file", home, transfer)
    assert server.asked == ["/file"] * 6


@pytest.mark.parametrize("moved", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "gopher:x", "FILE:/x"])
def test_other_schemes(server, home, transfer, moved):
    """Neither an address nor a redirect leads out of the web."""
    server.pages["/file"] = server.answers.status(302, Location=moved)
    for url in (server.url + "file", moved):
        with pytest.raises(SourceError, match="is not of http or https"):
            bring(url, home, transfer)
    assert server.asked == ["/file"]
    assert list(home.iterdir()) == []


def test_compression_on_the_way(server, home, transfer):
    """What a server compresses on the way is unpacked, whether that was asked for or not."""
    body = gzip.compress(b"content")
    server.pages["/file"] = encoded(body, "gzip")
    assert bring(server.url + "file", home, transfer, compressed=True) == b"content"
    assert transfer.progress.begun == [("a file", len(body), "B")]
    assert transfer.progress.total == len(body)


@pytest.mark.parametrize(
    ("body", "encoding", "words"),
    [
        (gzip.compress(bytes(2**20)), "gzip", "goes on after 65536 bytes"),
        (b"content", "br", "an encoding that was not asked for, 'br'"),
        (b"content", "gzip", "[Nn]ot a gzip"),
        (gzip.compress(b"content")[:-3], "gzip", "ended before"),
    ],
)
def test_compression_that_is_refused(server, home, transfer, body, encoding, words):
    """A small file does not unfold to a large one, and what cannot be unpacked is an error."""
    server.pages["/file"] = encoded(body, encoding)
    with pytest.raises((SourceError, OSError, EOFError), match=words):
        bring(server.url + "file", home, transfer)
    assert list(home.iterdir()) == []


def encoded(body, encoding):
    """Answer with bytes that are said to be encoded."""

    def answer(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Encoding", encoding)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_refusals_keep_their_number(server, transfer):
    """Whoever asks can tell one refusal from another."""
    server.pages["/file"] = server.answers.status(412)
    with pytest.raises(RefusedError, match="answers 412") as caught, opened(server.url + "file", transfer, 10):
        pass
    assert caught.value.status == 412


@pytest.mark.parametrize("length", ["-1", "x", "9" * 30, "1e3", ""])
@pytest.mark.usefixtures("waits")
def test_odd_lengths(server, home, transfer, length):
    """A length that is none does no harm to whoever counts."""
    server.pages["/file"] = server.answers.endless(OK + f"Content-Length: {length}\r\n\r\n".encode(), b"x" * 4096)
    with pytest.raises((SourceError, OSError)):
        bring(server.url + "file", home, replace(transfer, retries=0))
    assert list(home.iterdir()) == []


@pytest.fixture
def clock(monkeypatch):
    """Let time pass when it is told to."""
    clock = SimpleNamespace(now=100.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(web, "time", clock)
    return clock


def test_deadline_for_progress(clock):
    """Three time-outs, and a second for each 8 KiB that has come."""
    budget = Budget("host", 10)
    budget.expect(2**26, 2**26)
    clock.now += 29
    budget.take(2**13)
    clock.now += 2
    budget.take(0)
    clock.now += 0.1
    with pytest.raises(SourceError, match=r"host is too slow: 8192 bytes within 31\.1 s"):
        budget.take(0)


@pytest.mark.parametrize(("announced", "seconds"), [(2**20, 316), (None, 364), (2**40, 364)])
def test_deadline_for_the_whole(clock, announced, seconds):
    """Thirty time-outs, and a second for each 64 KiB that is announced, or that may come at most."""
    budget = Budget("host", 10)
    budget.expect(announced, 2**22)
    clock.now += seconds
    budget.deliver(2**22)
    budget.take(2**22)
    clock.now += 0.1
    with pytest.raises(SourceError, match="host is too slow"):
        budget.take(0)

import gzip
import hashlib
import socket
from dataclasses import replace

import pytest

from pipeline.data.idx import FILES
from pipeline.data.sources.base import SourceError
from pipeline.data.sources.mirror import Mirror

IMAGES = FILES["train"][0]
PATH = f"/set/{IMAGES}.gz"


def test_brings_the_files(mirrored, files, tiny, home, transfer):
    """A mirror's compressed files arrive unpacked, to the byte, and the watcher hears of every byte on the way."""
    Mirror(mirrored).bring(files, home, transfer)
    assert {path.name: path.read_bytes() for path in home.iterdir()} == tiny
    packed = [len(gzip.compress(body)) for body in tiny.values()]
    assert transfer.progress.begun == [(f"{name}.gz", size, "B") for name, size in zip(tiny, packed, strict=True)]
    assert transfer.progress.total == sum(packed)
    assert transfer.progress.ended == 4


def test_brings_raw_files(server, mirrored, files, tiny, home, transfer):
    """A server that unpacks the files before it sends them does no harm."""
    server.pages[PATH] = tiny[IMAGES]
    Mirror(mirrored).bring(files, home, transfer)
    assert (home / IMAGES).read_bytes() == tiny[IMAGES]


def test_brings_files_packed_otherwise(server, mirrored, files, tiny, home, transfer):
    """What counts is the raw file: another mirror may have compressed it in another way."""
    server.pages[PATH] = gzip.compress(tiny[IMAGES], 1, mtime=7)
    Mirror(mirrored).bring(files, home, transfer)
    assert (home / IMAGES).read_bytes() == tiny[IMAGES]


def test_keeps_files_compressed_whose_compressed_bytes_are_known(server, mirrored, tiny, home, transfer):
    """Where only the SHA-256 of the compressed file is known, that file is brought as it is."""
    packed = {f"{name}.gz": gzip.compress(body) for name, body in tiny.items()}
    server.pages |= {f"/set/{name}": body for name, body in packed.items()}
    known = {name: hashlib.sha256(body).hexdigest() for name, body in packed.items()}
    Mirror(mirrored).bring(known, home, transfer)
    assert {path.name: path.read_bytes() for path in home.iterdir()} == packed


@pytest.mark.parametrize("body", [b"<html>", b"neither", b""])
def test_compressed_files_must_be_compressed(server, mirrored, home, transfer, body):
    """A page in the place of a file that is to stay compressed is recognised, and not asked for again."""
    server.pages[PATH] = body
    with pytest.raises(SourceError, match=r"what it serves is (an HTML|not compressed)"):
        Mirror(mirrored).bring({f"{IMAGES}.gz": "0" * 64}, home, transfer)
    assert server.asked == [PATH]


def test_endless_compressed_file(server, mirrored, home, transfer, monkeypatch):
    """A file that is to stay compressed cannot fill the disk."""
    monkeypatch.setattr("pipeline.data.sources.mirror._MAX_BYTES", 100)
    server.pages[PATH] = b"\x1f\x8b" + bytes(1000)
    with pytest.raises(SourceError, match="goes on after 100 bytes"):
        Mirror(mirrored).bring({f"{IMAGES}.gz": "0" * 64}, home, transfer)
    assert not list(home.iterdir())


def test_follows_a_redirect(server, mirrored, files, tiny, home, transfer):
    """A file that has moved is found at its new address."""
    server.pages["/moved.gz"] = server.pages[PATH]
    server.pages[PATH] = server.answers.status(302, Location="/moved.gz")
    Mirror(mirrored).bring(files, home, transfer)
    assert (home / IMAGES).read_bytes() == tiny[IMAGES]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda answers: answers.status(403), r"127\.0\.0\.1:\d+ answers 403 Forbidden"),
        (lambda answers: answers.status(404), "answers 404 Not Found"),
        (lambda answers: answers.status(410), "answers 410 Gone"),
        (lambda _: b"<!DOCTYPE html><title>Sign in</title>", "what it serves is an HTML"),
        (lambda _: gzip.compress(b"<html>"), "what it serves is an HTML"),
        (lambda _: b"version https://git-lfs.github.com/spec/v1\noid", "what it serves is a git-lfs pointer"),
        (lambda _: b'{"error": "no"}', "what it serves is a JSON"),
    ],
)
def test_what_will_not_pass(server, mirrored, files, home, transfer, waits, answer, words):
    """What will be no better another time is asked for once, and named."""
    server.pages[PATH] = answer(server.answers)
    with pytest.raises(SourceError, match=words):
        Mirror(mirrored).bring(dict.fromkeys([IMAGES], files[IMAGES]), home, transfer)
    assert server.asked == [PATH]
    assert not waits
    assert not list(home.iterdir())


FAILURES = {
    "busy": lambda answers, _: answers.status(503),
    "too many": lambda answers, _: answers.status(429),
    "silent": lambda answers, _: answers.hang,
    "silent within": lambda answers, packed: answers.hang_within(packed),
    "half": lambda _, packed: packed[: len(packed) // 2],
    "cut": lambda answers, packed: answers.content(packed[: len(packed) // 2], len(packed)),
    "nothing": lambda *_: b"",
    "other bytes": lambda *_: gzip.compress(bytes.fromhex("00000801 00000001 07")),
    "a flipped bit": lambda _, packed: packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:],
    "no answer": lambda *_: lambda *_: None,
}


@pytest.fixture
def hasty(transfer, kind):
    """Lose patience soon where the server is silent."""
    return replace(transfer, timeout=0.3) if "silent" in kind else transfer


@pytest.mark.parametrize("kind", FAILURES)
def test_what_may_pass(server, mirrored, files, tiny, home, hasty, waits, kind):
    """After a failure that may pass, the file is asked for again, after a growing wait."""
    packed = server.pages[PATH]
    failure = FAILURES[kind](server.answers, packed)
    server.pages[PATH] = [failure, failure, packed]
    Mirror(mirrored).bring(dict.fromkeys([IMAGES], files[IMAGES]), home, hasty)
    assert (home / IMAGES).read_bytes() == tiny[IMAGES]
    assert server.asked == [PATH] * 3
    assert 0 < waits[0] < waits[1]


@pytest.mark.parametrize("kind", FAILURES)
def test_what_does_not_pass(server, mirrored, files, home, hasty, waits, kind):
    """When a failure goes on, it is the error, after as many attempts as were asked for; and no file stays behind."""
    server.pages[PATH] = FAILURES[kind](server.answers, server.pages[PATH])
    with pytest.raises((ValueError, OSError)):
        Mirror(mirrored).bring(dict.fromkeys([IMAGES], files[IMAGES]), home, hasty)
    assert server.asked == [PATH] * 3
    assert len(waits) == 2
    assert not list(home.iterdir())
    assert hasty.progress.ended == len(hasty.progress.begun)


def test_bomb(server, mirrored, files, home, transfer, waits):
    """A small download cannot unpack to more than it announces."""
    server.pages[PATH] = gzip.compress(bytes.fromhex("00000801 00000004") + bytes(10**6))
    with pytest.raises(ValueError, match="goes on after the 4 bytes"):
        Mirror(mirrored).bring(dict.fromkeys([IMAGES], files[IMAGES]), home, transfer)
    assert waits


def test_nobody_listens(files, home, transfer, waits):
    """A refused connection is not tried again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(SourceError, match=rf"127\.0\.0\.1:{port} cannot be reached: .*refused"):
            Mirror(f"http://127.0.0.1:{port}/").bring(files, home, transfer)
    assert not waits


def test_no_such_host(files, home, transfer, waits):
    """A name that nobody knows is not tried again, and the reason has no address of an object in it."""
    with pytest.raises(SourceError, match=r"^nowhere\.invalid cannot be reached: [^<>]*$"):
        Mirror("https://nowhere.invalid/").bring(files, home, transfer)
    assert not waits


def test_no_connection_in_time(files, home, transfer, waits, monkeypatch):
    """A host that does not even take the connection is not tried again."""

    def nobody(*_, **__):
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", nobody)
    with pytest.raises(SourceError, match=r"example\.org did not answer within 10 s"):
        Mirror("http://example.org/").bring(files, home, transfer)
    assert not waits

"""Servers that mean harm: whatever one sends, it ends within its bound, the next is asked, and no file is touched."""

import gzip
import json
import socketserver
import threading
import time
import zlib
from copy import deepcopy
from itertools import chain, repeat
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.hostile

MEMORY = 3 * 2**28
SECONDS = 40
"""What a fetch may take of memory, and of a busy machine's time, with a time-out of 0.3 seconds."""

OK = b"HTTP/1.1 200 OK\r\n"
CLOSE = b"Connection: close\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ZEROS = bytes(2**16)
LETTERS = b"a" * 2**16
MEMBER = gzip.compress(bytes(2**24))
NAMED = b"\x1f\x8b\x08\x08" + bytes(6)
COMMENTED = b"\x1f\x8b\x08\x10" + bytes(6)
EXTRA = b"\x1f\x8b\x08\x04" + bytes(6) + b"\xff\xff"
ANNOUNCING = gzip.compress(b"\x00\x00\x08\x03" + b"\x7f\xff\xff\xff" * 3)


def with_length(body, length=None, more=b"", status=b"200 OK"):
    """Return an answer that announces its length."""
    told = str(len(body) if length is None else length).encode()
    return b"HTTP/1.1 " + status + b"\r\n" + more + b"Content-Length: " + told + b"\r\n" + CLOSE + body


def slowly(text):
    """Return an answer a byte at a time, twenty in a second."""
    for letter in text:
        time.sleep(0.05)
        yield bytes([letter])


def redirect(place, body=()):
    """Return an answer that sends one on."""
    yield b"HTTP/1.1 302 Found\r\nLocation: " + place + b"\r\n\r\n"
    yield from body


def silence():
    """Return an answer that does not come."""
    time.sleep(10)
    yield b""


# What a bad server answers to a path: pieces, one after the other; those that ``repeat`` makes have no end. ``right``
# is what a good one has there, compressed.
ANSWERS = {
    "endless body": lambda *_: endless(OK + CLOSE, LETTERS),
    "endless zeros after the file": lambda right, _: endless(OK + CLOSE + right, ZEROS),
    "endless empty members": lambda right, _: endless(OK + CLOSE + right, gzip.compress(b"") * 1000),
    "endless members": lambda *_: endless(OK + CLOSE, MEMBER),
    "endless name in the gzip header": lambda *_: endless(OK + CLOSE + NAMED, LETTERS),
    "endless comment in the gzip header": lambda *_: endless(OK + CLOSE + COMMENTED, LETTERS),
    "endless extra fields": lambda *_: endless(OK + CLOSE, EXTRA + bytes(2**16 - 1)),
    "an announcement of 2**93 bytes": lambda *_: endless(OK + CLOSE + ANNOUNCING, MEMBER),
    "endless 100 Continue": lambda *_: repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "endless 103 Early Hints": lambda *_: repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100),
    "endless headers": lambda *_: endless(OK, b"X-A: a\r\n" * 100),
    "an endless header": lambda *_: endless(OK + b"X-A: ", LETTERS),
    "an endless header in folds": lambda *_: endless(OK + b"X-A: a\r\n", b" a\r\n" * 100),
    "an endless status": lambda *_: endless(b"HTTP/1.1 200 ", LETTERS),
    "endless blanks": lambda *_: repeat(b"\r\n" * 1000),
    "endless chunks": lambda *_: endless(CHUNKED, b"1\r\na\r\n" * 1000),
    "an endless chunk extension": lambda *_: endless(CHUNKED + b"5;", LETTERS),
    "an endless chunk size": lambda *_: endless(CHUNKED, b"0" * 2**16),
    "a chunk of 2**64 bytes": lambda *_: endless(CHUNKED + b"10000000000000000\r\n", LETTERS),
    "a chunk of negative size": lambda *_: endless(CHUNKED + b"-5\r\n", LETTERS),
    "endless trailers": lambda right, _: endless(
        CHUNKED + f"{len(right):x}\r\n".encode() + right + b"\r\n0\r\n", b"X: a\r\n" * 1000
    ),
    "a byte at a time": lambda right, _: slow(OK + CLOSE, right * 50),
    "headers a byte at a time": lambda *_: slow(b"", OK + b"X: " + b"a" * 5000),
    "chunks a byte at a time": lambda *_: slow(CHUNKED, b"1\r\na\r\n" * 1000),
    "too few bytes": lambda right, _: [with_length(right, len(right) + 10**6)],
    "too many bytes": lambda right, _: [with_length(right + LETTERS, len(right) // 2)],
    "an absurd length": lambda right, _: [with_length(right, 10**30)],
    "a negative length": lambda right, _: [with_length(right, -5)],
    "a length that is none": lambda right, _: [with_length(right, "\u00b2".encode())],
    "two lengths": lambda right, _: [with_length(right, more=b"Content-Length: 5\r\n")],
    "a redirect with an endless body": lambda *_: redirect(b"/nowhere", repeat(LETTERS)),
    "a redirect to itself": lambda _, path: redirect(path),
    "endless redirects": lambda _, path: redirect(path + b"a"),
    "a redirect to a file": lambda *_: redirect(b"file:///etc/passwd"),
    "a redirect to a path": lambda *_: redirect(b"../../../../../../../etc/passwd"),
    "a redirect to a folder above": lambda *_: redirect(b"http://127.0.0.1:1/../../../../etc/passwd"),
    "a redirect to nothing": lambda *_: redirect(b""),
    "a redirect to no address": lambda *_: redirect(b"http://[::1"),
    "a redirect to an absurd port": lambda *_: redirect(b"http://127.0.0.1:99999999999/"),
    "a redirect to control codes": lambda *_: redirect(b"http://\x1b[31m\x07/"),
    "a redirect of a mebibyte": lambda *_: redirect(b"/" + b"a" * 2**20),
    "a compression around an endless body": lambda *_: endless(OK + b"Content-Encoding: gzip\r\n" + CLOSE, MEMBER),
    "an unknown compression": lambda right, _: [with_length(right, more=b"Content-Encoding: br, gzip, \x1b[31m\r\n")],
    "many compressions": lambda *_: endless(OK + b"Content-Encoding: " + b"gzip, " * 50 + b"gzip\r\n" + CLOSE, MEMBER),
    "a damaged deflate stream": lambda *_: [with_length(zlib.compress(b"a"), more=b"Content-Encoding: deflate\r\n")],
    "silence": lambda *_: silence(),
    "nothing": lambda *_: [],
    "garbage": lambda *_: [bytes(range(256)) * 100],
    "HTTP/0.9": lambda right, _: [right],
    "a version that is none": lambda *_: [b"HTTP/9.9 200 OK\r\n\r\n"],
    "a status that is none": lambda *_: [b"HTTP/1.1 abc OK\r\n\r\n"],
    "control codes in the status": lambda *_: [with_length(b"", status=b"404 \x1b[31m\x07\x9b31m")],
    "a page": lambda *_: [with_length(b"<!DOCTYPE html><title>Sign in</title>")],
    "another file": lambda *_: [with_length(gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x01\x05"))],
    "no bytes": lambda *_: [with_length(b"")],
    "a cookie of 60 kB": lambda right, _: [with_length(right[:9], more=b"Set-Cookie: a=" + LETTERS[:60000] + b"\r\n")],
    **{
        f"status {status}": lambda *_, status=status: [with_length(b"a", status=f"{status} Whatever".encode())]
        for status in (199, 201, 204, 206, 300, 304, 305, 401, 407, 418, 429, 500, 503, 599, 999)
    },
}


def endless(first, piece):
    """Return one piece, and another again and again."""
    yield first
    yield from repeat(piece)


def slow(first, text):
    """Return one piece, and then a byte at a time."""
    yield first
    yield from slowly(text)


@pytest.fixture
def bad_server():
    """Start a server whose ``answers`` are functions by the first folder of a path; ``good`` are files by path."""
    made = SimpleNamespace(answers={}, good={}, asked=[])

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            try:
                self.answer()
            except OSError:
                """Who asked has gone away."""

        def answer(self):
            path = self.rfile.readline(2**21).split(b" ")[1]
            while self.rfile.readline(2**16).strip():
                """What else is asked for does not matter."""
            name = path.decode("latin-1")
            made.asked.append(name)
            if name in made.good:
                self.wfile.write(with_length(made.good[name]))
                return
            which, _, rest = name.removeprefix("/").partition("/")
            answer = made.answers.get(which)
            pieces = [with_length(b"", status=b"404 Not Found")] if answer is None else answer(rest, path)
            for piece in pieces:
                self.wfile.write(piece)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}/"
        yield made
        server.shutdown()
        thread.join()


AT_ONCE = 6
WORDS = ("fetch", "--dataset", "small", "--timeout", "0.3", "--retries", "0")


@pytest.fixture
def attack(commands, places, contents, failures):
    """Return what fetches from each of some bad servers, several at once, and sees what came of it."""

    def run(cases, found, right, words=WORDS, codes=(0,), **also):
        waiting, told = list(enumerate(cases)), {}
        while waiting:
            begun = []
            for number, name in waiting[:AT_ONCE]:
                place = places(number)
                how = {"allowed": place.allowed, "memory": MEMORY, "datasets": {"small": found(name)}}
                begun.append((name, place, commands.start(place, *words(name), **how, **also)))
            for name, place, pid in begun:
                with failures.of(name):
                    done = told[name] = commands.wait(place, pid, SECONDS).check(*codes)
                    assert all(line.isprintable() for line in done.error.splitlines()), repr(done.error)
                    assert all(len(line) <= 700 for line in done.error.splitlines()), len(done.error)
                    if done.code == 0 and right is not None:
                        raw = contents(place.work / "artifacts/raw")
                        assert {one: raw[one] for one in right} == right
                    assert not list(place.temporary.iterdir())
            del waiting[:AT_ONCE]
        return told

    return run


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_whatever_a_mirror_sends_the_next_is_asked(
    bad_server, attack, dataset, packed, hashes, tmp_path, draw, scaled, known
):
    """It ends within its bounds of time and memory, writes to no other place, and a good mirror serves in its stead."""
    right = dataset(1, tmp_path / "right")
    compressed = packed(right)
    numbered = {str(number): name for number, name in enumerate(ANSWERS)}
    bad_server.good |= {f"/good/{name}": content for name, content in compressed.items()}
    bad_server.answers |= {
        number: lambda rest, path, name=name: ANSWERS[name](compressed.get(rest, b""), path)
        for number, name in numbered.items()
    }
    number_of = {name: number for number, name in numbered.items()}
    files = hashes(right) if known else dict.fromkeys(right)

    def found(name):
        return {"files": files, "mirrors": [f"{bad_server.url}{number_of[name]}/", f"{bad_server.url}good/"]}

    words = (*WORDS, "--source", "mirror")
    cases = list(ANSWERS) if known else draw.sample(list(ANSWERS), min(scaled(20), len(ANSWERS)))
    attack(cases, found, right if known else None, lambda _: words)
    assert {path.split("/")[1] for path in bad_server.asked} >= {*(number_of[name] for name in cases), "good"}


ROWS = [",".join(str((7 * row + 3 * column) % 256) for column in range(16)) for row in range(40)]
HEAD = (
    "@relation small\n" + "".join(f"@attribute p{i} numeric\n" for i in range(16)) + "@attribute class {a,b}\n@data\n"
)
TABLE = HEAD + "".join(f"{row},{'ab'[number % 2]}\n" for number, row in enumerate(ROWS))
ONE = ROWS[0] + ",a\n"

# What stands where OpenML has a table: bytes, or pieces one after the other.
TABLES = {
    "a right one": lambda: [TABLE.encode()],
    "nothing": lambda: [b""],
    "garbage": lambda: [bytes(range(256)) * 1000],
    "an endless header": lambda: repeat(b"@attribute a numeric\n" * 1000),
    "an endless line": lambda: endless(HEAD.encode(), LETTERS),
    "an endless line of the header": lambda: repeat(LETTERS),
    "endless rows": lambda: endless(HEAD.encode(), ONE.encode() * 1000),
    "endless empty rows": lambda: endless(HEAD.encode(), b"\n" * 2**16),
    "endless comments": lambda: endless(HEAD.encode(), b"%\n" * 2**15),
    "ever other labels": lambda: [HEAD.encode(), *(f"{ROWS[0]},{number}\n".encode() for number in range(2000))],
    "a label of a mebibyte": lambda: [HEAD.encode(), ROWS[0].encode() + b"," + b"a" * 2**20],
    "too few values": lambda: [HEAD.encode() + b"1,2,3\n"],
    "too many values": lambda: [HEAD.encode() + b"1," * 10000 + b"\n"],
    "an open quote": lambda: endless(HEAD.encode() + b"'", b"1\n" * 2**15),
    "no numbers": lambda: [TABLE.replace("7,", "nan,").encode()],
    "infinite numbers": lambda: [TABLE.replace("7,", "1e999,").encode()],
    "large numbers": lambda: [TABLE.replace("7,", "1e308,").encode()],
    "negative numbers": lambda: [TABLE.replace("7,", "-7,").encode()],
    "numbers of a million digits": lambda: [HEAD.encode() + b"9" * 10**6 + b",1" * 15 + b",a\n"],
    "zero bytes": lambda: [TABLE.replace("7,", "\0,").encode()],
    "other encodings": lambda: [TABLE.encode("utf-16")],
    "a sparse row in a dense table": lambda: [HEAD.encode() + b"{1 5, 99999999999 7}\n"],
}


def described(url, **changes):
    """Return what OpenML says of the data set."""
    plain = {"id": "7", "name": "small", "version": "1", "format": "ARFF", "status": "active", "url": url}
    return {"data_set_description": plain | changes}


def features():
    """Return what OpenML says of the columns."""
    names = [*(f"p{i}" for i in range(16)), "class"]
    told = {"is_ignore": "false", "is_row_identifier": "false"}
    listed = [{"index": str(i), "name": name, "is_target": str(i == 16).lower()} | told for i, name in enumerate(names)]
    return {"data_features": {"feature": listed}}


URLS = (
    "{url}../../../../../../tmp/evil/x",
    "{url}..%2f..%2f..%2f..%2ftmp%2fevil",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "ftp://127.0.0.1/x",
    "data:text/plain,@data",
    "/etc/passwd",
    "//127.0.0.1:1/x",
    "http://",
    "http://[::1",
    "http://127.0.0.1:99999999/",
    "http://127.0.0.1:1/",
    "{url}a\r\nX-Injected: yes\r\n\r\n",
    "http://\x00/",
    "\ud800",
    "http://user:password@127.0.0.1:1/",
    "http://\u2100.example/",
)
NASTY = (
    None, True, -1, 10**400, 1.5, float("nan"), float("inf"), "", "a" * 10**6, "\x1b[31m\x07\x9b", "\ud800", "../..",
    [], {}, [[[]]], {"a": {"b": {}}}, ["1"] * 10**5, {str(i): i for i in range(10**4)}, "0", "7", "true", "nan",
)  # fmt: skip
JSONS = {
    "endless blanks": lambda: repeat(b" " * 2**16),
    "endless brackets": lambda: repeat(b"[" * 2**16),
    "a text without an end": lambda: endless(b'{"data_set_description": "', LETTERS),
    "a thousand brackets": lambda: [b"[" * 5000 + b"]" * 5000],
    "objects in objects": lambda: [b'{"a":' * 5000 + b"1" + b"}" * 5000],
    "a number of 7 million digits": lambda: [b'{"data_set_description": ' + b"9" * 7 * 10**6 + b"}"],
    "a number of 4000 digits": lambda: [b'{"data_set_description": ' + b"9" * 4000 + b"}"],
    "a table": lambda: [TABLE.encode()],
    "no text": lambda: [bytes(range(256))],
    "UTF-16": lambda: [json.dumps(described("a")).encode("utf-16")],
    "a page": lambda: [b"<!DOCTYPE html>"],
    "nothing": lambda: [b""],
}


def nested(value, path=()):
    """Return the paths to all that is in a JSON document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from nested(below, (*path, key))


def changed(document, draw):
    """Return a JSON document with something else at one of its places."""
    document = deepcopy(document)
    *parents, key = draw.choice([path for path in nested(document) if path])
    parent = document
    for name in parents:
        parent = parent[name]
    if draw.random() < 0.2:
        del parent[key]
    else:
        parent[key] = draw.choice(NASTY)
    return document


def openml_answers(bad_server, draw, n_random):
    """Return the attacks of an OpenML: for each what it says of the data set, of its columns, and the table."""
    url = f"{bad_server.url}table"
    description, columns = (json.dumps(one).encode() for one in (described(url), features()))
    table = TABLE.encode()
    cases = {f"table: {name}": (description, columns, make) for name, make in TABLES.items()}
    cases |= {f"description: {name}": (make, columns, table) for name, make in JSONS.items()}
    cases |= {f"features: {name}": (description, make, table) for name, make in JSONS.items()}
    cases |= {
        f"address: {one[:60]!r}": (json.dumps(described(one.replace("{url}", bad_server.url))).encode(), columns, table)
        for one in URLS
    }
    for number in range(n_random):
        both = [described(url), features()]
        which = draw.randrange(2)
        both[which] = changed(both[which], draw)
        first, second = (json.dumps(one).encode() for one in both)
        cases[f"{number}: {(first, second)[which][:300]}"] = (first, second, table)
    return cases


def served(body):
    """Return an answer for bytes, or for pieces."""
    return [with_length(body)] if isinstance(body, bytes) else chain([OK + CLOSE], body())


def test_whatever_openml_sends_the_next_is_asked(bad_server, attack, dataset, packed, tmp_path, draw, scaled):
    """No address or number of its answers does harm; where its table is right, it serves, else a good mirror."""
    right = dataset(1, tmp_path / "right")
    bad_server.good |= {f"/good/{name}": content for name, content in packed(right).items()}
    cases = openml_answers(bad_server, draw, scaled(20))
    for number, (description, columns, table) in enumerate(cases.values()):
        own = description
        if isinstance(description, bytes):
            own = description.replace(f"{bad_server.url}table".encode(), f"{bad_server.url}{number}/table".encode())
        bodies = {"7": own, "features/7": columns, "table": table}
        bad_server.answers[str(number)] = lambda rest, _, bodies=bodies: served(bodies.get(rest, b""))
    numbers = {name: number for number, name in enumerate(cases)}

    def found(name):
        return {
            "files": dict.fromkeys(right),
            "openml": [7],
            "api": f"{bad_server.url}{numbers[name]}/",
            "max_table": 2**23,
        } | {"mirrors": [f"{bad_server.url}good/"]}

    told = attack(cases, found, None, lambda _: WORDS)
    assert "small comes from OpenML data set 7" in told["table: a right one"].error
    assert any("small comes from mirror" in one.error for one in told.values())

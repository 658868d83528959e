"""One file from a web server that is trusted with nothing: bounded in bytes, time and redirects.

Hands on a downloader for Pooch, which keeps a file under a temporary name until its hash is right, and tries again
after growing waits. What is bounded here:

- bytes received: ``max_bytes`` for the body; for headers, trailers and the sizes of chunks a mebibyte, and an eighth of
  the body;
- bytes written, after a compression that the server has added: ``max_bytes`` again;
- the wait for a server that says nothing: the time-out;
- the whole: 30 times the time-out, and a second for each 64 KiB that the server announces, at most ``max_bytes``;
- progress: three times the time-out, and a second for each 8 KiB that has come, must be enough at every moment;
- redirects: five, to http and https alone; their bodies are not read.
"""

import gzip
import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

from pipeline.data.signatures import Chunks
from pipeline.data.sources.base import SourceError, Transfer
from pipeline.files import naming_full_disk

_CHUNK = 2**16
_MAX_HEAD = 2**20
_MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_MAY_PASS = {408, 425, 429, *range(500, 600)}
"""The answers after which it is worth while to ask again."""

_WHOLE, _EXPECTED = 30, 2**16
_PROGRESS, _SLOWEST = 3, 2**13
"""Multiples of the time-out, and bytes in a second, for the whole and for progress."""


class RefusedError(SourceError):
    """A server answers, but not with the file; ``status`` is the number of its answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Budget:
    """What one request may still take: bytes, and time that grows with them.

    Parameters
    ----------
    host : str
        What to call the server in an error.
    timeout : float
        Seconds to wait for a server that says nothing.
    """

    def __init__(self, host: str, timeout: float) -> None:
        self.host, self.timeout = host, timeout
        self._start = time.monotonic()
        self._received, self._delivered, self._most = 0, 0, 0
        self._whole = _WHOLE * timeout

    def expect(self, announced: int | None, max_bytes: int) -> None:
        """Allow for a body of so many bytes, now that the server has announced it."""
        self._most = max_bytes
        self._whole += min(max_bytes if announced is None else announced, max_bytes) / _EXPECTED

    def deliver(self, n_bytes: int) -> None:
        """Count bytes of the body that are handed on; all others are around it."""
        self._delivered += n_bytes

    def take(self, n_bytes: int) -> None:
        """Count bytes that have come.

        Raises
        ------
        SourceError
            Where they are too many, or too late.
        """
        self._received += n_bytes
        around = _MAX_HEAD + self._delivered // 8
        if self._received > self._delivered + min(self._most, _CHUNK) + around:
            raise SourceError(f"{self.host} sends more than {around} bytes around the file")
        if self._received > self._most + around:
            raise SourceError(f"{self.host} sends more than {self._most} bytes")
        passed = time.monotonic() - self._start
        if passed > min(self._whole, _PROGRESS * self.timeout + self._received / _SLOWEST):
            raise SourceError(f"{self.host} is too slow: {self._received} bytes within {passed:.3g} s")


class _Counted(io.RawIOBase):
    """A connection's bytes, each of which is taken from a budget, whatever it is a part of."""

    def __init__(self, raw: Any, budget: Budget) -> None:
        self._raw, self._budget = raw, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        n_bytes: int | None = self._raw.readinto(buffer)
        self._budget.take(n_bytes or 0)
        return n_bytes

    def close(self) -> None:
        self._raw.close()
        super().close()


@dataclass(frozen=True)
class Download:
    """A downloader for Pooch, which takes it for a function.

    Attributes
    ----------
    transfer : Transfer
        How to carry.
    save : callable
        Is given a file to read from and a path, and saves the one under the other.
    max_bytes : int
        Most bytes that are received, and most that are handed to ``save``.
    shown : str
        Hears what comes.
    compressed : bool, default=False
        Whether to ask the server to compress it on the way.
    """

    transfer: Transfer
    save: Callable[[io.BufferedReader, Path], None]
    max_bytes: int
    shown: str
    compressed: bool = False

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:  # noqa: ARG002 - Pooch hands over itself
        """Download one file.

        Raises
        ------
        SourceError
            Where there is no point in trying again.
        ValueError, requests.RequestException
            Where there is.
        """
        encoding = "gzip" if self.compressed else "identity"
        with (
            opened(url, self.transfer, self.max_bytes, encoding) as (response, budget),
            self.transfer.shown(self.shown, _length(response)),
        ):
            pieces = _decoded(_received(response, budget, self.transfer), response)
            bounded = _bounded(pieces, self.max_bytes, _host(response.url))
            self.save(io.BufferedReader(Chunks(bounded)), Path(output_file))


def fetch(
    urls: Mapping[str, str],
    hashes: Mapping[str, str | None],
    folder: Path,
    retries: int,
    downloads: Callable[[str], Download],
) -> None:
    """Bring files into a folder, under names of our own.

    Parameters
    ----------
    urls : mapping of str to str
        The address of each name.
    hashes : mapping of str to str or None
        The hash of each name as Pooch takes it, SHA-256 or ``md5:...``; None where nothing is known.
    folder : Path
        Where to.
    retries : int
        How often to try again after a failure that may pass.
    downloads : callable
        Returns the downloader for a name.
    """
    import pooch  # noqa: PLC0415 - for start-up time

    pooch.get_logger().setLevel("WARNING")  # it would write to the terminal; the progress does
    files = pooch.Pooch(path=folder, base_url="", registry=dict(hashes), urls=dict(urls), retry_if_failed=retries)
    for name in urls:
        files.fetch(name, downloader=downloads(name))


def save_plain(file: BinaryIO, target: Path) -> None:
    """Save a file as it comes."""
    with naming_full_disk(target), target.open("wb") as copy:
        copy.writelines(iter(partial(file.read, _CHUNK), b""))


@contextmanager
def opened(url: str, transfer: Transfer, max_bytes: int, encoding: str = "identity") -> Iterator[tuple[Any, Budget]]:
    """Ask a server for a file, follow its redirects, and hand over the answer before anything of its body is read.

    What is read of it later is taken from the budget that comes with it.

    Raises
    ------
    SourceError
        Where it cannot be reached or refuses, so that there is no point in asking again.
    requests.RequestException
        Where it may do better another time.
    """
    budget = Budget(_host(url), transfer.timeout)
    for _ in range(_MAX_REDIRECTS + 1):
        with _asked(url, budget, encoding) as answer:
            location = answer.headers.get("Location") if answer.status_code in _REDIRECTS else None
            if location is None:
                _check_status(answer, budget.host)
                budget.expect(_length(answer), max_bytes)
                yield answer, budget
                return
        url = urljoin(url, location)
        budget.host = _host(url)
    raise SourceError(f"{budget.host} sends us on more than {_MAX_REDIRECTS} times")


def _host(url: str) -> str:
    """Return the server of an address; only the web's own schemes are followed."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SourceError(f"its address {url[:100]!r} is not of http or https")
    return parts.netloc.rpartition("@")[2]


def _asked(url: str, budget: Budget, encoding: str) -> Any:
    """Send a request, and return the answer as far as its headers go."""
    import requests  # noqa: PLC0415 - for start-up time
    from urllib3.exceptions import MaxRetryError  # noqa: PLC0415 - the same

    host, seconds = budget.host, budget.timeout
    try:
        return _session(budget).get(url, stream=True, timeout=seconds, headers={"Accept-Encoding": encoding})
    except requests.ConnectTimeout:  # the system has knocked several times by then
        raise SourceError(f"{host} did not answer within {seconds:g} s") from None
    except requests.ConnectionError as error:
        if error.args and isinstance(error.args[0], MaxRetryError):
            raise SourceError(f"{host} cannot be reached: {_reason(error.args[0])}") from None
        raise


def _session(budget: Budget) -> Any:
    """Return a session of requests whose connections count their bytes, and which follows no redirect itself."""
    import requests  # noqa: PLC0415 - for start-up time
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 - the same

    class Response(HTTPResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.fp = io.BufferedReader(_Counted(self.fp.detach(), budget))

    def counted(manager: Any) -> Any:
        pools = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {scheme: counted_pool(pool) for scheme, pool in pools}
        return manager

    def counted_pool(pool: Any) -> Any:
        connection = type("Connection", (pool.ConnectionCls,), {"response_class": Response})
        return type("Pool", (pool,), {"ConnectionCls": connection})

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            counted(self.poolmanager)

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            return counted(super().proxy_manager_for(*args, **kwargs))

    class Session(requests.Session):
        def get_redirect_target(self, resp: Any) -> None:  # noqa: ARG002 - requests would read the body first, whole
            return None

    session = Session()
    session.mount("https://", Adapter())
    session.mount("http://", Adapter())
    return session


def _check_status(answer: Any, host: str) -> None:
    """Raise unless a server hands over what it was asked for."""
    if answer.status_code in _MAY_PASS:
        answer.raise_for_status()
    if answer.status_code != 200:
        raise RefusedError(f"{host} answers {answer.status_code} {answer.reason}", answer.status_code)


def _length(response: Any) -> int | None:
    """Return how many bytes a server announces."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and len(length) < 20 else None


def _received(response: Any, budget: Budget, transfer: Transfer) -> Iterator[bytes]:
    """Return what comes as it comes, in pieces, and let the progress count."""
    import requests  # noqa: PLC0415 - for start-up time
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - the same

    try:
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            budget.deliver(len(chunk))
            transfer.progress.advance(len(chunk))
            yield chunk
    except HTTPError as error:
        raise requests.ConnectionError(error) from None


def _decoded(pieces: Iterator[bytes], response: Any) -> Iterator[bytes]:
    """Undo the compression that a server has added on the way, piece by piece."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return pieces
    if encoding not in {"gzip", "x-gzip"}:
        raise SourceError(f"it sends the file in an encoding that was not asked for, {encoding[:20]!r}")
    packed = gzip.GzipFile(fileobj=io.BufferedReader(Chunks(pieces)))
    return iter(partial(packed.read, _CHUNK), b"")


def _bounded(pieces: Iterator[bytes], max_bytes: int, host: str) -> Iterator[bytes]:
    """Hand on pieces, and stop where they are too many."""
    n_bytes = 0
    for piece in pieces:
        n_bytes += len(piece)
        if n_bytes > max_bytes:
            raise SourceError(f"what {host} serves goes on after {max_bytes} bytes")
        yield piece


def _reason(error: Any) -> str:
    """Return why a connection was not made, without the address of an object in memory."""
    return str(error.reason or error).split(": ", 1)[-1]

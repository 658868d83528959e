"""Carriers that serve the four files over HTTP, compressed with gzip.

Pooch keeps a file under a temporary name until its SHA-256 is right, and tries again after growing waits. What is
done here is to unpack on the way, with a bound, and to tell a failure that may pass from one that will not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.data.arrival import GZIP, HEAD, Chunks, foreign_kind
from pipeline.data.carriers.base import Carrier, CarrierError, Files, Transfer
from pipeline.data.idx import ForeignFileError, copy_idx
from pipeline.files import replacing_file

_CHUNK = 2**16
_MAX_PACKED = 2**28
_MAY_PASS = {408, 425, 429, *range(500, 600)}
"""The answers after which it is worth while to ask again."""


@dataclass(frozen=True)
class Mirror(Carrier):
    """A folder on the web that holds the files, each with ``.gz`` at its end.

    Attributes
    ----------
    url : str
        The folder's address, with a slash at its end.
    """

    url: str
    source = "mirror"

    def __str__(self) -> str:
        return f"mirror {self.url}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:
        """Download the files; those whose name has no ``.gz`` are unpacked on the way."""
        import pooch  # noqa: PLC0415 - for start-up time

        pooch.get_logger().setLevel("WARNING")  # it would write to the terminal; the watcher does
        shelf = pooch.Pooch(
            path=folder,
            base_url=self.url,
            registry=dict(files),
            urls={name: self.url + name.removesuffix(".gz") + ".gz" for name in files},
            retry_if_failed=transfer.retries,
        )
        for name in files:
            shelf.fetch(name, downloader=Download(transfer, unpack=not name.endswith(".gz")))


@dataclass(frozen=True)
class Download:
    """A downloader for Pooch, which takes it for a function.

    Attributes
    ----------
    transfer : Transfer
        How to carry.
    unpack : bool
        Whether to unpack what comes.
    """

    transfer: Transfer
    unpack: bool

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:  # noqa: ARG002 - Pooch hands over itself
        """Download one file.

        Raises
        ------
        CarrierError
            Where there is no point in trying again.
        ValueError, requests.RequestException
            Where there is.
        """
        with opened(url, self.transfer) as response:
            length = response.headers.get("Content-Length", "")
            with self.transfer.shown(url.rpartition("/")[2], int(length) if length.isdecimal() else None):
                self._save(BufferedReader(Chunks(self._watched(response))), Path(output_file))

    def _save(self, file: BufferedReader, target: Path) -> None:
        try:
            if self.unpack:
                copy_idx(file, target)
            else:
                _save_packed(file, target)
        except ForeignFileError as error:
            raise CarrierError(str(error).replace("the file", "what it serves", 1)) from None

    def _watched(self, response: Any) -> Iterator[bytes]:
        """Return what comes, in pieces, and let the watcher count."""
        for chunk in response.iter_content(_CHUNK):
            self.transfer.progress.advance(len(chunk))
            yield chunk


@contextmanager
def opened(url: str, transfer: Transfer) -> Iterator[Any]:
    """Ask a server for a file, and hand over its answer.

    Raises
    ------
    CarrierError
        Where it cannot be reached or refuses, so that there is no point in asking again.
    requests.RequestException
        Where it may do better another time.
    """
    import requests  # noqa: PLC0415 - for start-up time
    from urllib3.exceptions import MaxRetryError  # noqa: PLC0415 - the same

    host, seconds = urlsplit(url).netloc, transfer.timeout
    try:
        answer = requests.get(url, stream=True, timeout=seconds, headers={"Accept-Encoding": "identity"})
    except requests.ConnectTimeout:  # the system has knocked several times by then
        raise CarrierError(f"{host} did not answer within {seconds:g} s") from None
    except requests.ConnectionError as error:
        if error.args and isinstance(error.args[0], MaxRetryError):
            raise CarrierError(f"{host} cannot be reached: {_reason(error.args[0])}") from None
        raise
    with answer:
        if answer.status_code in _MAY_PASS:
            answer.raise_for_status()
        if answer.status_code != 200:
            raise CarrierError(f"{host} answers {answer.status_code} {answer.reason}")
        yield answer


def _save_packed(file: BufferedReader, target: Path) -> None:
    """Save a compressed file as it is."""
    head = file.peek(HEAD)
    if not head.startswith(GZIP):
        raise ForeignFileError(f"the file is {foreign_kind(head) or 'not compressed with gzip'}")
    with replacing_file(target) as copy:
        while chunk := file.read(_CHUNK):
            copy.write(chunk)
            if copy.tell() > _MAX_PACKED:
                raise CarrierError(f"what it serves goes on after {_MAX_PACKED} bytes")


def _reason(error: Any) -> str:
    """Return why a connection was not made, without the address of an object in memory."""
    return str(error.reason or error).split(": ", 1)[-1]

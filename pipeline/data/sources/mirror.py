"""Sources that serve the four files over HTTP, compressed with gzip.

How they come is told in ``web``. What is done here is to unpack on the way, and to tell a file that is not IDX.
"""

from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path

from pipeline.data.idx import ForeignFileError, copy_idx
from pipeline.data.signatures import GZIP, HEAD, foreign_kind
from pipeline.data.sources.base import Files, Source, SourceError, Transfer
from pipeline.data.sources.web import Download, fetch, save_plain

_MAX_BYTES = 2**26
"""Most bytes of a file as it is served, and as it is unpacked; the largest of the registry has 47 million."""


@dataclass(frozen=True)
class Mirror(Source):
    """A folder on the web that holds the files, each with ``.gz`` at its end.

    Attributes
    ----------
    url : str
        The folder's address, with a slash at its end.
    """

    url: str
    kind = "mirror"

    def __str__(self) -> str:
        return f"mirror {self.url}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:
        """Download the files; those whose name has no ``.gz`` are unpacked on the way."""
        served = {name: name.removesuffix(".gz") + ".gz" for name in files}

        def download(name: str) -> Download:
            save = partial(_save, unpack=not name.endswith(".gz"))
            return Download(transfer, save, _MAX_BYTES, served[name])

        fetch({name: self.url + served[name] for name in files}, files, folder, transfer.retries, download)


def _save(file: BufferedReader, target: Path, *, unpack: bool) -> None:
    """Save an IDX file raw, or a compressed file as it is."""
    head = file.peek(HEAD)
    if not unpack and not head.startswith(GZIP):
        raise SourceError(f"what it serves is {foreign_kind(head) or 'not compressed with gzip'}")
    try:
        if unpack:
            copy_idx(file, target, max_bytes=_MAX_BYTES)
        else:
            save_plain(file, target)
    except ForeignFileError as error:
        raise SourceError(str(error).replace("the file", "what it serves", 1)) from None

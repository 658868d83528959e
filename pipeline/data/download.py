"""Have a data set brought by the first carrier whose bytes are right, and keep it for the next time.

Hands on a folder with the four official files, raw, whoever brought them.
"""

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from pipeline.data.carriers.base import Carrier, CarrierError, Files, Transfer
from pipeline.data.carriers.local import Cache
from pipeline.data.catalogue import Dataset
from pipeline.data.idx import FILES, copy_idx, read_part
from pipeline.data.parts import check_parts
from pipeline.files import FullDiskError, naming_full_disk
from pipeline.parameters import ParameterError

_MAX_REASON = 500
"""Most letters of what a carrier says of its failure."""


class FetchError(RuntimeError):
    """No carrier has brought a data set; the message lists each with its reason, and says how to go on."""


def deliver(dataset: Dataset, source: str, folder: Path, transfer: Transfer) -> str:
    """Put the four files of a data set into a folder, under their official names and uncompressed.

    Parameters
    ----------
    dataset : Dataset
        What to bring.
    source : str
        ``"auto"`` for the carriers in their order, the user's cache first; or the kind of carrier to ask alone.
    folder : Path
        Where to; on an error it stays as it was.
    transfer : Transfer
        How to carry; its watcher hears which carriers fail and which one serves.

    Returns
    -------
    str
        Who has brought them.

    Raises
    ------
    ParameterError
        Where no carrier of the data set is of that kind.
    FetchError
        Where no carrier could bring it.
    FullDiskError
        Where the folder has no room for it.
    """
    cache = Cache(cache_folder(dataset))
    failures = {}
    for carrier in chosen(dataset, source, cache):
        try:
            _bring(dataset, carrier, cache, folder, transfer)
        except FullDiskError:  # which is full for the next as well
            raise
        except Exception as error:  # whatever one carrier does, the next is asked
            failures[str(carrier)] = in_one_line(error)
            if dataset.carriers == (carrier,) and not carrier.remote:  # no other way, with a network or without one
                raise FetchError(f"{carrier}: {failures[str(carrier)]}") from error
            transfer.progress.say(f"{carrier}: {failures[str(carrier)]}")
        else:
            transfer.progress.say(f"{dataset.name} comes from {carrier}")
            return str(carrier)
    reasons = "".join(f"\n  {carrier}: {reason}" for carrier, reason in failures.items())
    raise FetchError(
        f"no carrier has brought {dataset.name}:{reasons}\n"
        "To go on without a network: take the data set digits, or give a folder that holds "
        + ", ".join(name for part in FILES.values() for name in part)
    )


def in_one_line(error: Exception) -> str:
    r"""Return what an error says, in one line that a terminal can show, whoever has chosen the words.

    Examples
    --------
    >>> in_one_line(ValueError("no such\n  host \x1b[31m"))
    'no such host [31m'
    >>> in_one_line(KeyError("url"))
    "KeyError: 'url'"
    """
    words = "".join(letter if letter.isprintable() else " " for letter in str(error))
    expected = isinstance(error, (RuntimeError, OSError, ValueError)) and not isinstance(error, RecursionError)
    told = " ".join(words.split())
    return (told if expected and told else f"{type(error).__name__}: {told}".rstrip(": "))[:_MAX_REASON]


def chosen(dataset: Dataset, source: str, cache: Cache) -> list[Carrier]:
    """Return the carriers to ask, in order; the cache comes first where any of them is remote.

    Raises
    ------
    ParameterError
        Where there is none.
    """
    carriers = [*([cache] if any(one.remote for one in dataset.carriers) else []), *dataset.carriers]
    if source == "auto":
        return carriers
    fitting = [one for one in carriers if one.source == source]
    if not fitting:
        known = ", ".join(dict.fromkeys(one.source for one in carriers))
        raise ParameterError(f"source must be auto or, for {dataset.name}, one of {known}; got {source!r}")
    return fitting


def cache_folder(dataset: Dataset) -> Path:
    """Return the folder in which a data set is kept; the environment variable ``DIGITS_CACHE`` moves all of them."""
    import platformdirs  # noqa: PLC0415 - for start-up time

    root = os.environ.get("DIGITS_CACHE") or platformdirs.user_cache_dir("digits-pipeline")
    return Path(root) / quote(dataset.name, safe="")  # as in an address: no two names become one


def _bring(dataset: Dataset, carrier: Carrier, cache: Cache, folder: Path, transfer: Transfer) -> None:
    """Let one carrier bring a data set; take it only if it is right, and keep it if it came from afar."""
    with TemporaryDirectory(dir=folder, prefix=".brought-") as scratch, naming_full_disk(Path(scratch), place=folder):
        brought = Path(scratch)
        carrier.bring(dataset.files, brought, transfer)
        check(dataset.files, brought)
        check_parts({part: read_part(brought, part, dataset.n_classes, names) for part, names in FILES.items()})
        if carrier.remote:
            _keep(dataset.files, brought, cache, transfer)
        for name in dataset.files:
            _unpack(brought / name, folder / name.removesuffix(".gz"))


def check(files: Files, folder: Path) -> None:
    """See that the files of a folder have the SHA-256 that they must have.

    Raises
    ------
    CarrierError
        Naming the first that has not.
    """
    for name, known in files.items():
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if known not in (None, found):
            raise CarrierError(f"{name} is not the official file: its SHA-256 is {found}, not {known}")


def _keep(files: Files, folder: Path, cache: Cache, transfer: Transfer) -> None:
    """Keep what was brought, if that can be done; the data are here in any case."""
    try:
        cache.keep(files, folder)
    except OSError as error:
        transfer.progress.say(f"not kept in the cache: {error}")


def _unpack(source: Path, target: Path) -> None:
    """Move a raw file, or unpack a compressed one."""
    if source.suffix == ".gz":
        copy_idx(source, target)
    else:
        source.replace(target)

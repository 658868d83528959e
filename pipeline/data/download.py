"""Have a data set brought by the first source whose bytes are right, and keep it for the next time.

Hands on a folder with the four official files, raw, wherever they came from.
"""

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from pipeline.data import class_names
from pipeline.data.idx import FILES, copy_idx, find_idx, read_part
from pipeline.data.parts import check_parts
from pipeline.data.picture_names import move_picture_names
from pipeline.data.registry import Dataset
from pipeline.data.sources.base import Files, Source, SourceError, Transfer
from pipeline.data.sources.local import Cache
from pipeline.files import FullDiskError, naming_full_disk
from pipeline.parameters import ParameterError
from pipeline.text import shown

_MAX_REASON = 500
"""Most letters of what a source says of its failure."""


class FetchError(RuntimeError):
    """No source has brought a data set; the message lists each with its reason, and says how to go on."""


def deliver(dataset: Dataset, kind: str, folder: Path, transfer: Transfer) -> str:
    """Put the four files of a data set into a folder, under their official names and uncompressed.

    Parameters
    ----------
    dataset : Dataset
        What to bring.
    kind : str
        ``"auto"`` for the sources in their order, the user's cache first; or the kind of source to ask alone.
    folder : Path
        Where to; on an error it stays as it was.
    transfer : Transfer
        How files are brought; its progress hears which sources fail and which one serves.

    Returns
    -------
    str
        The source that has brought them.

    Raises
    ------
    ParameterError
        Where no source of the data set is of that kind.
    FetchError
        Where no source could bring it.
    FullDiskError
        Where the folder has no space for it.
    """
    cache = Cache(cache_folder(dataset))
    failures = {}
    for source in chosen(dataset, kind, cache):
        try:
            _bring(dataset, source, cache, folder, transfer)
        except FullDiskError:  # which is full for the next as well
            raise
        except Exception as error:  # whatever one source does, the next is asked
            failures[str(source)] = in_one_line(error)
            if dataset.sources == (source,) and not source.remote:  # no other way, with a network or without one
                raise FetchError(f"{source}: {failures[str(source)]}") from error
            transfer.progress.say(f"{source}: {failures[str(source)]}")
        else:
            if str(source).partition(" ")[2] != str(Path(dataset.name)):  # else the path says where it comes from
                transfer.progress.say(f"{dataset.name} comes from {source}")
            return str(source)
    reasons = "".join(f"\n  {source}: {reason}" for source, reason in failures.items())
    raise FetchError(
        f"no source has brought {dataset.name}:{reasons}\n"
        "To go on without a network: take the data set digits, or give a folder that holds "
        + ", ".join(name for part in FILES.values() for name in part)
    )


def in_one_line(error: Exception) -> str:
    r"""Return what an error says, in one line that a terminal can show, whatever it holds.

    Examples
    --------
    >>> in_one_line(ValueError("no such\n  host \x1b[31m"))
    'no such host \\x1b[31m'
    >>> in_one_line(KeyError("url"))
    "KeyError: 'url'"
    """
    expected = isinstance(error, (RuntimeError, OSError, ValueError)) and not isinstance(error, RecursionError)
    told = str(error)
    return shown(told if expected and told.strip() else f"{type(error).__name__}: {told}".rstrip(": "), _MAX_REASON)


def chosen(dataset: Dataset, kind: str, cache: Cache) -> list[Source]:
    """Return the sources to ask, in order; the cache comes first where any of them is remote.

    Raises
    ------
    ParameterError
        Where there is none.
    """
    sources = [*([cache] if any(one.remote for one in dataset.sources) else []), *dataset.sources]
    if kind == "auto":
        return sources
    fitting = [one for one in sources if one.kind == kind]
    if not fitting:
        known = ", ".join(dict.fromkeys(one.kind for one in sources))
        raise ParameterError(f"source must be auto or, for {dataset.name}, one of {known}; got {kind!r}")
    return fitting


def cache_folder(dataset: Dataset) -> Path:
    """Return the folder in which a data set is kept; the environment variable ``DIGITS_CACHE`` moves all of them."""
    import platformdirs  # noqa: PLC0415 - for start-up time

    root = os.environ.get("DIGITS_CACHE") or platformdirs.user_cache_dir("digits-pipeline")
    return Path(root) / quote(dataset.name, safe="")  # as in an address: no two names become one


def _bring(dataset: Dataset, source: Source, cache: Cache, folder: Path, transfer: Transfer) -> None:
    """Let one source bring a data set; take it only if it is right, and keep it if it came from afar."""
    with TemporaryDirectory(dir=folder, prefix=".brought-") as scratch, naming_full_disk(Path(scratch), place=folder):
        brought = Path(scratch)
        source.bring(dataset.files, brought, transfer)
        check(dataset.files, brought)
        check_parts({part: read_part(brought, part, dataset.n_classes, names) for part, names in FILES.items()})
        if source.remote:
            _keep(dataset.files, brought, cache, transfer)
        for path in [find_idx(brought, name) for name in dataset.files]:
            _unpack(path, folder / path.name.removesuffix(".gz"))
        class_names.write_class_names(folder, class_names.read_class_names(brought))
        move_picture_names(brought, folder)


def check(files: Files, folder: Path) -> None:
    """See that the files of a folder have the SHA-256 that they must have.

    Raises
    ------
    SourceError
        Naming the first that has not.
    """
    for name, known in files.items():
        if known is None:
            continue
        with find_idx(folder, name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if known != found:
            raise SourceError(f"{name} is not the official file: its SHA-256 is {found}, not {known}")


def _keep(files: Files, folder: Path, cache: Cache, transfer: Transfer) -> None:
    """Keep what was brought, if that can be done; the data are here in any case."""
    try:
        cache.keep(files, folder)
    except OSError as error:
        transfer.progress.say(f"not kept in the cache: {error}")


def _unpack(brought: Path, target: Path) -> None:
    """Move a raw file, or unpack a compressed one."""
    if brought.suffix == ".gz":
        copy_idx(brought, target)
    else:
        brought.replace(target)

"""The source for OpenML: the registry's sets, and any other of grey images.

OpenML serves tables as ARFF, so the files are written here, the same bytes as the official ones where the set is.
Nothing that it answers becomes a path, and its addresses are followed to the web alone.
"""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from pipeline.data.arff import Column, read_arff
from pipeline.data.sources.arrays import fixed_fifth, to_images, to_labels, write_parts
from pipeline.data.sources.base import Files, Source, SourceError, Transfer
from pipeline.data.sources.web import Download, RefusedError, fetch, save_plain
from pipeline.strict_json import JsonError, read_json
from pipeline.text import shown

_API = "https://www.openml.org/api/v1/json/data/"
_UNKNOWN = 412
"""What OpenML answers where there is no such data set."""

_MAX_JSON = 2**23
_MAX_TABLE = 2**28

_TRAIN_ROWS = {554: 60000, 40996: 60000, 41982: 60000}
"""The sets whose official training part comes first and test part after it: MNIST, Fashion-MNIST, KMNIST."""


@dataclass(frozen=True)
class OpenML(Source):
    """A data set of OpenML.

    Attributes
    ----------
    key : int or str
        Its number, or its name, of which the oldest version that is active is taken.
    """

    key: int | str
    kind = "openml"

    def __str__(self) -> str:
        return f"OpenML data set {self.key}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it has these or none
        """Download the table and write the files; where there is no test part, a fixed fifth of each class is it."""
        with TemporaryDirectory(dir=folder) as downloads:
            number = self.key if isinstance(self.key, int) else self._look_up(self.key, Path(downloads), transfer)
            table, names, column = self._download(number, Path(downloads), transfer)
        labels = to_labels(names)[column]
        n_train = _TRAIN_ROWS.get(number)
        test = fixed_fifth(labels) if n_train is None else np.arange(n_train, len(labels))
        write_parts(folder, to_images(table), labels, test)

    def _look_up(self, name: str, folder: Path, transfer: Transfer) -> int:
        """Return the number of the oldest active version of a name."""
        path = f"list/data_name/{quote(name.lower(), safe='')}/limit/2/status/active/"
        found = _field(self._ask(path, folder, transfer), "data", "dataset")
        versions = [_field(one, "did") for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        if not versions or not re.fullmatch("[0-9]{1,9}", str(versions[0])):
            raise SourceError("OpenML's answer is damaged: it names no number")
        if len(versions) > 1:
            transfer.progress.say(f"OpenML has several active versions of {name}; the oldest is taken, {versions[0]}")
        return int(versions[0])

    def _download(
        self, number: int, folder: Path, transfer: Transfer
    ) -> tuple[NDArray[Any], NDArray[np.str_], NDArray[np.uint8]]:
        """Return the table, the different labels, and which of them each row has."""
        description = _field(self._ask(str(number), folder, transfer), "data_set_description")
        _warn(description, transfer)
        features = _field(self._ask(f"features/{number}", folder, transfer), "data_features", "feature")
        columns = _columns(features)
        is_sparse = _is_sparse(_field(description, "format"))
        self._bring_table(description, folder, transfer)
        return read_arff(folder / "table.arff", columns, is_sparse=is_sparse)

    def _bring_table(self, description: Any, folder: Path, transfer: Transfer) -> None:
        """Download the table, and see that its MD5 is the one that was announced, if one was."""
        md5 = description.get("md5_checksum")
        known = f"md5:{md5.lower()}" if isinstance(md5, str) and re.fullmatch("[0-9a-fA-F]{32}", md5) else None
        download = Download(transfer, save_plain, _MAX_TABLE, str(self), compressed=True)
        url = _field(description, "url")
        fetch({"table.arff": str(url)}, {"table.arff": known}, folder, transfer.retries, lambda _: download)

    def _ask(self, path: str, folder: Path, transfer: Transfer) -> Any:
        """Return what OpenML answers, which is JSON."""
        name = f"{path.partition('/')[0]}.json"  # of our own making: list, features or a number
        download = Download(transfer, save_plain, _MAX_JSON, f"{self}: what it says of itself")
        try:
            fetch({name: _API + path}, {name: None}, folder, transfer.retries, lambda _: download)
        except RefusedError as error:
            if error.status == _UNKNOWN:
                raise SourceError(f"OpenML has no data set {self.key}") from None
            raise
        try:
            return read_json(folder / name, max_bytes=_MAX_JSON)
        except JsonError as error:
            raise SourceError(f"OpenML's answer is damaged: {error}") from None


def _field(answer: Any, *path: str) -> Any:
    """Return what an answer says under one name in another."""
    for name in path:
        if not isinstance(answer, dict) or name not in answer:
            raise SourceError(f"OpenML's answer is damaged: it has no {name}")
        answer = answer[name]
    return answer


def _warn(description: Any, transfer: Transfer) -> None:
    """Let the progress hear what OpenML holds against a data set."""
    if _field(description, "status") != "active":
        transfer.progress.say("OpenML has taken this version of the data set back")
    for kind in ("error", "warning"):
        if kind in description:
            transfer.progress.say(f"OpenML's {kind} for this data set: {shown(description[kind])}")


def _is_sparse(name: Any) -> bool:
    """Tell which kind of ARFF a table is."""
    kinds = {"arff": False, "sparse_arff": True}
    if str(name).lower() not in kinds:
        raise SourceError(f"its format is {str(name)[:40]!r}; ARFF and sparse ARFF can be read")
    return kinds[str(name).lower()]


def _columns(features: Any) -> list[Column]:
    """Return what each column of the table is for."""
    if not isinstance(features, list) or not all(isinstance(one, dict) for one in features):
        raise SourceError("OpenML's answer is damaged: its features are no list")
    ordered = sorted(features, key=partial(_index, n_columns=len(features)))
    if [_index(one, len(features)) for one in ordered] != list(range(len(features))):
        raise SourceError("OpenML's answer is damaged: its features are not numbered from 0")
    columns = [_column(one) for one in ordered]
    if sum(column.role == "label" for column in columns) != 1:
        raise SourceError("it names no one column as its labels")
    return columns


def _index(feature: dict[str, Any], n_columns: int) -> int:
    text = str(_field(feature, "index"))
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else n_columns


def _column(feature: dict[str, Any]) -> Column:
    values = feature.get("nominal_value") or "0"
    missing = str(values[0] if isinstance(values, list) else values)
    if _is_true(feature, "is_target"):
        return Column("label", missing)
    if _is_true(feature, "is_ignore") or _is_true(feature, "is_row_identifier"):
        return Column("other")
    return Column("pixel", missing)


def _is_true(feature: dict[str, Any], name: str) -> bool:
    return str(feature.get(name)).lower() == "true"

"""The carrier for OpenML, through scikit-learn's ``fetch_openml``: the catalogue's sets, and any other of grey images.

OpenML serves tables, so the files are written here, the same bytes as the official ones where the set is.
"""

import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.carriers.arrays import fixed_fifth, to_images, to_labels, write_parts
from pipeline.data.carriers.base import Carrier, CarrierError, Files, Transfer
from pipeline.data.carriers.mirror import opened

_DOOR = "https://www.openml.org/api/v1/json/data/list/limit/1"
"""What is asked for to see whether OpenML answers."""

_TRAIN_ROWS = {554: 60000, 40996: 60000, 41982: 60000}
"""The sets whose official training part comes first and test part after it: MNIST, Fashion-MNIST, KMNIST."""


@dataclass(frozen=True)
class OpenML(Carrier):
    """A data set of OpenML.

    Attributes
    ----------
    key : int or str
        Its number, or its name, for which OpenML chooses the version.
    """

    key: int | str
    source = "openml"

    def __str__(self) -> str:
        return f"OpenML data set {self.key}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it has these or none
        """Download the table and write the files; where there is no test part, a fixed fifth of each class is it."""
        with opened(_DOOR, transfer):  # fetch_openml would try for long where nobody answers
            pass
        table, column, number = self._download(folder, transfer)
        labels = to_labels(column)
        n_train = _TRAIN_ROWS.get(number)
        test = fixed_fifth(labels) if n_train is None else np.arange(n_train, len(labels))
        write_parts(folder, to_images(table), labels, test)

    def _download(self, folder: Path, transfer: Transfer) -> tuple[NDArray[Any], NDArray[Any], int]:
        """Return the table, the column of labels, and the set's number."""
        from sklearn.datasets import fetch_openml  # noqa: PLC0415 - for start-up time

        which = {"data_id": self.key} if isinstance(self.key, int) else {"name": self.key}
        plain = {"as_frame": False, "parser": "liac-arff", "n_retries": transfer.retries}  # as pandas is not needed
        with transfer.shown(str(self)), _time_out(transfer.timeout), _warnings_said(transfer):
            try:
                bunch = fetch_openml(**which, **plain, data_home=folder)
            except (HTTPException, LookupError) as error:  # cut short, or not in the shape that OpenML's answers have
                raise CarrierError(f"OpenML's answer is damaged: {error!r}") from None
        if bunch.target is None or bunch.target.ndim != 1:
            raise CarrierError("it names no one column as its labels")
        table = bunch.data.toarray() if hasattr(bunch.data, "toarray") else bunch.data
        return table, bunch.target, int(bunch.details["id"])


@contextmanager
def _time_out(seconds: float) -> Iterator[None]:
    """Give new connections a time-out, for fetch_openml has no parameter for one."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _warnings_said(transfer: Transfer) -> Iterator[None]:
    """Let the watcher hear the first line of each warning, instead of whoever runs the program."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        transfer.progress.say(str(warning.message).splitlines()[0])

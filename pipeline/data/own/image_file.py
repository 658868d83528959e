"""Images in a file without a name: appended some at a time, and read back by rows, so that they take no memory."""

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray


class ImageFile:
    """Images of one shape, which are deleted when this is closed.

    Parameters
    ----------
    folder : Path
        The folder with the space for them.

    Examples
    --------
    >>> with ImageFile(Path(tempfile.gettempdir())) as images:
    ...     images.append(np.zeros((2, 3, 3), np.uint8))
    ...     images.append(np.ones((1, 3, 3), np.uint8))
    ...     images.shape, images[2].max(), images[1:].shape
    ((3, 3, 3), np.uint8(1), (2, 3, 3))
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - `close` closes it
        self._one: tuple[int, ...] = (0, 0)
        self._n_images = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def shape(self) -> tuple[int, ...]:
        """How many images there are, and the shape of each."""
        return (self._n_images, *self._one)

    def __len__(self) -> int:
        return self._n_images

    def append(self, images: NDArray[np.uint8]) -> None:
        """Add images of shape (n_images, ...) after those that are there, all of one shape."""
        if not self._n_images:
            self._one = images.shape[1:]
        elif images.shape[1:] != self._one:
            raise ValueError(f"images must be of the shape {self._one}; got {images.shape[1:]}")
        self._file.seek(self._n_images * self._n_bytes)
        self._file.write(np.ascontiguousarray(images).data)
        self._n_images += len(images)

    def __getitem__(self, rows: int | slice) -> NDArray[np.uint8]:
        """Return one image, or a copy of those of a slice without a step."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self._n_images)
            if step != 1:
                raise ValueError(f"a slice of images must have no step; got {rows}")
            return self._read(start, max(0, stop - start))
        return self._read(range(self._n_images)[rows], 1)[0]

    def _read(self, start: int, n_images: int) -> NDArray[np.uint8]:
        self._file.seek(start * self._n_bytes)
        found = self._file.read(n_images * self._n_bytes)
        return np.frombuffer(found, np.uint8).reshape(n_images, *self._one)

    @property
    def _n_bytes(self) -> int:
        return int(np.prod(self._one))

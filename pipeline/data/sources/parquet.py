"""Tables of a person's own, in parquet: pictures in one column, labels in another.

Hands on the four files, the names of the classes beside them, and lines that say what was read and what was not.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.data.own.image_file import ImageFile
from pipeline.data.own.parquet import ParquetError, plan_tables, read_rows
from pipeline.data.sources.base import Files, SourceError, Transfer
from pipeline.data.sources.pictures import Pictures, read_samples, say_plan


@dataclass(frozen=True)
class Parquet(Pictures):
    """A table in parquet, or a folder of some, as Hugging Face writes them; see `plan_tables`."""

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it has what it has
        """Read all rows, number the classes as the tables do, and draw a test part where there is none."""
        try:
            tables, planned = plan_tables(Path(self.path))
        except ModuleNotFoundError as error:
            raise SourceError(_MISSING) from error
        n_rows = sum(table.n_rows for table in tables)
        with ImageFile(folder) as images:
            try:
                read, failed = read_samples(read_rows(tables), n_rows, self.reading.rules, images, transfer.progress)
            except ParquetError as error:
                raise SourceError(str(error)) from error
            say_plan(planned, read, failed, transfer.progress)
            found = replace(read, classes=_in_own_order(tables[0].class_names))
            self._hand_over(found, planned.has_test, None, folder, transfer)


def _in_own_order(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return names of classes in the order of their labels; None, where they are the labels, as MNIST's are."""
    return None if names is None or names == tuple(map(str, range(len(names)))) else names


_MISSING = (
    'tables in parquet are read by pyarrow, which is not installed: pip install "digits-pipeline[parquet]" brings it'
)

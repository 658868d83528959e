"""Parquet as Hugging Face writes it: files of pictures in a column beside their labels, in one table or some a part.

Which column is which, the types of the columns say, and where these leave a choice, Hugging Face's own notes, the name
of the label, and what lies in the first rows. Rows are read some at a time, so that a large table takes little memory.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.data.class_names import MOST_CLASSES, natural_key
from pipeline.data.own.csv_table import LABELS
from pipeline.data.own.decoding import Sample
from pipeline.data.own.picture import PictureError, Rules, read_picture
from pipeline.data.own.tree import MAX_BYTES, PARTS, PICTURES, TABLE, Plan, TreeError, assign_validation, is_hidden
from pipeline.strict_json import JsonError, parse_json
from pipeline.text import shown

if TYPE_CHECKING:
    from pyarrow import DataType, Schema
    from pyarrow.parquet import ParquetFile

_DEEPEST = 3
"""Folders one in the other, such as ``data`` or ``default/train``, that are looked into."""

_FIRST = 1000
"""Entries of a folder that tell what is in it."""

_MOST_ROWS, _MOST_BATCH = 256, 2**22
"""What is read at once at most: rows, bytes of the files in them."""

_BUFFER = 2**20
"""Bytes of a column that are in memory before they are unpacked."""


class ParquetError(ValueError):
    """A table does not hold pictures and labels; the message says which table, and which column or row."""


@dataclass(frozen=True)
class Table:
    """A table of pictures and labels, of which no row is read so far.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        What to call it.
    part : str
        ``"train"`` or ``"test"``.
    n_rows : int
        As many as it announces.
    image, label : str
        The columns.
    is_struct : bool
        Whether the bytes of a picture are a field of its column.
    batch : int
        Rows to read at once.
    class_names : tuple of str or None
        What the numbers in the column of labels stand for.
    """

    path: Path
    name: str
    part: str
    n_rows: int
    image: str
    label: str
    is_struct: bool
    batch: int
    class_names: tuple[str, ...] | None


def holds_tables(top: Path) -> bool:
    """Tell whether a folder is one of tables: it has such files, and no pictures among the first that are seen."""
    endings = {path.suffix.lower() for path in _files(top, _FIRST)}
    return TABLE in endings and not endings & PICTURES


def _files(top: Path, most: int | None = None) -> Iterator[Path]:
    """Yield the files of a folder and those in it that are not hidden, some of each where ``most`` says how many."""
    pending = [(top, 0)]
    while pending:
        folder, depth = pending.pop()
        with os.scandir(folder) as entries:
            for one in islice(entries, most):
                if is_hidden(one.name):
                    continue
                if not one.is_dir():
                    yield Path(one.path)
                elif depth < _DEEPEST:
                    pending.append((Path(one.path), depth + 1))


def plan_tables(path: Path) -> tuple[list[Table], Plan]:
    """Say which tables there are, and what their columns are.

    Parameters
    ----------
    path : Path
        A table; or a folder of some, called by their parts: ``train-00000-of-00002.parquet``, or
        ``train/0000.parquet``.

    Returns
    -------
    tables : list of Table
        Training rows first, else in natural order.
    plan : Plan
        What else is known; it names no files, for their rows are `read_rows`' to read.

    Raises
    ------
    ParquetError, TreeError
        Where a table cannot be read, a column cannot be told from others, or two tables differ in them.
    ModuleNotFoundError
        Where pyarrow is missing.
    """
    parts, skipped = _parts(path)
    renamed, notes = assign_validation(set(parts.values()))
    top = path if path.is_dir() else path.parent
    tables = [
        replace(_look(one, one.relative_to(top).as_posix()), part=renamed.get(part, part))
        for one, part in parts.items()
    ]
    tables.sort(key=lambda table: (table.part != "train", natural_key(table.name)))
    _check_alike(tables)
    first = tables[0]
    notes.append(
        f"read from {'1 table' if len(tables) == 1 else f'{len(tables)} tables'} of "
        f"{sum(table.n_rows for table in tables)} rows: pictures in the column {_quoted(first.image)}, labels in "
        f"{_quoted(first.label)}"
    )
    has_test = any(table.part == "test" for table in tables)
    return tables, Plan([], has_test, set(first.class_names or ()), skipped, notes)


def _parts(path: Path) -> tuple[dict[Path, str], list[tuple[str, str]]]:
    """Return the part of each table, and those that are left out with the reason."""
    if not path.is_dir():
        return {path: "train"}, []
    found = [one for one in _files(path) if one.suffix.lower() == TABLE]
    parts = {one: _part(one.relative_to(path)) for one in found}
    if not any(parts.values()):
        parts = dict.fromkeys(found, "train")
    homes = sorted({_home(one.relative_to(path)) for one, part in parts.items() if part}, key=natural_key)
    if len(homes) > 1:
        raise TreeError(f"it has tables in {_some(homes)}, and which are meant cannot be told: name one of the folders")
    if "train" not in parts.values():
        raise TreeError(f"it has tables of {', '.join(sorted(set(parts.values()) - {''}))}, and none of train")
    skipped = [
        (one.relative_to(path).as_posix(), "its name says no part, as those of others do")
        for one, part in parts.items()
        if not part
    ]
    return {one: part for one, part in parts.items() if part}, skipped


def _part(path: Path) -> str:
    """Return the part that a table is of by its name or the folder that it is in; none, where these do not say."""
    words = (re.split(r"[^a-z0-9]", name.casefold())[0] for name in (path.stem, path.parent.name))
    return next((PARTS[word] for word in words if word in PARTS), "")


def _home(path: Path) -> str:
    """Return the folder that all parts of a data set are in."""
    return "/".join(name for name in path.parent.parts if name.casefold() not in PARTS) or "."


def _guarded(name: str, read: Callable[[], Any]) -> Any:
    """Return what is read from a table, and turn whatever its library makes of damaged bytes into one error."""
    try:
        return read()
    except (ParquetError, ModuleNotFoundError):
        raise
    except FileNotFoundError as error:
        raise ParquetError(f"{_quoted(name)} is not there: {shown(error.strerror or error)}") from None
    except Exception as error:  # noqa: BLE001 - whatever a damaged table comes to
        raise ParquetError(f"{_quoted(name)} is damaged ({type(error).__name__}: {shown(error, 100)})") from None


def _open(path: Path) -> "ParquetFile":
    """Open a table; its bytes are read as they are needed, for a group of rows may be all of them."""
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - pyarrow is an extra

    return ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER, page_checksum_verification=True)


def _look(path: Path, name: str) -> Table:
    """Find the columns of a table by its schema."""

    def look() -> Table:
        with _open(path) as opened:
            schema = opened.schema_arrow
            features = _features(schema, name)
            image = _choose_image(opened, features, name)
            label = _choose_label(schema, features, image, name)
            return Table(
                path,
                name,
                "train",
                opened.metadata.num_rows,
                image,
                label,
                _bytes_field(schema.field(image).type) is not None,
                _rows_at_once(opened),
                _class_names(features, label, name),
            )

    found: Table = _guarded(name, look)
    return found


def _features(schema: "Schema", name: str) -> dict[str, Any]:
    """Return what Hugging Face notes of columns; nothing, where there is no such note."""
    note = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        known = parse_json(note)
    except JsonError as error:
        raise ParquetError(f"{_quoted(name)} has a damaged note in its schema, huggingface: {error}") from None
    for key in ("info", "features"):
        known = known.get(key) if isinstance(known, dict) else None
    return {key: one for key, one in known.items() if isinstance(one, dict)} if isinstance(known, dict) else {}


def _bytes_field(kind: "DataType") -> int | None:
    """Return the place of the field that holds bytes, of a column with fields."""
    from pyarrow import types  # noqa: PLC0415 - pyarrow is an extra

    if not types.is_struct(kind):
        return None
    place = kind.get_field_index("bytes")
    return place if place >= 0 and _is_binary(kind.field(place).type) else None


def _is_binary(kind: "DataType") -> bool:
    from pyarrow import types  # noqa: PLC0415 - pyarrow is an extra

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _choose_image(opened: "ParquetFile", features: dict[str, Any], name: str) -> str:
    """Return the one column of pictures."""
    schema = opened.schema_arrow
    columns = [one.name for one in schema if _is_binary(one.type) or _bytes_field(one.type) is not None]
    noted = [one for one in columns if features.get(one, {}).get("_type") == "Image"]
    if len(columns) > 1 and not noted:
        noted = [one for one in columns if _begins_with_picture(opened, one)]
    chosen = noted or columns
    if len(chosen) > 1:
        raise ParquetError(
            f"{_quoted(name)} has {len(chosen)} columns of pictures, {_some(chosen)}; expected is one: leave out the "
            "others"
        )
    if not chosen:
        raise ParquetError(
            f"{_quoted(name)} has no column of pictures, which are binary or a struct with the field bytes; it has "
            f"{_described(schema)}"
        )
    return chosen[0]


def _begins_with_picture(opened: "ParquetFile", column: str) -> bool:
    """Tell whether the first bytes in a column are a picture."""
    is_struct = _bytes_field(opened.schema_arrow.field(column).type) is not None
    batches = opened.iter_batches(batch_size=_MOST_ROWS, columns=[f"{column}.bytes" if is_struct else column])
    first = next(
        (one for batch in islice(batches, 1) for one in _bytes(batch, column, is_struct=is_struct) if one), b""
    )
    try:
        read_picture(first, Rules())
    except PictureError:
        return False
    return True


def _choose_label(schema: "Schema", features: dict[str, Any], image: str, name: str) -> str:
    """Return the one column of labels: of classes as Hugging Face notes them, or of that name, or the only one."""
    columns = [one.name for one in schema if one.name != image and _is_label(one.type)]
    noted = [one for one in columns if features.get(one, {}).get("_type") == "ClassLabel"]
    named = [one for one in columns if one.lower() in LABELS]
    chosen = next((some for some in ([one for one in noted if one in named], noted, named, columns) if some), [])
    if len(chosen) > 1:
        raise ParquetError(
            f"{_quoted(name)} has {len(chosen)} columns that may be labels, {_some(chosen)}; call the one that is "
            "meant label, and no other so"
        )
    if not chosen:
        raise ParquetError(
            f"{_quoted(name)} has no column of labels, which are integers or text; it has {_described(schema)}"
        )
    return chosen[0]


def _is_label(kind: "DataType") -> bool:
    """Tell whether values of a type may be labels."""
    from pyarrow import types  # noqa: PLC0415 - pyarrow is an extra

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_integer(kind) or types.is_string(kind) or types.is_large_string(kind))


def _class_names(features: dict[str, Any], label: str, name: str) -> tuple[str, ...] | None:
    """Return what numbers stand for by Hugging Face's note; None, where it does not say."""
    names = features.get(label, {}).get("names")
    if names is None:
        return None
    good = isinstance(names, list) and all(isinstance(one, str) and one.strip() for one in names)
    if not good or len(set(names)) < len(names):
        raise ParquetError(f"{_quoted(name)} has names of classes that are no list of texts that all differ")
    if len(names) > MOST_CLASSES:
        raise ParquetError(
            f"{_quoted(name)} has names of {len(names)} classes; at most {MOST_CLASSES} can be told apart"
        )
    return tuple(names)


def _rows_at_once(opened: "ParquetFile") -> int:
    """Return how many rows to read at once, by the bytes that they take on average.

    Those of a column alone are not asked for: of a damaged one, pyarrow does not raise an error but ends the process.
    """
    groups = [opened.metadata.row_group(number) for number in range(opened.metadata.num_row_groups)]
    n_bytes, n_rows = sum(one.total_byte_size for one in groups), sum(one.num_rows for one in groups)
    return max(1, min(_MOST_ROWS, _MOST_BATCH * n_rows // max(1, n_bytes)))


def _check_alike(tables: Sequence[Table]) -> None:
    """Raise where tables differ in their columns, or in what labels stand for."""
    first = tables[0]
    for other in tables[1:]:
        if (other.image, other.label) != (first.image, first.label):
            raise ParquetError(
                f"{_quoted(first.name)} has pictures and labels in the columns {_some([first.image, first.label])}, "
                f"and {_quoted(other.name)} in {_some([other.image, other.label])}"
            )
        if other.class_names != first.class_names:
            raise ParquetError(f"{_quoted(first.name)} and {_quoted(other.name)} differ in the names of their classes")


def read_rows(tables: Sequence[Table]) -> Iterator[Sample]:
    """Yield the pictures of tables with their labels, row by row; rows are counted from 0.

    Raises
    ------
    ParquetError
        Naming the row, where it has no label, or one that has no name; or the table, where it is damaged.
    """
    for table in tables:
        opened: ParquetFile = _guarded(table.name, partial(_open, table.path))
        with opened:
            row = 0
            for contents, labels in _batches(opened, table):
                for content, label in zip(contents, labels, strict=True):
                    where = f"{table.name} row {row}"
                    yield Sample(table.part, _class_name(label, table, where), where, _checked(content))
                    row += 1


def _batches(opened: "ParquetFile", table: Table) -> Iterator[tuple[list[bytes | None], list[Any]]]:
    """Yield files of pictures and labels, some rows of both at a time."""
    columns = [f"{table.image}.bytes" if table.is_struct else table.image, table.label]
    batches = opened.iter_batches(batch_size=table.batch, columns=columns, use_threads=False)

    def read() -> tuple[list[bytes | None], list[Any]] | None:
        batch = next(batches, None)
        if batch is None:
            return None
        labels = batch.column(batch.schema.get_field_index(table.label)).to_pylist()
        return _bytes(batch, table.image, is_struct=table.is_struct), labels

    while rows := _guarded(table.name, read):
        yield rows


def _bytes(batch: Any, column: str, *, is_struct: bool) -> list[bytes | None]:
    """Return the files of pictures in a batch; None, where there is none."""
    from pyarrow import compute  # noqa: PLC0415 - pyarrow is an extra

    found = batch.column(batch.schema.get_field_index(column))
    files: list[bytes | None] = (compute.struct_field(found, ["bytes"]) if is_struct else found).to_pylist()
    return files


def _checked(content: bytes | None) -> bytes | Exception:
    """Return the file of a picture, or why there is none to decode."""
    if content is None:
        return PictureError("it has no bytes")
    if len(content) > MAX_BYTES:
        return PictureError(f"it has {len(content)} bytes, and at most {MAX_BYTES} are read")
    return content


def _class_name(label: int | str | None, table: Table, where: str) -> str:
    """Return what a label stands for."""
    text = "" if label is None else str(label).strip()
    if not text:
        raise ParquetError(f"{shown(where, 150)} has no label")
    if table.class_names is None:
        return text
    if not isinstance(label, int) or not 0 <= label < len(table.class_names):
        missing = ", which stands for none" if label == -1 else ""
        n_names = len(table.class_names)
        raise ParquetError(
            f"{shown(where, 150)} has the label {shown(text, 50)}{missing}; {n_names} classes have names, so "
            f"that labels are 0 to {n_names - 1}"
        )
    return table.class_names[label]


def _described(schema: "Schema") -> str:
    """List columns with their types, and not more than a line holds."""
    return shown(", ".join(f"{one.name} ({one.type})" for one in islice(schema, 20)) or "none", 300)


def _some(names: Sequence[str]) -> str:
    quoted = [_quoted(name) for name in names[:8]]
    return ", ".join(quoted) + (", ..." if len(names) > 8 else "")


def _quoted(name: str) -> str:
    return shown(repr(name), 100)

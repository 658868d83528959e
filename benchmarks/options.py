"""What a part of the benchmark is told: where the data lie, how many rounds, which rows, and whether in earnest."""

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import ROWS, Row
from benchmarks.sides import is_there

_QUICK = 512


@dataclass(frozen=True)
class Options:
    """The wishes of the command line.

    Attributes
    ----------
    folder : Path
        Where ``data.store`` has put the data.
    rounds : int
        How often each side takes its turn.
    quick : bool
        Whether to show only that everything works: few images, one round.
    rows : tuple of str
        Names of the rows to measure; none is all.
    targets : tuple of float
        Accuracies to reach, in percent; none is all.
    seeds : tuple of int
        What the searches of pruning are drawn by; none is those of its table.
    """

    folder: Path
    rounds: int = 5
    quick: bool = False
    rows: tuple[str, ...] = ()
    targets: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()

    def images(self, n_images: int) -> int:
        """Return how many images to use, where ``n_images`` would be in earnest."""
        return min(n_images, _QUICK) if self.quick else n_images

    def turns(self, rounds: int | None = None) -> int:
        """Return how many rounds to make, where ``rounds`` would be in earnest."""
        return 1 if self.quick else rounds or self.rounds

    def row(self, row: Row) -> Row:
        """Return a row, or what is left of it in a hurry."""
        return row.quick() if self.quick else row

    def chosen_rows(self) -> list[Row]:
        """Return the rows of the table that are asked for."""
        return [self.row(ROWS[name]) for name in self.rows or ROWS]


def present(sides: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sides whose libraries are installed."""
    return tuple(name for name in sides if is_there(name))


def say(line: str) -> None:
    """Tell the person who waits."""
    print(line, file=sys.stderr, flush=True)

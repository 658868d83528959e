"""``python -m benchmarks``: measure all parts, or those that are named, and keep what they came to.

Says beforehand about how long it takes. What a part came to is kept as soon as it is done. ``make-large FOLDER`` makes
a data set larger than memory instead, see ``benchmarks.large``.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from benchmarks import (
    ablation,
    account,
    compiling,
    deform,
    drawing,
    foreign,
    growth,
    large,
    memory,
    neighbour,
    photo,
    predict,
    pruning,
    rates,
    recipe,
    regression,
    report,
    search,
    start,
    tabular,
    target,
    train,
)
from benchmarks.data import store
from benchmarks.machine import machine
from benchmarks.measure import ROOT
from benchmarks.options import Options, say
from benchmarks.rows import NUMBA, PYTORCH, ROWS
from benchmarks.sides import is_there
from pipeline.files import UnwritableError, check_replaceable, temporary_folder
from pipeline.recipes.markdown import between_markers

PARTS: dict[str, ModuleType] = {
    "train": train,
    "account": account,
    "neighbour": neighbour,
    "recipe": recipe,
    "predict": predict,
    "search": search,
    "regression": regression,
    "compile": compiling,
    "memory": memory,
    "start": start,
    "growth": growth,
    "target": target,
    "deform": deform,
    "ablation": ablation,
    "photo": photo,
    "rates": rates,
    "pruning": pruning,
    "foreign": foreign,
    "drawing": drawing,
    "tabular": tabular,
}
MAKE_LARGE = "make-large"
RESULTS = ROOT / "benchmarks" / "results.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == [MAKE_LARGE]:
        large.main(words[1:])
        return
    parser = _parser()
    given = parser.parse_args(words)
    output = given.output or (None if given.quick else RESULTS)
    if output is not None and not output.parent.is_dir():
        parser.error(f"--output: there is no folder {output.parent}")
    if output is not None:
        _check_output(parser, output)
    parts = [] if given.parts == ["report"] else list(PARTS) if "all" in given.parts else given.parts
    document = report.read(output or RESULTS) if not given.quick else {}
    if parts:
        document = _measure(parts, given, document, output)
    if given.markdown:
        print(report.markdown(document))
    if given.readme:
        path = ROOT / "benchmarks" / "README.md"
        text = between_markers(path.read_text("utf-8"), report.BEGIN, report.END, report.markdown(document))
        path.write_text(text, "utf-8")


def _check_output(parser: argparse.ArgumentParser, output: Path) -> None:
    """Leave before anything is measured where results could not be written."""
    try:
        check_replaceable(output, "choose another file with --output")
    except UnwritableError as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("parts", nargs="*", choices=[*PARTS, "all", "report"], default="all", help="what to measure; report: nothing")
    add("--rows", nargs="+", choices=ROWS, default=[], metavar="NAME", help=f"rows of train: {', '.join(ROWS)}")
    goals = [str(goal) for goal in target.CANDIDATES]
    add("--targets", nargs="+", choices=goals, default=[], metavar="PERCENT", help=f"of target: {', '.join(goals)}")
    add("--seeds", nargs="+", type=int, default=[], metavar="SEED", help="of pruning's searches (default: 0 to 9)")
    add("--rounds", type=int, default=5, help="how often each side takes its turn (default: 5)")
    add("--quick", action="store_true", help="one round with few images: shows only that everything works")
    add("--dataset", default="mnist", help="images to measure with (default: mnist)")
    add("--output", type=Path, help="results file (default: benchmarks/results.json; none with --quick)")
    add("--markdown", action="store_true", help="print the tables")
    add("--readme", action="store_true", help="put the tables into benchmarks/README.md")
    return parser


def _measure(
    parts: Sequence[str], given: argparse.Namespace, document: report.Document, output: Path | None
) -> report.Document:
    """Measure one part after another, and keep each."""
    if not is_there(PYTORCH):
        say("PyTorch is not installed, and its lines are left out (pip install torch)")
    if not is_there(NUMBA):
        say("numba is not installed, and its lines are left out (pip install numba)")
    if not given.quick:
        say("; ".join(f"{part}: about {PARTS[part].MINUTES} min" for part in parts))
    with temporary_folder(name="benchmarks") as folder:
        store(folder, given.dataset)
        goals = tuple(float(goal) for goal in given.targets)
        options = Options(folder, given.rounds, given.quick, tuple(given.rows), goals, tuple(given.seeds))
        for part in parts:
            result = PARTS[part].run(options)
            document = report.with_part(document, machine(), part, result, datetime.now(UTC).date().isoformat())
            if output is not None:
                _keep(output, document, part, options)
    return document


def _keep(output: Path, document: report.Document, part: str, options: Options) -> None:
    """Write the results, and the picture that belongs to them."""
    report.write(output, document)
    if part == "growth":
        growth.draw(document["parts"][part]["result"], output.with_name("growth.png"))
    if part == "deform":
        deform.draw(options.folder, output.with_name("deform.png"))


if __name__ == "__main__":
    main()

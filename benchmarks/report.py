"""The results as text: JSON for machines, Markdown for benchmarks/README.md. Pure functions, but for the last two.

The document holds the machine and one entry for every part that was measured there; a part that is measured again
takes the place of the old one, and a new machine begins a new document.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.ablation import EPOCHS
from benchmarks.account import KINDS
from benchmarks.growth import TARGET as SPREAD
from benchmarks.growth import fraction, spread_over_rows
from benchmarks.pruning import LARGEST_LOSS, LEAST_SAVED
from benchmarks.rows import BFLOAT16, COMPILED, FLOOR, NUMBA, NUMPY, OURS, PYTORCH, SKLEARN, base
from pipeline.files import replace_file
from pipeline.recipes.markdown import markdown_table

Document = dict[str, Any]
BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"
_HEAD = """Seconds per epoch of 60,000 images: median (range); and the accuracy on test images after a few epochs (or
of a subset, where an epoch is long), the same number on every side. scikit-learn has no RMSprop, and takes Adam."""
_COMPILED = """
Compiled by torch.compile are network and loss. Whatever is compiled is compiled before the clock starts."""
_COLUMNS = (OURS, NUMBA, NUMPY, PYTORCH, COMPILED, BFLOAT16, SKLEARN, FLOOR)
_WITH_ENGINES = ("train", "account", "neighbour", "predict", "search", "target", "growth", "memory")
"""Parts that measure ours with each engine; results from before there were engines have but one."""


def with_part(document: Document, machine: Mapping[str, Any], part: str, result: Any, date: str) -> Document:
    """Return a document with the results of a part."""
    before = document.get("machine", {})
    same = _same_machine(before, machine)
    known = [name for name, version in machine.get("versions", {}).items() if version is not None]
    told = dict(machine)
    if same and "versions" in machine:
        told["versions"] = before["versions"] | {name: machine["versions"][name] for name in known}
    parts = document.get("parts", {}) if same else {}
    return {"machine": told, "parts": parts | {part: {"date": date, "result": result}}}


def _same_machine(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two machines are one; a library that is not installed now does not make it another.

    Examples
    --------
    >>> _same_machine({"cores": 2, "versions": {"torch": "2.13"}}, {"cores": 2, "versions": {"torch": None}})
    True
    """
    versions = [told.get("versions", {}) for told in (one, other)]
    apart = {
        name
        for name in versions[0] | versions[1]
        if None not in (values := [v.get(name) for v in versions]) and values[0] != values[1]
    }
    return dict(one) | {"versions": None} == dict(other) | {"versions": None} and not apart


def markdown(document: Document) -> str:
    """Return what the README beside them says of all parts that there are."""
    parts = document["parts"]
    sections = [
        _since(name, parts[name]) + _SECTIONS[name](parts[name]["result"]) for name in _SECTIONS if name in parts
    ]
    return "\n\n".join([_machine(document), *sections])


def _since(name: str, entry: Mapping[str, Any]) -> str:
    """Return what stands before a part that was last measured when there were no engines, and nothing before others."""
    text = json.dumps(entry["result"])
    if name not in _WITH_ENGINES or NUMBA in text or NUMPY in text:
        return ""
    return f"As of {entry['date']}, before there were engines: ours is that version, in NumPy, and its goals.\n\n"


def _machine(document: Document) -> str:
    """Return a paragraph about the machine."""
    told = document["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items() if version)
    dates = sorted({entry["date"] for entry in document["parts"].values()})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    lines = [
        f"Measured on {told['cores']} cores of {told['processor']}, {told['memory_gib']} GiB, {told['system']},",
        f"{when}.",
        f"{versions}.",
    ]
    return "\n".join([*lines, *_blas(document)])


def _blas(document: Document) -> list[str]:
    """Return a line about the kernels that NumPy's products ran on."""
    rows = document["parts"].get("train", {}).get("result", [])
    of_ours = [row["pools"][name] for row in rows[:1] for name in (OURS, NUMBA, NUMPY) if name in row["pools"]]
    pools = [pool for pools in of_ours for pool in pools if pool["internal_api"] == "openblas"]
    told = [
        f"OpenBLAS {one['version']} with {one['architecture']} kernels, {one['num_threads']} threads" for one in pools
    ]
    return [f"{'; '.join(dict.fromkeys(told))}."] if told else []


def _train(rows: list[dict[str, Any]]) -> str:
    """Return the table of times and accuracies, and that of ratios."""
    there = [name for name in _COLUMNS if any(name in row["sides"] for row in rows)]
    head = _HEAD + (_COMPILED if COMPILED in there else "")
    times = [[row["what"], *(_time(row["sides"].get(name)) for name in there)] for row in rows]
    return "\n\n".join([head, markdown_table(["", *there], times), *_failed(rows), *_ratios(rows, there)])


def _ratios(rows: list[dict[str, Any]], there: list[str]) -> list[str]:
    """Return a table of ratios for each engine; what was aimed at is aimed at with the faster one."""
    first = base(there)
    tables = []
    for ours, by in ((first, "ours"), (NUMPY, "numpy")):
        if by == "numpy" and (first == NUMPY or NUMPY not in there):
            continue
        others = [
            name for name in (NUMPY, PYTORCH, COMPILED, BFLOAT16, SKLEARN, FLOOR) if name in there and name != ours
        ]
        aims = " (in brackets, what was aimed at)" if ours == first else ""
        cells = [[row["what"], *(_ratio(row, name, by, aims != "") for name in others)] for row in rows]
        columns = ["of the floor" if name == FLOOR else name for name in others]
        tables += [
            f"How many times as fast as others, and how much of our time the floor takes,\n{ours}{aims}:",
            markdown_table(["", *columns], cells),
        ]
    return tables


def _failed(rows: list[dict[str, Any]]) -> list[str]:
    """Return a line about what does not work on this machine, if there is any."""
    names = dict.fromkeys(name for row in rows for name in row.get("failed", []))
    return [f"Not working on this machine, and left out in some rows: {', '.join(names)}."] if names else []


def _time(side: Mapping[str, Any] | None) -> str:
    """Return a cell: median, range, accuracy."""
    if side is None:
        return ""
    accuracy = f"; {100 * side['accuracy']['median']:.1f} %" if "accuracy" in side else ""
    return _spread(side["seconds"]) + accuracy


def _spread(figure: Mapping[str, float], factor: float = 1.0) -> str:
    """Return a median and its range."""
    middle, least, most = (f"{factor * figure[name]:.3g}" for name in ("median", "least", "most"))
    return f"{middle} ({least} to {most})"


def _ratio(row: Mapping[str, Any], name: str, by: str, aims: bool) -> str:
    """Return by how much we are faster than a side, or the share of the floor; and what was aimed at."""
    side, target = row["sides"].get(name), row["targets"].get(name) if aims else None
    if side is None:
        return ""
    ratio = side[f"seconds_over_{by}"]["median"]
    aim = "" if target is None else f" ({target:.0%})" if name == FLOOR else f" ({target:g})"
    return (f"{ratio:.0%}" if name == FLOOR else f"{ratio:.2f}") + aim


def _account(result: list[dict[str, Any]]) -> str:
    """Return where the core-seconds go, row by row."""
    head = (
        "Where the core-seconds of an epoch go (seconds by the clock, times threads). Products run on one core each;\n"
        "what is left over is the interpreter, and the waking of threads:"
    )
    engines = any("engine" in one for one in result)
    if engines:
        head = head.replace(
            "threads:",
            "threads. Compiled loops do several kinds of work in\none call: theirs are taken apart in trainings "
            "of their own, and the rest is a difference:",
        )
    rows = [
        [
            one["what"],
            *([one.get("engine", OURS)] if engines else []),
            str(one["threads"]),
            *(f"{one['core_seconds'][kind]:.3g}" for kind in KINDS),
        ]
        for one in result
    ]
    columns = ["", *(["engine"] if engines else []), "threads", *KINDS]
    return f"{head}\n\n{markdown_table(columns, rows)}"


def _deform(result: Mapping[str, Any]) -> str:
    """Return the times of deforming an epoch's images."""
    rows = [[name, _spread(side["seconds"]), _over_ours(side)] for name, side in result["sides"].items()]
    head = (
        "Seconds to turn, scale, slant, shift and bend 60,000 images, an elastic field for each, which moves a pixel\n"
        f"by {result['pixels_moved']} (ours, on two threads, is to stay under {result['target']:g}):"
    )
    return f"{head}\n\n{markdown_table(['', 'seconds', 'over ours'], rows)}"


def _rates(result: dict[str, Any]) -> str:
    """Return the suggested rates beside the best of the grid."""
    networks = result["networks"]
    rows = [
        [
            one["what"],
            f"{one['suggestion']:g}",
            f"{one['accuracy']:.2%}",
            f"{one['best']:g}",
            f"{one['best_accuracy']:.2%}",
            f"{one['fraction']:.1%}",
        ]
        for one in networks
    ]
    least = min(one["fraction"] for one in networks)
    head = (
        "The rate that `find_learning_rate` suggests, beside the best of 12 rates from 1e-5 to 1: accuracy on images\n"
        "held out, after the same short training at a constant rate. The suggestion reaches "
        f"{least:.1%} of the best accuracy or\nmore (at least {result['target']:.0%} are asked for):"
    )
    columns = ["", "suggestion", "accuracy", "best of the grid", "its accuracy", "of the best"]
    return f"{head}\n\n{markdown_table(columns, rows)}"


def _listed(numbers: list[int]) -> str:
    """Return numbers as words: ``0 to 9`` where they follow each other."""
    first, last = numbers[0], numbers[-1]
    return (
        f"{first} to {last}"
        if len(numbers) > 2 and numbers == [*range(first, last + 1)]
        else ", ".join(map(str, numbers))
    )


def _pruning(result: dict[str, Any]) -> str:
    """Return what a search takes and finds, with pruning and without."""
    rows = [
        [what, f"{sum(one['epochs']):,}", f"{mean(one['best']):.2%}", ", ".join(f"{best:.2%}" for best in one["best"])]
        for what, one in (("all trained to the end", result["whole"]), ("pruned", result["pruned"]))
    ]
    head = (
        "What pruning saves: `digits search --method optuna` over the default space, "
        f"{result['candidates']} candidates of up to\n12 epochs, for the seeds {_listed(result['seeds'])}, on "
        f"{result['images']:,} images of MNIST, a quarter of which is held out. It saves\n{result['saved']:.1%} of the "
        f"epochs (at least {LEAST_SAVED:.0%} are asked for), and the best accuracy changes by {-result['loss']:+.2f} "
        f"points\n(no more than {LARGEST_LOSS:g} is to be lost):"
    )
    return f"{head}\n\n{markdown_table(['', 'epochs', 'best accuracy, mean', 'for each seed'], rows)}"


def _ablation(result: list[dict[str, Any]]) -> str:
    """Return what each regulariser is worth, beside the first line, which has none."""
    plain = result[0]["errors"]
    rows = [
        [
            one["what"],
            f"{one['mean']:.2f} % +- {stdev(one['errors']):.2f}" if len(one["errors"]) > 1 else f"{one['mean']:.2f} %",
            "" if one is result[0] else f"{one['mean'] - mean(plain):+.2f}",
        ]
        for one in result
    ]
    head = (
        f"What each regulariser is worth: validation error of 784-512-512-10, Adam 0.002 cosine, batches of 128, "
        f"{EPOCHS} epochs\non 50,000 images, mean and standard deviation of {len(plain)} seeds, and the difference "
        "to none:"
    )
    return f"{head}\n\n{markdown_table(['with', 'validation error', 'difference'], rows)}"


def _photo(result: Mapping[str, Any]) -> str:
    """Return what is read of pages, by their look and by the way of reading."""
    rows = [
        [
            look["look"] + ("" if look["may_lose"] is None else f" (may lose {look['may_lose']:g})"),
            f"{look['digits']:,}; {look['pages']:,}",
            f"{look['as_it_is']:.2f} %",
            way,
            *(f"{one[figure]:.2f} %" for figure in ("right", "whole", "every")),
        ]
        for look in result["looks"]
        for way, one in look["ways"].items()
    ]
    head = (
        "Of test digits, each alone on a page, the share that the network of params.yaml reads, as they are and from\n"
        "the page; and of pages of 3 to 12 digits, those whose digits were all found in their order "
        f"({result['whole']:g} % are to be\nfor the first two), and those whose digits are all right besides:"
    )
    columns = ["page", "digits; pages", "as they are", "found by", "right", "pages whole", "and right"]
    return f"{head}\n\n{markdown_table(columns, rows)}"


def _foreign(result: Mapping[str, Any]) -> str:
    """Return how digits of other writers are read, by what the network was trained with."""
    rows = [
        [
            row["setting"] + (" (chosen)" if row["setting"] == result["chosen"] else ""),
            *(f"{row[way][half]:.2f} %" for way, half in (("photo", "half"), ("photo", "other"), ("plain", "other"))),
        ]
        for row in result["rows"]
    ]
    head = (
        f"scikit-learn's own {result['digits']:,} digits of 8 by 8 pixels, enlarged as pictures, read by a network\n"
        f"that was trained on MNIST alone ({result['missed']} are not found). A setting of training is chosen on one\n"
        f"half, and told of the other, {result['told']} digits; without the preparation a picture is shrunk to 28x28\n"
        "as it stands:"
    )
    columns = ["trained with", "Photo, half that chooses", "Photo, other half", "shrunk, other half"]
    return f"{head}\n\n{markdown_table(columns, rows)}"


def _tabular(result: Mapping[str, Any]) -> str:
    """Return how well tables are predicted, side by side."""
    sides = list(result["tables"][0]["scores"])
    ours = list(result["tables"][0]["p"])
    rows = [
        [
            f"{one['what']}, {one['shape'][0]:,} x {one['shape'][1]}",
            "accuracy" if one["task"] == "classification" else "R²",
            *(f"{100 * mean(one['scores'][side]):.1f} +- {100 * stdev(one['scores'][side]):.1f}" for side in sides),
            *("< 0.001" if one["p"][side] < 0.001 else f"{one['p'][side]:.3f}" for side in ours),
        ]
        for one in result["tables"]
    ]
    head = (
        f"Tables, by {result['repeats']} times 2-fold cross-validation, all with their defaults: accuracy or R² in "
        "percent, mean and standard\ndeviation over the folds; and how probable so large a difference of ours to "
        "scikit-learn's scaled MLP (for regression,\nof scaled targets) is by chance, by the combined F test "
        "(Alpaydin 1999):"
    )
    columns = ["", "measure", *sides, *(f"p, {side}" for side in ours)]
    return f"{head}\n\n{markdown_table(columns, rows)}"


def _drawing(result: Mapping[str, Any]) -> str:
    """Return how long the page to draw on takes to answer."""
    rows = [
        [row["machine"], f"{row['answers']}", *(f"{row[k]:.1f}" for k in ("50", "95", "100"))] for row in result["rows"]
    ]
    head = (
        f"The page to draw on ({result['megabytes']:.2f} MB), in Chromium: milliseconds from a move of the hand until\n"
        f"its answer is shown (at most {result['within']}):"
    )
    return f"{head}\n\n{markdown_table(['', 'answers', 'median', '95 of 100 within', 'most'], rows)}"


def _neighbour(result: Mapping[str, Any]) -> str:
    rows = [
        [name, _spread(side["alone"]), _spread(side["beside"]), f"{side['ratio']:.2f}"]
        for name, side in result["sides"].items()
    ]
    head = f"The same beside one busy process, {result['what']} (ours is to stay under {result['target']:g}):"
    return f"{head}\n\n{markdown_table(['', 'alone', 'beside it', 'times as long'], rows)}"


def _predict(result: Mapping[str, Any]) -> str:
    rows = [
        [name, _spread(side["seconds"], 1e3), _spread(side["one"], 1e6), f"{side['one_over_ours']['median']:.2f}"]
        for name, side in result["sides"].items()
    ]
    head = f"Prediction, 784-512-10 (one image: ours is to be {result['target']:g} times as fast as scikit-learn):"
    columns = ["", "10,000 images, milliseconds", "one, microseconds", "one, over ours"]
    return f"{head}\n\n{markdown_table(columns, rows)}"


def _search(result: Mapping[str, Any]) -> str:
    rows = [
        [name, _spread(side["seconds"]), f"{100 * side['accuracy']['median']:.2f} %", _over_ours(side)]
        for name, side in result["sides"].items()
    ]
    head = (
        f"A grid search, 12 candidates by 3 folds on {result['images']:,} rows, two cores: ours with numba "
        "by two threads\nin `training_together()`, the others by two processes "
        f"(ours is to be {result['target']:g} times as fast):"
    )
    return f"{head}\n\n{markdown_table(['', 'seconds', 'best mean accuracy', 'over ours'], rows)}"


def _regression(result: Mapping[str, Any]) -> str:
    rows = [
        [name, _spread(side["seconds"]), f"{side['r2']['median']:.3f}", _over_ours(side)]
        for name, side in result["sides"].items()
    ]
    head = (
        "`MLPRegressor` with its defaults, a layer of 100 units, Adam, batches of 200, on "
        f"{result['samples']:,} rows of\n{result['features']} features (ours is to be {result['target']:g} times as "
        "fast as scikit-learn's):"
    )
    return f"{head}\n\n{markdown_table(['', 'seconds of an epoch', 'R² after ten', 'over ours'], rows)}"


def _recipe(result: Mapping[str, Any]) -> str:
    rows = [
        [name, _spread(side["images_per_second"]), f"{side['seconds_over_ours']['median']:.2f}"]
        for name, side in result["sides"].items()
    ]
    head = (
        f"The recipe {result['recipe']}, an epoch of {result['images']:,} images, deformed while it trains (numba is\n"
        f"to be {result['target']:g} times as fast as NumPy):"
    )
    return f"{head}\n\n{markdown_table(['', 'images a second', 'time over the first'], rows)}"


def _compile(result: Mapping[str, Any]) -> str:
    rows = [[name, _spread(side["seconds"])] for name, side in result["sides"].items()]
    head = (
        f"Seconds of the first fit in a new interpreter, {result['what']}, 256 images (compiling,\nwhich the first "
        f"time needs, is to stay under {result['target']}):"
    )
    return f"{head}\n\n{markdown_table(['', 'seconds'], rows)}"


def _over_ours(side: Mapping[str, Any]) -> str:
    return f"{side['seconds_over_ours']['median']:.2f}"


def _memory(result: Mapping[str, Any]) -> str:
    rows = [[name, f"{side['megabytes']['median']:.0f}"] for name, side in result["sides"].items()]
    head = f"Peak memory of a fit of 784-512-10 on uint8 images, above the imports (ours: under {result['target']}):"
    return f"{head}\n\n{markdown_table(['', 'megabytes'], rows)}"


def _start(result: Mapping[str, Any]) -> str:
    rows = [[name, _spread(side["seconds"])] for name, side in result["sides"].items()]
    return f"From the start of an interpreter to the end of its imports:\n\n{markdown_table(['', 'seconds'], rows)}"


def _growth(result: list[dict[str, Any]]) -> str:
    most = max(result, key=fraction)
    spread = spread_over_rows(result)
    return (
        f"How cost grows with rows, width, batch and threads. From the fewest rows to the most, seconds per image\n"
        f"stay within {spread:.0%} ({SPREAD:.0%}). The nearest to the floor: {fraction(most):.0%}, at {most['axis']} "
        f"{most['value']:,}.\n\n![Microseconds per image, and the share of the floor](growth.png)"
    )


def _target(result: list[dict[str, Any]]) -> str:
    there = [name for name in _COLUMNS if any(name in one["sides"] for one in result)]
    rows = [[f"{one['goal']} %", one["what"], *(_reached(one, name) for name in there)] for one in result]
    head = "Seconds to a test accuracy, means of ten seeds, recipes chosen on validation data:"
    return f"{head}\n\n{markdown_table(['', 'recipe', *there], rows)}"


def _reached(one: Mapping[str, Any], name: str) -> str:
    """Return the seconds of a side, or how far it came."""
    side = one["sides"].get(name)
    if side is None:
        return ""
    told = f"{side['seconds']:.3g} s; {100 * side['accuracy']:.2f} %"
    return told if side["accuracy"] >= one["goal"] / 100 else f"not reached ({side['seeds']} seeds): {told}"


_SECTIONS: dict[str, Callable[[Any], str]] = {
    "train": _train,
    "account": _account,
    "neighbour": _neighbour,
    "recipe": _recipe,
    "predict": _predict,
    "search": _search,
    "regression": _regression,
    "target": _target,
    "growth": _growth,
    "compile": _compile,
    "memory": _memory,
    "start": _start,
    "deform": _deform,
    "ablation": _ablation,
    "photo": _photo,
    "rates": _rates,
    "pruning": _pruning,
    "foreign": _foreign,
    "drawing": _drawing,
    "tabular": _tabular,
}


def read(path: Path) -> Document:
    """Return the results so far; an empty document where there are none."""
    document: Document = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return document


def write(path: Path, document: Document) -> None:
    """Write the results, whole or not at all."""
    replace_file(path, json.dumps(document, indent=1) + "\n")

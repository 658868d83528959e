"""``compare``: two models on the same test images."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.artifacts import DEFAULT_ARTIFACTS, RAW, remedy
from pipeline.cli.model_path import find_model, load_found
from pipeline.cli.options import DebugOption, JsonOption
from pipeline.cli.output_file import check_output_file, write_output_file
from pipeline.cli.terminal import RichProgress, format_json, show
from pipeline.stages.base import MissingInputError
from pipeline.text import listed, shown

if TYPE_CHECKING:
    from pipeline.metrics.comparison import Comparison
    from pipeline.stages.evaluate import Part

commands = typer.Typer()


class DifferentError(ValueError):
    """Two models cannot be compared: they answer different questions."""


@commands.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A model file, a folder of artifacts, or one of an ensemble.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    artifacts: Annotated[
        Path | None,
        typer.Option(
            "--artifacts",
            metavar="FOLDER",
            help="The folder of artifacts with the test images; left out, that of A and B, or artifacts.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write an HTML page with the images as well.", show_default=False
        ),
    ] = None,
    *,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Compare two models on the same test images: accuracy, McNemar's test, and where they differ.

    A model is better where chance alone would seldom make as large a difference (p below 0.05).
    """
    paths = [find_model(a), find_model(b)]
    if output is not None:
        check_output_file(output, "HTML page", inputs=paths)
    from pipeline.metrics.comparison import compare as compare_probabilities  # noqa: PLC0415 - for start-up time
    from pipeline.mlp.labels import plain_labels  # noqa: PLC0415 - the same
    from pipeline.stages.evaluate import predict_part  # noqa: PLC0415 - the same

    models = [load_found(path) for path in paths]
    home = artifacts or _home([_around(given, path) for given, path in zip([a, b], paths, strict=True)])
    part = _read_test(home)
    _check_alike(paths, models, part.images.shape[1:], home)
    with RichProgress() as progress:
        P = [
            predict_part(model, part, f"predict by {title}", progress)
            for model, title in zip(models, "AB", strict=True)
        ]
    found = compare_probabilities(part.labels_for(models[0]), P[0], P[1], plain_labels(models[0].classes_))
    if output is not None:
        from pipeline.html.comparison import comparison_page  # noqa: PLC0415 - for start-up time: few ask for it

        facts = {title: _facts(path, model) for title, path, model in zip("AB", paths, models, strict=True)}
        write_output_file(output, comparison_page(found, part.images, facts))
    show(format_json(_document(found, paths, home)) if as_json else "\n".join(_lines(found, paths, home)))


def _around(given: Path, model: Path) -> Path:
    """Return the folder of artifacts that a model would be in, given by itself or by that folder."""
    if given != model and (given / RAW).is_dir():
        return given
    folder = model.absolute() if model.is_dir() else model.absolute().parent
    return folder.parent


def _home(around: Sequence[Path]) -> Path:
    """Return the folder of artifacts with the test images: that of the models, which must have the same."""
    import numpy as np  # noqa: PLC0415 - for start-up time

    homes = list({home.resolve(): home for home in around if (home / RAW).is_dir()}.values()) or [DEFAULT_ARTIFACTS]
    if not (homes[0] / RAW).is_dir():
        raise MissingInputError(
            f"{homes[0] / RAW} is missing, which has the test images: {remedy('fetch', homes[0])} makes it; "
            "--artifacts names another folder"
        )
    if len(homes) > 1:
        one, other = (_read_test(home) for home in homes)
        same = np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)
        if not same or one.names != other.names:
            raise DifferentError(
                f"{homes[0] / RAW} and {homes[1] / RAW} have different test images: --artifacts says which are meant"
            )
    return homes[0]


def _read_test(home: Path) -> "Part":
    """Read the test images, their labels and what the classes are called."""
    from pipeline.stages.evaluate import read_test  # noqa: PLC0415 - for start-up time

    if not (home / RAW).is_dir():
        raise MissingInputError(f"{home / RAW} is missing: {remedy('fetch', home)} makes it (`run` makes all)")
    return read_test(home)


def _check_alike(paths: Sequence[Path], models: Sequence[Any], shape: tuple[int, ...], home: Path) -> None:
    """Raise unless both models tell the same classes of images such as these."""
    from pipeline.image_shape import describe  # noqa: PLC0415 - for start-up time
    from pipeline.mlp.labels import is_multilabel, plain_labels  # noqa: PLC0415 - the same
    from pipeline.stages.evaluate import other_images  # noqa: PLC0415 - the same

    for path, model in zip(paths, models, strict=True):
        if not hasattr(model, "classes_"):
            raise DifferentError(f"{path} predicts numbers; compare is for models that tell labels")
        if is_multilabel(model):
            raise DifferentError(f"{path} gives an image several labels at once; compare is for one label")
        if taken := other_images(model, shape):
            raise DifferentError(f"{path} takes images of {taken}, and those of {home / RAW} are {describe(shape)}")
    one, other = (plain_labels(model.classes_) for model in models)
    if one != other:
        words = " and ".join(
            f"{path} has {len(labels)} ({listed(list(map(str, labels)), 12, 30)})"
            for path, labels in zip(paths, (one, other), strict=True)
        )
        raise DifferentError(f"the two models must have the same classes: {words}")


def _facts(path: Path, model: Any) -> dict[str, str]:
    """Return what a page says of a model: nothing that depends on where it lies."""
    from pipeline.provenance import digest_file, digest_folder  # noqa: PLC0415 - for start-up time

    members = getattr(model, "estimators_", None) or [model]
    last = members[0][-1] if hasattr(members[0], "steps") else members[0]
    sizes = [len(W) for W in last.coefs_] + [last.coefs_[-1].shape[1]]
    network = f"{'-'.join(map(str, sizes))}, {last.activation}"
    with_members = f"{len(members)} networks, the first {network}" if len(members) > 1 else network
    digest = digest_folder(path) if path.is_dir() else f"sha256:{digest_file(path)}"
    return {"network": with_members, "solver": str(last.solver), "digest": digest}


def _document(found: "Comparison", paths: Sequence[Path], home: Path) -> dict[str, Any]:
    """Return all as JSON has it."""
    from pipeline.metrics import proportion_interval  # noqa: PLC0415 - for start-up time

    models = {}
    for title, path, right in zip("ab", paths, found.right, strict=True):
        n_right = int(right.sum())
        models[title] = {
            "file": str(path),
            "accuracy": n_right / found.n,
            "interval": proportion_interval(n_right, found.n),
            "n_wrong": found.n - n_right,
        }
    differing = [
        {
            "row": row,
            "true": found.labels[found.a.true[row]],
            **{
                f"predicted_{title}": found.labels[one.predicted[row]]
                for title, one in (("a", found.a), ("b", found.b))
            },
            **{f"confidence_{title}": float(one.confidence[row]) for title, one in (("a", found.a), ("b", found.b))},
        }
        for row in sorted(row for rows in found.differing.values() for row in rows.tolist())
    ]
    return {
        "images": str(home / RAW),
        "n_images": found.n,
        **models,
        **found.counts,
        "p_value": found.p_value,
        "by_class": [one._asdict() for one in found.by_class],
        "differing": differing,
    }


def _lines(found: "Comparison", paths: Sequence[Path], home: Path) -> Iterator[str]:
    """Yield all as lines."""
    from pipeline.metrics import proportion_interval  # noqa: PLC0415 - the same
    from pipeline.metrics.comparison import meaning  # noqa: PLC0415 - for start-up time

    yield f"{found.n:,} test images of {home / RAW}"
    yield "   accuracy     95 % interval  wrong"
    for title, path, right in zip("AB", paths, found.right, strict=True):
        n_right = int(right.sum())
        low, high = proportion_interval(n_right, found.n)
        yield f"{title}    {n_right / found.n:.4f}  {low:.4f} to {high:.4f}  {found.n - n_right:5}  {path}"
    counts = found.counts
    yield (
        f"both right {counts['both_right']:,}, A alone {counts['only_a_right']:,}, B alone {counts['only_b_right']:,}, "
        f"both wrong {counts['both_wrong']:,}"
    )
    yield f"McNemar's test: {meaning(found)}"
    yield ""
    names = [shown(one.label, 24) for one in found.by_class]
    wide = max(5, *map(len, names))
    yield f"{'class'.ljust(wide)}  images  recall A  recall B  only A right  only B right"
    for name, one in zip(names, found.by_class, strict=True):
        yield (
            f"{name.ljust(wide)}  {one.n:6}  {one.recall_a:8.4f}  {one.recall_b:8.4f}  {one.only_a_right:12}  "
            f"{one.only_b_right:12}"
        )

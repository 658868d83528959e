"""The pages for people hold: their commands can be typed, their examples run and draw, their links lead somewhere."""

import ast
import builtins
import inspect
import re
import runpy
import shutil
import tomllib
import warnings
from contextlib import chdir
from importlib import import_module
from statistics import fmean

import pytest
from pages import DOCS, EXAMPLES, PAGES, ROOT, blocks, commands, commands_of, run_blocks

from pipeline.cli.app import load_command
from pipeline.cli.params_file import check_document, override, read_document
from pipeline.cli.stage_command import STAGES, stage_class
from pipeline.data.registry import REGISTRY
from pipeline.parameters import read_yaml

CONSTRUCTORS = {name: stage_class(name) for name in STAGES}
DATA, OVERFITTING = PAGES["docs/howto/data.md"], "docs/howto/overfitting.md"
WITH_EXAMPLES = [name for name in PAGES if name.startswith("docs/") and blocks(PAGES[name], "python", "pycon")]


def contents(folder):
    """Return the bytes of all files below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---------------------------------------------------------------- examples


@pytest.fixture(scope="module")
def typed(workplace, tmp_path_factory):
    """Return what types the examples of a page one after another, where the workflow has run; it returns the names."""
    done = {}

    def run(name):
        if name not in done:
            folder = tmp_path_factory.mktemp("examples") / "folder"
            shutil.copytree(workplace, folder)
            names = done[name] = {"folder_of_the_test": folder}
            with chdir(folder), warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)  # the workers of joblib outlive a search
                run_blocks(blocks(PAGES[name], "python", "pycon"), names)
        return done[name]

    return run


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_page_run_one_after_another(name, typed, workplace):
    """They need nothing but the ones before, change no file of the workflow, and write where git looks away."""
    before, after = contents(workplace), contents(typed(name)["folder_of_the_test"])
    assert {path: after[path] for path in before} == before
    assert {path.parts[0] for path in set(after) - set(before)} <= {"artifacts"}
    assert "/artifacts/*" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", [name for name, text in PAGES.items() if blocks(text, "py")])
def test_examples_that_are_not_run_are_python_of_ours(name):
    """What needs other programs (``py``) compiles, imports what is there, and uses names that the page has by then."""
    known, unknown = set(dir(builtins)), []
    for language, block in re.findall(r"^```(py|python)\n(.*?)^```$", PAGES[name], re.MULTILINE | re.DOTALL):
        tree = ast.parse(block, name)
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        known |= {bound for node in ast.walk(tree) for bound in bound_names(node)}
        if language == "py":
            unknown += [node.id for node in names if node.id not in known]
            assert [what for what in imports_of_ours(tree) if not exists(*what)] == []
    assert unknown == []


def bound_names(node):
    """Return the names that a piece of a program gives a value."""
    match node:
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
        case ast.Name(ctx=ast.Store()):
            return [node.id]
        case ast.FunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.arg():
            return [node.arg]
    return []


def imports_of_ours(tree):
    """Return each module of ours that is imported, with each name of it."""
    nodes = list(ast.walk(tree))
    plain = [(alias.name, None) for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named = [(node.module, alias.name) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    return [(module, name) for module, name in plain + named if module.partition(".")[0] == "pipeline"]


def exists(module, name):
    """Tell whether a module is there, and has a name, or a module of that name."""
    try:
        found = import_module(module)
        return name is None or hasattr(found, name) or bool(import_module(f"{module}.{name}"))
    except ModuleNotFoundError:
        return False


def test_names_that_are_not_there_are_found():
    """So the test of blocks that are not run would fail."""
    tree = ast.parse("import pipeline.nothing\nfrom pipeline import MLPClassifier, workers, Nobody\nimport torch")
    assert [what for what in imports_of_ours(tree) if not exists(*what)] == [
        ("pipeline.nothing", None),
        ("pipeline", "Nobody"),
    ]


def test_the_tutorial_ends_in_a_network_that_reads(typed):
    """Its loop trains one by hand that is right about digits that it has not seen."""
    assert typed("docs/tutorial.md")["accuracy"] > 0.93


def test_the_search_over_deformations_deforms(typed):
    """It chooses to turn images, and on test digits that beats the same network without, as the text says."""
    names = typed(OVERFITTING)
    assert names["search"].best_params_["augmentation__rotation"] > 0
    deformed, plain = (names[name].score(names["X_test"], names["y_test"]) for name in ("search", "plain"))
    assert deformed >= plain + 0.01


def test_the_ensemble_is_better_than_its_members(typed):
    """Its vote is right more often than its members on average."""
    names = typed(OVERFITTING)
    assert names["voted"] > fmean(names["members"])
    assert names["voted"] > 0.97


def test_the_service_leaves_doubtful_images_aside(typed):
    """Its answer is the model's where the confidence suffices, and None else."""
    names = typed("docs/howto/predict.md")
    image = names["pixels"][:1]
    confidence = names["model"].predict_proba(image).max()
    given = names["answer"](image.tobytes(), least=0.0)
    assert given == {"label": names["model"].predict(image)[0], "confidence": pytest.approx(confidence)}
    assert names["answer"](image.tobytes(), least=1.1)["label"] is None


def test_what_is_exported_answers_as_the_model(typed):
    """The page's file gives the labels and the probabilities of the model that it was made of."""
    names = typed("docs/howto/export.md")
    assert list(names["label"]) == list(names["model"].predict(names["pixels"]))
    assert abs(names["probabilities"] - names["model"].predict_proba(names["pixels"])).max() < 1e-5


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_of_the_gallery_ends_in_a_picture(path, tmp_path, monkeypatch):
    """It runs without a network and without a warning, and no picture is empty, or drawn on after it is shown.

    Sphinx-Gallery shows and closes all figures after each part that begins with ``# %%``.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    import numpy as np

    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    names, shown = {}, []
    try:
        for part in path.read_text("utf-8").split("\n# %%\n"):
            exec(compile(part, path.name, "exec"), names)  # noqa: S102 - it is our own
            if plt.get_fignums():
                assert part.endswith("plt.show()\n"), "the last value of a part would stand below its picture"
            for figure in map(plt.figure, plt.get_fignums()):
                shown.append(figure)
                figure.canvas.draw()
                assert np.asarray(figure.canvas.buffer_rgba()).std() > 5
            plt.close("all")
    finally:
        plt.close("all")
    assert shown
    assert not any(figure.stale for figure in shown), "a part draws on what was shown before it"
    assert list(tmp_path.iterdir()) == []


def test_the_gallery_is_worth_a_look():
    """It has at least six examples, each with a title that is underlined."""
    assert len(EXAMPLES) >= 6
    for path in EXAMPLES:
        title, line, *_ = path.read_text("utf-8").removeprefix('"""\n').splitlines()
        assert line == "=" * len(title)


def test_no_norm_in_a_docstring_is_taken_for_a_substitution():
    """To reStructuredText ``|y - p|`` is a name to put something else for: the pages escape all such bars."""
    pytest.importorskip("sphinx", reason="the extra docs is not installed")
    escape = runpy.run_path(str(ROOT / "docs" / "conf.py"))["escape_bars"]
    with_bars = 0
    for module in (import_module("pipeline"), import_module("pipeline.network")):
        for name in module.__all__:
            lines = inspect.getdoc(getattr(module, name)).splitlines()
            with_bars += any("|" in line for line in lines)
            escape(None, "class", name, None, None, lines)
            prose = [re.sub(r"``.*?``", "", line) for line in lines if not line.startswith("    ")]
            assert not [line for line in prose if re.search(r"(?<!\\)\|[^\s|][^|]*\|", line)], name
    assert with_bars


def test_the_reference_has_the_methods_that_our_classes_share():
    """``fit`` is in a base of both estimators, and stands on the page of each; scikit-learn's own methods do not."""
    pytest.importorskip("sphinx", reason="the extra docs is not installed")
    skip = runpy.run_path(str(ROOT / "docs" / "conf.py"))["skip_others"]
    estimator = import_module("pipeline").MLPRegressor
    skipped = {name: skip(None, "class", name, getattr(estimator, name), False, None) for name in dir(estimator)}
    assert not any(skipped[name] for name in ("fit", "partial_fit", "predict", "score", "coefs_"))
    assert all(skipped[name] for name in ("get_params", "get_metadata_routing", "set_fit_request"))
    assert ":inherited-members: BaseEstimator" in (ROOT / "docs/_templates/autosummary/class.rst").read_text("utf-8")


# ---------------------------------------------------------------- commands


def test_only_known_programs_are_called():
    """Every command of the shell blocks belongs to a program whose words are checked below."""
    programs = {words[0] for text in PAGES.values() for words in commands(text)}
    assert programs == {"python3", ".", "pip", "dvc", "python", "bash", "pre-commit", "git"}


@pytest.mark.parametrize("words", commands_of("python", "-m", "pipeline"), ids=" ".join)
def test_commands_are_understood(words):
    """Every command of the workflow has options that exist, and values that are allowed."""
    command, (name, *rest) = load_command(words[0]), words
    while rest and rest[0] in getattr(command, "commands", {}):  # a command of a group
        command, (name, *rest) = command.commands[rest[0]], rest
    if "--help" in rest:
        return
    context = command.make_context(name, list(rest))
    given = {key: value for key, value in context.params.items() if value is not None}
    if name in STAGES:
        for parameter in command.parameters.values():
            if parameter.name in given:
                parameter.read(read_yaml(given[parameter.name]))
    document = read_document(ROOT / "params.yaml")
    for text in given.get("settings", []):
        document = override(document, text)
    check_document(document, CONSTRUCTORS)


@pytest.mark.parametrize("words", commands_of("python", "-m", "pipeline"), ids=" ".join)
def test_commands_leave_the_reader_s_model_alone(words):
    """What runs stages says where to write to, and that is not the folder of ``dvc repro``."""
    if words[0] in {*STAGES, "run"} and "--help" not in words:
        given = words[words.index("--artifacts") + 1]
        assert re.fullmatch(r"artifacts/\w+", given)
        assert given.partition("/")[2] not in {stage.writes for stage in CONSTRUCTORS.values()}


@pytest.mark.parametrize("words", commands_of("dvc"), ids=" ".join)
def test_commands_of_dvc_are_understood(words):
    """DVC knows the command and its options, and the parameters that it sets are allowed."""
    from dvc.cli.parser import get_main_parser

    arguments = get_main_parser().parse_args(words)
    document = read_document(ROOT / "params.yaml")
    for text in getattr(arguments, "set_param", None) or []:
        document = override(document, text)
    check_document(document, CONSTRUCTORS)


@pytest.mark.parametrize("words", commands_of("python", "-m", "benchmarks"), ids=" ".join)
def test_commands_of_the_benchmarks_are_understood(words):
    """The benchmarks know the parts and the options."""
    from benchmarks.__main__ import _parser

    assert _parser().parse_args(words)


@pytest.mark.parametrize("words", commands_of("pip"), ids=" ".join)
def test_extras_exist(words):
    """What a page installs is this project, with an extra that it has."""
    *options, target = words
    assert options == ["install", "-e"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert re.fullmatch(r"\.\[(\w+)\]", target)[1] in extras


# ---------------------------------------------------------------- text


@pytest.mark.parametrize("name", PAGES)
def test_files_that_are_named_are_there(name):
    """Every link to a file of the repository, and every script that is called, leads somewhere."""
    folder = (ROOT / name).parent
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGES[name])
    links = [link for link in links if "/generated/" not in link]  # made by the build, which holds them
    scripts = [words[1] for words in commands(PAGES[name]) if words[0] == "bash"]
    assert not [link for link in links if not (folder / link).exists()]
    assert not [script for script in scripts if not (ROOT / script).exists()]


@pytest.mark.parametrize("name", PAGES)
def test_lines_are_short_enough_to_read(name):
    """No line of prose is longer than the code's."""
    long = [line for line in PAGES[name].splitlines() if len(line) > 120 and not line.startswith("|")]
    assert not long


def test_the_reference_has_every_public_name_and_no_other():
    """A class or a function that can be imported from the top has a page of its own."""
    listed = {}
    for text in (PAGES["docs/reference/python.md"], PAGES["docs/reference/network.md"]):
        module = import_module(re.search(r"currentmodule:: (.+)", text)[1])
        listed[module.__name__] = set(re.findall(r"^   (\w+)$", text, re.MULTILINE))
        assert {name for name in listed[module.__name__] if not callable(getattr(module, name, None))} == set()
    for name in listed:
        module = import_module(name)
        public = {one for one in module.__all__ if callable(getattr(module, one))}
        assert public <= set.union(*listed.values())


def test_every_how_to_is_in_the_list():
    """The pages of the folder are those of its table of contents."""
    [listed] = blocks(PAGES["docs/howto/index.md"], r"\{toctree\}")
    pages = {path.stem for path in DOCS if path.parent.name == "howto"} - {"index"}
    assert {line for line in listed.splitlines() if line and not line.startswith(":")} == pages


@pytest.mark.parametrize("dataset", REGISTRY.values(), ids=REGISTRY)
def test_data_sets_stand_with_their_licence(dataset):
    """The table of data sets has every name of the registry, with its licence and number of classes."""
    [row] = re.findall(rf"^\| `{dataset.name}` \|.*$", DATA, re.MULTILINE)
    assert row.endswith(f"| {dataset.n_classes} | {dataset.licence} |")


def test_sources_that_can_be_named_exist():
    """The page on data names as ``source`` what ``Fetch`` takes."""
    sentence = re.search(r"One source can be named instead, (.*?)\.", DATA, re.DOTALL)[1]
    sources = re.findall(r"`(\w+)`", sentence)
    assert sources
    for source in sources:
        check_document({"fetch": {"source": source}}, CONSTRUCTORS)

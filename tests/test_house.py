"""The rules of the house, read off the source: who imports whom, who prints, who opens files, who says what it does."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

from pipeline.artifacts import MAKERS
from pipeline.cli.params_file import check_document, read_document
from pipeline.cli.stage_command import GROUPS, STAGES, stage_class
from pipeline.parameters import parameters_of

ROOT = Path(__file__).parents[1]
MODULES = sorted(ROOT.glob("pipeline/**/*.py"))
TESTS = sorted(ROOT.glob("tests/**/test_*.py"))


def name_of(path):
    """Return a module's name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


TREES = {name_of(path): ast.parse(path.read_text("utf-8")) for path in MODULES}
PACKAGES = {name_of(path) for path in MODULES if path.name == "__init__.py"}


def imports_of(module, *, for_types=False):
    """Return what a module imports when it runs, at once or later, and with ``for_types`` for the type checker too."""
    idle = (
        set()
        if for_types
        else {
            id(inner)
            for block in ast.walk(TREES[module])
            if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
            for inner in ast.walk(block)
        }
    )
    found = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import) and id(node) not in idle:
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and id(node) not in idle:
            assert node.level == 0, f"{module} imports by a relative name"
            whole = {f"{node.module}.{one.name}" for one in node.names}
            found |= {name if name in TREES else node.module for name in whole}
    return found


def calls_in(module):
    """Return what a module calls, by the last name, with the function that it stands in."""

    def walk(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield getattr(child.func, "attr", getattr(child.func, "id", "")), inside, child
            yield from walk(child, child.name if isinstance(child, ast.FunctionDef) else inside)

    return list(walk(TREES[module], ""))


def is_under(module, *rooms):
    """Tell whether a module is one of these, or inside one of them."""
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


# What each room may import, besides the standard library and what its line says.
ALLOWED = {
    "pipeline.network": ("pipeline.network", "numpy"),
    "pipeline.network.compiled": ("pipeline.network", "numpy", "numba", "llvmlite"),
    "pipeline.artifacts": (
        *("pipeline.data", "pipeline.diagnosis.records", "pipeline.images.pixels", "pipeline.preprocessing", "numpy"),
        "pipeline.network.array_rows",
        *("pipeline.program", "pipeline.provenance", "pipeline.strict_json", "pipeline.text"),
    ),
    "pipeline.image_shape": ("numpy",),
    "pipeline.images": (
        *("pipeline.image_shape", "pipeline.images", "pipeline.network.configurable", "pipeline.parameters"),
        *("numpy", "scipy", "sklearn"),
    ),
    "pipeline.preprocessing": (
        "pipeline.preprocessing",
        "pipeline.image_shape",
        "pipeline.images",
        "pipeline.callbacks",
        "pipeline.parameters",
        "pipeline.text",
        "numpy",
        "sklearn",
    ),
    "pipeline.diagnosis": ("pipeline.diagnosis", "pipeline.network", "numpy"),
    "pipeline.mlp": (
        "pipeline.mlp",
        "pipeline.diagnosis",
        "pipeline.notebook",
        "pipeline.network",
        "pipeline.images",
        "pipeline.callbacks",
        "pipeline.parameters",
        "pipeline.text",
        "numpy",
        "scipy",
        "sklearn",
        "threadpoolctl",
    ),
    "pipeline.ensemble": (
        "pipeline.ensemble",
        "pipeline.artifacts",
        "pipeline.images",
        "pipeline.mlp.labels",
        "pipeline.text",
        "pipeline.files",
        "pipeline.model_file",
        "pipeline.parameters",
        "numpy",
        "sklearn",
    ),
    "pipeline.tabular": (
        *("pipeline.tabular", "pipeline.ensemble", "pipeline.mlp", "pipeline.network", "pipeline.parameters"),
        *("pipeline.text", "numpy", "sklearn"),
    ),
    "pipeline.interchange.graph": ("numpy", "onnx"),
    "pipeline.interchange.model_parts": (
        *("pipeline.ensemble", "pipeline.interchange.graph", "pipeline.mlp", "pipeline.preprocessing"),
        *("pipeline.text", "numpy", "sklearn"),
    ),
    "pipeline.interchange.model_nodes": (
        *(
            "pipeline.interchange",
            "pipeline.mlp",
            "pipeline.preprocessing",
            "pipeline.sklearn_private",
            "numpy",
            "sklearn",
        ),
    ),
    "pipeline.interchange.network_nodes": ("pipeline.interchange", "pipeline.network", "pipeline.text", "numpy"),
    "pipeline.interchange.onnx": ("pipeline", "numpy", "onnx"),
    "pipeline.html.document": ("numpy", "pipeline.text"),
    "pipeline.html.drawing": (
        *("pipeline.html.document", "pipeline.html.drawing", "pipeline.image_shape", "pipeline.images.photo"),
        *("pipeline.interchange.folding", "pipeline.mlp", "pipeline.network", "pipeline.preprocessing"),
        *("pipeline.strict_json", "pipeline.text", "numpy", "sklearn"),
    ),
    "pipeline.summary": ("pipeline.ensemble", "pipeline.mlp", "pipeline.preprocessing", "pipeline.text", "sklearn"),
    "pipeline.parameters": ("pipeline.text", "pipeline.yaml_bounds", "ruamel"),
    "pipeline.program": (),
    "pipeline.progress": (),
    "pipeline.notebook": ("pipeline.progress", "pipeline.text"),
    "pipeline.cli.params_file": ("pipeline.files", "pipeline.parameters", "pipeline.text", "ruamel"),
    "pipeline.workers": ("pipeline.parameters", "pipeline.program", "distributed", "joblib"),
    "pipeline.search.space": ("pipeline.parameters", "pipeline.text", "numpy", "sklearn"),
    "pipeline.search.pruning": ("pipeline.search", "optuna"),
    "pipeline.search.picture": ("pipeline.plots", "pipeline.search", "matplotlib"),
    "pipeline.cli.tracking": ("pipeline.parameters",),
    "pipeline.metrics": ("pipeline.metrics", "numpy", "sklearn"),
    "pipeline.plots": ("numpy", "matplotlib", "pipeline.text"),
    "pipeline.cli.terminal": ("pipeline.progress", "pipeline.strict_json", "pipeline.text", "rich", "typer"),
    "pipeline.files": (),
    "pipeline.sklearn_private": ("numpy", "sklearn"),
    "pipeline.text": (),
    "pipeline.strict_json": ("pipeline.files", "pipeline.text"),
    "pipeline.provenance": ("pipeline.parameters", "pipeline.strict_json"),
    "pipeline.locking": ("filelock", "pipeline.files", "pipeline.program", "pipeline.strict_json", "pipeline.text"),
    "pipeline.stages.base": (
        *(
            "pipeline.artifacts",
            "pipeline.files",
            "pipeline.locking",
            "pipeline.parameters",
            "pipeline.program",
            "pipeline.notebook",
            "pipeline.progress",
            "pipeline.provenance",
        ),
    ),
}
FORBIDDEN = {
    "pipeline.data": ("pipeline.network", "pipeline.mlp", "pipeline.plots", "pipeline.metrics"),
}


def rooms(table):
    """Return every module of the rooms in a table, with the innermost one."""
    inside = [(module, [room for room in table if is_under(module, room)]) for module in TREES]
    return [(module, max(found, key=len)) for module, found in inside if found]


@pytest.mark.parametrize(("module", "room"), rooms(ALLOWED))
def test_a_room_imports_only_what_it_may(module, room):
    """The network is NumPy alone, its compiled loops are numba's, pictures are matplotlib alone, and so on."""
    foreign = {name for name in imports_of(module) if name.split(".")[0] not in sys.stdlib_module_names}
    assert not {name for name in foreign if not is_under(name, *ALLOWED[room])}


@pytest.mark.parametrize(("module", "room"), rooms(FORBIDDEN))
def test_imports_run_one_way(module, room):
    """What is nearer to the ground does not look up."""
    assert not {name for name in imports_of(module) if is_under(name, *FORBIDDEN[room])}


@pytest.mark.parametrize("module", TREES)
def test_nothing_looks_up_to_the_command_line(module):
    """Only ``python -m pipeline`` imports it, and only it imports what draws for it."""
    if not is_under(module, "pipeline.cli", "pipeline.__main__"):
        assert not {name for name in imports_of(module) if is_under(name, "pipeline.cli", "typer", "rich")}


def test_no_module_imports_itself_in_a_circle():
    """Whatever order modules are imported in, each finds what it needs."""
    waiting = {module: imports_of(module) & set(TREES) - {module} for module in TREES}
    while ready := {module for module, needs in waiting.items() if not needs}:
        waiting = {module: needs - ready for module, needs in waiting.items() if module not in ready}
    assert not waiting


FOLDERS = [
    "network",
    "metrics",
    "diagnosis",
    "data",
    "images",
    "preprocessing",
    "mlp",
    "together",
    "rate_finder",
    "model_file",
    "ensemble",
    "interchange",
    "tabular",
    "html",
    "stages",
    "search",
    "recipes",
    "cli",
]
"""The folders of the package, each above those before it."""


def parts_of(folder):
    """Return what stands in a folder, modules and folders, with the others that each imports by any reading."""

    def part(module):
        return module.removeprefix(folder).split(".")[1] if module != folder else "__init__"

    found = {part(module): set() for module in TREES if is_under(module, folder)}
    for module in TREES:
        for name in imports_of(module, for_types=True) & set(TREES) if is_under(module, folder) else ():
            if is_under(name, folder):
                found[part(module)] |= {part(name)} - {part(module)}
    return found


@pytest.mark.parametrize("folder", sorted(PACKAGES))
def test_nothing_in_a_folder_imports_in_a_circle_by_any_reading(folder):
    """Not with what is imported for the type checker, nor when a folder inside counts as one."""
    waiting = parts_of(folder)
    while ready := {part for part, needs in waiting.items() if not needs}:
        waiting = {part: needs - ready for part, needs in waiting.items() if part not in ready}
    assert not waiting


def test_every_folder_has_its_place():
    """A new folder of the package says what it stands above."""
    assert {name.split(".")[1] for name in PACKAGES - {"pipeline"}} <= set(FOLDERS)


@pytest.mark.parametrize("module", TREES)
def test_no_folder_imports_one_above_it(module):
    """The network knows of nothing else, and so on up to the command line."""
    for lower, folder in enumerate(FOLDERS):
        if is_under(module, f"pipeline.{folder}"):
            above = tuple(f"pipeline.{name}" for name in FOLDERS[lower + 1 :])
            assert not {name for name in imports_of(module, for_types=True) if is_under(name, *above)}


PLAIN_FOLDERS = [
    "network",
    "metrics",
    "diagnosis",
    "images",
    "preprocessing",
    "mlp",
    "together",
    "rate_finder",
    "model_file",
    "ensemble",
    "interchange",
    "tabular",
    "html",
    "data",
    "stages",
    "search",
    "recipes",
    "cli",
]
"""Folders that speak in the field's own words, as the modules beside them do."""
# Words that a practitioner would have to guess, each with the field's own.
AVOIDED_WORDS = {
    r"rooms?": "buffer, or folder",
    r"bricks?": "layer, component",
    r"teams?": "workers",
    r"meet|meets|met|meetings?": "barrier",
    r"routes?": "forward pass, backward pass",
    r"shadows?": "replica",
    r"contests?": "adversarial step",
    r"tally|tallies": "epoch metrics",
    r"reckon\w*": "update, compute",
    r"hits?": "correct",
    r"estimat\w* anew": "recompute batch statistics",
    r"slanted back|straighten\w*": "deskew",
    r"averaged over copies": "test-time augmentation",
    r"carriers?": "source",
    r"catalogues?": "registry",
    r"verdicts?|judges?": "report, evaluate",
    r"guess\w*": "predicted",
    r"committees?": "ensemble",
    r"shelf|shelves": "model cache",
    r"whoever|nobody|somebody": "the name of the piece of code",
}
# Words that are well in a sentence, but not as a name.
AVOIDED_NAMES = {
    "share": "shard",
    "shares": "shards",
    "way": "forward pass, backward pass",
    "ways": "passes",
    "moved": "perturbed",
    "arrival": "file signature",
    "truth": "true",
    "kept": "model cache",
    "effort": "training cost",
    "sd": "std",
    "biases": "bias",
}
TOP_LEVEL = [module for module in TREES if module.count(".") == 1 and module not in PACKAGES]
PLAIN = [
    *(module for module in TREES if is_under(module, *(f"pipeline.{folder}" for folder in PLAIN_FOLDERS))),
    *TOP_LEVEL,  # `pipeline` itself lists names of before
]


def apart(text):
    """Return a text with its names taken apart into words: ``n_rooms`` and ``RoomPlan`` hold a room."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", text)


def names_in(module):
    """Return every name that a module gives: of functions, classes, parameters, variables and attributes."""
    found = {module}
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(getattr(node, "id", getattr(node, "attr", "")))
    return found


@pytest.mark.parametrize("module", PLAIN)
def test_words_are_the_fields_own(module):
    """Neither code nor docstrings nor comments of a module have a word that the field has a better one for."""
    path = next(path for path in MODULES if name_of(path) == module)
    text = apart(path.read_text("utf-8"))
    found = {word: better for word, better in AVOIDED_WORDS.items() if re.search(rf"\b({word})\b", text, re.IGNORECASE)}
    assert not found


@pytest.mark.parametrize("module", PLAIN)
def test_names_are_the_fields_own(module):
    """Nor does a module give a name that the field has a better one for."""
    given = {name: set(apart(name).lower().replace(".", " ").split()) & set(AVOIDED_NAMES) for name in names_in(module)}
    assert not {name: [AVOIDED_NAMES[word] for word in words] for name, words in given.items() if words}


def test_words_are_found_within_names():
    """The tests of words see into names, and leave longer words alone."""
    assert apart("n_rooms RoomPlan bedroom") == "n rooms Room Plan bedroom"


@pytest.mark.parametrize("module", TREES)
def test_only_the_command_line_prints(module):
    """Nothing else writes to the terminal; the classifier may, under ``verbose``."""
    if not is_under(module, "pipeline.cli", "pipeline.mlp.reporting"):
        assert not {name for name, _, _ in calls_in(module)} & {"print", "echo", "secho"}


def texts_of(module):
    """Return every text in a module's code, less the docstrings."""
    tree = TREES[module]
    described = (ast.Module, ast.ClassDef, ast.FunctionDef)
    statements = [one for node in ast.walk(tree) if isinstance(node, described) for one in node.body]
    docstrings = {id(one.value) for one in statements if isinstance(one, ast.Expr)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
    return {node.value for node in constants if isinstance(node.value, str)}


ARTIFACT = re.compile(r"\b(metrics|normalize)\.json|\bmodel(-.*)?\.npz|\b(history|by_class|mistakes)\.csv|_[XY]\.npy")


@pytest.mark.parametrize("module", TREES)
def test_the_name_of_an_artifact_stands_in_one_place(module):
    """Whatever reads or writes a file between stages has its name from `pipeline.artifacts`."""
    found = {text for text in texts_of(module) if ARTIFACT.search(text)}
    assert bool(found) == (module == "pipeline.artifacts"), found


@pytest.mark.parametrize(
    ("name", "module"),
    [("classes.json", "pipeline.data.class_names"), ("provenance.json", "pipeline.provenance")],
)
def test_the_name_of_a_file_in_several_folders_stands_in_one_place(name, module):
    """Files that more than one stage writes have their names from the module that reads and writes them."""
    assert [one for one in TREES if any(name in text for text in texts_of(one))] == [module]


@pytest.mark.parametrize("module", [module for module in TREES if is_under(module, "pipeline.stages")])
def test_a_stage_imports_no_other(module):
    """What one stage reads of another is a file, and its name and reader stand in `pipeline.artifacts`."""
    others = {name for name in imports_of(module, for_types=True) if is_under(name, "pipeline.stages")}
    assert others <= {"pipeline.stages.base"}


OPENERS = {"open", "read_text", "write_text", "read_bytes", "write_bytes", "open_memmap", "savez", "savez_compressed"}


@pytest.mark.parametrize("module", TREES)
def test_files_are_opened_where_a_reader_expects_it(module):
    """Data, the model's file, recipes' results, stages and a page's program do; networks, measures, settings never."""
    openers = (
        "artifacts",
        "data",
        "files",
        "html.drawing.page",
        "locking",
        "model_file.forms",
        "model_file.loading",
        "parameters",
        "provenance",
        "recipes",
        "stages",
        "strict_json",
        "cli.params_file",
        "cli.tracking",
    )
    if not is_under(module, *(f"pipeline.{name}" for name in openers)):
        assert not {name for name, _, _ in calls_in(module)} & OPENERS


@pytest.mark.parametrize("module", TREES)
def test_one_module_writes_and_reads_json(module):
    """Python's own module writes an infinity that is no JSON; a value to look at in a help text is no document."""
    if module not in {"pipeline.strict_json", "pipeline.recipes.documents", "pipeline.cli.stage_command"}:
        owners = {getattr(getattr(call.func, "value", None), "id", "") for _, _, call in calls_in(module)}
        assert "json" not in owners


@pytest.mark.parametrize("module", TREES)
def test_nothing_is_pickled(module):
    """What is written or read can hold no code."""
    assert not {name.split(".")[0] for name in imports_of(module)} & {
        "pickle",
        "dill",
        "cloudpickle",
        "shelve",
        "marshal",
    }
    for name, _, call in calls_in(module):
        assert not (name in {"dump", "load"} and getattr(getattr(call.func, "value", None), "id", "") == "joblib")
        for keyword in call.keywords:
            assert keyword.arg != "allow_pickle" or getattr(keyword.value, "value", None) is False


# The private names of other libraries, by the modules that use them; each says why.
PRIVATE_OF_OTHERS = {
    "pipeline.sklearn_private": {
        *("_best_coefs", "_best_intercepts", "_label_binarizer", "_no_improvement_count", "_optimizer"),
        *("_random_state", "_stochastic_optimizers", "_training_dim"),
    },
    "pipeline.callbacks": {"_init_callback_context", "_skl_callbacks"},
    "pipeline.search.methods": {"_run_search"},
    "pipeline.together.search_tasks": {"_fit_and_score", "_skl_callbacks"},
    "pipeline.network.compiled.jit": {"_cache", "_cache_path", "_impl"},  # numba's
    "pipeline.network.compiled.rows": {"_getvalue"},  # numba's
}
DOCUMENTED = {"_asdict", "_exit", "_fields", "_getframe", "_replace", "_repr_html_", "_type"}
"""Names that are public for all their underscore; the last is a key in tables of images."""
ASKING = {"getattr", "hasattr", "setattr", "get", "pop"}
"""What is called with the name of an attribute."""


def private_names_in(module):
    """Return the names with one underscore that a module uses, in a text as well where that asks for an attribute."""
    found = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Attribute | ast.keyword):
            found.add(getattr(node, "attr", getattr(node, "arg", "")))
        elif isinstance(node, ast.ImportFrom):
            found |= {*node.module.split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Compare):
            found |= {getattr(text, "value", None) for text in node.comparators}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in ASKING:
            found |= {getattr(text, "value", None) for text in node.args}
    return {name for name in found if isinstance(name, str) and re.fullmatch(r"_[a-z]\w+", name)}


def own_names_in(module):
    """Return the names that a module gives to functions, classes, variables, and attributes of ``self`` and ``cls``."""
    found = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found |= {node.attr} if getattr(node.value, "id", "") in {"self", "cls"} else set()
    return found


def test_private_names_of_other_libraries_are_used_where_their_reason_is():
    """A new release may change them, and then these modules are what to look at."""
    theirs = {name for names in PRIVATE_OF_OTHERS.values() for name in names}
    ours = {name for module in TREES for name in own_names_in(module)} - theirs | {"_renamed"}  # a mark on a class
    found = {module: private_names_in(module) - ours - DOCUMENTED for module in TREES}
    assert {module: names for module, names in found.items() if names} == PRIVATE_OF_OTHERS


def test_private_names_of_scikit_learn_have_a_reason():
    """The module that has them says of each what it is and why it is needed."""
    described = ast.get_docstring(TREES["pipeline.sklearn_private"])
    assert set(re.findall(r"``(_\w+)``", described)) == PRIVATE_OF_OTHERS["pipeline.sklearn_private"]


@pytest.mark.parametrize("module", TREES)
def test_what_was_given_is_not_checked_by_assert(module):
    """``python -O`` takes asserts away, and a check must stay."""
    assert not [node.lineno for node in ast.walk(TREES[module]) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("module", TREES)
def test_everything_public_says_what_it_is(module):
    """Modules, classes and functions without an underscore have a docstring."""
    tree = TREES[module]
    owners = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_")]
    kinds = ast.ClassDef | ast.FunctionDef
    public = [node for one in owners for node in one.body if isinstance(node, kinds) and node.name[0] != "_"]
    silent = [node for node in [tree, *public] if not ast.get_docstring(node)]
    assert not silent


@pytest.mark.parametrize("stage", STAGES)
def test_every_parameter_of_a_stage_has_a_type_and_a_sentence(stage):
    """The help and the check are made from the signature and the docstring, and so both must speak."""
    for parameter in parameters_of(stage_class(stage)).values():
        assert parameter.help.endswith("."), f"{stage}: {parameter.name} has no sentence"
        assert parameter.allowed != "anything", f"{stage}: {parameter.name} has no type"
        parameter.check(parameter.default)


def test_stages_stand_in_one_order_everywhere():
    """The command line's table, the makers of folders and what each stage reads and writes agree."""
    stages = {name: stage_class(name) for name in STAGES}
    assert {stage.writes: name for name, stage in stages.items()} == MAKERS
    made = set()
    for stage in stages.values():
        assert set(stage.reads) <= made
        made.add(stage.writes)


def test_params_yaml_has_the_stages_in_their_order_and_suits_them():
    """The repository's own parameters are allowed, and stand as the command line has them."""
    document = read_document(ROOT / "params.yaml")
    assert list(document) == list(STAGES)
    arguments = check_document(document, {name: stage_class(name) for name in STAGES})
    assert {name: set(values) for name, values in arguments.items()} == {name: set(document[name]) for name in STAGES}


def test_params_yaml_lists_train_in_the_groups_of_the_help():
    """Under the name of each group stand parameters of that group, in the order of the groups."""
    section = (ROOT / "params.yaml").read_text("utf-8").partition("\ntrain:\n")[2].partition("\n\n#")[0]
    groups = re.findall(r"^  # (.+)\n((?:  .*\n?)+)", section, re.MULTILINE)
    assert [name for name, _ in groups] == list(GROUPS)
    for name, lines in groups:
        assert set(re.findall(r"^  (\w+):", lines, re.MULTILINE)) <= set(GROUPS[name])


def test_every_public_name_is_there():
    """``from pipeline import *`` finds all that it promises."""
    package = importlib.import_module("pipeline")
    for name in package.__all__:
        assert getattr(package, name).__name__ == name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AverageOverCopies", "TestTimeAugmentation"),
        ("load_committee", "load_ensemble"),
        ("make_committee", "make_ensemble"),
        ("save_committee", "save_ensemble"),
    ],
)
def test_old_public_names_work_for_a_release(old, new):
    """A public name of before is the same object as the new one, and a warning says so."""
    package = importlib.import_module("pipeline")
    with pytest.warns(FutureWarning, match=f"pipeline.{old} is called {new} now") as caught:
        assert getattr(package, old) is getattr(package, new)
    assert caught[0].filename == __file__
    assert old not in package.__all__


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT / "tests")))
def test_every_test_says_what_it_holds(path):
    """A test's docstring is the behaviour in a sentence."""
    tree = ast.parse(path.read_text("utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert tests
    assert not [test.name for test in tests if not (ast.get_docstring(test) or "").endswith(".")]


# Tests that hold the whole rather than a module.
OF_THE_WHOLE = {
    "test_benchmarks",
    "test_chromium",
    "test_classifier_like_sklearn",
    "test_regressor_like_sklearn",
    "test_colours",
    "test_docs",
    "test_dvc",
    "test_house",
    "test_memory",
    "test_packaging",
    "test_readme",
    "test_representations",
    "test_reproducibility",
    "test_round_trips",
    "test_search",
    "test_workflow",
}


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT / "tests")))
def test_tests_mirror_the_pipeline(path):
    """A test file stands where its module does, or the part of a page's program."""
    if path.parent.name == "hostile":  # its tests attack the whole
        return
    folder = ROOT / "pipeline" / path.relative_to(ROOT / "tests").parent
    name = path.stem.removeprefix("test_")
    modules = [folder / f"{name}.py", folder / f"{name}.js"]
    assert path.stem in OF_THE_WHOLE or any(map(Path.is_file, modules)) or (folder / name).is_dir()

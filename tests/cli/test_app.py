"""The command line: options from constructors, precedence, exit codes, and errors in one line."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

import pipeline
from pipeline.cli.app import COMMANDS, app, load_command
from pipeline.cli.stage_command import STAGES
from pipeline.cli.terminal import RichProgress
from pipeline.mlp.classifier import MLPClassifier
from pipeline.model_file import save_model
from pipeline.parameters import ParameterError
from pipeline.stages.base import Stage


class Simple(Stage):
    """A stage that writes one file.

    Parameters
    ----------
    seed : int, default=0
        Where chance begins.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _run(self, artifacts, folder, progress):  # noqa: ARG002 - as every stage's
        folder.joinpath("seed").write_text(str(self.seed), "utf-8")
        return {"seed": self.seed}


class Fetch(Simple):
    """Stands first."""

    writes = "raw"


class Preprocess(Simple):
    """Stands second."""

    reads, writes = ("raw",), "prepared"


class Split(Simple):
    """Stands third."""

    reads, writes = ("prepared",), "split"


class Train(Stage):
    """A stage with a parameter of every kind, which fails when it is told to.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(100,)
        Units in each [bold]hidden[/bold] layer.
    activation : {"relu", "tanh"}, default="relu"
        What a unit does. More about it.
    alpha : float, default=0.5
        How hard weights are held down.
    shuffle : bool, default=True
        Whether rows are mixed.
    random_state : int or None, default=None
        Where chance begins.
    class_weight : dict or None, default=None
        How much classes count.
    trouble : str, default="none"
        What goes wrong.
    """

    reads, writes = ("split",), "model"

    def __init__(
        self,
        hidden_layer_sizes: tuple[Annotated[int, ">= 1"], ...] = (100,),
        activation: Literal["relu", "tanh"] = "relu",
        alpha: Annotated[float, ">= 0", "< 1"] = 0.5,
        shuffle: bool = True,
        random_state: int | None = None,
        class_weight: dict[Any, float] | None = None,
        trouble: str = "none",
    ) -> None:
        self.class_weight = class_weight
        self.hidden_layer_sizes, self.activation, self.alpha = hidden_layer_sizes, activation, alpha
        self.shuffle, self.random_state, self.trouble = shuffle, random_state, trouble

    def _run(self, artifacts, folder, progress):  # noqa: ARG002 - as every stage's
        folder.joinpath("half").write_text("written", "utf-8")
        if self.trouble in TROUBLES:
            raise TROUBLES[self.trouble]
        if self.trouble == "warning":
            warnings.warn("it did not converge", UserWarning, stacklevel=1)
        progress.say("training now")
        return {
            "layers": list(self.hidden_layer_sizes),
            "activation": self.activation,
            "alpha": self.alpha,
            "shuffle": self.shuffle,
            "random_state": self.random_state,
        } | ({} if self.class_weight is None else {"class_weight": str(self.class_weight)})


class HouseError(RuntimeError):
    """An error of our own kind."""

    __module__ = "pipeline.data.download"


TROUBLES = {
    "ours": HouseError("no source came"),
    "runtime": RuntimeError("out of order"),
    "value": ValueError("the data are odd"),
    "key": KeyError("digits"),
    "memory": MemoryError(),
    "empty": ValueError(),
    "file": FileNotFoundError(2, "No such file", "images"),
    "import": ImportError("the extra is missing"),
    "parameter": ParameterError("alpha must be small"),
    "interrupt": KeyboardInterrupt(),
}


class Evaluate(Simple):
    """Stands last, and measures two parts."""

    reads, writes = ("model",), "evaluation"

    def _run(self, artifacts, folder, progress):  # noqa: ARG002 - as every stage's
        return {"validation": {"accuracy": 0.5}, "test": {"accuracy": 0.75}}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder, with the stand-in stages above in place of the real ones."""
    module = ModuleType("stand_ins")
    vars(module).update({stage.__name__: stage for stage in (Fetch, Preprocess, Split, Train, Evaluate)})
    monkeypatch.setitem(sys.modules, "stand_ins", module)
    for name, (_, line) in list(STAGES.items()):
        monkeypatch.setitem(STAGES, name, (f"stand_ins:{name.capitalize()}", line))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").touch()  # without it, that of the program counts
    return tmp_path


def call(*words):
    """Run a command, and return its exit code, output and error stream."""
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout, result.stderr


def train(*words):
    """Run the stage train with its input there, and return its exit code, output and error stream."""
    Path("artifacts/split").mkdir(parents=True, exist_ok=True)
    return call("train", *words)


def line_of(error):
    """Return an error stream's only line, without its first word."""
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error.removeprefix("error: ").strip()


def test_help_lists_the_commands_in_the_order_of_the_work():
    """Every command has a line of its own."""
    code, out, error = call("--help")
    words = [line.strip("│ ").split()[0] for line in out.split("Commands")[1].splitlines() if line.startswith("│")]
    assert (code, error) == (0, "")
    stages = ["fetch", "preprocess", "split", "train", "evaluate"]
    assert words == [
        *stages,
        "run",
        "predict",
        "page",
        "export",
        "summary",
        "compare",
        "gradcheck",
        "find-rate",
        "search",
        "recipes",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_the_first_line_of_its_help(name):
    """What is told of a command before it is imported is what it tells of itself."""
    assert " ".join(load_command(name).help.split("\n\n")[0].split()) == COMMANDS[name][1]


def test_a_command_imports_its_own_module_alone(folder):
    """Among the commands, a stage's knows nothing of recipes or predictions."""
    subprocess.run([sys.executable, "-c", QUIET.format(words=["run", "--help"])], capture_output=True, check=False)
    modules = (folder / "modules").read_text("utf-8").split()
    assert "pipeline.cli.stages" in modules
    assert not {"pipeline.cli.recipes", "pipeline.cli.former_recipe", "pipeline.cli.predict"} & set(modules)


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_a_stage_s_help_says_what_each_option_takes(words):
    """Name, sentence, choices, range and default come from the constructor; nothing is taken for markup."""
    code, out, error = call("train", *words)
    assert (code, error) == (0, "")
    for text in (
        "--hidden-layer-sizes",
        "Units in each [bold]hidden[/bold] layer. Takes a list of integers >= 1; default [100].",
        "What a unit does. Takes 'relu' or 'tanh'; default relu.",
        "Takes a number >= 0 and < 1; default 0.5.",
        "Takes true or false; default true.",
        "Takes an integer or null; default null.",
        "--params",
        "--artifacts",
        "--debug",
    ):
        assert text in out


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in (*STAGES, "recipes")])
def test_every_other_command_has_help(command):
    """Help is never an error, and an argument that may be left out is in brackets once."""
    code, out, error = call(command, "--help")
    assert (code, error) == (0, "")
    assert "--debug" in out
    assert "[[" not in out


def test_version():
    """The version is the package's."""
    assert call("--version") == (0, f"digits {pipeline.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--hidden-layer-sizes", "[64, 32]"], "layers [64, 32]"),
        (["--hidden-layer-sizes=[]"], "layers []"),
        (["--hidden_layer_sizes", "[64]"], "layers [64]"),
        (["--activation", "tanh"], "activation tanh"),
        (["--alpha", "1e-05"], "alpha 1e-05"),
        (["--alpha", "0"], "alpha 0"),
        (["--shuffle", "false"], "shuffle False"),
        (["--class-weight", "{0:2, 'a:b':0.5}"], "class_weight {0: 2, 'a:b': 0.5}"),
        (["--random_state", "null"], "random_state None"),
        (["--random-state", "7"], "random_state 7"),
    ],
)
def test_an_option_is_read_as_yaml(folder, words, shown):
    """An option's text means what it means in params.yaml, with dashes or underscores in its name."""
    (folder / "params.yaml").write_text("train: {random_state: 1}", "utf-8")
    code, out, error = train(*words)
    assert code == 0, error
    assert shown in out


def test_options_go_over_the_file_and_the_file_over_the_defaults(folder):
    """Each value comes from the nearest place that gives one."""
    (folder / "params.yaml").write_text("train: {alpha: 0.25, activation: tanh}", "utf-8")
    assert "activation tanh, alpha 0.1250, shuffle True" in train("--alpha", "0.125")[1]


def test_null_given_as_an_option_goes_over_the_file(folder):
    """An option that says null is not an option that was left out."""
    (folder / "params.yaml").write_text("train: {random_state: 5}", "utf-8")
    assert "random_state None" in train("--random-state", "null")[1]
    assert "random_state 5" in train()[1]


def test_without_a_file_the_defaults_hold():
    """params.yaml need not be there."""
    code, out, error = train()
    assert (code, error) == (0, "training now\n")
    assert out == "train: layers [100], activation relu, alpha 0.5000, shuffle True, random_state None\n"


def test_a_stage_writes_where_it_is_told(folder):
    """--artifacts names the folder of folders, --params the file."""
    (folder / "mine.yaml").write_text("fetch: {seed: 5}", "utf-8")
    assert call("fetch", "--params", "mine.yaml", "--artifacts", "elsewhere")[0] == 0
    assert (folder / "elsewhere/raw/seed").read_text("utf-8") == "5"
    assert not (folder / "artifacts").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--alpha", "1"], "Invalid value for --alpha: alpha must be a number >= 0 and < 1; got 1"),
        (["--alpha", "high"], "Invalid value for --alpha: alpha must be a number >= 0 and < 1; got 'high'"),
        (["--activation", "sine"], "activation must be 'relu' or 'tanh'; got 'sine'"),
        (["--hidden-layer-sizes", "[64"], "Invalid value for --hidden-layer-sizes: '[64' is not YAML"),
        (["--hidden-layer-sizes", "64"], "must be a list of integers >= 1; got 64"),
        (["--alhpa", "1"], "No such option: --alhpa; did you mean --alpha?"),
        (["--colour", "1"], "No such option: --colour"),
        (["--activation", "rellu"], "got 'rellu'; did you mean 'relu'?"),
        (["--alpha"], "requires an argument"),
        (["extra"], "unexpected extra argument"),
        (["--params", "nothing.yaml"], "nothing.yaml is not there"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(words, message):
    """The line names the option, what was given and what is allowed; nothing runs."""
    code, out, error = train(*words)
    assert (code, out) == (2, "")
    assert message in line_of(error)
    assert not Path("artifacts/model").exists()


@pytest.mark.parametrize("words", [["trian"], ["--vresion"], ["fetch", "trian"]])
def test_a_wrong_command_is_one_line_and_exit_code_2(words):
    """Whatever is no command or option is named."""
    code, out, error = call(*words)
    assert (code, out) == (2, "")
    assert words[-1] in line_of(error)


def test_a_mistyped_command_brings_a_guess():
    """The nearest command is offered."""
    assert "Did you mean 'train'?" in call("trian")[2]


def test_no_command_shows_the_help():
    """Whoever types nothing sees what there is, and a script sees that it was wrong."""
    code, out, error = call()
    assert (code, error) == (2, "")
    assert "predict" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trian: {}", "params.yaml: there is no section 'trian'; there are fetch, preprocess, split, train, evaluate"),
        ("train: {max_itr: 5}", "params.yaml: train: there is no parameter 'max_itr'; there are hidden_layer_sizes,"),
        ("train: {alpha: 2}", "params.yaml: train: alpha must be a number >= 0 and < 1; got 2"),
        ("train: {alpha: [", "params.yaml is not YAML"),
        ("- train", "params.yaml must hold sections"),
    ],
)
@pytest.mark.parametrize("command", ["train", "run"])
def test_a_slip_in_params_yaml_stops_the_stage_and_run(folder, command, text, message):
    """A wrong file is told by name before any work, with exit code 2."""
    (folder / "params.yaml").write_text(text, "utf-8")
    code, out, error = call(command)
    assert (code, out) == (2, "")
    assert line_of(error).startswith(message)
    assert not (folder / "artifacts").exists()


def test_a_stage_looks_into_its_own_section_alone(folder):
    """A slip in another stage's section does not stop a stage, which would have to import the other to see it."""
    (folder / "params.yaml").write_text("train: {alpha: 2}", "utf-8")
    assert call("fetch")[0] == 0
    (folder / "params.yaml").write_text("trian: {alpha: 2}", "utf-8")
    assert call("fetch")[0] == 2


@pytest.mark.parametrize(
    ("command", "maker"), [("preprocess", "fetch"), ("split", "preprocess"), ("train", "split"), ("evaluate", "train")]
)
def test_a_missing_input_says_which_command_makes_it(command, maker):
    """A stage without its input fails with exit code 1 and the way on."""
    code, out, error = call(command)
    assert (code, out) == (1, "")
    assert f"`python -m pipeline {maker}` makes it" in line_of(error)


def test_advice_names_the_folder_in_which_the_command_was_called():
    """Typed as it stands, it mends that folder, and leaves the artifacts of this one alone."""
    code, _, error = call("train", "--artifacts", "my trial")
    assert code == 1
    assert "`python -m pipeline split --artifacts 'my trial'` makes it" in line_of(error)


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("value", "the data are odd"),
        ("ours", "no source came"),
        ("runtime", "RuntimeError: out of order"),
        ("key", "KeyError: 'digits'"),
        ("memory", "MemoryError"),
        ("empty", "ValueError"),
        ("file", "[Errno 2] No such file: 'images'"),
        ("import", "the extra is missing"),
    ],
)
def test_a_failure_is_one_line_and_exit_code_1(folder, trouble, message):
    """Expected or not, an error has no traceback, and nothing half-written stays behind."""
    code, out, error = train("--trouble", trouble)
    assert (code, out) == (1, "")
    assert line_of(error) == message
    assert [path.name for path in (folder / "artifacts").iterdir()] == ["split"]


@pytest.mark.parametrize("command", ["fetch", "run"])
def test_a_place_that_cannot_be_written_names_the_option(folder, command):
    """Below a file there can be no folder: one line says so, with the way on, and nothing runs."""
    (folder / "file").touch()
    code, out, error = call(command, "--artifacts", "file/artifacts")
    assert (code, out) == (1, "")
    assert line_of(error).startswith("file/artifacts/raw cannot be written, ")
    assert line_of(error).endswith("Not a directory; choose another folder with --artifacts")


def test_run_looks_at_all_places_before_the_first_stage(folder, monkeypatch):
    """That the last stage could not write is told before the first has fetched anything."""
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "evaluation")
    code, out, error = call("run")
    assert (code, out) == (1, "")
    assert "artifacts/evaluation is a mount point" in line_of(error)
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]


@pytest.mark.skipif(os.name == "nt", reason="there are no such locks there, and nothing is removed")
def test_leftovers_in_the_temporary_folder_are_swept_by_the_next_run(folder, monkeypatch):
    """What a killed recipe has left there goes, and so do its unfinished artifacts."""
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    (folder / ".digits-pipeline-01234567.tmp/raw").mkdir(parents=True)
    (folder / "artifacts/.model-01234567.tmp/made").mkdir(parents=True)
    assert call("fetch")[0] == 0
    assert sorted(path.name for path in folder.iterdir()) == ["artifacts", "params.yaml"]
    assert [path.name for path in (folder / "artifacts").iterdir()] == ["raw"]


@pytest.mark.parametrize("command", ["fetch", "run"])
def test_a_folder_in_use_is_told_or_waited_for(folder, command):
    """Two runs do not meet: the second says who is there, and exits with 1, or waits until the folder is free."""
    code = "import sys, pathlib, pipeline.locking as p\nwith p.locking(pathlib.Path('a')): print(); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, **pipes) as other:
        other.stdout.readline()
        code, out, error = call(command, "--artifacts", "a")
        assert (code, out) == (1, "")
        assert line_of(error).startswith(f"a is in use by process {other.pid} (python -m pipeline")
        timer = threading.Timer(0.2, other.stdin.close)
        timer.start()
        code, out, error = call(command, "--artifacts", "a", "--wait")
        timer.join()
    assert (code, out.split("\n")[0]) == (0, "fetch: seed 0")
    assert f"a is in use by process {other.pid} " in error
    assert (folder / "a/raw/seed").is_file()


def test_run_holds_the_folder_from_the_first_stage_to_the_last(folder, monkeypatch):
    """Between two stages no other process can come in."""
    seen = []
    monkeypatch.setattr(RichProgress, "__exit__", lambda *_: seen.append((folder / "artifacts/.lock").is_file()))
    assert call("run")[0] == 0
    assert seen == [True] * 5
    assert not (folder / "artifacts/.lock").exists()


def test_run_deletes_no_file_of_another_origin(folder):
    """A thesis in the folder of a later stage is told, in one line, before the first has fetched anything."""
    (folder / "a/model").mkdir(parents=True)
    (folder / "a/model/thesis.tex").write_text("years of work", "utf-8")
    code, out, error = call("run", "--artifacts", "a")
    assert (code, out) == (1, "")
    assert line_of(error) == (
        "a/model/thesis.tex has not been made by a stage, and `python -m pipeline train` replaces the folder: move it "
        "elsewhere, or choose another folder with --artifacts"
    )
    assert [path.as_posix() for path in Path("a").rglob("*")] == ["a/model", "a/model/thesis.tex"]


def test_a_parameter_that_a_stage_refuses_is_wrong_usage():
    """What only the stage can know is still the user's parameter: exit code 2."""
    assert train("--trouble", "parameter") == (2, "", "error: alpha must be small\n")


def test_an_interruption_is_one_line_and_exit_code_130(folder):
    """Ctrl-C leaves no traceback, and nothing half-written."""
    assert train("--trouble", "interrupt") == (130, "", "interrupted\n")
    assert [path.name for path in (folder / "artifacts").iterdir()] == ["split"]


@pytest.mark.skipif(os.name == "nt", reason="has no such signal")
@pytest.mark.parametrize(("told", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_told_to_end_it_leaves_nothing_half_written(tmp_path, told, code):
    """A scheduler's SIGTERM or a closed terminal in the middle of training is as clean as Ctrl-C, with its own code."""
    command = [sys.executable, "-m", "pipeline"]
    environment = os.environ | {"PYTHONPATH": str(Path(pipeline.__file__).parents[1])}
    place = {"cwd": tmp_path, "env": environment}
    for stage in (["fetch", "--dataset", "digits"], ["preprocess"], ["split"]):
        subprocess.run([*command, *stage], **place, check=True, capture_output=True)
    with subprocess.Popen([*command, "train", "--max-iter", "1000000", "--tol", "0"], **place) as training:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("artifacts/.model-*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        for _ in range(3):  # terminals, and shells for them, say it more than once
            training.send_signal(getattr(signal, told))
        assert training.wait(60) == code
    assert sorted(path.name for path in (tmp_path / "artifacts").iterdir()) == ["prepared", "raw", "split"]


TRACKED = "stages: {split: {outs: [artifacts/split]}, train: {outs: [artifacts/model]}}"


@pytest.mark.parametrize(
    ("words", "tracked"), [(["train"], "artifacts/model"), (["run"], "artifacts/split, artifacts/model")]
)
def test_a_command_warns_where_it_writes_what_dvc_tracks(folder, words, tracked):
    """One line says what may be put back, and how to write elsewhere."""
    (folder / ".dvc").mkdir()
    (folder / "dvc.yaml").write_text(TRACKED, "utf-8")
    (folder / "artifacts" / "split").mkdir(parents=True)
    code, _, error = call(*words)
    assert code == 0
    advice = "and `dvc repro` may put back what was there; --artifacts FOLDER writes elsewhere"
    assert [line for line in error.splitlines() if "DVC" in line] == [f"warning: DVC tracks {tracked}, {advice}"]
    assert "DVC" not in call("run", "--artifacts", "elsewhere")[2]


def test_dvc_s_own_stages_are_not_warned_of(folder, monkeypatch):
    """DVC tells the commands that it runs which stage they are."""
    (folder / ".dvc").mkdir()
    (folder / "dvc.yaml").write_text(TRACKED, "utf-8")
    monkeypatch.setenv("DVC_STAGE", "train")
    assert "DVC" not in train()[2]


@pytest.mark.parametrize(("text", "state"), [("", "empty"), ("schema: '2.0'\nsta", "cut off in the middle")])
def test_a_lock_that_dvc_left_damaged_is_told(text, state):
    """DVC runs nothing then, and does not say why; a stage runs, and says it."""
    Path("dvc.lock").write_text(text, "utf-8")
    code, _, error = train()
    assert code == 0
    assert f"warning: dvc.lock is {state}, as DVC leaves it when it is killed: `git restore dvc.lock`" in error


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "x", "--model", "{}"],
        ["train", "--params", "{}"],
        ["run", "--set", "{}"],
        ["train", "--alpha", "{}"],
        ["train", "--{}"],
        ["{}"],
        ["recipes", "run", "{}", "--recipes", "{}"],
    ],
)
def test_no_argument_commands_the_terminal(words):
    """Errors repeat what was typed, or pasted, with its escape codes to be seen."""
    code, out, error = call(*(word.format("\x1b[2J\u202ename") for word in words))
    assert (code != 0, out) == (True, "")
    assert error.removesuffix("\n").isprintable()
    assert "\\x1b[2J" in error


def test_debug_shows_the_traceback():
    """Whoever asks for it sees the error itself."""
    Path("artifacts/split").mkdir(parents=True)
    result = CliRunner().invoke(app, ["train", "--trouble", "key", "--debug"])
    assert result.exit_code == 1
    assert isinstance(result.exception, KeyError)


def test_a_warning_is_one_line():
    """A warning is told to a person without the line of code that it comes from."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        code, _, error = train("--trouble", "warning")
    assert code == 0
    assert error == "warning: it did not converge\ntraining now\n"


def test_run_runs_every_stage(folder):
    """Five stages, a line each, and the measures as a table."""
    code, out, _ = call("run")
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()[:4]] == ["fetch", "preprocess", "split", "train"]
    assert [line.split() for line in out.splitlines()[4:]] == [
        ["evaluate", "validation", "test"],
        ["accuracy", "0.5000", "0.7500"],
    ]
    assert sorted(path.name for path in (folder / "artifacts").iterdir()) == [
        "evaluation",
        "model",
        "prepared",
        "raw",
        "split",
    ]


def test_run_prints_one_json_document_of_all_stages():
    """Under --json the output is one document, by stage, and nothing else."""
    code, out, error = call("run", "--json")
    assert code == 0, error
    document = json.loads(out)
    assert list(document) == ["fetch", "preprocess", "split", "train", "evaluate"]
    assert document["train"]["alpha"] == 0.5
    assert document["evaluate"]["test"] == {"accuracy": 0.75}


def test_a_stage_prints_one_json_document():
    """A stage that runs alone has the same form, of itself alone."""
    code, out, error = train("--json", "--alpha", "0.25")
    assert code == 0, error
    assert json.loads(out)["train"]["alpha"] == 0.25


@pytest.mark.parametrize("command", ["run", "gradcheck"])
def test_an_option_of_a_stage_is_led_to_set(command):
    """Where all stages are configured, a stage's option is told as an override."""
    code, out, error = call(command, "--alpha", "0.25")
    assert (code, out) == (2, "")
    assert line_of(error).endswith("No such option: --alpha; did you mean --set train.alpha=VALUE?")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("digits tra", ["train"]),
        ("digits train --hid", ["--hidden-layer-sizes"]),
        ("digits train --activation t", ["tanh"]),
    ],
)
def test_the_shell_completes_commands_options_and_choices(monkeypatch, line, words):
    """What the installed completion asks for is answered."""
    monkeypatch.setenv("_DIGITS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    result = CliRunner().invoke(app, [], prog_name="digits")
    assert result.stdout.split() == words


def test_completion_can_be_installed():
    """The help has the option."""
    assert "--install-completion" in call("--help")[1]


def test_run_takes_overrides_and_leaves_the_file_alone(folder):
    """--set may be repeated, goes over params.yaml, and is forgotten afterwards."""
    text = "train: {alpha: 0.25, shuffle: false}\n"
    (folder / "params.yaml").write_text(text, "utf-8")
    words = ["--set", "train.alpha=0.125", "--set", "~train.shuffle", "--set", "+fetch.seed=7"]
    code, out, error = call("run", *words)
    assert code == 0, error
    assert "alpha 0.1250, shuffle True" in out
    assert "fetch: seed 7" in out
    assert (folder / "params.yaml").read_text("utf-8") == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train.alpha", "'train.alpha' is no override"),
        ("train.alpha=2", "--set: train: alpha must be a number >= 0 and < 1; got 2"),
        ("train.alhpa=0.5", "--set: train: there is no parameter 'alhpa'"),
        ("trian.alpha=0.5", "--set: there is no section 'trian'"),
        ("trian.alpha=0.5", "did you mean train?"),
        (
            "alpha=0.5",
            "there is no section 'alpha'; there are fetch, preprocess, split, train, evaluate, search; did you mean tr",
        ),
        ("+shufle=false", "did you mean train.shuffle?"),
        ("train.alhpa=0.5", "did you mean alpha?"),
        ("train=5", "--set: train must hold names and values; got 5"),
        ("train.alpha=0.1,0.2", "is a sweep"),
    ],
)
def test_a_wrong_override_is_one_line_and_exit_code_2(folder, text, message):
    """Grammar, name and value are checked before any stage runs."""
    code, out, error = call("run", "--set", text)
    assert (code, out) == (2, "")
    assert message in line_of(error)
    assert not (folder / "artifacts").exists()


class Model:
    """Stands in for a fitted model of two pixels and two labels: the brighter pixel is the label."""

    n_features_in_ = 2
    classes_ = np.array([3, 7])

    def predict_proba(self, X):
        return X / X.sum(axis=1, keepdims=True)


@pytest.fixture
def model(folder, monkeypatch):
    """Put a model in its place."""
    (folder / "artifacts/model").mkdir(parents=True)
    (folder / "artifacts/model/model.npz").touch()
    module = ModuleType("pipeline.model_file")
    module.load_model = lambda _: Model()
    monkeypatch.setitem(sys.modules, "pipeline.model_file", module)
    np.save(folder / "images.npy", np.array([[[75, 25]], [[1, 3]]], np.uint8))


@pytest.mark.usefixtures("model")
def test_predict_prints_a_line_for_each_image():
    """Number, label and confidence, and nothing else."""
    assert call("predict", "images.npy") == (0, "0  3  0.7500\n1  7  0.7500\n", "")


@pytest.mark.usefixtures("model")
def test_predict_prints_json_for_machines():
    """One document: a list with an object for each image."""
    code, out, _ = call("predict", "images.npy", "--json")
    assert code == 0
    assert json.loads(out) == [
        {"number": 0, "label": 3, "confidence": 0.75, "probabilities": {"3": 0.75, "7": 0.25}},
        {"number": 1, "label": 7, "confidence": 0.75, "probabilities": {"3": 0.25, "7": 0.75}},
    ]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # one epoch is enough here
def test_predict_with_a_model_of_one_class(folder):
    """It is sure of the one label there is, in lines and in JSON."""
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    np.save(folder / "images.npy", images)
    model = MLPClassifier((3,), max_iter=1, random_state=0).fit(images.reshape(2, 4), ["a", "a"])
    save_model(folder / "one.npz", model)
    assert call("predict", "images.npy", "--model", "one.npz") == (0, "0  a  1.0000\n1  a  1.0000\n", "")
    code, out, _ = call("predict", "images.npy", "--model", "one.npz", "--json")
    assert (code, json.loads(out)[1]) == (0, {"number": 1, "label": "a", "confidence": 1, "probabilities": {"a": 1}})


@pytest.mark.usefixtures("model")
def test_predict_names_each_of_several_files(folder):
    """With one file there is no name; with several it stands before each line, spaces and all."""
    np.save(folder / "my images.npy", np.array([[[4, 1]]], np.uint8))
    code, out, error = call("predict", "images.npy", "my images.npy")
    assert (code, error) == (0, "")
    assert out == "images.npy  0  3  0.7500\nimages.npy  1  7  0.7500\nmy images.npy  0  3  0.8000\n"
    code, out, _ = call("predict", "images.npy", "my images.npy", "--json")
    assert [(one["file"], one["number"]) for one in json.loads(out)] == [
        ("images.npy", 0), ("images.npy", 1), ("my images.npy", 0)
    ]  # fmt: skip


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("n_numbers", [1, 5, 2**20])
@pytest.mark.parametrize("as_json", [False, True])
def test_predict_answers_the_same_in_pieces(folder, monkeypatch, n_numbers, as_json):
    """However few images are held at once, they are numbered through, and JSON is one document."""
    np.save(folder / "images.npy", np.arange(1, 15, dtype=np.uint8).reshape(7, 2))
    monkeypatch.setattr("pipeline.cli.answers._NUMBERS", n_numbers)
    code, out, error = call("predict", "images.npy", *(["--json"] if as_json else []))
    assert (code, error) == (0, "")
    numbers = (
        [one["number"] for one in json.loads(out)] if as_json else [int(line.split()[0]) for line in out.splitlines()]
    )
    assert numbers == list(range(7))


@pytest.mark.usefixtures("model")
def test_predict_says_nothing_of_files_one_of_which_is_damaged(folder):
    """All files are looked at before the first is told."""
    (folder / "broken.npy").write_bytes((folder / "images.npy").read_bytes()[:-1])
    code, out, error = call("predict", "images.npy", "broken.npy")
    assert (code, out) == (1, "")
    assert "broken.npy is no readable .npy file" in line_of(error)


def test_predict_warns_of_images_unlike_those_of_training(folder):
    """A line on the error stream says what differs, and the answers are given all the same."""
    from pipeline import MLPClassifier, Normalize, save_model

    X, y = np.zeros((40, 5, 5), np.uint8), np.arange(40) % 2
    X[:, 1:4, 2] = 200 + y[:, None]
    X[0, 2, 2] = 255
    rows = X.reshape(40, 25)
    network = MLPClassifier((4,), learning_rate="cosine", max_iter=2, random_state=0)
    save_model(folder / "model.npz", make_pipeline(Normalize(), network).fit(rows, y))
    save_model(folder / "bare.npz", clone(network).fit(rows / np.float32(255), y))
    np.save(folder / "alike.npy", X)
    np.save(folder / "inverted.npy", 255 - X)
    np.save(folder / "scaled.npy", X / 255)
    differs = "unlike the images of training"
    for model, file, told in [
        ("model", "alike", ""),
        ("model", "inverted", f"warning: inverted.npy: {differs}: bright border: inverted?\n"),
        ("model", "scaled", f"warning: scaled.npy: {differs}: values 0 to 1, in training 0 to 255: scaled already?\n"),
        ("bare", "scaled", ""),
        (
            "bare",
            "alike",
            f"warning: alike.npy: {differs}: values 0 to 255, in training 0 to 1: not scaled as in training?\n",
        ),
    ]:
        code, out, error = call("predict", f"{file}.npy", "--model", f"{model}.npz")
        assert (code, len(out.splitlines())) == (0, 40)
        assert error == told


@pytest.mark.usefixtures("model")
def test_predict_refuses_images_of_another_size(folder):
    """The line says which size was given and which is expected."""
    np.save(folder / "large.npy", np.zeros((1, 3, 3), np.uint8))
    code, out, error = call("predict", "large.npy")
    assert (code, out) == (1, "")
    assert line_of(error) == "large.npy: expected images of 2 pixels each; got shape (1, 3, 3)"


@pytest.mark.usefixtures("model")
def test_predict_names_a_missing_file():
    """No file, no guess."""
    code, out, error = call("predict", "nothing.npy")
    assert (code, out) == (1, "")
    assert "nothing.npy" in line_of(error)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("artifacts/model/model.npz", "`python -m pipeline train` makes it"),
        ("trial/model/model.npz", "`python -m pipeline train --artifacts trial` makes it"),
        ("mine.npz", "a model file or a folder of artifacts is expected"),
    ],
)
def test_predict_without_a_model_says_how_to_make_one(model, words):
    """A missing model fails before anything is read, with the command that makes it, if one does."""
    code, out, error = call("predict", "images.npy", "--model", model)
    assert (code, out) == (1, "")
    assert line_of(error).startswith(f"{model} is missing: {words}")


QUIET = """
import sys
from pipeline.cli.app import main
sys.argv[1:] = {words!r}
try:
    main()
finally:
    with open("modules", "w") as file:
        print(*sys.modules, file=file)
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["trian"], 2),
        ([], 2),
        (["run", "--help"], 0),
        (["predict", "--help"], 0),
        (["recipes", "--help"], 0),
        (["recipes", "run", "--help"], 0),
    ],
)
def test_what_needs_no_stage_imports_neither_numpy_nor_scikit_learn(folder, words, code):
    """Help, version and a wrong command answer at once."""
    done = subprocess.run([sys.executable, "-c", QUIET.format(words=words)], capture_output=True, check=False)
    modules = {name.split(".")[0] for name in (folder / "modules").read_text("utf-8").split()}
    assert done.returncode == code
    assert "pipeline" in modules
    assert not modules & {"numpy", "sklearn", "scipy", "joblib", "pandas", "matplotlib", "requests"}


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ([sys.executable, "-m", "pipeline"], "Usage: python -m pipeline"),
        ([str(Path(sys.executable).with_name("digits"))], "Usage: digits"),
    ],
)
def test_the_program_calls_itself_by_the_name_it_was_called(program, name):
    """The usage line can be typed as it stands."""
    done = subprocess.run([*program, "--help"], capture_output=True, check=True, encoding="utf-8")
    assert name in done.stdout


def test_a_real_process_fails_in_one_line():
    """Exit code and streams are those of the runner above."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "trian"], capture_output=True, check=False, encoding="utf-8"
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: No such command 'trian'. Did you mean 'train'?\n"

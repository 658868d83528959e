"""Parameters that mean harm, in files, in ``--set``, in options and in recipes: taken, or refused in one line."""

import signal
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

try:
    import resource
except ImportError:  # Windows
    resource = None

from pipeline.cli.app import app
from pipeline.cli.params_file import shipped
from pipeline.cli.stage_command import STAGES, stage_class
from pipeline.parameters import ParameterError, check_parameters
from pipeline.recipes.reading import read_recipe
from pipeline.stages.base import Stage

pytestmark = [
    pytest.mark.hostile,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to bound its memory"),
]

SECONDS = 10
"""What one input may take on a busy machine."""
MEMORY = 2**28
LINE = 300
"""Characters of a line that refuses, but for the name of the file."""

VALUES = [
    "", "~", "null", "true", "no", "0", "-1", "1e308", "-1e308", "1e-320", ".inf", "-.inf", ".nan", "9" * 400,
    "-" + "9" * 5000, "0x" + "f" * 5000, "0o7", "1_000", "1:30", "2020-13-45", "2020-01-01", "0.5", "2", "64", "[64]",
    "[]", "{}", "[[64]]", "[64, 64]", "[0]", "[-1]", "[1.5]", "[.nan]", "[true]", "['64']", "[" + "64, " * 2000 + "]",
    "[" * 500, "[" * 500 + "]" * 500, "{a: " * 200 + "}" * 200, "&a [*a]", "&a {a: *a}", "*a", "&a", "!!bool x",
    "!!int x", "!!float x", "!!binary x", "!!set {a}", "!!omap [a: 1]", "!!python/object/apply:os.system [id]",
    "!!python/name:os.system", "!x y", "! x", "!<tag:yaml.org,2002:int> 1", "<<: *a", "{<<: {a: 1}}", "? a", "a: b: c",
    "'", '"', '"\\x"', '"\\ud800"', '"\\0"', '"\\e[31m"', "\x1b[31mred", "\x07", "\x9b31m", "\u202e", "\ufeff", "%",
    "@", "|", "`", ">", "- a", "---", "...", "# no", "\t", "a" * 10000, "relu", "adam", "cosine", "digits", "mnist",
    "../../etc/passwd", "/dev/zero", "/dev/stdin", "openml:../../x", "openml:" + "9" * 500,
    "file:///etc/passwd", "{name: cosine}",
    "{name: cosine, warmup: -1}", "{name: deform, rotation: 1e308}", "{name: deform, elastic: .nan}", "{name: deform}",
    "{name: [deform]}", "{name: {}}", "{name: deform, other: 1}", "[1, [2, {a: 3}]]", "[1, null]", "{1: 2, true: 3}",
    "[*b, *b, *b]", "unit", "standard", "mirror", "auto",
]  # fmt: skip
BOMB = "\n".join(
    [
        "b0: &b0 [1, 1, 1, 1, 1, 1, 1, 1, 1]",
        *(f"b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]" for i in range(1, 9)),
        "train: {hidden_layer_sizes: *b8}",
    ]
)


@contextmanager
def bounded(seconds=SECONDS):
    """Have what takes too long fail."""

    def late(*_):
        raise AssertionError(f"it takes more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def little_memory():
    """Let this process have little more data than it has."""
    with open("/proc/self/status", encoding="utf-8") as file:  # noqa: PTH123 - no path of a person's
        used = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData"))
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Return what runs a command in a folder of its own, whose stages check their parameters and do nothing else."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(Stage, "run", lambda self, *_, **__: check_parameters(self) or {})

    def run(*words):
        out, error = StringIO(), StringIO()
        with bounded(), redirect_stdout(out), redirect_stderr(error), pytest.raises(SystemExit) as ended:
            app(list(words))
        check(ended.value.code or 0, error.getvalue())
        return ended.value.code or 0

    return run


def check(code, error):
    """See that it was taken, or refused as wrong usage in one line that is neither long nor commands a terminal."""
    assert code in (0, 2), f"exit code {code}: {error[-500:]}"
    if code:
        lines = [line for line in error.splitlines() if not line.startswith("there is no params.yaml here")]
        assert len(lines) == 1, error[-500:]
        assert lines[0].startswith("error: "), error[-500:]
        assert len(lines[0]) <= LINE + len("error: params.yaml: "), f"{len(lines[0])} characters: {lines[0]}"
    assert all(line.isprintable() for line in error.splitlines()), repr(error[-500:])


def places_of(text):
    """Return the scalars of a YAML text in its block form: for each line where its value begins."""
    return [
        (number, line.index(": ") + 2)
        for number, line in enumerate(text.splitlines())
        if ": " in line and "#" not in line
    ]


def harmed(text, draw):
    """Return a YAML text with values, lines or letters that are not its own."""
    lines = text.splitlines()
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        places = [one for one in places_of("\n".join(lines)) if one[0] < len(lines)]
        how = draw.randrange(8)
        if how < 4 and places:
            number, start = draw.choice(places)
            lines[number] = lines[number][:start] + draw.choice(VALUES)
        elif how == 4 and places:
            number, start = draw.choice(places)
            lines[number] = lines[number][: start - 2].rstrip() + draw.choice(VALUES) + ": " + lines[number][start:]
        elif how == 5 and lines:
            lines.insert(draw.randrange(len(lines)), draw.choice(lines))
        elif how == 6 and lines:
            del lines[draw.randrange(len(lines))]
        else:
            whole = "\n".join(lines)
            at = draw.randrange(len(whole) + 1)
            lines = (whole[:at] + chr(draw.choice((0, 9, 10, 27, 32, 123, 91, 38, 42, 33, 155, 0xE9)))).splitlines()
            lines += whole[at:].splitlines()
    return "\n".join(lines) + "\n"


def test_files_of_parameters(call, draw, scaled, failures, tmp_path):
    """A ``params.yaml`` with anything in it is taken, or refused in one line with exit code 2, and soon."""
    text = shipped_text("params.yaml")
    codes = set()
    texts = [BOMB, "train: &a {hidden_layer_sizes: [*a]}", "&a [*a]", "\0", "\x1b", "a" * 10**6]
    for number in range(scaled(150)):
        content = texts[number] if number < len(texts) else harmed(text, draw)
        path = tmp_path / "work" / "params.yaml"
        raw = content.encode("utf-8", "surrogatepass")
        path.write_bytes(raw if number % 10 else raw[: draw.randrange(len(raw))] + bytes([draw.randrange(256)]))
        with failures.of(path.read_bytes()[:600]):
            codes.add(call("run"))
    assert codes == {0, 2}


def shipped_text(name):
    """Return a file that comes with the program."""
    return shipped(Path(name)).read_text("utf-8")


def test_overrides(call, draw, scaled, failures):
    """``--set`` takes a value, or refuses it in one line."""
    text = shipped_text("params.yaml")
    names = [f"{name}.{key}" for name in STAGES for key in stage_class(name)().get_params()]
    codes = set()
    for _ in range(scaled(250)):
        key = draw.choice(
            [*names, *names, *VALUES, "train", "train.learning_rate.warmup", "train.hidden_layer_sizes.0"]
        )
        sign = draw.choice(("", "", "", "", "+", "++", "~", "params.yaml:"))
        words = f"{sign}{key}={draw.choice(VALUES)}"
        with failures.of(words[:300]):
            codes.add(call("run", "--set", words.replace("\0", "")))
    assert codes == {0, 2}
    assert text == shipped_text("params.yaml")


def test_options(call, draw, scaled, failures):
    """An option takes a value, or refuses it in one line."""
    codes = set()
    for _ in range(scaled(250)):
        stage = draw.choice(list(STAGES))
        key = draw.choice(list(stage_class(stage)().get_params()))
        words = (stage, f"--{key.replace('_', '-')}={draw.choice(VALUES)}")
        with failures.of(words):
            codes.add(call(*words))
    assert codes == {0, 2}


def test_recipes(draw, scaled, failures, tmp_path):
    """A recipe with anything in it is read, or refused in one line."""
    texts = [shipped_text(f"recipes/{name}.yaml") for name in ("basic", "affine-elastic", "default", "fashion-mnist")]
    path = tmp_path / "strange.yaml"
    read = 0
    for _ in range(scaled(100)):
        path.write_text(harmed(draw.choice(texts), draw), "utf-8", "surrogatepass")
        with failures.of(path.read_bytes()[:600]):
            try:
                with bounded():
                    read_recipe(path)
                read += 1
            except ParameterError as error:
                line = str(error)
                assert line.isprintable(), repr(line)
                assert len(line) <= LINE + len(str(path)), f"{len(line)} characters: {line}"
            except Exception as error:  # noqa: BLE001 - what is no error of a parameter is the defect that is looked for
                raise AssertionError(f"{type(error).__name__}: {error}"[:300]) from None
    assert read

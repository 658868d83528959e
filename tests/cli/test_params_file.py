"""params.yaml, the overrides of a command line, and their check against the stages' constructors."""

from pathlib import Path

import pytest

from pipeline.cli.params_file import (
    check_document,
    current_document,
    current_override,
    override,
    read_document,
    write_values,
)
from pipeline.cli.stage_command import STAGES, stage_class
from pipeline.parameters import ParameterError, renamed_parameters

ROOT = Path(__file__).parents[2]


class Fetch:
    """A stage with one parameter."""

    def __init__(self, dataset: str = "mnist") -> None: ...


class Train:
    """A stage with two."""

    def __init__(self, layers: tuple[int, ...] = (100,), max_iter: int = 200) -> None: ...


CONSTRUCTORS = {"fetch": Fetch, "train": Train}
DOCUMENT = {
    "fetch": {"dataset": "mnist"},
    "train": {"max_iter": 10, "rate": {"name": "cosine", "warmup": 1}, "tol": None, "sizes": [64, {"n": 32}]},
}


def test_a_file_s_sections_are_read(tmp_path: Path):
    """A named file is read whole."""
    (tmp_path / "other.yaml").write_text("train:\n  max_iter: 5\nfetch:\n", "utf-8")
    assert read_document(tmp_path / "other.yaml") == {"train": {"max_iter": 5}, "fetch": None}


def test_without_a_file_the_shipped_one_counts(tmp_path: Path, monkeypatch):
    """The file of the current folder need not be there; where it is, it counts."""
    monkeypatch.chdir(tmp_path)
    assert read_document(None) == read_document(ROOT / "params.yaml") != {}
    (tmp_path / "params.yaml").write_text("train: {max_iter: 5}", "utf-8")
    assert read_document(None) == {"train": {"max_iter": 5}}


def test_an_empty_file_has_no_sections(tmp_path: Path):
    """A file of comments alone is fine."""
    (tmp_path / "params.yaml").write_text("# nothing yet\n", "utf-8")
    assert read_document(tmp_path / "params.yaml") == {}


def test_a_named_file_must_be_there(tmp_path: Path):
    """Whoever names a file means it."""
    with pytest.raises(ParameterError, match="is not there"):
        read_document(tmp_path / "params.yaml")


@pytest.mark.parametrize("text", ["- a\n- b", "5", "train"])
def test_a_file_must_hold_sections(tmp_path: Path, text):
    """A list or a word is no set of parameters."""
    (tmp_path / "params.yaml").write_text(text, "utf-8")
    with pytest.raises(ParameterError, match="must hold sections"):
        read_document(tmp_path / "params.yaml")


def test_a_document_becomes_arguments_for_every_constructor():
    """Sections that are empty or left out have no arguments, lists become tuples."""
    arguments = check_document({"train": {"layers": [64, 32]}, "fetch": None}, CONSTRUCTORS)
    assert arguments == {"fetch": {}, "train": {"layers": (64, 32)}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"trian": {}}, "params.yaml: there is no section 'trian'; there are fetch, train; did you mean train?"),
        (
            {"train": {"max_itr": 5}},
            "params.yaml: train: there is no parameter 'max_itr'; there are layers, max_iter; did you mean max_iter?",
        ),
        (
            {"max_iter": 5},
            "params.yaml: there is no section 'max_iter'; there are fetch, train; did you mean train.max_iter?",
        ),
        ({"colour": 5}, "params.yaml: there is no section 'colour'; there are fetch, train"),
        ({"train": {"max_iter": "five"}}, "params.yaml: train: max_iter must be an integer; got 'five'"),
        ({"train": [1]}, "params.yaml: train must hold names and values; got [1]"),
        ({"train": 0}, "params.yaml: train must hold names and values; got 0"),
    ],
)
def test_a_slip_in_a_document_is_told_by_name(document, message):
    """The error names the file, the section, what was given and what there is."""
    with pytest.raises(ParameterError) as caught:
        check_document(document, CONSTRUCTORS)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("train.max_iter=5", "train.max_iter", 5),
        ("params.yaml:train.max_iter=5", "train.max_iter", 5),
        ("params.yaml:++train.max_iter=5", "train.max_iter", 5),
        ("train.max_iter=1e-05", "train.max_iter", 1e-05),
        ("train.layers=[64,32]", "train.layers", [64, 32]),
        ("train.layers=[]", "train.layers", []),
        ("train.stop=true", "train.stop", True),
        ("train.max_iter=null", "train.max_iter", None),
        ("train.max_iter='5'", "train.max_iter", "5"),
        ('fetch.dataset="a, b"', "fetch.dataset", "a, b"),
        ("fetch.dataset='a=b'", "fetch.dataset", "a=b"),
        ("fetch.dataset=a=b", "fetch.dataset", "a=b"),
        ("fetch.dataset=openml:mnist_784", "fetch.dataset", "openml:mnist_784"),
        ("fetch.dataset=", "fetch.dataset", ""),
        ("train.rate.warmup=2", "train.rate", {"name": "cosine", "warmup": 2}),
        ("train.rate={warmup:2}", "train.rate", {"name": "cosine", "warmup": 2}),
        ("train.rate={warmup: 2, name: 'a:b'}", "train.rate", {"name": "a:b", "warmup": 2}),
        ("train.rate=0.1", "train.rate", 0.1),
        ("train.sizes.0=128", "train.sizes", [128, {"n": 32}]),
        ("train.sizes.1.n=16", "train.sizes", [64, {"n": 16}]),
        ("+train.sizes.1.m=16", "train.sizes", [64, {"n": 32, "m": 16}]),
        ("+train.stop=true", "train.stop", True),
        ("+train.tol=0.1", "train.tol", 0.1),
        ("+train.augment.rotation=12", "train.augment", {"rotation": 12}),
        ("+split.stratify=false", "split", {"stratify": False}),
        ("++train.max_iter=5", "train.max_iter", 5),
        ("++train.stop=true", "train.stop", True),
    ],
)
def test_an_override_sets_a_value(text, path, value):
    """Each form of the grammar leaves the value where its path says."""
    node = override(DOCUMENT, text)
    for name in path.split("."):
        node = node[name]
    assert node == value
    assert type(node) is type(value)


@pytest.mark.parametrize("text", ["~train.max_iter", "~train.max_iter=10", "params.yaml:~train.max_iter"])
def test_an_override_removes_a_key(text):
    """A tilde takes a key away, and only that."""
    assert override(DOCUMENT, text) == DOCUMENT | {
        "train": {k: v for k, v in DOCUMENT["train"].items() if k != "max_iter"}
    }


def test_an_override_leaves_the_document_alone():
    """What was read from a file stays as it was, however deep the change."""
    before = {"train": {"rate": {"warmup": 1}}}
    override(before, "train.rate.warmup=2")
    assert before == {"train": {"rate": {"warmup": 1}}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train.max_iter", "is no override"),
        ("+train.max_iter", "is no override"),
        ("=5", "is no override"),
        ("train..max_iter=5", "is no override"),
        ("", "is no override"),
        ("--train.max_iter=5", "is no override"),
        ("other.yaml:train.max_iter=5", "for params.yaml alone"),
        ("+train.max_iter=5", "adds what is there already; 'train.max_iter=5' sets it"),
        ("~train.nothing", "removes what is not there"),
        ("~nothing.nothing", "removes what is not there"),
        ("~train.max_iter=11", "removes what is 10"),
        ("train.max_iter.deep=5", "looks for a name inside max_iter, which is 10"),
        ("train.sizes.2=5", "looks for item 2 of [64, {'n': 32}], where the first is 0"),
        ("train.sizes.first=5", "looks for item first of"),
        ("+train.sizes.0=5", "adds what is there already"),
        ("~train.sizes.0", "removes an item of [64, {'n': 32}]; set the whole list instead"),
        ("train.max_iter=1,2", "is a sweep"),
        ("train.max_iter=choice(1,2)", "is a sweep"),
        ("train.layers=[1", "is not YAML"),
        ("train.layers={a:", "is not YAML"),
    ],
)
def test_what_is_no_override_is_refused(text, message):
    """The error quotes the override and says what is wrong with it."""
    with pytest.raises(ParameterError) as caught:
        override(DOCUMENT, text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "train.max_iter=5",
        "train.max_iter=1e-05",
        "train.max_iter=null",
        "train.max_iter=auto",
        "train.max_iter='5'",
        'train.max_iter="a, b"',
        "train.max_iter=",
        "train.max_iter=[64,32]",
        "train.max_iter=[]",
        "train.max_iter=a:b",
        "train.rate.warmup=2",
        "train.rate={warmup:2}",
        "train.rate={warmup: 2, name: cosine}",
        "train.rate={}",
        "train.rate=0.1",
        "train.rate=null",
        "train.sizes.0=128",
        "train.sizes.0=[128,64]",
        "train.sizes.1.n=16",
        "++train.sizes.0=128",
        "+train.sizes.0=128",
        "+train.sizes.0=[128]",
        "train.sizes.2=5",
        "+train.stop=true",
        "+train.tol=0.1",
        "+train.augment.rotation=12",
        "+train.augment={rotation:12,noise:[1,2]}",
        "+train.rate={decay:0.5}",
        "+split.stratify=false",
        "++train.max_iter=5",
        "++train.stop=true",
        "++train.rate={decay:0.5}",
        "~train.max_iter",
        "~train.max_iter=10",
        "~train.rate",
        "~train.rate.warmup",
        "~train",
        "+train.max_iter=5",
        "~train.nothing",
        "~train.max_iter=11",
        "train.layers=[1",
        "=5",
        "train.max_iter",
        "+train.max_iter=[1]",
        "+train.max_iter={a:1}",
        "train={max_iter:5}",
        "train.max_iter.deep=5",
        "train.max_iter=True",
        "train.max_iter=TRUE",
        "train.max_iter=-1",
        "train.max_iter=1_000",
        "train.max_iter= 5 ",
        "train.max_iter=.5",
        "train.max_iter=5.",
        "train.max_iter=path/to/folder",
        "train.max_iter=two words",
        "train.max_iter=['a b', \"c\"]",
        "train.max_iter=[a, null, true, 1.5]",
        "train.max_iter={a:{b:[1,2]}, c:'x:y'}",
    ],
)
def test_an_override_does_what_dvc_does(tmp_path: Path, text):
    """``dvc exp run -S`` makes the same document of the same text, or refuses it as well."""
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides
    from ruamel.yaml import YAML

    YAML().dump(DOCUMENT, tmp_path / "params.yaml")
    try:
        apply_overrides(str(tmp_path / "params.yaml"), [text])
    except DvcException:
        with pytest.raises(ParameterError):
            override(DOCUMENT, text)
    else:
        assert override(DOCUMENT, text) == read_document(tmp_path / "params.yaml")


@renamed_parameters(deslant="deskew")
class Scan:
    def __init__(self, deskew: bool = False) -> None: ...


def test_old_names_in_a_document_and_an_override_are_the_new_ones():
    """One is warned of each; an override with one name takes the place of a value under the other."""
    constructors = {"scan": Scan}
    with pytest.warns(FutureWarning, match=r"here: scan: deslant is called deskew now"):
        document = current_document({"scan": {"deslant": False}, "other": {"deslant": 1}}, constructors, "here")
    assert document == {"scan": {"deskew": False}, "other": {"deslant": 1}}
    with pytest.warns(FutureWarning, match="--set: deslant is called deskew now"):
        text = current_override("++scan.deslant=true", constructors)
    assert override(document, text)["scan"] == {"deskew": True}
    for text in ("scan.deskew=true", "other.deslant=true", "deslant=true", "scan=5", "nothing"):
        assert current_override(text, constructors) == text


@pytest.mark.filterwarnings("ignore:.* is called:FutureWarning")
def test_params_yaml_of_before_is_read():
    """With the old names that it has, it says what params.yaml says with the new ones."""
    constructors = {name: stage_class(name) for name in STAGES}
    before, now = (
        check_document(read_document(folder / "params.yaml"), constructors)
        for folder in (ROOT / "tests" / "before", ROOT)
    )
    assert before["preprocess"] == now["preprocess"]
    now["train"].pop("engine")  # which is newer than any of the old names
    assert {name: set(values) for name, values in before.items()} == {name: set(values) for name, values in now.items()}


def test_values_are_written_and_nothing_else_is_changed(tmp_path: Path):
    """Comments, blank lines, quotes and the other values stay as they were."""
    path = tmp_path / "params.yaml"
    text = 'fetch:\n  dataset: "mnist"  # a word\n\ntrain:\n  layers: [512]\n  none: null\n  rate:\n    name: cosine\n'
    path.write_text(text, "utf-8")
    write_values(path, {"train.layers": [64, 32], "train.rate.warmup": 2, "train.alpha": 1e-05})
    expected = text.replace("[512]", "[64, 32]") + "    warmup: 2\n  alpha: 1e-05\n"
    assert path.read_text("utf-8") == expected
    assert read_document(path)["train"]["alpha"] == 1e-05


def test_a_value_cannot_be_written_into_a_number(tmp_path: Path):
    """The file stays as it is."""
    path = tmp_path / "params.yaml"
    path.write_text("train:\n  rate: 5\n", "utf-8")
    with pytest.raises(ParameterError, match="looks for a name inside rate, which is 5"):
        write_values(path, {"train.rate.warmup": 2})
    assert path.read_text("utf-8") == "train:\n  rate: 5\n"

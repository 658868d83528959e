"""YAML that means harm: short documents of millions of values, values in themselves, tags that lie."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.parameters import ParameterError, read_yaml
from pipeline.yaml_bounds import DEEPEST, LARGEST, MOST, BoundsError, check_bounds

BOMB = "[&a [1, 1, 1, 1, 1, 1, 1, 1, 1], {}]".format(
    ", ".join(f"&{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True))
)
MERGES = "[&a {{k: 1}}, {}]".format(
    ", ".join(f"&{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}" for old, new in zip("abcdefgh", "bcdefghi", strict=True))
)
ATTACKS = {
    "aliases of aliases": BOMB,
    "merges of merges": MERGES,
    "a list in itself": "&a [1, *a]",
    "a mapping in itself": "&a {b: *a}",
    "brackets": "[" * 500,
    "pairs of brackets": "[" * 500 + "]" * 500,
    "braces": "{a: " * 500 + "1" + "}" * 500,
    "a lie of bool": "!!bool x",
    "a lie of int": "!!int x",
    "a lie of float": "!!float x",
    "a lie of timestamp": "!!timestamp x",
    "a lie of binary": "!!binary x",
    "a lie of omap": "!!omap x",
    "an object of Python's": "!!python/object/apply:os.system [exit]",
    "a version of its own": "%YAML 9.9\n--- 1",
    "a directive": "%TAG ! tag:x,2000:\n--- !y 1",
    "an integer of 400 digits": "9" * 400,
    "an integer of 5000 digits": "9" * 5000,
    "a negative integer": "-" + "9" * 400,
    "a hexadecimal integer": "0x" + "f" * 20000,
    "integers of 400 digits": f"[{'9' * 400}, 5]",
    "hexadecimal integers": f"[0x{'f' * 20000}, 5]",
    "a long word": "x" * 20000,
    "a long list": "[" + "1.5, " * 1000 + "1]",
    "too long a list": "[" + "1, " * 2 * MOST + "1]",
    "a mapping with long names": f"{{name: {'x' * 5000}, {'y' * 5000}: 1}}",
    "a key that is a list": "{[1, 2]: 3}",
    "a key that is a mapping": "{{a: 1}: 3}",
    "escape codes": '"\\e[2J\\u202e"',
    "an alias of nothing": "*a",
    "two documents": "1\n--- 2",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("way", ["params.yaml", "--set", "option", "recipe", "trial", "seeds", "whole file"])
def test_an_attack_is_one_short_line(attack, way, tmp_path, monkeypatch):
    """Wherever it stands, and whatever it is, exit code 2 and a line that a person can read."""
    monkeypatch.chdir(tmp_path)
    nested = attack.replace("\n", "\n ")
    section = f"train: {{hidden_layer_sizes: {nested}}}"
    Path("params.yaml").write_text(attack if way == "whole file" else section if way == "params.yaml" else "", "utf-8")
    train = {"recipe": section, "trial": f"train: {{}}\ntrials: {{one: {{{section}}}}}", "seeds": f"seeds: {nested}"}
    Path("recipes").mkdir()
    Path("recipes/one.yaml").write_text(f"title: t\nreported: r\nsource: s\n{train.get(way, '')}", "utf-8")
    words = {
        "params.yaml": ["run"],
        "whole file": ["run"],
        "--set": ["run", "--set", f"train.hidden_layer_sizes={attack}"],
        "option": ["train", "--hidden-layer-sizes", attack],
        "recipe": ["recipes", "run", "one"],
        "trial": ["recipes", "run", "one"],
        "seeds": ["recipes", "run", "one"],
    }[way]
    result = CliRunner().invoke(app, words)
    *_, line = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (2, "")
    assert line.startswith("error: ")
    assert len(line) <= 300
    assert line.isprintable()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("#" * (LARGEST + 1), f"must have {LARGEST} bytes at the most"),
        ("[" * (DEEPEST + 1), f"is nested deeper than {DEEPEST} levels"),
        (f"[{'1, ' * MOST}]", f"has more than {MOST} values"),
        ("{a: &a [1, 2], b: {c: &a [*a, *a]}}", "has a value that contains itself, 'a'"),
        (BOMB, f"has more than {MOST} values, those that aliases stand for among them"),
    ],
)
def test_each_bound_is_named(content, words):
    """The error says which bound it is."""
    with pytest.raises(BoundsError, match=words):
        check_bounds(content)


def test_what_keeps_within_the_bounds_is_read():
    """Aliases, merges and deep lists are YAML like any other, and a bound is not one less than it says."""
    assert read_yaml("{a: &a {x: 1}, b: {<<: *a, y: 2}}") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}
    assert read_yaml("[&a 1, &a 2, *a]") == [1, 2, 2]
    check_bounds("[" * DEEPEST + "]" * DEEPEST)
    check_bounds(f"[{', '.join(['1'] * (MOST - 1))}]")
    check_bounds("#" * LARGEST)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="has no endless file")
def test_an_endless_file_is_not_read_to_its_end():
    """As many bytes are read as it takes to see that they are too many."""
    with pytest.raises(ParameterError, match=r"^/dev/zero must have 65536 bytes at the most$"):
        read_yaml(Path("/dev/zero"))


def test_a_path_of_many_names_is_refused(tmp_path, monkeypatch):
    """An override cannot nest deeper than a document may."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").touch()
    result = CliRunner().invoke(app, ["run", "--set", f"train.{'a.' * 5000}a=1"])
    assert result.exit_code == 2
    assert "names a path of more than 50 levels" in result.stderr
    assert len(result.stderr) < 300

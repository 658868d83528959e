"""What the tests of all pages for people share: which pages there are, and their blocks, commands and examples."""

import doctest
import itertools
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = sorted(
    path
    for path in ROOT.glob("docs/**/*.md")
    if not {"_build", "gallery", "generated"} & set(path.relative_to(ROOT).parts)
)
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [README, ROOT / "recipes" / "README.md", ROOT / "benchmarks" / "README.md", *DOCS]
}
EXAMPLES = sorted(ROOT.glob("docs/examples/plot_*.py"))


def blocks(text, *languages):
    """Return the fenced blocks of some languages, in their order."""
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text):
    """Return the commands of all shell blocks as lists of words, less the variables that are set for them."""
    parts = [part for block in blocks(text, "sh") for line in block.splitlines() for part in line.split("&&")]
    words = [shlex.split(part) for part in parts]
    return [list(itertools.dropwhile(lambda word: re.match(r"[A-Z_]+=", word), one)) for one in words]


def commands_of(*start):
    """Return what follows the first words of those commands of all pages that begin with them, each once."""
    found = [
        words[len(start) :] for text in PAGES.values() for words in commands(text) if words[: len(start)] == [*start]
    ]
    return [list(words) for words in dict.fromkeys(map(tuple, found))]


def run_blocks(parts, names):
    """Run blocks of Python one after another in one namespace; what a block with prompts shows must be what it says."""
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.FAIL_FAST)
    for number, part in enumerate(parts):
        if not part.startswith(">>>"):
            exec(part, names)  # noqa: S102 - it is our own
            continue
        test = doctest.DocTestParser().get_doctest(part, names, f"block {number}", None, None)
        told = []
        runner.run(test, out=told.append, clear_globs=False)
        assert not runner.summarize(verbose=False).failed, "".join(told)
        names |= test.globs

"""How Sphinx builds these pages: ``python -m sphinx -W -b html docs docs/_build``. Nothing is read from the web."""

import re
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from sphinx.application import Sphinx

import pipeline

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
mpl.use("agg")

project = "digits-pipeline"
author = "the authors of digits-pipeline"
copyright = author  # noqa: A001 - Sphinx's name
version = release = pipeline.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "from_code",
]
exclude_patterns = ["_build", "examples/*.rst"]
templates_path = ["_templates"]
nitpicky = False

# The reference: a page for each public name, made from its docstring.
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have the types, in words
numpydoc_show_class_members = False  # the template of a class lists them
numpydoc_class_members_toctree = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "min_reported_time": 1000,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "matplotlib_animations": False,
    "backreferences_dir": None,
}

html_theme = "pydata_sphinx_theme"
html_title = "digits-pipeline"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_show_sourcelink = False
html_sidebars = {"tutorial": [], "explanation/*": []}  # they have no pages below them
html_theme_options = {
    "logo": {"text": "digits-pipeline"},
    "navbar_align": "left",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}


def escape_bars(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Let the norm of a formula, ``|w|`` or ``|y - p|``, be a norm: to reStructuredText it is a substitution."""
    lines[:] = [line if line.startswith("    ") else re.sub(r"\|(\w[^|`]*)\|", r"\|\1\|", line) for line in lines]


def skip_others(_app: Sphinx, _what: str, name: str, member: Any, _skip: bool, _options: Any) -> bool | None:
    """Leave out what scikit-learn adds to every estimator for metadata routing, and what we inherit from others."""
    home = getattr(getattr(member, "fget", None) or member, "__module__", None) or "pipeline"
    return True if re.fullmatch(r"set_\w+_request", name) or not home.startswith("pipeline") else None


def setup(app: Sphinx) -> None:
    """Connect the two."""
    app.connect("autodoc-process-docstring", escape_bars)
    app.connect("autodoc-skip-member", skip_others)

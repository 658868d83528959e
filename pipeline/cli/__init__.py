"""The command line, ``main``: each group of its commands is a module, which is imported when one of them is called.

``stages``, ``predict``, ``gradcheck``, ``find_rate`` and ``recipes`` are the groups. ``options`` has what several
commands take, ``arguments`` reads parameters for stages from ``params_file`` and ``--set``, ``terminal`` draws (and
``watching`` what ``train --watch`` shows), and ``errors`` tells in one line what went wrong.
"""

from pipeline.cli.app import main

__all__ = ["main"]

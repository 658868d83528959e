"""What long work tells of itself while it goes on: one protocol for every stage, download and check.

Whatever shows progress is a `Progress`: the base class shows nothing, and the command line has one that draws bars.
"""

COMPILING = "compiling the network's loops, once"
"""What is begun where numba compiles, for seconds and never again."""


class Progress:
    """Hears how far long work is; this one ignores it.

    Pieces of work lie within each other: what is begun last ends first.
    """

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """Hear that ``total`` units of work begin (None: not known); ``unit`` is ``"B"``, ``"epochs"`` or so."""

    def advance(self, step: int = 1, **figures: float) -> None:
        """Hear that ``step`` units are done, and figures worth showing (``loss=0.1``)."""

    def end(self) -> None:
        """Hear that the work begun last is over, done or not."""

    def say(self, line: str) -> None:
        """Hear a line that a person should read."""

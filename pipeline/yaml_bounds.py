"""How much a YAML document may hold that a person writes: read before its values are made, it cannot do any harm.

A list of aliases of lists of aliases is short, and stands for millions of values; a list may contain itself.
"""

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from pipeline.text import shown_value

LARGEST = 2**16
"""Bytes of a document; the largest recipe has 3,000."""
DEEPEST = 50
"""Levels of lists and mappings in each other."""
MOST = 10_000
"""Values, those that aliases stand for among them."""


class BoundsError(ValueError):
    """A document is larger, deeper or has more values than parameters need; the message goes on after its name."""


def check_bounds(content: str | bytes) -> None:
    """Raise where reading a document would take more than parameters can need.

    Parameters
    ----------
    content : str or bytes
        The document.

    Raises
    ------
    BoundsError
        Saying which bound.
    YAMLError
        Where it is no YAML.

    Examples
    --------
    >>> check_bounds("{a: &a [1, 2], b: [*a, *a]}")
    >>> check_bounds("&a [*a]")
    Traceback (most recent call last):
    pipeline.yaml_bounds.BoundsError: has a value that contains itself, 'a'
    """
    if len(content) > LARGEST:
        raise BoundsError(f"must have {LARGEST} bytes at the most")
    reading = _Reading()
    for event in YAML(typ="safe", pure=True).parse(content):
        reading.hear(event)
        if len(reading.open) > DEEPEST:
            raise BoundsError(f"is nested deeper than {DEEPEST} levels")
        if reading.count > MOST:
            raise BoundsError(f"has more than {MOST} values, those that aliases stand for among them")


class _Reading:
    """A document as far as it has been read.

    Attributes
    ----------
    count : int
        Its values up to here.
    open : list of (str or None, int)
        The lists and mappings that have not ended yet: the anchor of each, and the values before it.
    sizes : dict of str to int
        How many values each anchor stands for.
    """

    def __init__(self) -> None:
        self.count = 0
        self.open: list[tuple[str | None, int]] = []
        self.sizes: dict[str | None, int] = {}

    def hear(self, event: Event) -> None:
        """Count what a piece of the document adds."""
        match event:
            case AliasEvent():
                if any(anchor == event.anchor for anchor, _ in self.open):
                    raise BoundsError(f"has a value that contains itself, {shown_value(event.anchor, 40)}")
                self.count += self.sizes.get(event.anchor, 0)  # the reader tells of one that is not there
            case ScalarEvent():
                self.count += 1
                self.sizes[event.anchor] = 1
            case SequenceStartEvent() | MappingStartEvent():
                self.open.append((event.anchor, self.count))
                self.count += 1
            case SequenceEndEvent() | MappingEndEvent():
                anchor, before = self.open.pop()
                self.sizes[anchor] = self.count - before

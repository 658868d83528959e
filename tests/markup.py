"""What the tests of all HTML files share: a reader that finds unbalanced tags, double names and foreign addresses."""

import re
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
ADDRESSES = {"src", "href", "action", "data", "poster", "srcset", "xlink:href", "formaction"}


class Markup(HTMLParser):
    """A document as it was read.

    Attributes
    ----------
    tags : list of (str, dict)
        Every tag that opens, with its attributes, in order.
    wrong : list of str
        Tags that close what is not open, or are never closed; ids that are there twice.
    words : list of str
        The text outside scripts and styles.
    """

    def __init__(self, text):
        super().__init__()
        self.tags, self.wrong, self.words, self._open = [], [], [], []
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> is not closed" for tag in self._open]
        ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]
        self.wrong += [f"id {one} is there twice" for one in sorted({one for one in ids if ids.count(one) > 1})]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}> closes what is not open, line {self.getpos()[0]}")

    def handle_data(self, data):
        if not {"script", "style"} & set(self._open):
            self.words.append(data)

    @property
    def text(self):
        """The text outside scripts and styles, on one line."""
        return " ".join(" ".join(self.words).split())

    def named(self, tag):
        """Return the attributes of every tag of a name."""
        return [attributes for name, attributes in self.tags if name == tag]


def requests_of(text):
    """Return every address in a document that is neither inside it nor a mark in it, and imports and calls of scripts.

    A link that a person may click makes no request by itself; there is none in what we write all the same.
    """
    found = [
        value
        for _, attributes in Markup(text).tags
        for name, value in attributes.items()
        if name in ADDRESSES and not (value or "").startswith(("data:", "#"))
    ]
    found += [one for one in re.findall(r"url\(\s*['\"]?([^)'\"]*)", text) if not one.startswith(("data:", "#"))]
    return found + re.findall(r"@import|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|\bimport\(|EventSource", text)

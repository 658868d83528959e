"""The frame of every page that is written: one HTML file that makes no request, light, dark, narrow and on paper.

Hands on the document around a body, text that is safe inside it, and images as small PNG files in base64.
"""

import base64
import html
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.text import printable

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""What a page may load: what is inside it, and nothing else."""

# The two colours are told apart by every kind of colour vision (Okabe and Ito, 2008, Color Universal Design); all
# colours of text have a contrast of 4.5 and more on their ground (WCAG 2.2, AA).
_LIGHT = (
    "--paper:#fff;--panel:#f4f5f7;--ink:#1b1f24;--muted:#57606a;--line:#cfd4da;--blue:#0067a3;--orange:#b84a00;"
    "--good:#0067a3;--bad:#b84a00;color-scheme:light"
)
_DARK = (
    "--paper:#14171b;--panel:#1f242a;--ink:#e8eaed;--muted:#a3acb6;--line:#3c444d;--blue:#6cb8ec;--orange:#f39a5b;"
    "--good:#6cb8ec;--bad:#f39a5b;color-scheme:dark"
)
STYLE = f"""
:root{{{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0 auto;padding:1rem;max-width:72rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}}
h1,h2,h3{{line-height:1.2}}
a{{color:var(--blue)}}
:focus-visible{{outline:3px solid var(--orange);outline-offset:2px}}
.muted{{color:var(--muted)}}
.hidden{{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}}
img.pixels{{image-rendering:pixelated;border:1px solid var(--line)}}
table{{border-collapse:collapse}}
th,td{{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}}
td,th{{overflow-wrap:break-word}}
td code{{overflow-wrap:anywhere}}
.number{{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}}
thead .number{{white-space:normal}}
@media (max-width:40rem){{table{{font-size:.875rem}}th,td{{padding:.25rem .4rem}}}}
.wide{{overflow-x:auto}}
@media print{{:root{{{_LIGHT}}}body{{max-width:none;padding:0;font-size:10pt}}.screen{{display:none}}
figure,table,tr,img,svg{{break-inside:avoid}}h1,h2,h3{{break-after:avoid}}}}
""".strip()
"""What all pages look like; the names of the colours are ``--paper``, ``--panel``, ``--ink``, ``--muted``, ``--line``,
``--blue``, ``--orange``, ``--good`` and ``--bad``."""


def document(title: str, body: str, *, style: str = "", script: str = "", policy: str = POLICY) -> str:
    """Return a whole HTML document.

    Parameters
    ----------
    title : str
        What the page is called, as plain text.
    body : str
        HTML that is safe: what came from outside went through `escape`.
    style, script : str, default=""
        CSS after `STYLE`, and plain JavaScript after the body; neither is escaped.
    policy : str, default=POLICY
        What the page may load, where that is more.

    Examples
    --------
    >>> page = document("Digits & more", "<p>Hello</p>")
    >>> page.splitlines()[0], "<title>Digits &amp; more</title>" in page
    ('<!DOCTYPE html>', True)
    """
    code = f"<script>\n{script.strip()}\n</script>\n" if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'  # without it a browser asks for one
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n{style.strip()}\n</style>\n</head>\n"
        f"<body>\n{body.strip()}\n{code}</body>\n</html>\n"
    )


def escape(text: object) -> str:
    r"""Return a text as it may stand in HTML, in an attribute as well; what is not to be seen is escaped as in Python.

    Examples
    --------
    >>> escape('<b class="x">') + escape("\u202e")
    '&lt;b class=&quot;x&quot;&gt;\\u202e'
    """
    return html.escape(printable(text), quote=True)


def scrolling(name: str, content: str) -> str:
    """Return what may be wider than the page, in a region that scrolls by itself, by the keyboard as well.

    Parameters
    ----------
    name : str
        What a screen reader calls it, as plain text.
    content : str
        HTML that is safe.

    Examples
    --------
    >>> scrolling("Figures", "<table></table>")
    '<div class="wide" tabindex="0" role="region" aria-label="Figures"><table></table></div>'
    """
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}">{content}</div>'


def png(image: NDArray[np.uint8]) -> bytes:
    r"""Return an image as the bytes of a PNG file, the same ones every time.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3), uint8
        Grey or coloured.

    Examples
    --------
    >>> png(np.zeros((2, 3), np.uint8))[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    height, width = image.shape[:2]
    rows = np.ascontiguousarray(image, np.uint8).reshape(height, -1)
    unfiltered = np.hstack([np.zeros((height, 1), np.uint8), rows])
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if image.ndim == 2 else 2, 0, 0, 0)
    pieces = ((b"IHDR", header), (b"IDAT", zlib.compress(unfiltered.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in pieces)


def _chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG file: its length, kind, content and check sum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def base64_of(content: bytes | NDArray[Any]) -> str:
    """Return bytes, or those of an array, as text that may stand in HTML and in JavaScript.

    Examples
    --------
    >>> base64_of(b"digits"), base64_of(np.array([1.5], "<f2"))
    ('ZGlnaXRz', 'AD4=')
    """
    return base64.b64encode(content if isinstance(content, bytes) else content.tobytes()).decode("ascii")


def picture(image: NDArray[np.uint8]) -> str:
    """Return an image as an address that holds all of it, for ``src`` and ``url()``.

    Examples
    --------
    >>> picture(np.zeros((1, 1), np.uint8))[:22]
    'data:image/png;base64,'
    """
    return f"data:image/png;base64,{base64_of(png(image))}"

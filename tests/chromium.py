"""What the tests of pages share: a Chromium without a window and without a network, and what a page did in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

REQUIRED = "DIGITS_BROWSER"
"""The environment variable that says there must be a browser: with it, a missing one is a failure and no skip."""

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

PATIENCE = 120_000
"""Milliseconds that a step in a page may take: a busy machine is no finding."""


class NoBrowserError(Exception):
    """There is none; the message says why, in one line."""


@contextmanager
def started() -> Iterator[Any]:
    """Start a browser, and end it.

    Raises
    ------
    NoBrowserError
        Where Playwright or Chromium is missing, or does not start.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise NoBrowserError("Playwright is missing: pip install -e '.[test]'") from None
    with sync_playwright() as driver:
        found = next(filter(None, map(shutil.which, NAMES)), driver.chromium.executable_path)
        if not Path(found).is_file():
            raise NoBrowserError("no Chromium: apt-get install chromium, or python -m playwright install chromium")
        try:
            browser = driver.chromium.launch(executable_path=found, args=OPTIONS)
        except Error as error:
            raise NoBrowserError(f"{found} does not start: {error.message.splitlines()[0]}") from None
        try:
            yield browser
        finally:
            browser.close()


class Visits:
    """Pages that are open in a browser, and what they did that they must not.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
        As `started` yields it.

    Attributes
    ----------
    problems : list of str
        Errors in the console or of a script, and requests for anything but the page itself.
    """

    def __init__(self, browser: Any) -> None:
        self._browser, self._contexts = browser, []
        self.problems: list[str] = []

    def open(
        self,
        where: Path | str,
        *,
        viewport: tuple[int, int] = (1280, 900),
        dark: bool = False,
        touch: bool = False,
        scale: float = 1,
    ) -> Any:
        """Open a page and return it when it has been read.

        Parameters
        ----------
        where : Path or str
            A file, which is opened with the network cut off, or an address on 127.0.0.1.
        viewport : tuple of int, default=(1280, 900)
            Width and height in CSS pixels.
        dark : bool, default=False
            Whether the person prefers dark colours.
        touch : bool, default=False
            Whether it is a touch screen, as of a phone.
        scale : float, default=1
            Pixels of the screen to a CSS pixel.

        Returns
        -------
        playwright.sync_api.Page
            In a context of its own, so that nothing is left of other pages.
        """
        address = where.resolve().as_uri() if isinstance(where, Path) else where
        context = self._browser.new_context(
            viewport=dict(zip(("width", "height"), viewport, strict=True)),
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            device_scale_factor=scale,
            has_touch=touch,
            is_mobile=touch,
            offline=isinstance(where, Path),
            locale="en-GB",
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(f"error of a script: {error}"))
        page.on("crash", lambda _: self.problems.append("the page crashed"))
        page.on("request", lambda request: self._asked(request.url, address))
        page.on("websocket", lambda socket: self._asked(socket.url, address))
        page.goto(address)
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(f"error in the console: {message.text}")

    def _asked(self, url: str, address: str) -> None:
        """Note a request, unless it is for the page, for what stands inside it, or of its own server."""
        asked, own = urlsplit(url), urlsplit(address)
        inside = asked.scheme in {"data", "blob", "about"}
        served = own.scheme == "http" and asked.netloc == own.netloc
        if not (inside or served or urldefrag(url).url == urldefrag(address).url):
            self.problems.append(f"request for {url}")


def wait_until(page: Any, condition: str) -> None:
    """Wait for a condition in JavaScript; Playwright's own wait needs ``eval``, which the policy of a page forbids."""
    look = f"const look = () => {{ if ({condition}) done(); else setTimeout(look, 5); }}; look();"
    page.evaluate(f"() => new Promise((done) => {{ {look} }})")


def is_required() -> bool:
    """Tell whether a browser must be there."""
    return os.environ.get(REQUIRED, "") not in {"", "0"}

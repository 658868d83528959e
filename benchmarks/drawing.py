"""How long the page to draw on takes from a move of the hand until its answer is shown, with the default network.

Digits are drawn in Chromium, move by move. The page's own clock counts from the time that the browser gave the move.
"""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from benchmarks.data import load_pixels
from benchmarks.measure import ROOT, rounded
from benchmarks.options import Options, say
from pipeline import Normalize, Train
from pipeline.cli.params_file import read_document
from pipeline.html.drawing.model import plain_model
from pipeline.html.drawing.page import drawing_page
from pipeline.parameters import read_parameters

MINUTES = 1
SLOWER = {"this machine": 1, "slowed to a quarter, as a phone": 4}
WITHIN = 50
"""Milliseconds that an answer may take."""
_EPOCHS, _IMAGES, _QUICK = 2, 20_000, 2
_ANSWERED = "() => new Promise((tell) => { const look = () => digits.state.waiting ? setTimeout(look, 1) : "
_ANSWERED += "tell(digits.state.milliseconds); look(); })"


def run(options: Options) -> dict[str, Any]:
    """Draw on a page with a network that was trained for a moment, at full speed and slowed down."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra
    except ImportError:
        raise SystemExit("drawing: Playwright is missing: pip install -e '.[test]'") from None
    path = options.folder / "page.html"
    path.write_text(_page(options), "utf-8")
    drawings = json.loads((ROOT / "tests" / "html" / "strokes.json").read_text("utf-8"))
    drawings = drawings[: _QUICK if options.quick else None]
    rows = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--disable-gpu"])
        for name, rate in SLOWER.items():
            say(f"drawing: {name}")
            times = _times(browser, path, drawings, rate)
            rows.append(
                {"machine": name, "answers": len(times)}
                | {f"{share}": rounded(float(np.percentile(times, share))) for share in (50, 95, 100)}
            )
        browser.close()
    return {"within": WITHIN, "megabytes": rounded(path.stat().st_size / 1e6), "rows": rows}


def _page(options: Options) -> str:
    """Return the page of the default network; how long it takes does not depend on how well it was trained."""
    parameters = read_parameters(Train, read_document(ROOT / "params.yaml")["train"], "train")
    model = Pipeline([("preprocess", Normalize()), ("train", Train(**parameters | {"max_iter": _EPOCHS}))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(*load_pixels(options.folder, "train", options.images(_IMAGES)))
    return drawing_page(plain_model(model), model["preprocess"].photo_)


def _times(browser: Any, path: Path, drawings: list[dict[str, Any]], slower: float) -> list[float]:
    """Return the milliseconds of each move's answer."""
    page = browser.new_page()
    page.goto(path.as_uri())
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    box, times = page.locator("#drawing").bounding_box(), []
    for drawing in drawings:
        for stroke in drawing["strokes"]:
            for number, (x, y) in enumerate(stroke):
                page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
                if number == 0:
                    page.mouse.down()
                times.append(page.evaluate(_ANSWERED))
            page.mouse.up()
        page.click("#clear")
    page.close()
    return times

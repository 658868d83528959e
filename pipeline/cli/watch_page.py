"""A small page that shows a training while it goes on, served to this machine alone, by Python's own ``http.server``.

It listens on 127.0.0.1, answers GET alone, and refuses a request that was meant for another name: a site elsewhere that
lets its name point here (DNS rebinding) reads nothing. The page asks no other server for anything.
"""

import os
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pipeline.cli.curves import RANKING, Curves
from pipeline.html.charts import STYLE as CHARTS
from pipeline.html.document import POLICY, document
from pipeline.parameters import ParameterError
from pipeline.strict_json import to_json

HOST = "127.0.0.1"
_POLL = 1.0
"""Seconds between two questions of the page."""
_GRACE = 2.0
"""Seconds that the end waits at the most for a page that is looking to hear of it."""


class WatchPage:
    """Serves the learning curves of a training until it ends.

    Parameters
    ----------
    curves : Curves
        What is shown; another thread may add epochs to it.
    port : int, default=0
        Where to listen; 0 is a free one.

    Raises
    ------
    ParameterError
        For a port that is not free.

    Examples
    --------
    >>> with WatchPage(Curves()) as page:
    ...     page.address.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, curves: Curves, port: int = 0) -> None:
        self.curves = curves
        self.state = "training"
        self.asked: float | None = None
        self.told = threading.Event()
        try:
            self._server = _Server(self, port)
        except OSError as error:
            raise ParameterError(f"--watch-port must be a port that is free; got {port}: {error.strerror}") from None
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="watch page", daemon=True)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.port}/"

    @property
    def hosts(self) -> tuple[str, str]:
        """The names that requests may be meant for."""
        return f"{HOST}:{self.port}", f"localhost:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell a page that is looking how it ended, and serve no more."""
        self.state = "finished" if kind is None else "stopped"
        looking = self.asked is not None and time.monotonic() - self.asked < 3 * _POLL
        if looking and (kind is None or issubclass(kind, Exception)):  # who interrupts does not wait
            self.told.wait(_GRACE)
        self._server.shutdown()
        self._server.server_close()

    def news(self, start: int) -> dict[str, Any]:
        """Return the epochs from a number on, the first being 0, and what is known of all.

        Examples
        --------
        >>> page = WatchPage(Curves([{"loss": 0.5}, {"loss": 0.25}], total=12))
        >>> page.news(1)
        {'state': 'training', 'total': 12, 'epochs': [{'loss': 0.25}]}
        >>> page._server.server_close()
        """
        state = self.state  # before the epochs, so that none is missing where it says that training has ended
        names = ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds")
        columns = {name: self.curves.values(name) for name in names}
        n_epochs = min(map(len, columns.values()))
        epochs = [
            {name: value for name, values in columns.items() if (value := values[number]) is not None}
            for number in range(start, n_epochs)
        ]
        return {"state": state, "total": self.curves.total, "epochs": epochs}


class _Server(ThreadingHTTPServer):
    """Answers each request in a thread that the process does not wait for."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name != "nt"  # on Windows it would share a port with another program

    def __init__(self, page: WatchPage, port: int) -> None:
        self.page = page
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        """Take the port, without asking the network what this machine is called, as ``HTTPServer`` does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone away."""


class _Handler(BaseHTTPRequestHandler):
    """Answers with the page, or with what is new."""

    server: _Server
    timeout = 5  # seconds, for a connection on which nothing comes

    def do_GET(self) -> None:
        """Answer a request for the page or for the figures."""
        page, address = self.server.page, urlsplit(self.path)
        if self.headers.get("Host") not in page.hosts:
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", f"this is {page.address} alone\n")
        elif address.path == "/":
            self._answer(HTTPStatus.OK, "text/html", PAGE)
        elif address.path == "/epochs":
            self._answer_news(parse_qs(address.query).get("from", ["0"])[0])
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "there is no such page\n")

    def _answer_news(self, start: str) -> None:
        """Answer with the epochs from a number on."""
        if not (start.isascii() and start.isdecimal() and len(start) < 10):
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", "from must be the number of an epoch\n")
            return
        page = self.server.page
        page.asked = time.monotonic()
        news = page.news(int(start))
        self._answer(HTTPStatus.OK, "application/json", to_json(news))
        if news["state"] != "training":
            page.told.set()

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        """Send an answer, which no browser stores and no other site may use."""
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        """Return what the header ``Server`` says."""
        return "digits"

    def log_message(self, *_: Any) -> None:
        """Leave the terminal to the training."""


_BODY = """
<h1>Training</h1>
<p id="state" role="status">Waiting for the first epoch.</p>
<p id="best" class="muted"></p>
<p class="key" aria-hidden="true"><span class="training">training</span> <span class="validation">validation</span></p>
<div class="panels">
<figure class="chart"><figcaption id="loss-words">Loss</figcaption>
<svg id="loss" viewBox="0 0 480 260" role="img" aria-labelledby="loss-words"></svg></figure>
<figure class="chart"><figcaption id="accuracy-words">Accuracy</figcaption>
<svg id="accuracy" viewBox="0 0 480 260" role="img" aria-labelledby="accuracy-words"></svg></figure>
</div>
<div class="wide" tabindex="0" role="region" aria-label="The last epochs">
<table><caption class="hidden">The last epochs, the newest first</caption>
<thead><tr><th class="number">epoch</th><th class="number">loss</th><th class="number">accuracy</th>
<th class="number">validation loss</th><th class="number">validation accuracy</th><th class="number">learning rate</th>
<th class="number">seconds</th></tr></thead><tbody id="rows"></tbody></table></div>
"""

_STYLE = """
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem}
figure.chart{margin:0;padding:.5rem;background:var(--panel);border-radius:.5rem}
.chart svg{max-width:none}
.key span::before{content:"";display:inline-block;width:2rem;margin-right:.4rem;vertical-align:middle;
border-top:3px solid var(--blue)}
.key .validation::before{border-top:3px dashed var(--orange)}
.key span{margin-right:1rem}
.wide{margin-top:1rem}
th,td{white-space:nowrap;overflow-wrap:normal}
"""

_SCRIPT = """
"use strict";
const ranking = RANKING, looks = {training: "first", validation: "second"};  // the looks of charts
const epochs = [], find = id => document.getElementById(id);
const digits = (value, n = 4) => value === undefined ? "" : value.toFixed(n);
let total = null, state = "training", failures = 0;

function element(name, attributes, text) {
  const one = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) one.setAttribute(key, attributes[key]);
  if (text !== undefined) one.textContent = text;
  return one;
}

function best() {
  for (const [name, sign] of Object.entries(ranking)) {
    let found = -1;
    epochs.forEach((one, k) => {
      if (one[name] !== undefined && (found < 0 || sign * one[name] > sign * epochs[found][name])) found = k;
    });
    if (found >= 0) return [found, name];
  }
  return null;
}

function draw(name) {
  const svg = find(name), left = 66, right = 470, top = 12, bottom = 226;
  const series = {training: epochs.map(one => one[name]), validation: epochs.map(one => one["validation_" + name])};
  const known = [...series.training, ...series.validation].filter(value => value !== undefined);
  svg.replaceChildren();
  if (!known.length) return;
  let low = Math.min(...known), high = Math.max(...known);
  if (low === high) { low -= 0.5 * Math.abs(low) || 0.5; high += 0.5 * Math.abs(high) || 0.5; }
  const places = Math.min(9, Math.max(0, 2 - Math.floor(Math.log10(high - low))));
  const x = k => epochs.length < 2 ? (left + right) / 2 : left + (right - left) * k / (epochs.length - 1);
  const y = value => bottom - (bottom - top) * (value - low) / (high - low);
  for (let k = 0; k <= 4; k++) {
    const value = low + (high - low) * k / 4;
    svg.append(element("line", {x1: left, x2: right, y1: y(value), y2: y(value), class: "grid"}));
    svg.append(element("text", {x: left - 6, y: y(value) + 4, "text-anchor": "end"}, value.toFixed(places)));
  }
  svg.append(element("text", {x: x(0), y: 248, "text-anchor": "middle"}, 1));
  svg.append(element("text", {x: (left + right) / 2, y: epochs.length < 2 ? 260 : 248, "text-anchor": "middle"},
    "epoch"));
  if (epochs.length > 1) svg.append(element("text", {x: right, y: 248, "text-anchor": "end"}, epochs.length));
  const words = [];
  for (const kind in series) {
    const points = series[kind].map((value, k) => value === undefined ? null : x(k) + "," + y(value)).filter(Boolean);
    if (!points.length) continue;
    svg.append(element("polyline", {points: points.join(" "), class: looks[kind]}));
    const [cx, cy] = points.at(-1).split(",");
    svg.append(element("circle", {cx, cy, r: 3.5, class: looks[kind]}));
    words.push(kind + " " + digits(series[kind].at(-1)));
  }
  find(name + "-words").textContent = name[0].toUpperCase() + name.slice(1) + ": " + words.join(", ");
}

function show() {
  const of = total === null ? "" : " of " + total, n = epochs.length;
  const words = {training: "Training: ", finished: "Finished: ", stopped: "Stopped: "}[state];
  find("state").textContent = n || state !== "training" ? words + "epoch " + n + of + "." : "Waiting for epoch 1.";
  document.title = n ? "epoch " + n + of : "digits train";
  const top = best();
  if (top) find("best").textContent = "Best: epoch " + (top[0] + 1) + ", " + top[1].replace("_", " ") + " "
    + digits(epochs[top[0]][top[1]]) + ".";
  draw("loss");
  draw("accuracy");
  const names = ["loss", "accuracy", "validation_loss", "validation_accuracy"];
  find("rows").replaceChildren(...epochs.slice(-12).map((one, k) => {
    const row = document.createElement("tr"), rate = one.learning_rate, seconds = one.seconds;
    const number = Math.max(0, n - 12) + k + 1;
    const cells = [number, ...names.map(name => digits(one[name])), rate === undefined ? "" :
      String(Number(rate.toPrecision(3))), digits(seconds, 1)];
    for (const text of cells) {
      const cell = row.insertCell();
      cell.textContent = text;
      cell.className = "number";
    }
    return row;
  }).reverse());
}

async function poll() {
  try {
    const news = await (await fetch("epochs?from=" + epochs.length, {cache: "no-store"})).json();
    const isNew = news.epochs.length > 0 || news.total !== total || news.state !== state || failures > 0;
    epochs.push(...news.epochs);
    [total, state, failures] = [news.total, news.state, 0];
    if (isNew) show();  // a screen reader would say the same again
  } catch {
    failures++;
    if (failures === 3) find("state").textContent = "It no longer answers: it has ended.";
  }
  if (state === "training" && failures < 3) setTimeout(poll, POLL);
}
poll();
"""

PAGE = document(
    "digits train",
    _BODY,
    style=CHARTS + _STYLE,
    script=_SCRIPT.replace("POLL", str(int(1000 * _POLL))).replace("RANKING", to_json(RANKING)),
    policy=f"{POLICY}; connect-src 'self'",
)
"""The page, which polls ``/epochs``."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.idx import read_part
from pipeline.data.sources import openml
from pipeline.data.sources.base import SourceError
from pipeline.data.sources.openml import OpenML

ROWS = [[16 * (row % 3), row, 255, 0] for row in range(20)]
LABELS = ["one" if row % 2 else "two" for row in range(20)]
HEAD = "@relation tiny\n" + "".join(f"@attribute p{i} numeric\n" for i in range(4)) + "@attribute class {one,two}\n"
LIST = "/api/list/data_name/tiny/limit/2/status/active/"


@pytest.fixture
def site(server, monkeypatch):
    """Let the server be OpenML with one data set, number 77, of twenty images of 2x2 pixels in two classes."""
    monkeypatch.setattr(openml, "_API", server.url + "api/")
    table = "".join(",".join(map(str, row)) + f",{label}\n" for row, label in zip(ROWS, LABELS, strict=True))
    serve(server, f"{HEAD}@data\n{table}".encode())
    server.pages |= {
        LIST: pack(data={"dataset": [{"did": 77, "version": 1, "status": "active"}]}),
        "/api/features/77": pack(data_features={"feature": [feature(i) for i in range(5)]}),
    }
    return server


def serve(server, arff, **changes):
    """Let the server have a table, and describe it so."""
    described = description(server.url + "arff", arff) | changes
    server.pages |= {"/arff": arff, "/api/77": pack(data_set_description=described)}


def pack(**answer):
    return json.dumps(answer).encode()


def description(url, arff):
    plain = {"id": "77", "name": "tiny", "version": "1", "format": "ARFF", "status": "active", "description": ""}
    return {**plain, "url": url, "md5_checksum": hashlib.md5(arff).hexdigest()}  # noqa: S324 - OpenML's choice


def feature(index):
    is_target = index == 4
    return {
        "index": str(index),
        "name": "class" if is_target else f"p{index}",
        "data_type": "nominal" if is_target else "numeric",
        "is_target": str(is_target).lower(),
        "is_ignore": "false",
        "is_row_identifier": "false",
        "number_of_missing_values": "0",
        **({"nominal_value": ["one", "two"]} if is_target else {}),
    }


@pytest.mark.parametrize("key", [77, "tiny"])
def test_any_set(site, files, home, transfer, key):
    """A set without parts of its own, by number or by name, is cut into four fifths and a fixed fifth."""
    OpenML(key).bring(files, home, transfer)
    parts = [read_part(home, part, n_classes=2) for part in ("train", "test")]
    assert [images.shape for images, _ in parts] == [(16, 2, 2), (4, 2, 2)]
    assert np.bincount(parts[1][1]).tolist() == [2, 2]
    rows = {tuple(image.ravel().tolist()): label for images, labels in parts for image, label in zip(images, labels)}  # noqa: B905 - read_part has seen to it
    assert rows == {tuple(row): int(label == "two") for row, label in zip(ROWS, LABELS, strict=True)}
    assert transfer.progress.begun[-1] == (f"OpenML data set {key}", len(site.pages["/arff"]), "B")
    assert site.asked == [*([LIST] if key == "tiny" else []), "/api/77", "/api/features/77", "/arff"]
    assert {path.name for path in home.iterdir()} == set(files)


@pytest.mark.usefixtures("site")
def test_official_parts(files, home, transfer, monkeypatch):
    """Of a set that is known to hold its training part first, the first rows are the training part, in order."""
    monkeypatch.setitem(openml._TRAIN_ROWS, 77, 15)
    OpenML(77).bring(files, home, transfer)
    images, _ = read_part(home, "train")
    assert images.reshape(-1, 4).tolist() == ROWS[:15]
    assert read_part(home, "test")[0].reshape(-1, 4).tolist() == ROWS[15:]


def test_sparse(site, files, home, transfer):
    """In a sparse table, what a row does not name is zero, or the first of the names; the files are the same."""
    OpenML(77).bring(files, home, transfer)
    dense = contents(home)
    sparse = [",".join(f"{i} {value}" for i, value in enumerate(row) if value) for row in ROWS]
    rows = [f"{{{row}{',4 two' if label == 'two' else ''}}}" for row, label in zip(sparse, LABELS, strict=True)]
    serve(site, f"{HEAD}@data\n{chr(10).join(rows)}\n".encode(), format="Sparse_ARFF")
    OpenML(77).bring(files, home, transfer)
    assert contents(home) == dense


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_columns_that_are_no_pixels(site, files, home, transfer):
    """Row identifiers and what is to be ignored are left out, whatever they hold."""
    OpenML(77).bring(files, home, transfer)
    expected = contents(home)
    features = [feature(i) for i in range(7)]
    features[5] |= {"is_row_identifier": "true", "data_type": "string"}
    features[6]["is_ignore"] = "true"
    site.pages["/api/features/77"] = pack(data_features={"feature": features[::-1]})
    rows = [
        f"{line},'row, {i}',NaN" for i, line in enumerate(site.pages["/arff"].decode().partition("@data\n")[2].split())
    ]
    serve(site, ("@data\n" + "\n".join(rows)).encode())
    OpenML(77).bring(files, home, transfer)
    assert contents(home) == expected


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "{base}../../../../../../{there}",
        "{base}{there}",
        "{base}%2e%2e/%2e%2e{there}",
        "ftp://127.0.0.1/x",
        "",
        7,
        None,
        ["x"],
        "http://[",
        "http://\x1b[31m/x",
    ],
)
@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.usefixtures("waits")
def test_no_address_becomes_a_path(site, files, home, transfer, tmp_path, url, exists):
    """Whatever address OpenML gives for the table, no file of this machine is read, written or deleted."""
    there = tmp_path / "evil" / "x.gz"
    there.parent.mkdir()
    if exists:
        there.write_bytes(b"precious")
    address = url.format(base=site.url, there=there) if isinstance(url, str) else url
    serve(site, site.pages["/arff"], url=address)
    with pytest.raises((SourceError, OSError, ValueError)):
        OpenML(77).bring(files, home, replace(transfer, retries=0))
    assert list(home.iterdir()) == []
    assert contents(there.parent) == ({"x.gz": b"precious"} if exists else {})


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/api/77", lambda answers, _: answers.status(403), "answers 403"),
        ("/api/77", lambda answers, _: answers.status(412), "OpenML has no data set 77"),
        ("/api/77", lambda *_: b"<html>", "OpenML's answer is damaged: it is no JSON: Expecting value"),
        ("/api/77", lambda *_: b'{"other": 1}', "OpenML's answer is damaged: it has no data_set_description"),
        (
            "/api/77",
            lambda *_: b"[" * 10**5,
            "OpenML's answer is damaged: its lists and mappings are nested too deeply",
        ),
        ("/api/77", lambda *_: b'{"data_set_description": []}', "damaged: it has no status"),
        ("/api/77", lambda *_: b"\xff\xfe", "OpenML's answer is damaged"),
        ("/api/77", lambda *_: b"1" * 5000, "OpenML's answer is damaged"),
        ("/api/77", lambda answers, _: answers.hang, "timed out"),
        ("/api/77", lambda answers, _: answers.endless(b"HTTP/1.1 200 OK\r\n\r\n", b"[" * 4096), "goes on after"),
        ("/api/77", lambda _, whole: whole.replace(b'"ARFF"', b'"parquet"'), "its format is 'parquet'"),
        ("/arff", lambda *_: b"@relation other", "MD5 hash"),
        ("/arff", lambda answers, whole: answers.content(whole[:50], len(whole)), "IncompleteRead|MD5 hash"),
        ("/arff", lambda answers, _: answers.status(500), "500 Server Error"),
        ("/arff", lambda answers, _: answers.status(404), "answers 404"),
        ("/arff", lambda answers, _: answers.endless(b"HTTP/1.1 200 OK\r\n\r\n", b"1," * 4096), "goes on after"),
        ("/api/features/77", lambda *_: features(4), "no one column"),
        ("/api/features/77", lambda *_: pack(data_features={"feature": {}}), "features are no list"),
        ("/api/features/77", lambda *_: pack(data_features={"feature": [1]}), "features are no list"),
        ("/api/features/77", lambda *_: pack(data_features={"feature": [feature(1)]}), "not numbered from 0"),
        ("/api/features/77", lambda *_: features(6), "the rows have 5 values; the table has 6 columns"),
    ],
)
@pytest.mark.usefixtures("waits")
def test_failures(site, files, home, transfer, path, answer, words, monkeypatch):
    """Whatever OpenML does instead of serving the set is an error with its reason, and files are not written."""
    monkeypatch.setattr(openml, "_MAX_JSON", 2**18)
    monkeypatch.setattr(openml, "_MAX_TABLE", 2**18)
    site.pages[path] = answer(site.answers, site.pages[path])
    hasty = replace(transfer, timeout=0.2) if words == "timed out" else transfer
    with pytest.raises((SourceError, OSError, ValueError), match=words):
        OpenML(77).bring(files, home, hasty)
    assert not list(home.iterdir())


def features(n_columns):
    return pack(data_features={"feature": [feature(i) for i in range(n_columns)]})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({}, "it has no data"),
        ({"data": {"dataset": []}}, "it names no number"),
        ({"data": {"dataset": [{"did": "../../x"}]}}, "it names no number"),
        ({"data": {"dataset": [{"did": -1}]}}, "it names no number"),
        ({"data": {"dataset": [{"did": [1]}]}}, "it names no number"),
        ({"data": {"dataset": 7}}, "it names no number"),
    ],
)
def test_names_that_lead_nowhere(site, files, home, transfer, answer, words):
    """A number that is none is not asked for."""
    site.pages[LIST] = pack(**answer)
    with pytest.raises(SourceError, match=words):
        OpenML("tiny").bring(files, home, transfer)
    assert site.asked == [LIST]


def test_the_oldest_active_version(site, files, home, transfer):
    """Of several active versions, the first that OpenML names is taken, and that is said."""
    site.pages[LIST] = pack(data={"dataset": [{"did": 77, "version": 1}, {"did": 78, "version": 2}]})
    OpenML("Tiny").bring(files, home, transfer)
    assert transfer.progress.lines == ["OpenML has several active versions of Tiny; the oldest is taken, 77"]


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("path", ["/api/77", "/api/features/77", "/arff"])
def test_retries(site, files, home, transfer, waits, path, retries):
    """Without retries a set comes all the same; with them, a failure that passes does no harm."""
    busy = [site.answers.status(503)] * retries
    site.pages[path] = [*busy, site.pages[path]]
    OpenML(77).bring(files, home, replace(transfer, retries=retries))
    assert len(read_part(home, "train", n_classes=2)[0]) == 16
    assert len(waits) == retries


@pytest.mark.parametrize("path", ["/api/77", "/arff"])
def test_follows_a_redirect(site, files, home, transfer, path):
    """What has moved is found at its new address."""
    site.pages["/moved"] = site.pages[path]
    site.pages[path] = site.answers.status(302, Location="/moved")
    OpenML(77).bring(files, home, transfer)
    assert site.asked.count("/moved") == 1
    assert len(read_part(home, "train", n_classes=2)[0]) == 16


def test_warnings_go_to_the_watcher(site, files, home, transfer):
    """What OpenML holds against a set is said to whoever watches, a line each, without codes for a terminal."""
    remarks = {"status": "deactivated", "warning": "images are\n\x1b[31mupside down" + "!" * 1000, "error": 7}
    serve(site, site.pages["/arff"], **remarks)
    OpenML(77).bring(files, home, transfer)
    assert transfer.progress.lines[:2] == [
        "OpenML has taken this version of the data set back",
        "OpenML's error for this data set: 7",
    ]
    assert r"images are \x1b[31mupside down!!!" in transfer.progress.lines[2]
    assert len(transfer.progress.lines[2]) < 300

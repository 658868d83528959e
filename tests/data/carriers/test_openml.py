import hashlib
import json
import socket
from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.carriers import openml
from pipeline.data.carriers.base import CarrierError
from pipeline.data.carriers.openml import OpenML
from pipeline.data.idx import read_part

ROWS = [[16 * (row % 3), row, 255, 0] for row in range(20)]
LABELS = ["one" if row % 2 else "two" for row in range(20)]


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def site(server, monkeypatch):
    """Let the server be OpenML with one data set, number 77, of twenty images of 2x2 pixels in two classes."""
    addresses = {"_SEARCH_NAME": "list/{}", "_DATA_INFO": "data/{}", "_DATA_FEATURES": "features/{}"}
    addresses["_DATA_QUALITIES"] = "qualities/{}"
    for name, path in addresses.items():
        monkeypatch.setattr(f"sklearn.datasets._openml.{name}", server.url + path)
    monkeypatch.setattr(openml, "_DOOR", server.url + "door")
    head = "@relation tiny\n" + "".join(f"@attribute p{i} numeric\n" for i in range(4))
    table = "".join(",".join(map(str, row)) + f",{label}\n" for row, label in zip(ROWS, LABELS, strict=True))
    arff = f"{head}@attribute class {{one,two}}\n@data\n{table}".encode()
    server.pages |= {
        "/door": b"[]",
        "/arff": arff,
        "/list/tiny/status/active/": pack(data={"dataset": [{"did": 77, "version": 1, "status": "active"}]}),
        "/data/77": pack(data_set_description=description(server.url + "arff", arff)),
        "/features/77": pack(data_features={"feature": [feature(i) for i in range(5)]}),
        "/qualities/77": pack(data_qualities={"quality": [{"name": "NumberOfInstances", "value": "20"}]}),
    }
    return server


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
    assert transfer.progress.begun == [(f"OpenML data set {key}", None, "B")]
    assert site.asked.count("/arff") == 1


@pytest.mark.usefixtures("site")
def test_official_parts(files, home, transfer, monkeypatch):
    """Of a set that is known to hold its training part first, the first rows are the training part, in order."""
    monkeypatch.setitem(openml._TRAIN_ROWS, 77, 15)
    OpenML(77).bring(files, home, transfer)
    images, _ = read_part(home, "train")
    assert images.reshape(-1, 4).tolist() == ROWS[:15]
    assert read_part(home, "test")[0].reshape(-1, 4).tolist() == ROWS[15:]


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/door", lambda answers, _: answers.status(403), "answers 403"),
        ("/data/77", lambda answers, _: answers.status(412), "Dataset with data_id 77 not found"),
        ("/data/77", lambda *_: b"<html>", "Expecting value"),
        ("/data/77", lambda *_: b'{"other": 1}', "OpenML's answer is damaged: KeyError"),
        ("/data/77", lambda answers, _: answers.hang, "timed out"),
        ("/arff", lambda *_: b"@relation other", "md5 checksum"),
        ("/arff", lambda answers, whole: answers.content(whole[:50], len(whole)), "IncompleteRead|md5 checksum"),
        ("/arff", lambda answers, _: answers.status(500), "HTTP Error 500"),
        ("/features/77", lambda *_: pack(data_features={"feature": [feature(i) for i in range(4)]}), "no one column"),
    ],
)
@pytest.mark.usefixtures("waits")
def test_failures(site, files, home, transfer, path, answer, words):
    """Whatever OpenML does instead of serving the set is an error with its reason, and files are not written."""
    site.pages[path] = answer(site.answers, site.pages[path])
    hasty = replace(transfer, timeout=0.2) if words == "timed out" else transfer
    with pytest.raises((CarrierError, OSError, ValueError), match=words):
        OpenML(77).bring(files, home, hasty)
    assert not list(home.glob("*ubyte*"))
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize("path", ["/door", "/data/77", "/arff"])
def test_follows_a_redirect(site, files, home, transfer, path):
    """What has moved is found at its new address."""
    site.pages["/moved"] = site.pages[path]
    site.pages[path] = site.answers.status(302, Location="/moved")
    OpenML(77).bring(files, home, transfer)
    assert site.asked.count("/moved") == 1
    assert len(read_part(home, "train", n_classes=2)[0]) == 16


def test_warnings_go_to_the_watcher(site, files, home, transfer):
    """What scikit-learn warns of is said to whoever watches, a line each."""
    answer = json.loads(site.pages["/data/77"])
    answer["data_set_description"]["warning"] = "images are upside down"
    site.pages["/data/77"] = json.dumps(answer).encode()
    OpenML(77).bring(files, home, transfer)
    assert "upside down" in transfer.progress.lines[0]

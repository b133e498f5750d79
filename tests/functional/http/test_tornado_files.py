"""Static files, as Tornado serves them."""

import email.utils
import os

import pytest
from tornado import web

from .conftest import ONE_WAY, Site
from .wire import request

TEXT = bytes(range(256)) * 4  # more than one read of a small file takes
LARGE = os.urandom(1024) * 20_480


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "file.bin").write_bytes(TEXT)
    (tmp_path / "large.bin").write_bytes(LARGE)
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "page.html").write_text("<p>")
    (tmp_path / "packed.js.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.fixture
def wire(start, connect, folder):
    return connect(start(Site(static_dirs=[("/static", folder)])))


def get(wire, target, *lines, verb="GET"):
    wire.send(request(verb, f"/static/{target}", *lines))
    return wire.answer(verb)


def test_whole_files(wire):
    for name, content, type_ in (
        ("file.bin", TEXT, "application/octet-stream"),
        ("empty.txt", b"", "text/plain"),
        ("page.html", b"<p>", "text/html"),
        ("packed.js.gz", b"\x1f\x8b", "application/gzip"),
        ("large.bin", LARGE, "application/octet-stream"),
    ):
        answer = get(wire, name)
        assert (answer.status, answer.framing) == (200, "length")
        assert answer.body == content
        assert answer.headers["Content-Type"] == type_
        assert answer.headers["Accept-Ranges"] == "bytes"


def test_head(wire):
    for name, size in (("file.bin", len(TEXT)), ("empty.txt", 0), ("large.bin", len(LARGE))):
        assert get(wire, name, verb="HEAD").headers["Content-Length"] == str(size)
    assert get(wire, "file.bin").body == TEXT


@pytest.mark.parametrize(
    ("range_", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=1000-", 1000, None),
        ("bytes=-5", -5, None),
        ("bytes=1020-5000", 1020, None),
    ],
)
def test_ranges(wire, range_, begin, end):
    for verb in ("GET", "HEAD"):
        answer = get(wire, "file.bin", f"Range: {range_}", verb=verb)
        part = TEXT[begin:end]
        assert answer.status == 206
        assert answer.headers["Content-Length"] == str(len(part))
        first = begin % len(TEXT)
        last = first + len(part) - 1
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(TEXT)}"
        assert answer.body == (part if verb == "GET" else b"")


@ONE_WAY
@pytest.mark.parametrize(
    "range_", ["bytes=0-", "bytes=0-5000", "bytes=-5000", "bytes=0-1,5-6", "lines=1-2", "bytes"]
)
def test_ranges_that_are_everything_or_none(wire, range_):
    answer = get(wire, "file.bin", f"Range: {range_}")
    assert (answer.status, answer.body) == (200, TEXT)


@ONE_WAY
@pytest.mark.parametrize("range_", ["bytes=1024-", "bytes=5000-5001", "bytes=-0"])
def test_ranges_that_are_not_there(wire, range_):
    answer = get(wire, "file.bin", f"Range: {range_}")
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(TEXT)}")
    assert get(wire, "file.bin").body == TEXT


def test_a_range_of_a_large_file(wire):
    answer = get(wire, "large.bin", "Range: bytes=1000000-19999999")
    assert answer.body == LARGE[1_000_000:20_000_000]
    assert get(wire, "file.bin").body == TEXT


def test_what_a_client_has_already(wire):
    first = get(wire, "file.bin")
    modified, etag = first.headers["Last-Modified"], first.headers["Etag"]
    for line in (f"If-Modified-Since: {modified}", f"If-None-Match: {etag}"):
        for verb in ("GET", "HEAD"):
            answer = get(wire, "file.bin", line, verb=verb)
            assert (answer.status, answer.body) == (304, b"")
            assert answer.headers["Transfer-Encoding"] is None
    before = email.utils.formatdate(0, usegmt=True)
    assert get(wire, "file.bin", f"If-Modified-Since: {before}").body == TEXT
    assert get(wire, "file.bin", 'If-None-Match: "other"').body == TEXT


@ONE_WAY
def test_what_is_not_there(wire):
    for target, status in (("nothing.txt", 404), ("folder", 403), ("folder/", 403), ("", 403)):
        assert get(wire, target).status == status
        assert get(wire, target, verb="HEAD").status == status
    assert get(wire, "file.bin").body == TEXT


@ONE_WAY
def test_a_file_that_changes(wire, folder):
    assert get(wire, "page.html").body == b"<p>"
    # Replaced and not written into: the handler may not have read it to its end.
    (folder / "new.html").write_text("<p>longer")
    (folder / "new.html").replace(folder / "page.html")
    (folder / "file.bin").unlink()
    assert get(wire, "file.bin").status == 404
    assert get(wire, "page.html").body == b"<p>longer"


@ONE_WAY
def test_versions_and_an_index(start, connect, folder):
    class Versioned(web.StaticFileHandler):
        def set_extra_headers(self, path):
            self.set_header("X-Path", path)

    (folder / "index.html").write_text("index")
    arguments = {"path": str(folder), "default_filename": "index.html"}
    wire = connect(start(Site((r"/static/(.*)", Versioned, arguments))))
    answer = get(wire, "page.html?v=1")
    assert "max-age" in answer.headers["Cache-Control"]
    assert answer.headers["X-Path"] == "page.html"
    assert get(wire, "").body == b"index"

"""What is printed can do nothing to a terminal, and is still the same JSON."""

import io
import json
import sys

import pytest

from gemstone_core._cli._output import json_of, shown

NASTY = {"a\x1b[31m": ["\x00\n\x7f\x9b\u202e\u2028\U000e0001", "\ud800", "é 名 💎"], "n": 1.5}


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "latin-1", "ascii"])
@pytest.mark.parametrize("pretty", [False, True])
def test_json_can_be_printed_and_read(monkeypatch, encoding, pretty):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
    text = json_of(NASTY, pretty=pretty)
    assert json.loads(text) == NASTY
    assert text.replace("\n", "" if pretty else "\n").isprintable()
    text.encode(encoding)


def test_people_can_read_what_they_write(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
    assert json_of("é 名 💎") == '"é 名 💎"'


def test_what_somebody_says_is_on_one_line_and_tells_no_password():
    assert shown("a\nb\x1b[31m") == "a\ufffdb\ufffd[31m"
    assert shown("http://ada:secret@host/a") == "http://ada:***@host/a"
    assert shown("mails: a@b") == "mails: a@b"

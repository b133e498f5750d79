"""Reads pages of Markdown: their blocks of code, their links, their headings, their tables."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMMENT = re.compile(r"<!-- test: (?P<note>.*?)\s*-->", re.DOTALL)
_FENCE = re.compile(r"(?P<fence>```+)(?P<language>\w*)\s*")
_INDENTED_CURL = re.compile(r" {4,}curl ")


@dataclass(frozen=True)
class Block:
    """One block of code on a page.

    Attributes:
        language: what its fence says; ``hidden`` for Python in a comment.
        text: the code.
        line: the number of its first line on the page.
        note: what the comment before it says to the tests, or an empty string.
    """

    language: str
    text: str
    line: int
    note: str = ""


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, from top to bottom, also a curl command that is indented."""
    text = page.read_text()
    lines = text.splitlines()
    note = ""
    number = 0
    while number < len(lines):
        line = lines[number]
        begin = number + 1
        if line.startswith("<!-- test:"):
            rest = "\n".join(lines[number:])
            comment = _COMMENT.match(rest)
            assert comment, f"{page}:{begin}: a comment for the tests that does not end"
            note = comment["note"]
            number += comment[0].count("\n") + 1
            if note.startswith("python\n"):
                yield Block("hidden", note.removeprefix("python\n"), begin + 1)
                note = ""
        elif fence := _FENCE.fullmatch(line):
            end = lines.index(fence["fence"], begin)
            code = "\n".join(lines[begin:end]) + "\n"
            yield Block(fence["language"], code, begin + 1, note)
            note, number = "", end + 1
        elif _INDENTED_CURL.match(line):
            while lines[number].endswith("\\"):
                number += 1
            number += 1
            yield Block("sh", "\n".join(lines[begin - 1 : number]), begin, note)
            note = ""
        else:
            assert not note or not line, f"{page}:{begin}: no block after {note!r}"
            number += 1
    assert not note, f"{page}: no block after {note!r}"


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a block of shell, each as its words."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars="\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    words: list[str] = []
    for token in lexer:
        if token.strip("\n"):
            words.append(token)
        elif words:
            yield words
            words = []
    if words:
        yield words


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return iter(re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)))


def anchors(page: Path) -> set[str]:
    """What a link may name behind its ``#``: the headings, as GitHub and MyST write them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(page: Path, *header: str) -> list[list[str]]:
    """The rows of the one table with these headings."""
    lines = page.read_text().splitlines()
    begin = lines.index("| " + " | ".join(header) + " |") + 2
    rows = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows

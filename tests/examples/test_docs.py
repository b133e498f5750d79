"""The README and docs/: every block of code runs, every link leads somewhere.

What is written in a page decides how a test runs it:

- ``python``: runs here; the blocks of one page share their names, from top to bottom. Every
  service that a block defines is started on a free port, and must answer. The last one serves
  the page until the page defines another: ``http://127.0.0.1:8000`` stands for it. Before that
  it stands for ``examples/hello_world.py``. ``if __name__ == "__main__":`` is not run here.
- ``sh``: ``curl …`` is sent to the page's service. ``python FILE`` runs a file of the page: one
  that calls ``.start()`` has to serve, until it is started again or the page ends; any other
  has to end well. So has ``gemstone run FILE`` to serve, and each other command of ``gemstone``
  to end well. ``python -m pytest FILE`` runs tests. Setting up (`reading.SET_UP`) is not done.
- ``text`` and ``json``: what the block before it printed, or curl was answered.

A comment says what is different::

    <!-- test: file users.py -->            the next block is this file, and is not run itself
    <!-- test: quote PATH -->               the next block is in that file of the checkout
    <!-- test: skip because … -->           the next block is not run
    <!-- test: python                       more Python, that readers do not see
    … -->
"""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import gemstone
import gemstone.core
import gemstone.plugins
from gemstone.discovery import ServiceRegistry
from gemstone_core._attributes import Attributes

from .conftest import ROOT
from .pages import anchors, blocks, links, table
from .reading import Reader

DOCS = sorted(ROOT.glob("docs/*.md"))
PAGES = [ROOT / "README.md", *DOCS]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def reader(tmp_path: Path, monkeypatch) -> Iterator[Callable[[Path], Reader]]:
    # A block that starts a service itself takes no port that somebody may use, and waits for
    # nobody when it ends.
    monkeypatch.setattr(gemstone.MicroService, "port", 0)
    monkeypatch.setattr(gemstone.MicroService, "drain_grace", 0)
    # Pages do so themselves: afterwards it is as it was.
    monkeypatch.setattr(ServiceRegistry, "port", 0)
    with ExitStack() as stack:
        yield lambda page: Reader(page, tmp_path, stack)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_block_does_what_it_says(reader, page):
    doing = reader(page)
    for block in blocks(page):
        try:
            doing.read(block)
        except (Exception, SystemExit) as error:
            error.add_note(f"at {named(page)}:{block.line}:\n{block.text}")
            raise


def test_the_pages_are_there():
    assert {page.name for page in DOCS} >= {"index.md", "services.md", "tutorial.md"}


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *DOCS], ids=named)
def test_every_link_leads_somewhere(page):
    for link in links(page):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert target.resolve().is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_map_names_every_page_and_every_example():
    mapped = {(ROOT / "docs" / link).resolve() for link in links(ROOT / "docs" / "index.md")}
    examples = {*ROOT.glob("examples/*.py"), *ROOT.glob("examples/*/README.md")}
    assert {*DOCS, *examples} - {ROOT / "docs" / "index.md"} <= mapped


SERVICES = ROOT / "docs" / "services.md"


def public(cls: type) -> list[str]:
    return [name for name in dir(cls) if not name.startswith("_")]


def test_the_table_of_attributes_is_true():
    told = {
        row[0].strip("`"): eval(row[1].strip("`"), {"os": os})
        for row in table(SERVICES, "attribute", "default", "meaning")
    }
    values = {name: getattr(gemstone.MicroService, name) for name in public(gemstone.MicroService)}
    values["event_loop"] = Attributes.event_loop  # the tests may have chosen one for all services
    true = {
        name: value
        for name, value in values.items()
        if not callable(value) and not isinstance(value, property)
    }
    assert told == {name: true[name] for name in true.keys() - {"configurables", "configurators"}}


def test_everything_of_a_service_is_told():
    told = {
        SERVICES: (gemstone.MicroService, gemstone.Container, gemstone.Request),
        ROOT / "docs" / "plugins.md": (gemstone.BasePlugin, gemstone.plugins.MethodOutcome),
    }
    for page, classes in told.items():
        text = page.read_text()
        for cls in classes:
            for name in public(cls):
                assert re.search(rf"`[^`]*\b{name}\b[^`]*`", text), f"{cls.__name__}.{name}"
    everything = "\n".join(page.read_text() for page in DOCS)
    for name in gemstone.core.__all__:
        assert re.search(rf"\b{name}\b", everything), name


def test_the_table_of_error_codes_is_true():
    told = {
        row[1].strip("`"): int(row[0])
        for row in table(SERVICES, "code", "in `gemstone.jsonrpc`", "answered")
    }
    codes = {
        name: value for name, value in vars(gemstone.jsonrpc).items() if isinstance(value, int)
    }
    assert told | {"TOO_MANY_REQUESTS": gemstone.jsonrpc.TOO_MANY_REQUESTS} == codes


class TestTheseTests:
    """A test of the pages that can't fail would be worth nothing."""

    def run(self, reader, tmp_path, text):
        page = tmp_path / "page.md"
        page.write_text(text)
        doing = reader(page)
        for block in blocks(page):
            doing.read(block)
        return doing.done

    SERVICE = (
        "import gemstone\nclass S(gemstone.MicroService):\n    name = 's'\n"
        "    @gemstone.exposed_method()\n    def one(self): return 1\n"
    )
    CURL = (
        'curl -H "Content-Type: application/json" \\\n'
        '  -d \'{"jsonrpc": "2.0", "id": 1, "method": "one"}\' http://127.0.0.1:8000/api\n'
    )

    def test_what_is_true_passes(self, reader, tmp_path):
        text = (
            f"```python\n{self.SERVICE}```\n```sh\n{self.CURL}```\n"
            '```json\n{"jsonrpc": "2.0", "id": 1, "result": 1}\n```\n'
            "<!-- test: python\nprint(S.name)\n-->\n```text\ns\n```\n"
            "<!-- test: skip because it is long -->\n```python\n1 / 0\n```\n"
            "<!-- test: quote README.md -->\n```toml\nMIT licence.\n```\n"
        )
        assert self.run(reader, tmp_path, text) == 5

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            (f"```python\n{SERVICE}```\n```sh\n{CURL}```\n```json\n2\n```\n", "the answer is"),
            ("```python\nprint(1)\n```\n```text\n2\n```\n", "it printed '1"),
            ("```python\n1 / 0\n```\n", "division by zero"),
            ("<!-- test: python\n1 / 0\n-->\n", "division by zero"),
            ("```sh\nrm -r folder\n```\n", "'rm -r folder'"),
            ("```sh\npython missing.py\n```\n", "missing.py"),
            (
                "<!-- test: file a.py -->\n```python\n1 / 0\n```\n```sh\npython a.py\n```\n",
                "division by zero",
            ),
            ("```yaml\nwhatever\n```\n", "'yaml'"),
            ("<!-- test: skip -->\n```python\n1\n```\n", "because of what"),
            ("<!-- test: quote README.md -->\n```toml\n[no]\n```\n", "README.md does not say so"),
            ("<!-- test: nonsense -->\n```python\n1\n```\n", "'nonsense'"),
            ("<!-- test: skip because … -->\n", "no block after"),
            (
                f"```python\n{SERVICE}    def on_service_start(self): 1 / 0\n```\n",
                "division by zero",
            ),
        ],
        ids=range(13),
    )
    def test_what_is_not_fails(self, reader, tmp_path, text, error):
        with pytest.raises(Exception, match=error):
            self.run(reader, tmp_path, text)

    def test_a_service_that_does_not_answer_fails(self, reader, tmp_path, monkeypatch):
        monkeypatch.setattr(gemstone.MicroService, "start_in_thread", contextlib.nullcontext)
        with pytest.raises(OSError):  # noqa: PT011 - whatever the system says of port 0
            self.run(reader, tmp_path, f"```python\n{self.SERVICE}```\n")

    def test_curl_by_hand_is_answered_like_curl(self, reader, tmp_path, monkeypatch):
        text = f"```python\n{self.SERVICE}```\n```sh\n{self.CURL}```\n"
        text += '```json\n{"jsonrpc": "2.0", "id": 1, "result": 1}\n```\n'
        monkeypatch.setattr(shutil, "which", lambda name: None)
        assert self.run(reader, tmp_path, text) == 3

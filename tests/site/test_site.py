"""The documentation as Sphinx made it: ``nox -s docs`` builds it, and runs these tests."""

import importlib
import inspect
import os
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sphinx.util.inventory import InventoryFile

ROOT = Path(__file__).parents[2]
MODULES = [
    *("gemstone", "gemstone.client", "gemstone.config", "gemstone.core", "gemstone.deadlines"),
    *("gemstone.discovery", "gemstone.errors", "gemstone.event", "gemstone.jsonrpc"),
    *("gemstone.plugins", "gemstone.util", "gemstone_core.testing"),
]


@pytest.fixture(scope="module")
def site() -> Path:
    if "GEMSTONE_SITE" not in os.environ:
        pytest.fail("GEMSTONE_SITE is not set: these tests are run by `nox -s docs`")
    return Path(os.environ["GEMSTONE_SITE"])


class Page(HTMLParser):
    """What a page links to, and what on it can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.links |= {found[name] or "" for name in ("href", "src") if name in found}
        self.ids |= {found["id"] or ""} if "id" in found else set()


def test_every_link_leads_somewhere(site):
    read = cache(Page)
    broken = []
    for path in site.rglob("*.html"):
        for link in read(path).links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            there = target.is_file() and target.is_relative_to(site)
            if not there or (url.fragment and unquote(url.fragment) not in read(target).ids):
                broken.append((path.name, link))
    assert not broken


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_its_place_in_the_reference(site, name):
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    told = {each for kind, names in inventory.items() if kind.startswith("py:") for each in names}
    module = importlib.import_module(name)
    for public in module.__all__:
        if not inspect.ismodule(getattr(module, public)):
            assert told & {f"{each}.{public}" for each in MODULES}, public


def test_nothing_of_the_network_is_needed(site):
    """Neither to build it nor to read it."""
    for path in site.rglob("*.html"):
        for line in path.read_text().splitlines():
            assert not ("src=" in line and "//" in line), line


MISTAKES = {
    "tutorial.md": "\n[a](no-such-page.md) [b](services.md#no-such-heading)\n",
    "services.md": "\n[c](../examples/no_such_example.py)\n",
    "events.md": "\n## Twice\n\n#### Too deep\n",
    "lost.md": "# A page that nobody finds\n",
    "reference/util.rst": "\n:meth:`gemstone.MicroService.no_such_method` :exc:`NoSuchError`\n",
}


def test_mistakes_fail_the_build(tmp_path):
    for folder in ("docs", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for page in ROOT.glob("*.md"):
        shutil.copy(page, tmp_path)
    for page, mistake in MISTAKES.items():
        with (tmp_path / "docs" / page).open("a") as file:
            file.write(mistake)

    options = ["-b", "dummy", "-W", "--keep-going", "-q"]
    command = [sys.executable, "-m", "sphinx", *options, "docs", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if "WARNING" in line]
    for mistake in [
        "no-such-page.md",
        "no-such-heading",
        "no_such_example.py",
        "H2 to H4",
        "lost.md: WARNING: document isn't included in any toctree",
        "gemstone.MicroService.no_such_method",
        "NoSuchError",
    ]:
        assert [mistake in line for line in told].count(True) == 1, (mistake, done.stderr)
    assert len(told) == 7, done.stderr

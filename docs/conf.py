"""How Sphinx makes a site of these pages: ``nox -s docs``.

The pages are written to be read as files too, as GitHub shows them: what the site needs besides is
added here.
"""

import re
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

DOCS: Final = Path(__file__).resolve().parent
ROOT: Final = DOCS.parent

project = "gemstone"
author = "The gemstone authors"
version = release = version_of("gemstone")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
napoleon_numpy_docstring = False
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

nitpicky = True
nitpick_ignore_regex = [
    # Other libraries, and the standard one: a build needs no network, so nothing is known of them.
    (r"py:.*", r"(?!gemstone)[a-z_]+(\..+)?"),
    # What is private has no page.
    (r"py:.*", r"gemstone\w*\.(\w+\.)*_\w+\..+"),
    # What modules import for type checkers only.
    (r"py:class", r"Authentication|Future|Path|Run|Visit"),
]

html_theme = "furo"
html_title = f"gemstone {version}"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

#: Where the site shows files that are outside of this folder.
SHOWN: Final = {
    ROOT / "README.md": "/project/readme.md",
    ROOT / "CHANGELOG.md": "/project/changelog.md",
    ROOT / "CONTRIBUTING.md": "/project/contributing.md",
}
LINK: Final = re.compile(r"(?<=\]\()(?P<path>[\w./-]+\.\w+)(?P<anchor>#[\w-]+)?(?=\))")
#: A page in the table of `index.md`, which is in the order in which they are read.
MAPPED: Final = re.compile(r"^\| \[[^]]+\]\((\w[\w-]*\.md)\)", re.MULTILINE)
CONTENTS: Final = """
```{{toctree}}
:hidden:
:caption: Guide

{pages}
```

```{{toctree}}
:hidden:
:caption: Reference

reference/index
```

```{{toctree}}
:hidden:
:caption: Project

README <project/readme>
project/examples
project/contributing
project/changelog
```
"""
#: A file of examples/, in `project/examples.rst`.
EXAMPLE: Final = """
.. _{label}:

{title}
{underline}

.. literalinclude:: /../{label}
   :language: {language}
"""
LANGUAGES: Final = {
    ".css": "css",
    ".html": "html",
    ".js": "javascript",
    ".md": "markdown",
    ".py": "python",
    ".toml": "toml",
}


def all_examples() -> str:
    """All files of examples/, those of folders after the others."""
    files = [path for path in ROOT.glob("examples/**/*") if path.suffix in LANGUAGES]
    text = ""
    for path in sorted(files, key=lambda path: (len(path.parts), path)):
        label = path.relative_to(ROOT).as_posix()
        title = label.removeprefix("examples/")
        text += EXAMPLE.format(
            label=label, title=title, underline="-" * len(title), language=LANGUAGES[path.suffix]
        )
    return text


def with_links_of_the_site(text: str, file: Path) -> str:
    """A page whose links to other files lead to where the site shows them."""

    def target(link: re.Match[str]) -> str:
        path = (file.parent / link["path"]).resolve()
        if path.is_relative_to(ROOT / "examples"):
            return f"#{path.relative_to(ROOT).as_posix()}"
        anchor = link["anchor"] or ""
        if path in SHOWN:
            return SHOWN[path] + anchor
        return f"/{path.relative_to(DOCS)}{anchor}" if path.is_relative_to(DOCS) else link[0]

    return LINK.sub(target, text)


def on_source_read(app: Sphinx, page: str, source: list[str]) -> None:
    if page == "index":
        source[0] += CONTENTS.format(pages="\n".join(MAPPED.findall(source[0])))
    elif page == "project/examples":
        source[0] += all_examples()
    source[0] = with_links_of_the_site(source[0], Path(app.env.doc2path(page)))


def on_include_read(app: Sphinx, path: Path, page: str, source: list[str]) -> None:
    source[0] = with_links_of_the_site(source[0], (DOCS / path).resolve())


def on_docstring(
    app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """Puts an empty type where Napoleon looks for one: before colons stand no types here."""
    if what in ("attribute", "data", "property") and lines:
        lines[0] = f": {lines[0]}"
    for number, line in enumerate(lines[1:], 1):
        if lines[number - 1].strip() in ("Returns:", "Yields:"):
            text = line.lstrip()
            lines[number] = f"{line.removesuffix(text)}: {text}"


def on_skip_member(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: Any
) -> bool | None:
    """Leaves out the fields of named tuples: the docstrings of their classes tell more."""
    return True if str(obj.__doc__).startswith("Alias for field number") else None


def on_missing_reference(
    app: Sphinx, env: BuildEnvironment, node: Any, content: nodes.TextElement
) -> nodes.reference | None:
    """Docstrings say `Event`, not `gemstone.event.Event`: there is one, on some page."""
    if node.get("refdomain") != "py" or node.get("refspecific"):
        return None
    node["refspecific"] = True
    where, kind, name = node["refdoc"], node["reftype"], node["reftarget"]
    return env.domains.python_domain.resolve_xref(
        env, where, app.builder, kind, name, node, content
    )


def setup(app: Sphinx) -> None:
    app.connect("source-read", on_source_read)
    app.connect("include-read", on_include_read)
    app.connect("autodoc-process-docstring", on_docstring, priority=400)  # before Napoleon
    app.connect("autodoc-skip-member", on_skip_member)
    app.connect("missing-reference", on_missing_reference)

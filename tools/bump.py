"""Rewrites the version of all distributions, and of each where another one requires it.

Usage: bump.py X.Y.Z [ROOT]
"""

import re
import sys
from pathlib import Path

VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?(\.dev\d+)?")
_LITERAL = re.compile(r'^(version = ")([^"]*)(")$', re.MULTILINE)
_PIN = re.compile(r'("gemstone-[a-z]+==)([^";]*)(")')


def projects(root: Path) -> list[Path]:
    """The pyproject.toml of every distribution under `root`, the root's own first."""
    return [root / "pyproject.toml", *sorted(root.glob("packages/*/pyproject.toml"))]


def versions(text: str) -> set[str]:
    """Every version of ours that a pyproject.toml's `text` names."""
    return {match[2] for pattern in (_LITERAL, _PIN) for match in pattern.finditer(text)}


def bump(version: str, root: Path) -> None:
    """Makes `version` the version of every distribution under `root`.

    Raises:
        ValueError: `version` is none, or a file does not hold exactly one version to rewrite;
            then no file was touched.
    """
    if not VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is not a version like 1.2.3, 1.2.3rc1 or 1.2.3.dev1")
    rewritten = {}
    for path in projects(root):
        text, count = _LITERAL.subn(rf"\g<1>{version}\g<3>", path.read_text())
        if count != 1:
            raise ValueError(f'{path} has {count} lines `version = "…"` instead of one')
        rewritten[path] = _PIN.sub(rf"\g<1>{version}\g<3>", text)
    for path, text in rewritten.items():
        path.write_text(text)
        print(f"{version}  {path.relative_to(root)}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        bump(sys.argv[1], Path(sys.argv[2] if len(sys.argv) == 3 else ".").resolve())
    except ValueError as error:
        sys.exit(f"bump: {error}")

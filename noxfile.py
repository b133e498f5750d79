"""The sessions of nox: ``nox -l`` lists them, CONTRIBUTING.md says when to run which."""

import itertools
import os
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox
import uv

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from tools import interpreters  # noqa: E402

PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
VERSION = PYPROJECT["project"]["version"]
EVERYTHING = f"gemstone[all]=={VERSION}"
PACKAGES = sorted(ROOT.glob("packages/*"))
SOURCES = [str(path) for path in sorted(ROOT.glob("packages/*/src"))]
IMPORT_NAMES = PYPROJECT["tool"]["coverage"]["run"]["source_pkgs"]
DIST = ROOT / "dist"
SITE = ROOT / "site"
BUILT: set[Path] = set()
# uv remembers wheels by their names alone, and ours keep theirs while the code changes.
NAMES = ["gemstone", *(folder.name for folder in PACKAGES)]
FROM_DIST = ["--find-links", str(DIST), *(f"--refresh-package={name}" for name in NAMES)]
# Tests start hundreds of programs: with PYTHONDONTWRITEBYTECODE, each would compile all of it.
COMPILED = "--compile-bytecode"
COVERAGE = ROOT / ".nox" / "coverage-data"

PYTHONS = interpreters.find()
OLDEST = next(iter(PYTHONS))
# Coverage costs a third, and a newer interpreter, or another version of what we depend on, reaches
# hardly a line more.
COVERED = [f"tests-{python}" for python in [*PYTHONS][:2]]

# What attacks and measures programs as a whole, on the oldest interpreter only; it reaches no line
# that others do not reach.
UNCOVERED = ["tests/benchmarks", "tests/chaos", "tests/soak"]
PARTS = [["tests/functional/cli", "tests/functional/client", "tests/unit"]]
PARTS += [["tests/functional/events", "tests/integration"]]
PARTS += [["tests", *(f"--ignore={folder}" for part in [UNCOVERED, *PARTS] for folder in part)]]
# The loops of the services that the tests start, in turn: with one interpreter there are both, too.
LOOPS = dict(zip(PYTHONS, itertools.cycle(["uvloop", "asyncio"]), strict=False))

nox.needs_version = ">=2026.10.20"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True
os.environ["UV_PYTHON_DOWNLOADS"] = "never"
# Where nox and uv look for what was found elsewhere; last, so that no other program changes.
os.environ["PATH"] = os.pathsep.join(
    [os.environ["PATH"], *(str(Path(path).parent) for path in PYTHONS.values())]
)


def group(name: str) -> list[str]:
    """The pinned requirements of one group of pyproject.toml."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


def build(session: nox.Session) -> None:
    """Builds all six into dist/, each wheel from its sdist; once in a run of nox."""
    if DIST in BUILT:
        return
    shutil.rmtree(DIST, ignore_errors=True)
    for folder in [ROOT, *PACKAGES]:
        session.run("uv", "build", "--quiet", "--out-dir", str(DIST), str(folder), silent=True)
    BUILT.add(DIST)


def install_wheels(session: nox.Session, *requirements: str) -> None:
    """Installs all distributions from dist/, and what else is given."""
    build(session)
    session.install(*FROM_DIST, EVERYTHING, *requirements)


def test(session: nox.Session, *, again: bool) -> None:
    """Runs the tests, some under coverage; of the checkout only tests/ and tools/ are importable.

    Many of them wait, for brokers and for time to pass: so some parts run side by side, unless
    somebody says which tests to run.

    Args:
        again: whether they were run already, on the oldest interpreter: then not all are.
    """
    command = ["pytest"]
    if again:
        command += ["-m", "not once"]
        session.env["GEMSTONE_TEST_FEW_EXAMPLES"] = "1"
    data = COVERAGE / session.name
    shutil.rmtree(data, ignore_errors=True)
    if session.name in COVERED:
        data.mkdir(parents=True)
        session.env["COVERAGE_FILE"] = str(data / ".coverage")
        command = ["coverage", "run", "-m", *command]
    if session.posargs:
        session.run(*command, *session.posargs)
        return
    commands = [[*command, *part] for part in PARTS]
    if not again:
        commands.append(["pytest", *UNCOVERED])
    with ThreadPoolExecutor() as side_by_side:
        parts = [side_by_side.submit(session.run, *each, silent=True) for each in commands]
    for part in parts:  # what a part has printed that failed is there already
        print(part.result(), flush=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: the rules, and the format."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(name="format", default=False)
def format_(session: nox.Session) -> None:
    """Ruff: mends what it can."""
    session.install(*group("lint"))
    session.run("ruff", "check", "--fix")
    session.run("ruff", "format")


@nox.session(python=OLDEST)
@nox.parametrize("installed", ["wheels", "editables"])
def typing(session: nox.Session, installed: str) -> None:
    """Mypy --strict and pyright over all distributions, as users install them."""
    session.env["MYPY_CACHE_DIR"] = str(Path(session.virtualenv.location) / "mypy")
    users = ["tests/typing/api.py", "examples"]
    if installed == "wheels":
        install_wheels(session, *group("typing"))
        session.run("mypy", *(word for name in IMPORT_NAMES for word in ("-p", name)))
        [site] = Path(session.virtualenv.location).glob("lib/python*/site-packages")
        with tempfile.TemporaryDirectory() as folder:  # pyright reads nothing in hidden ones
            for name in IMPORT_NAMES:
                shutil.copytree(site / name, Path(folder) / name)
            pyright(session, folder)
    else:
        editables = [word for folder in PACKAGES for word in ("-e", str(folder))]
        session.install(*editables, ".[all]", *group("typing"))
        session.run("mypy", *SOURCES, "tools")
        pyright(session, *SOURCES, "tools")
    session.run("mypy", *users)
    pyright(session, *users)


def pyright(session: nox.Session, *paths: str) -> None:
    """Runs pyright, and fails also when it has read nothing: it would call that a success."""
    python = str(Path(session.bin) / "python")
    output = session.run("pyright", "--stats", "--pythonpath", python, *paths, silent=True)
    checked = re.search(r"^Total files checked: (\d+)$", str(output), re.MULTILINE)
    if not checked or checked[1] == "0":
        session.error(f"pyright checked no file:\n{output}")
    session.log(f"pyright: no error in {checked[1]} files")


@nox.session(python=OLDEST)
def docs(session: nox.Session) -> None:
    """The documentation, into site/: a warning, as of a link that leads nowhere, is an error."""
    editables = [word for folder in PACKAGES for word in ("-e", str(folder))]
    session.install(*editables, ".[all]", *group("docs"))
    shutil.rmtree(SITE, ignore_errors=True)
    options = ["-W", "--keep-going", "-q", "-E", "-d", str(Path(session.create_tmp()) / "doctrees")]
    session.run("python", "-m", "sphinx", *options, "docs", str(SITE))
    session.env["GEMSTONE_SITE"] = str(SITE)
    session.run("pytest", "-q", "tests/site", *session.posargs)
    session.log(f"the documentation is in {SITE / 'index.html'}")


@nox.session(python=list(PYTHONS))
def tests(session: nox.Session) -> None:
    """The tests, on every interpreter that is here, against what the wheels install.

    Those that are marked as ``once`` run on the oldest one only.
    """
    browser = group("browser") if session.python == OLDEST else []
    install_wheels(session, COMPILED, *group("test"), *browser)
    session.env["GEMSTONE_TEST_EVENT_LOOP"] = LOOPS[session.python]
    test(session, again=session.python != OLDEST)
    if session.python == [*PYTHONS][-1] and (absent := interpreters.missing(PYTHONS)):
        session.warn(f"not run, because not here: Python {', '.join(absent)}")


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """The tests, with the lowest allowed versions of what we depend on."""
    build(session)
    projects = [word for folder in [ROOT, *PACKAGES] for word in ("-r", f"{folder}/pyproject.toml")]
    session.install(
        *("--resolution", "lowest-direct", COMPILED, *FROM_DIST),
        *(*projects, "--all-extras", EVERYTHING, *group("test")),
    )
    session.run("uv", "pip", "list")
    session.env["GEMSTONE_TEST_EVENT_LOOP"] = "asyncio"
    test(session, again=True)


@nox.session(python=OLDEST)
def wheels(session: nox.Session) -> None:
    """What the built files hold, and what each set of them installs in a fresh environment."""
    build(session)
    session.install(*group("test"))
    session.env["GEMSTONE_DIST"] = str(DIST)
    session.env["GEMSTONE_UV"] = uv.find_uv_bin()
    session.run("pytest", "tests/packaging", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines and branches that the tests of all interpreters together reached."""
    session.install(*group("test"))
    session.env["COVERAGE_FILE"] = str(COVERAGE / ".coverage")
    folders = [str(folder) for folder in sorted(COVERAGE.glob("*/"))]
    session.run("coverage", "combine", "--keep", "--quiet", *folders)
    session.run("coverage", "report")


@nox.session(venv_backend="none", default=False)
def bump(session: nox.Session) -> None:
    """``nox -s bump -- X.Y.Z``: rewrites the version of all distributions, and their pins."""
    session.run(sys.executable, "tools/bump.py", *session.posargs)


@nox.session(python=OLDEST, default=False)
def bench(session: nox.Session) -> None:
    """``nox -s bench -- --help``: how fast it is; docs/performance.md tells what is measured."""
    install_wheels(session)
    session.env["GEMSTONE_UV"] = uv.find_uv_bin()  # makes the environments of the peers
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(python=OLDEST, default=False)
def chaos(session: nox.Session) -> None:
    """``nox -s chaos -- --help``: kills brokers and services, and tells what was lost."""
    install_wheels(session)
    session.run("python", "-m", "tools.chaos", *session.posargs)


@nox.session(python=OLDEST, default=False)
def soak(session: nox.Session) -> None:
    """``nox -s soak -- --help``: attacks a service from all sides, and tells how it stood that."""
    install_wheels(session, *group("test"))
    session.run("python", "-m", "tools.soak", *session.posargs)

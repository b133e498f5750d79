"""The package `gemstone`: what it serves, from where, and what it loads for it."""

import importlib
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import gemstone
import gemstone_core
from gemstone import _leftover

SERVER_MODULES = ("core", "discovery", "event", "events", "plugins")
#: What is there with gemstone-config alone.
CONFIG_MODULE = "config"
SERVER_NAMES = sorted({*gemstone_core.__all__} - {"__version__"})
HEAVY = {
    "asyncio",
    "gemstone_config",
    "gemstone_core",
    "importlib.metadata",
    "pika",
    "redis",
    "requests",
    "tornado",
    "urllib3",
}
HINT = 'pip install "gemstone>=1"'


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs `code` in a fresh process, isolated and without coverage."""
    command = [sys.executable, "-I", *options, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={})


class WithoutCore:
    """A finder that finds everything else."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name == "gemstone_core" else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


@pytest.fixture
def without_core(monkeypatch):
    """As if gemstone-core were not installed."""
    for name in [name for name in sys.modules if name.split(".")[0] == "gemstone_core"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [WithoutCore(finder) for finder in sys.meta_path])
    for name in SERVER_MODULES:
        monkeypatch.delattr(gemstone, name, raising=False)
        for module in (f"gemstone.{name}", f"gemstone.{name}.transport"):
            monkeypatch.delitem(sys.modules, module, raising=False)


def test_it_serves_exactly_what_the_server_says():
    import gemstone.core

    assert sorted(gemstone.core.__all__) == SERVER_NAMES
    assert sorted(gemstone._SERVED["gemstone.core"]) == SERVER_NAMES


@pytest.mark.parametrize("name", SERVER_NAMES)
def test_a_server_name_is_the_server_s_own(name):
    import gemstone.core

    assert getattr(gemstone, name) is getattr(gemstone_core, name)
    assert getattr(gemstone.core, name) is getattr(gemstone_core, name)


def test_all_and_dir_list_what_is_installed():
    listed = gemstone.__all__

    assert listed == sorted(set(listed))
    assert {*SERVER_NAMES, *SERVER_MODULES, CONFIG_MODULE, "client", "RemoteService"} <= {*listed}
    assert {*listed} == {name for name in dir(gemstone) if not name.startswith("_")}
    for name in listed:
        assert getattr(gemstone, name) is not None
    assert {*gemstone.client.__all__} - {"__version__"} <= {*listed}


def test_all_and_dir_without_the_server(without_core):
    assert not {*SERVER_NAMES, *SERVER_MODULES} & {*gemstone.__all__, *dir(gemstone)}
    assert {"RemoteService", CONFIG_MODULE} <= {*gemstone.__all__}
    exec("from gemstone import *", {})


@pytest.mark.parametrize("name", [*SERVER_NAMES, *SERVER_MODULES])
def test_a_server_name_without_the_server_says_what_to_install(without_core, name):
    with pytest.raises(ImportError, match="gemstone_core is not installed") as caught:
        getattr(gemstone, name)
    assert HINT in str(caught.value)
    assert caught.value.name == "gemstone_core"


@pytest.mark.parametrize("module", [f"gemstone.{name}" for name in SERVER_MODULES])
def test_another_missing_module_goes_through_untouched(without_core, monkeypatch, module):
    class CoreThatNeedsWhatIsNotThere:
        def find_spec(self, name, path=None, target=None):
            if name == "gemstone_core":
                raise ModuleNotFoundError("No module named 'needed'", name="needed")

    monkeypatch.setattr(sys, "meta_path", [CoreThatNeedsWhatIsNotThere(), *sys.meta_path])

    with pytest.raises(ModuleNotFoundError, match="No module named 'needed'"):
        importlib.import_module(module)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'gemstone' has no attribute 'MicroServise'"):
        _ = gemstone.MicroServise
    assert not hasattr(gemstone, "__wrapped__")


def test_plugins():
    import gemstone.plugins

    assert gemstone.plugins.BasePlugin is gemstone_core.BasePlugin
    assert gemstone.plugins.PluginError is gemstone.errors.PluginError
    for name in gemstone.plugins.__all__:
        assert getattr(gemstone.plugins, name).__name__ == name


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("gemstone", "gemstone-client"),
        ("gemstone_config", "gemstone-config"),
        ("gemstone_core", "gemstone-core"),
        ("gemstone_redis", "gemstone-redis"),
        ("gemstone_rabbitmq", "gemstone-rabbitmq"),
    ],
)
def test_versions_come_from_the_metadata(module, distribution):
    imported = importlib.import_module(module)

    assert imported.__version__ == importlib.metadata.version(distribution)
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nonsense'"):
        _ = imported.nonsense


@pytest.mark.parametrize(
    "statement",
    ["import gemstone", "from gemstone.client import RemoteService", "import gemstone.errors"],
)
def test_an_import_loads_no_server_and_nothing_slow(statement):
    done = run(
        f"import sys; {statement}; print(*sorted({HEAVY} & {{*sys.modules}}))", "-W", "error"
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_an_import_starts_no_thread():
    done = run("import gemstone, threading; print(threading.active_count())")

    assert done.stdout.strip() == "1", done.stderr


def test_star_import_gives_everything_that_is_listed():
    done = run(
        "import gemstone; from gemstone import *; print({*gemstone.__all__} - {*globals()})",
    )

    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize("suffix", ["dist-info", "egg-info"])
def test_an_old_gemstone_beside_this_one_is_named_once(tmp_path, suffix):
    shutil.copytree(Path(gemstone.__file__).parent, tmp_path / "gemstone")
    (tmp_path / f"gemstone-0.12.0.{suffix}").mkdir()

    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import gemstone, gemstone.client"
    done = run(code)

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("RuntimeWarning: gemstone-0.12.0 ") == 1
    assert "pip uninstall gemstone gemstone-client" in done.stderr
    assert HINT in done.stderr


def test_the_warning_of_an_old_gemstone(tmp_path, monkeypatch):
    monkeypatch.setattr(_leftover, "__file__", str(tmp_path / "gemstone" / "_leftover.py"))
    (tmp_path / "gemstone-0.12.0.dist-info").mkdir()

    with pytest.warns(RuntimeWarning, match=r"gemstone-0\.12\.0 is installed over this gemstone"):
        _leftover.warn_of_old_gemstone()


@pytest.mark.parametrize(
    "other",
    ["gemstone-1.0.0.dist-info", "gemstone_client-0.9.dist-info", "gemstone-0.1.whl", "gemstone"],
)
def test_no_warning_of_anything_else(tmp_path, monkeypatch, other):
    monkeypatch.setattr(_leftover, "__file__", str(tmp_path / "gemstone" / "_leftover.py"))
    (tmp_path / other).mkdir()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _leftover.warn_of_old_gemstone()

"""The facade of discovery: ``gemstone.discovery``, and what is not installed."""

import importlib
import subprocess
import sys

import pytest

import gemstone
import gemstone.discovery
import gemstone_core.discovery
from gemstone import errors


def run(code):
    command = [sys.executable, "-I", "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={})


def test_it_serves_all_of_core_and_the_error():
    assert sorted(gemstone.discovery.__all__) == sorted(
        [*gemstone_core.discovery.__all__, "DiscoveryError"]
    )
    for name in gemstone_core.discovery.__all__:
        assert getattr(gemstone.discovery, name) is getattr(gemstone_core.discovery, name)
    assert gemstone.discovery.DiscoveryError is errors.DiscoveryError
    assert {*gemstone.discovery.__all__, "RedisDiscoveryStrategy"} <= {*dir(gemstone.discovery)}


def test_the_strategy_of_redis():
    gemstone_redis = pytest.importorskip("gemstone_redis")
    found = gemstone.discovery.RedisDiscoveryStrategy
    assert found is gemstone_redis.RedisDiscoveryStrategy
    assert issubclass(found, gemstone.discovery.BaseDiscoveryStrategy)


def test_a_strategy_that_is_not_installed_says_what_to_install(monkeypatch):
    for each in [each for each in sys.modules if each.split(".")[0] == "gemstone_redis"]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setitem(sys.modules, "gemstone_redis", None)
    with pytest.raises(ImportError, match="gemstone_redis is not installed") as caught:
        _ = gemstone.discovery.RedisDiscoveryStrategy
    assert 'pip install "gemstone[redis]>=1"' in str(caught.value)
    assert caught.value.name == "gemstone_redis"


def test_what_it_itself_misses_goes_through_untouched(monkeypatch):
    class NeedsWhatIsNotThere:
        def find_spec(self, wanted, path=None, target=None):
            if wanted == "gemstone_redis":
                raise ModuleNotFoundError("No module named 'needed'", name="needed")

    for each in [each for each in sys.modules if each.split(".")[0] == "gemstone_redis"]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setattr(sys, "meta_path", [NeedsWhatIsNotThere(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match="No module named 'needed'"):
        _ = gemstone.discovery.RedisDiscoveryStrategy


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="has no attribute 'ConsulDiscoveryStrategy'"):
        _ = gemstone.discovery.ConsulDiscoveryStrategy
    assert not hasattr(gemstone.discovery, "__wrapped__")


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix"])
def test_a_url_whose_strategy_is_not_installed(monkeypatch, scheme):
    entry_points = importlib.import_module("gemstone_core._entry_points")
    monkeypatch.setattr(entry_points, "entry_points", lambda **_: [])
    with pytest.raises(errors.BackendError, match=rf"discovery strategy for {scheme}://") as caught:
        type(
            "Users",
            (gemstone.MicroService,),
            {"name": "users", "discovery_strategies": [f"{scheme}://u:secret@host"]},
        )()
    assert 'pip install "gemstone[redis]>=1"' in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "import gemstone.discovery",
        "import gemstone; gemstone.discovery.ServiceRegistry()",
        "from gemstone.discovery import *",
        "import gemstone; type('U', (gemstone.MicroService,), {'name': 'u', "
        "'discovery_strategies': ['memory://', 'http://h:1/api']})()",
    ],
)
def test_nothing_slow_is_loaded_and_nothing_started(statement):
    done = run(
        f"import sys, threading; {statement}; "
        "heavy = {'redis', 'requests', 'urllib3', 'gemstone_redis', 'importlib.metadata'}; "
        "print(*sorted(heavy & {*sys.modules}), threading.active_count())"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1"]


def test_the_errors():
    assert issubclass(errors.DiscoveryError, errors.GemstoneError)
    assert not issubclass(errors.DiscoveryError, errors.RemoteServiceError)
    assert issubclass(errors.ServiceUnavailableError, errors.RemoteConnectionError)
    for name in ("DiscoveryError", "ServiceUnavailableError"):
        assert name in (errors.__doc__ or "")

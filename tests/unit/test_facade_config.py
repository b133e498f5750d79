"""The facade of configuration: ``gemstone.config`` and its modules, and what is not installed."""

import importlib
import subprocess
import sys

import pytest

import gemstone
import gemstone.config
import gemstone.config.configurable
import gemstone.config.configurator
import gemstone_config

MODULES = ("gemstone.config", "gemstone.config.configurable", "gemstone.config.configurator")


class WithoutConfig:
    """A finder that finds everything else."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name == "gemstone_config" else self.finder.find_spec(name, path, target)


class NeedsWhatIsNotThere:
    def find_spec(self, name, path=None, target=None):
        if name == "gemstone_config":
            raise ModuleNotFoundError("No module named 'needed'", name="needed")


@pytest.fixture
def not_imported(monkeypatch):
    """As if nothing of it had been imported yet."""
    for name in [*sys.modules]:
        if name.startswith(("gemstone.config", "gemstone_config")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(gemstone, "config", raising=False)


@pytest.fixture
def not_installed(monkeypatch, not_imported):
    """As if gemstone-config were not installed."""
    monkeypatch.setattr(sys, "meta_path", [WithoutConfig(finder) for finder in sys.meta_path])


def test_it_serves_exactly_what_the_distribution_says():
    of_modules = {"configurable", "configurator"}
    assert {*gemstone.config.__all__} == {*gemstone_config.__all__} - {"__version__"} | of_modules
    for name in {*gemstone.config.__all__} - of_modules:
        assert getattr(gemstone.config, name) is getattr(gemstone_config, name)


def test_every_path_of_the_manual_resolves():
    done = subprocess.run(
        [
            sys.executable,
            *("-I", "-W", "error", "-c"),
            "import gemstone; print(gemstone.config.configurator.CommandLineConfigurator is "
            "gemstone.config.CommandLineConfigurator, gemstone.config.configurable.Configurable is "
            "gemstone.config.Configurable)",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={},
    )
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_the_configurators_are_all_there():
    for name in gemstone.config.configurator.__all__:
        assert getattr(gemstone.config.configurator, name) is getattr(gemstone_config, name)
    assert gemstone.config.configurable.Configurable is gemstone_config.Configurable
    configurators = {name for name in gemstone_config.__all__ if name.endswith("Configurator")}
    assert {*gemstone.config.configurator.__all__} == configurators


@pytest.mark.parametrize("module", MODULES)
def test_a_missing_distribution_says_what_to_install(not_installed, module):
    with pytest.raises(ImportError, match="gemstone_config is not installed") as caught:
        importlib.import_module(module)
    assert 'pip install "gemstone>=1"' in str(caught.value)
    assert caught.value.name == "gemstone_config"


@pytest.mark.parametrize("module", MODULES)
def test_another_missing_module_goes_through_untouched(monkeypatch, not_imported, module):
    monkeypatch.setattr(sys, "meta_path", [NeedsWhatIsNotThere(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match="No module named 'needed'"):
        importlib.import_module(module)


def test_what_is_not_installed_is_not_listed(not_installed):
    assert "config" not in {*gemstone.__all__, *dir(gemstone)}
    assert "MicroService" in gemstone.__all__


def test_it_loads_no_server_and_no_client_of_http():
    code = (
        "import sys, gemstone.config; gemstone.config.CommandLineConfigurator([]).load(); "
        "print({'tornado', 'requests', 'asyncio', 'gemstone_core'} & {*sys.modules})"
    )
    command = [sys.executable, "-I", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={})
    assert done.stdout == "set()\n", done.stderr

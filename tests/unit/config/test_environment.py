"""`EnvironmentConfigurator`: values from environment variables."""

import copy

import pytest

from gemstone_config import Configurable, ConfigurationError, EnvironmentConfigurator

from .conftest import loaded


def test_a_variable_of_the_process(monkeypatch):
    monkeypatch.setenv("GEMSTONE_TEST_MY_NUMBER", "8")
    configurator = EnvironmentConfigurator("GEMSTONE_TEST_")
    loaded(configurator, Configurable("my-number", type=int), "absent")

    assert configurator.get("my-number") == configurator.get("my_number") == 8
    assert configurator.source("my_number") == "the environment variable GEMSTONE_TEST_MY_NUMBER"
    assert configurator.get("absent") is None
    assert configurator.source("absent") == "the environment variable GEMSTONE_TEST_ABSENT"
    assert configurator.get("nothing-registered") is None
    assert configurator.source("nothing-registered") == "EnvironmentConfigurator"


def test_it_is_read_when_it_is_loaded_and_only_then(monkeypatch):
    configurator = EnvironmentConfigurator("GEMSTONE_TEST_")
    assert configurator.get("it") is None
    monkeypatch.setenv("GEMSTONE_TEST_IT", "1")
    loaded(configurator, "it")
    monkeypatch.setenv("GEMSTONE_TEST_IT", "2")
    assert configurator.get("it") == "1"
    configurator.load()
    assert configurator.get("it") == "2"


def test_an_empty_variable_counts():
    assert loaded(EnvironmentConfigurator("", environment={"IT": ""}), "it").get("it") == ""


@pytest.mark.parametrize(
    ("service_name", "variable"),
    [
        ("users", "USERS_IT"),
        ("user-manager.v2", "USER_MANAGER_V2_IT"),
        ("Straße", "STRA_E_IT"),
        ("2nd", "_2ND_IT"),
    ],
)
def test_the_prefix_is_made_of_the_service_s_name(service_name, variable):
    configurator = EnvironmentConfigurator(environment={variable: "1"})
    assert loaded(configurator, "it", service_name=service_name).get("it") == "1"
    assert configurator.source("it") == f"the environment variable {variable}"


def test_without_a_service_it_needs_a_prefix():
    configurator = EnvironmentConfigurator()
    with pytest.raises(ConfigurationError, match='give it a prefix, EnvironmentConfigurator\\("US'):
        loaded(configurator, "it", service_name=None)


def test_an_error_names_the_variable():
    configurator = loaded(
        EnvironmentConfigurator("users_", environment={"USERS_PORT": "http"}),
        Configurable("port", type=int),
    )
    with pytest.raises(ConfigurationError) as caught:
        configurator.get("port")
    assert str(caught.value) == ("the environment variable USERS_PORT: 'http' is no whole number")


def test_a_copy_finds_for_itself():
    original = EnvironmentConfigurator("A_", environment={"A_IT": "1"})
    copied = loaded(copy.copy(original), "it")
    assert copied.get("it") == "1"
    assert original.get("it") is None


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (["9_"], {}, ConfigurationError, "no environment variable can begin with '9_'"),
        (["a-"], {}, ConfigurationError, "no environment variable can begin with 'a-'"),
        (["A=\n"], {}, ConfigurationError, r"no environment variable can begin with 'A=\\n'"),
        ([3], {}, TypeError, "prefix is 3: it must be a text"),
        ([], {"environment": ["A"]}, TypeError, "environment is no mapping"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message):
        EnvironmentConfigurator(*arguments, **options)


def test_how_it_is_shown():
    assert repr(EnvironmentConfigurator("A_")) == "EnvironmentConfigurator('A_')"
    assert repr(EnvironmentConfigurator(environment={"A": "hunter2"})) == (
        "EnvironmentConfigurator()"
    )

"""What ``gemstone run`` sets, on services that configure themselves in all ways."""

import click
import pytest

import gemstone
from gemstone.config import CommandLineConfigurator, Configurable, EnvironmentConfigurator
from gemstone.errors import ServiceConfigurationError
from gemstone_core._cli._given import configure


class Own(CommandLineConfigurator):
    pass


class Service(gemstone.MicroService):
    name = "given"
    greeting = "hello"
    configurables = [
        *gemstone.MicroService.configurables,
        Configurable("greeting"),
        Configurable("the-limit", type=int),
        Configurable("token", secret=True, type=int),
    ]


@pytest.fixture(autouse=True)
def command_line(monkeypatch):
    monkeypatch.setattr("sys.argv", ["gemstone", "run", "given", "--nobody-knows", "this"])


def given(*settings, host=None, port=None, **attributes):
    service = type("Given", (Service,), attributes)()
    configure(service, host, port, settings)
    return service


def test_what_is_given_is_set_on_this_one_alone():
    service = given(
        ("greeting", "hi"), ("the-limit", "3"), ("accessible-at", "http://x/"), host="::", port="0"
    )
    assert (service.greeting, service.the_limit) == ("hi", 3)
    assert (service.host, service.port, service.accessible_at) == ("::", 0, "http://x/")
    assert (type(service).greeting, gemstone.MicroService.port) == ("hello", 8000)
    shown = service.configuration()
    assert shown["greeting"].source == "--set greeting"
    assert shown["port"].source == "--port"
    assert shown["endpoint"].source == "default"


def test_an_empty_value_counts():
    assert given(("greeting", "")).greeting == ""


def test_a_random_port():
    assert given(port="random").port == 0


@pytest.mark.parametrize(
    "command_line", [Own(), Own, CommandLineConfigurator(), lambda: CommandLineConfigurator()]
)
def test_it_has_the_place_of_the_command_line(command_line):
    environment = EnvironmentConfigurator(environment={"GIVEN_GREETING": "moin", "GIVEN_PORT": "7"})
    first = given(("greeting", "hi"), configurators=[command_line, environment])
    assert (first.greeting, first.port) == ("moin", 7)
    last = given(("greeting", "hi"), configurators=[environment, command_line])
    assert (last.greeting, last.port) == ("hi", 7)


def test_without_a_command_line_it_comes_last():
    environment = EnvironmentConfigurator(environment={"GIVEN_GREETING": "moin", "GIVEN_PORT": "7"})
    service = given(("greeting", "hi"), configurators=[environment])
    assert (service.greeting, service.port) == ("hi", 7)
    assert given(("greeting", "hi"), configurators=[]).greeting == "hi"


def test_an_address_that_is_no_configurable():
    service = given(host="localhost", port="random", configurables=[])
    assert (service.host, service.port) == ("localhost", 0)
    with pytest.raises(click.UsageError, match=r"--port: a port is a number .*, not 'x'"):
        given(port="x", configurables=[])


@pytest.mark.parametrize("wrong", [{"configurables": 5}, {"configurators": 5}])
def test_a_list_that_is_none(wrong):
    with pytest.raises(
        ServiceConfigurationError, match=r"Given\.config\w+ is 5: it must be a list"
    ):
        given(**wrong)


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        ([("greting", "1")], {}, "--set greting: nothing of that name can be set (did you mean g"),
        ([("x", "1")], {"configurables": []}, "what can be set is: nothing"),
        ([("the_limit", "x")], {}, "--set the_limit: 'x' is no whole number"),
        ([("token", "hunter2")], {}, "--set token: the value (which is secret) is no whole number"),
        ([], {"port": "65536"}, "--port: '65536'"),
        ([], {"port": "x"}, "--port: 'x'"),
    ],
)
def test_values_that_are_wrong_end_with_one_line(capfd, settings, options, said):
    with pytest.raises(SystemExit) as caught:
        given(*settings, **options)
    assert caught.value.code == 2
    [line] = capfd.readouterr().err.splitlines()
    assert said in line
    assert "hunter2" not in line


def test_a_value_that_is_given_twice():
    with pytest.raises(click.UsageError, match="port is given twice: by --set port and --port"):
        given(("port", "1"), port="2")
    with pytest.raises(click.UsageError, match="the_limit is given twice"):
        given(("the_limit", "1"), ("the-limit", "2"))

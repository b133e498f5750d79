"""``configure()``: values from outside reach exactly one service, and say where they came from."""

import logging
import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

import gemstone
from gemstone.config import (
    BaseConfigurator,
    CommandLineConfigurator,
    Configurable,
    ConfigurationError,
    EnvironmentConfigurator,
    FileConfigurator,
)
from gemstone.errors import ServiceConfigurationError, ServiceStateError
from tools.brokers import free_ports


class Users(gemstone.MicroService):
    name = "users"
    port = 0
    drain_grace = 0

    @gemstone.exposed_method()
    def where(self):
        return self.port


@pytest.fixture
def arguments(monkeypatch):
    """Sets the arguments of the command line."""

    def give(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["users.py", *arguments])

    give()
    return give


def usage_error(service: gemstone.MicroService, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that `configure()` says, when it ends the process with status 2."""
    with pytest.raises(SystemExit) as ended:
        service.configure()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line.startswith("users.py: usage error: ")
    return line.removeprefix("users.py: usage error: ")


class Given(BaseConfigurator):
    """A stranger's configurator, with no more than there must be."""

    def __init__(self, values):
        self.values = values
        self.loaded = 0

    def load(self):
        self.loaded += 1

    def get(self, name):
        return self.values.get(name)


def with_values(*values, **attributes):
    return type("Users", (Users,), {"configurators": [*map(Given, values)], **attributes})


def test_the_defaults_come_from_the_command_line(arguments):
    arguments(
        "--port=8123", "--host", "127.0.0.2", "--accessible_at=http://here/api", "--endpoint", "/x"
    )
    service = Users()

    service.configure()

    assert (service.port, service.host) == (8123, "127.0.0.2")
    assert (service.accessible_at, service.endpoint) == ("http://here/api", "/x")
    assert (Users.port, Users.host, gemstone.MicroService.port) == (0, "127.0.0.1", 8000)
    assert not vars(Users()).keys() & {"port", "host"}


def test_nothing_given_changes_nothing(arguments):
    service = Users()
    service.configure()
    assert not vars(service).keys() & {"port", "host", "accessible_at", "endpoint"}


def test_port_random_is_any_free_one(arguments):
    arguments("--port", "random")
    first, second = Users(), Users()
    for service in (first, second):
        service.configure()
    with first.start_in_thread(), second.start_in_thread():
        assert 0 not in (first.port, second.port)
        assert first.port != second.port
        with gemstone.RemoteService(first.accessible_at) as remote:
            assert remote.methods.where() == first.port
        assert first.configuration()["port"] == (first.port, "--port")


def test_a_start_does_not_change_where_the_port_came_from(arguments):
    [port] = free_ports(1)
    arguments(f"--port={port}")
    service = Users()
    service.configure()
    with service.start_in_thread():
        assert service.configuration()["port"] == (port, "--port")
    assert service.configuration()["port"] == (port, "--port")


@pytest.mark.parametrize("port", ["65536", "-1", "http", "", "8000.0", "true"])
def test_a_bad_port(arguments, capsys, port):
    arguments(f"--port={port}")
    line = usage_error(Users(), capsys)
    assert line.startswith("--port: ")
    assert "from 0" in line
    assert "random" in line


def test_a_later_configurator_wins(arguments):
    service = with_values({"host": "a", "port": 1}, {"host": "b"}, {"endpoint": "/b"})()
    service.configure()
    assert (service.host, service.port, service.endpoint) == ("b", 1, "/b")


@pytest.mark.parametrize("falsy", [0, "", False, [], 0.0])
def test_falsy_values_count(falsy):
    service = with_values(
        {"greeting": "hello"}, {"greeting": falsy}, configurables=[Configurable("greeting")]
    )()
    service.configure()
    assert service.greeting == falsy


def test_none_is_no_value():
    service = with_values({"host": "a"}, {"host": None})()
    service.configure()
    assert service.host == "a"


def test_all_sources_together(arguments, monkeypatch, tmp_path):
    (tmp_path / "users.toml").write_text('[users]\nport = 1\nhost = "file"\nendpoint = "/file"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USERS_PORT", "2")
    monkeypatch.setenv("USERS_HOST", "environment")
    arguments("--port=3")

    class Configured(Users):
        configurators = [
            FileConfigurator("users.toml"),
            EnvironmentConfigurator(prefix="USERS_"),
            CommandLineConfigurator(),
        ]

    service = Configured()
    assert {each.source for each in service.configuration().values()} == {"default"}
    service.configure()

    assert (service.port, service.host, service.endpoint) == (3, "environment", "/file")
    assert service.configuration() == {
        "port": (3, "--port"),
        "host": ("environment", "the environment variable USERS_HOST"),
        "accessible_at": (None, "default"),
        "endpoint": ("/file", "users.toml: users.endpoint"),
    }


def test_dashes_and_underscores(arguments):
    class Dashed(Users):
        configurables = [
            Configurable("max-body-size", type=int),
            Configurable("drain_grace", type=float),
        ]

    arguments("--max_body_size=7", "--drain-grace", "0.5")
    service = Dashed()
    service.configure()
    assert (service.max_body_size, service.drain_grace) == (7, 0.5)
    assert service.configuration()["max-body-size"].value == 7


def test_what_the_service_checks_is_said_of_its_source(arguments, capsys):
    class Limited(Users):
        configurables = [Configurable("max-body-size", type=int), Configurable("endpoint")]

    arguments("--max-body-size=0")
    line = usage_error(Limited(), capsys)
    assert line.startswith("--max-body-size: ")
    assert "is 0" in line
    arguments("--endpoint=api")
    assert usage_error(Limited(), capsys).startswith("--endpoint: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("event_transports", "carrier-pigeon://loft"),
        ("discovery_strategies", "pigeon://loft"),
        ("plugins", "nobody_s_plugin"),
        ("name", ""),
    ],
)
def test_backends_that_are_not_there_are_said_of_their_source(arguments, capsys, name, text):
    template = (lambda x: x) if name == "name" else (lambda x: x.split(","))
    service = type("S", (Users,), {"configurables": [Configurable(name, template=template)]})()
    arguments(f"--{name}={text}")
    assert usage_error(service, capsys).startswith(f"--{name}: ")


class NotThereYet(Users):
    """Declared so that it can't work until it is configured."""

    port = None
    configurables = [
        Configurable("event_transports", secret=True, template=lambda x: x.split(",")),
        Configurable("endpoint"),
        Configurable("port", type=int),
    ]


def test_what_the_class_leaves_open_hides_no_other_problem(arguments, capsys):
    arguments("--event_transports=hunter2", "--port=8123")
    line = usage_error(NotThereYet(), capsys)
    assert line.startswith("--event_transports: ")
    assert "hunter2" not in line
    arguments("--endpoint=bad", "--port=8123")
    assert usage_error(NotThereYet(), capsys).startswith("--endpoint: ")
    arguments("--port=8123")
    service = NotThereYet()
    service.configure()
    assert service.port == 8123


@pytest.mark.parametrize("order", [1, -1])
def test_values_that_only_fit_together(arguments, order):
    class Moved(Users):
        configurables = [Configurable("endpoint"), Configurable("health_endpoint")][::order]

    arguments("--endpoint=/health/live", "--health_endpoint=/how")
    service = Moved()
    service.configure()
    assert service.endpoint == "/health/live"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("ssl_options", {"certfile": "/not/there.pem"}),
        ("periodic_tasks", ["tick"]),
        ("static_dirs", ["static"]),
        ("extra_handlers", [3]),
        ("modules", [lambda: 1 / 0]),
        ("event_transports", [lambda: 1 / 0]),
        ("accessible_at", "here"),
        ("host", "a..b"),
    ],
)
def test_whatever_the_service_can_not_use_is_said_of_its_source(
    capsys, arguments, attribute, value
):
    service = with_values({attribute: value}, configurables=[Configurable(attribute)])()
    assert usage_error(service, capsys).startswith("Given: ")


def test_what_the_class_does_not_let_set(arguments, capsys):
    class Strict(Users):
        configurables = [Configurable("limit"), Configurable("pin", secret=True)]

        class Refusing:
            def __get__(self, instance, owner=None):
                return 0

            def __set__(self, instance, value):
                raise ValueError(f"{value} is over the limit")

        limit = pin = Refusing()

    arguments("--limit=7")
    assert usage_error(Strict(), capsys) == "--limit: 7 is over the limit"
    arguments("--pin=hunter2")
    assert "hunter2" not in usage_error(Strict(), capsys)


def test_a_template_may_make_none(arguments):
    class Emptied(Users):
        configurators = [Given({"x": "environment"}), CommandLineConfigurator]
        configurables = [
            Configurable("x", template=lambda x: None if x == "none" else x, required=True)
        ]

    arguments("--x=none")
    service = Emptied()
    service.configure()
    assert service.x is None
    assert service.configuration()["x"] == (None, "--x")


def test_a_template_that_ends_the_process(arguments, capsys):
    class Ending(Users):
        configurables = [
            Configurable("x", template=sys.exit),
            Configurable("pin", template=sys.exit, secret=True),
        ]

    arguments("--x=0")
    assert usage_error(Ending(), capsys).startswith("--x: '0' can't be used")
    arguments("--pin=hunter2")
    assert "hunter2" not in usage_error(Ending(), capsys)


def test_the_source_is_not_that_of_a_former_value(arguments):
    arguments("--host=127.0.0.2")
    service = Users()
    service.configure()
    assert service.configuration()["host"] == ("127.0.0.2", "--host")
    service.host = "127.0.0.3"
    assert service.configuration()["host"] == ("127.0.0.3", "default")


def test_passwords_are_masked_in_values_of_any_kind(arguments, capsys):
    url = "postgres://u:hunter2@h/d"
    deep: list = []
    for _ in range(2000):
        deep = [deep]
    values = {"a": urlsplit(url), "b": url.encode(), "c": {url: [url]}, "d": {url}, "e": deep}
    service = with_values(values, configurables=[Configurable(each) for each in values])()
    service.configure()
    assert service.a == urlsplit(url)
    shown = service.configuration()
    assert "hunter2" not in str({name: shown[name] for name in "abcd"})
    assert shown["e"].source == "Given"
    for attribute in ("host", "endpoint", "accessible_at", "port"):
        service = with_values({attribute: [url]}, configurables=[Configurable(attribute)])()
        assert "hunter2" not in usage_error(service, capsys)


def test_required_where_nothing_is_looked_at(arguments, capsys):
    service = with_values(configurables=[Configurable("token", required=True)])()
    assert usage_error(service, capsys).endswith("nowhere: the service has no configurators")


def test_two_configurables_of_one_variable(arguments, capsys):
    service = Users()
    service.configurators = [EnvironmentConfigurator]
    service.configurables = [Configurable("token"), Configurable("Token")]
    assert "USERS_TOKEN" in usage_error(service, capsys)


def test_an_error_of_the_class_is_not_that_of_a_source(arguments):
    class Wrong(Users):
        max_batch_size = 0

    arguments("--port=8123")
    service = Wrong()
    service.configure()
    with pytest.raises(ServiceConfigurationError, match="max_batch_size"):
        service.start_in_thread()


class Seen(gemstone.BasePlugin):
    name = "seen"


class Rooms(gemstone.Module):
    @gemstone.exposed_method("rooms")
    async def rooms(self):
        return self.microservice.name


def test_what_a_service_is_put_together_from_can_be_configured():
    service = with_values(
        {"plugins": [Seen], "modules": [Rooms], "name": "hotel", "event_transports": ["memory://"]},
        configurables=[
            Configurable(each) for each in ("plugins", "modules", "name", "event_transports")
        ],
    )()

    class Registered(gemstone.BasePlugin):
        name = "registered"

    registered = Registered()
    service.register_plugin(registered)

    service.configure()

    assert service.get_plugin("seen").microservice is service
    assert service.get_plugin("registered") is registered
    assert service.logger.name == "gemstone.service.hotel"
    assert len(service.event_status()) == 1
    with (
        service.start_in_thread(),
        gemstone.RemoteService(service.accessible_at) as remote,
    ):
        assert remote.methods.rooms() == "hotel"


def test_configurators_keep_nothing_for_the_next_service():
    class Shared(Users):
        configurators = [Given({"host": "a"})]
        configurables = [Configurable("host")]

    listed = Shared.configurators[0]
    for _ in range(2):
        Shared().configure()
    assert listed.loaded == 0
    assert not listed.configurables
    assert not Shared.configurables[0].is_set


def test_configured_again_it_forgets_what_was_found_before(arguments):
    service = Users()
    arguments("--host=a")
    service.configure()
    arguments("--host=b")
    service.configure()
    assert service.host == "b"


def test_a_configurator_of_0_12_that_gives_final_values():
    class Old(Given):
        def get(self, name):
            configurable = self.get_configurable_by_name(name)
            configurable.set_value(self.values[name])
            return configurable.get_final_value()

    service = with_values(configurables=[Configurable("greeting", template=lambda x: x * 2)])()
    service.configurators = [Old({"greeting": "ab"})]
    service.configure()
    assert service.greeting == "abab"


def test_a_configurator_that_gives_raw_values():
    service = with_values(
        {"greeting": "ab"}, configurables=[Configurable("greeting", template=lambda x: x * 2)]
    )()
    service.configure()
    assert service.greeting == "abab"
    assert service.configuration()["greeting"] == ("abab", "Given")


def test_classes_and_factories_make_configurators(arguments):
    service = Users()
    arguments("--host=a")
    service.configurators = [lambda: Given({"host": "b"}), CommandLineConfigurator]
    service.configure()
    assert service.host == "a"


def test_required(arguments, capsys):
    class Guarded(Users):
        configurators = [EnvironmentConfigurator(prefix="USERS_"), CommandLineConfigurator]
        configurables = [Configurable("token", required=True, secret=True)]

    line = usage_error(Guarded(), capsys)
    assert "token is required" in line
    assert "--token" in line
    assert "USERS_TOKEN" in line
    arguments("--token=")
    service = Guarded()
    service.configure()
    assert service.token == ""


class Secretive(Users):
    token = "from the class"
    configurables = [
        Configurable("token", secret=True),
        Configurable("pin", type=int, secret=True),
        Configurable("max-body-size", type=int, secret=True),
        Configurable("urls", template=lambda x: x.split(",")),
    ]


def test_secrets_are_masked(arguments, capsys):
    arguments("--token=hunter2", "--urls=redis://:hunter2@a,redis://u:hunter2@b")
    service = Secretive()
    service.configure()
    assert service.token == "hunter2"
    assert service.configuration()["token"] == ("***", "--token")
    assert "hunter2" not in str(service.configuration())
    assert service.configuration()["pin"] == (None, "default")
    for wrong in ("--pin=hunter2", "--max-body-size=-4242", "--tokn=hunter2", "--urls"):
        arguments(wrong)
        line = usage_error(Secretive(), capsys)
        assert wrong.partition("=")[0] in line
        assert "hunter2" not in line
        assert "4242" not in line
    arguments("--help")
    with pytest.raises(SystemExit) as ended:
        Secretive().configure()
    assert ended.value.code == 0
    help_text = capsys.readouterr().out
    assert "--token" in help_text
    assert "from the class" not in help_text


def test_help_says_what_there_is(arguments, capsys):
    arguments("--help")
    with pytest.raises(SystemExit) as ended:
        Users().configure()
    assert ended.value.code == 0
    said = capsys.readouterr()
    assert said.err == ""
    for part in ("usage: users.py", "--port", "random", "--host", "127.0.0.1", "/api"):
        assert part in said.out


def test_a_running_service_is_not_configured(arguments):
    service = Users()
    with service.start_in_thread(), pytest.raises(ServiceStateError, match="before it is started"):
        service.configure()


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"configurables": ["port"]}, "'port', which is no Configurable"),
        ({"configurables": "port"}, "must be a list"),
        ({"configurables": None}, "must be a list"),
        ({"configurables": [Configurable("a-b"), Configurable("a_b")]}, "'a_b' twice"),
        ({"configurables": [Configurable("start")]}, "'start', which is a method"),
        ({"configurables": [Configurable("is_running")]}, "'is_running', which is a method"),
        ({"configurators": [3]}, "3, which is no configurator"),
        ({"configurators": [dict]}, "which is no configurator"),
        ({"configurators": 3}, "must be a list"),
    ],
)
def test_wrong_lists(arguments, attributes, said):
    service = type("Wrong", (Users,), attributes)()
    with pytest.raises(ServiceConfigurationError, match=said):
        service.configure()


def test_an_unknown_key_of_a_file_is_told(arguments, monkeypatch, tmp_path, caplog):
    (tmp_path / "users.toml").write_text("[users]\nprot = 1\n[others]\nx = 1\n")
    monkeypatch.chdir(tmp_path)
    service = Users()
    service.configurators = [FileConfigurator("users.toml")]
    with caplog.at_level(logging.WARNING):
        service.configure()
    [record] = caplog.records
    assert "prot" in record.getMessage()
    assert "port" in record.getMessage()


PROGRAM = """
import gemstone

class Users(gemstone.MicroService):
    name = "users"
    configurators = [
        gemstone.config.FileConfigurator("users.json", optional=True),
        gemstone.config.EnvironmentConfigurator(),
        gemstone.config.CommandLineConfigurator(),
    ]
    configurables = [
        *gemstone.MicroService.configurables,
        gemstone.config.Configurable("debug", type=bool),
    ]

users = Users()
users.configure()
print(users.port, users.debug)
"""


@pytest.mark.parametrize(
    ("arguments", "file", "environment", "status", "said"),
    [
        (["--port", "1"], None, {}, 0, "1 False"),
        (["--debug"], None, {"USERS_PORT": "2"}, 0, "2 True"),
        ([], '{"users": {"port": 3, "debug": true}}', {}, 0, "3 True"),
        ([], '{"users": {"port": 3, "debug": true}}', {"USERS_DEBUG": "no"}, 0, "3 False"),
        ([], None, {"USERS_PORT": "x"}, 2, "the environment variable USERS_PORT: "),
        ([], '{"users": {"port": "x"}}', {}, 2, "users.json: users.port: "),
        ([], '{"users": {\n"port": 1,}}', {}, 2, "users.json, line 2: "),
        (["--prot", "1"], None, {}, 2, "--prot"),
        (["--port"], None, {}, 2, "--port"),
        (["stray"], None, {}, 2, "stray"),
    ],
)
def test_as_a_program(tmp_path, arguments, file, environment, status, said):
    (tmp_path / "users.py").write_text(PROGRAM)
    if file is not None:
        (tmp_path / "users.json").write_text(file)
    done = subprocess.run(
        [sys.executable, "users.py", *arguments],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    if status:
        [line] = done.stderr.splitlines()
        assert line.startswith("users.py: usage error: ")
        assert said in line
        assert done.stdout == ""
    else:
        assert (done.stdout.strip(), done.stderr) == (said, "")


class Converting:
    """A descriptor that keeps its values elsewhere, and as whole numbers."""

    def __get__(self, instance, owner=None):
        return 10 if instance is None else instance.__dict__.get("_kept", 10)

    def __set__(self, instance, value):
        instance.__dict__["_kept"] = int(value)


def test_values_that_a_descriptor_keeps(capsys, arguments):
    class Kept(Users):
        max_batch_size = Converting()
        configurables = [Configurable("max_batch_size")]

    arguments("--max_batch_size=-1")
    service = Kept()
    assert usage_error(service, capsys).startswith("--max_batch_size: ")
    assert service.max_batch_size == 10
    arguments("--max_batch_size=70000")
    service.configure()
    assert service.configuration()["max_batch_size"] == (70000, "--max_batch_size")


def test_what_failed_leaves_nothing(capsys, arguments):
    service = Users()
    service.host = "127.0.0.2"
    arguments("--endpoint=x", "--host=a..b", "--port=8123")
    usage_error(service, capsys)
    assert (service.endpoint, service.host, service.port) == ("/api", "127.0.0.2", 0)
    arguments()
    service.configure()
    assert (service.endpoint, service.host, service.port) == ("/api", "127.0.0.2", 0)


def test_what_is_found_no_more_keeps_its_value_and_its_source(arguments):
    service = Users()
    arguments("--port=8123")
    service.configure()
    arguments()
    service.configure()
    assert service.configuration()["port"] == (8123, "--port")


def test_a_service_whose_constructor_is_not_called(arguments):
    class Hasty(Users):
        def __init__(self):
            pass

    with pytest.raises(ServiceStateError, match=r"Hasty.__init__\(\) does not call super"):
        Hasty().configure()


def test_the_secrets_of_others_are_not_told(arguments, capsys):
    class Locked(BaseConfigurator):
        def load(self):
            raise ConfigurationError("can't load https://u:hunter2@vault:\n\x1b]0;sealed\a")

        def get(self, name): ...

    service = Users()
    service.configurators = [Locked]
    assert usage_error(service, capsys) == "can't load https://u:***@vault: \ufffd]0;sealed\ufffd"

    class Picky(Users):
        configurables = [Configurable("token", secret=True), Configurable("again")]

        def __setattr__(self, name, value):
            if name == "again":
                raise ValueError(f"{value!r} is no good")
            super().__setattr__(name, value)

    for secret in ("hun'ter2", b"hunter2", ["hunter2"]):
        service = Picky()
        service.configurators = [Given({"token": secret, "again": secret})]
        line = usage_error(service, capsys)
        assert line.startswith("Given: ")
        assert "ter2" not in line

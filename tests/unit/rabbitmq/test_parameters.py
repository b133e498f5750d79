"""What a RabbitMqEventTransport is made of: arguments, and URLs."""

import copy
import logging
import ssl

import pika
import pytest

from gemstone.errors import ServiceConfigurationError
from gemstone.event import RabbitMqEventTransport
from gemstone_rabbitmq import _pika
from gemstone_rabbitmq._parameters import build_parameters, parse_url

SECRET = "sesame"


def parameters_of(url):
    arguments = parse_url(url)
    known = [arguments.pop(name) for name in ("host", "port", "username", "password")]
    return build_parameters(*known, arguments)


def test_without_arguments_it_is_the_guest_of_this_machine():
    assert str(RabbitMqEventTransport()) == "amqp://guest:***@127.0.0.1:5672/"
    parameters = build_parameters("127.0.0.1", 5672, "", "", {})
    assert (parameters.credentials.username, parameters.credentials.password) == ("guest", "guest")
    assert parameters.virtual_host == "/"


def test_what_hangs_is_found_in_time_unless_the_user_wants_otherwise():
    ours = build_parameters("h", 1, "", "", {})
    assert 2 * (ours.heartbeat + 5) < 20  # when pika has noticed it at the latest
    assert ours.socket_timeout < 20
    assert ours.stack_timeout < 20
    theirs = build_parameters("h", 1, "", "", {"heartbeat": 60, "stack_timeout": 99})
    assert (theirs.heartbeat, theirs.stack_timeout) == (60, 99)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://", "amqp://guest:***@127.0.0.1:5672/"),
        ("AMQP://h", "amqp://guest:***@h:5672/"),
        ("amqp://h/", "amqp://guest:***@h:5672/"),
        ("amqp://h/%2F", "amqp://guest:***@h:5672/"),
        ("amqp://h/%2Fa%2Fb", "amqp://guest:***@h:5672/%2Fa%2Fb"),
        ("amqp://u:p@h:5673/v", "amqp://u:***@h:5673/v"),
        ("amqp://u%40x:p%2F%40@h/v", "amqp://u%40x:***@h:5672/v"),
        ("amqp://u:p@[::1]:5673", "amqp://u:***@[::1]:5673/"),
        ("amqps://u:p@h", "amqps://u:***@h:5671/"),
    ],
)
def test_a_url_is_understood(url, shown):
    transport = RabbitMqEventTransport.from_url(url)
    assert str(transport) == shown
    assert shown in repr(transport)
    assert str(copy.copy(transport)) == shown


def test_a_url_brings_user_password_and_options():
    parameters = parameters_of("amqp://u%40x:p%2F%40@h/v?heartbeat=7&socket_timeout=1.5&locale=de")
    assert parameters.credentials == pika.PlainCredentials("u@x", "p/@")
    assert (parameters.heartbeat, parameters.socket_timeout) == (7, 1.5)
    assert parameters.locale == "de"
    assert parameters.ssl_options is None


def test_tls_is_verified():
    options = parameters_of("amqps://h").ssl_options
    assert options.context.verify_mode is ssl.CERT_REQUIRED
    assert options.context.check_hostname


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://u:{}@h", "scheme"),
        ("amqp://u:{}@h:nonsense", "port"),
        ("amqp://u:{}@h:0", "port"),
        ("amqp://u:{}@h:65536", "port"),
        ("amqp://u:{}/x@h", "port"),
        ("amqp://u:{}@h/a/b", "virtual host"),
        ("amqp://u:{}@h/#x", "fragment"),
        ("amqp://u:{}@[::1", "host"),
        ("amqp://u:{}@h/?heart=1", "option 'heart'"),
        ("amqp://u:{}@h/?heartbeat=often", "option 'heartbeat'"),
        ("amqp://u:{}@h/?heartbeat=-1", "option 'heartbeat'"),
        ("amqp://u:{}@h/?heartbeat=1&heartbeat=2", "option 'heartbeat'"),
        ("amqp://u:{}@h/?heartbeat=", "option 'heartbeat'"),
        ("amqp://u:{}@h/?cacertfile=x", "option 'cacertfile'"),
        ("amqps://u:{}@h/?cacertfile=/no/such/file", "option 'cacertfile'"),
        ("amqps://u:{}@h/?certfile=/no/such/file", "option 'certfile'"),
        ("amqps://u:{}@h/?keyfile=/no/such/file", "option 'keyfile'"),
    ],
)
def test_a_wrong_url_says_which_part_and_no_password(url, part):
    with pytest.raises(ServiceConfigurationError) as caught:
        RabbitMqEventTransport.from_url(url.format(SECRET))
    assert f"the {part} of" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"host": ""}, "host"),
        ({"host": None}, "host"),
        ({"port": 0}, "port"),
        ({"port": "5672"}, "port"),
        ({"port": True}, "port"),
        ({"username": None}, "username"),
        ({"virtual_hots": "/"}, "option 'virtual_hots'"),
        ({"virtual_host": 1}, "option 'virtual_host'"),
        ({"heartbeat": -1}, "option 'heartbeat'"),
        ({"ssl_options": {}}, "option 'ssl_options'"),
        ({"credentials": "guest"}, "option 'credentials'"),
        ({"credentials": pika.PlainCredentials("a", "b"), "username": "c"}, "option 'credentials'"),
    ],
)
def test_a_wrong_argument_is_named(arguments, part):
    with pytest.raises(ServiceConfigurationError, match=f"the {part}") as caught:
        RabbitMqEventTransport(**{"password": SECRET, **arguments})
    assert SECRET not in str(caught.value)


def test_credentials_of_another_kind_can_be_given():
    transport = RabbitMqEventTransport(credentials=pika.credentials.ExternalCredentials())
    assert str(transport) == "amqp://127.0.0.1:5672/"


@pytest.mark.parametrize("level", [logging.NOTSET, logging.INFO])
def test_pika_is_silenced_unless_it_is_configured(monkeypatch, level):
    logger = logging.getLogger("pika")
    monkeypatch.setattr(logger, "level", level)
    _pika._be_quiet()
    assert logger.level == (level or logging.CRITICAL)


class Regional(RabbitMqEventTransport):
    def __init__(self, region):
        super().__init__(host=f"{region}.example.com", virtual_host="orders")
        self.region = region


def test_a_copy_of_a_subclass_is_one_of_its_own():
    transport = Regional("north")
    transport.register_event_handler(print, "name")

    other = copy.copy(transport)

    assert type(other) is Regional
    assert (other.region, str(other)) == ("north", str(transport))
    assert other._credit is not transport._credit
    assert not other.event_names

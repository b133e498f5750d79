"""What all tests share: the event loop of their services, and brokers.

``GEMSTONE_TEST_EVENT_LOOP`` is the ``event_loop`` of services that choose none: ``asyncio`` or
``uvloop``. Of the programs that tests start only some follow it.

The brokers are real ones, and private ones, started when a test first asks for one.
``GEMSTONE_TEST_REDIS_URL`` and ``GEMSTONE_TEST_RABBITMQ_URL`` name brokers to be used instead. They
may be anybody's, so they are not killed: tests of faults are skipped then, and say so.

``redis_server``, ``rabbitmq_server``
    The address of a broker that all tests share, and only use.
``mortal_redis``, ``mortal_rabbitmq``
    A broker to kill, to pause and to look into. It runs when a test begins.
``own_redis``, ``own_rabbitmq``
    Start brokers with options, or empty ones, that end with the test.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tools.brokers import Address, RabbitMq, Redis, RedisAddress

EVENT_LOOP = "GEMSTONE_TEST_EVENT_LOOP"
REDIS = "GEMSTONE_TEST_REDIS_URL"
RABBITMQ = "GEMSTONE_TEST_RABBITMQ_URL"

# A shell has what it runs in the background ignore Ctrl-C, and all programs that are started there.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Brokers that are killed, or started for one test, take long: on one interpreter they do."""
    for item in items:
        if any(name.startswith(("mortal_", "own_")) for name in getattr(item, "fixturenames", ())):
            item.add_marker("once")


def pytest_report_header() -> str:
    """Says on which event loop services run."""
    return f"event loop of services: {os.environ.get(EVENT_LOOP) or 'auto'}"


@pytest.fixture(scope="session", autouse=True)
def _event_loop() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if choice := os.environ.get(EVENT_LOOP):
            import gemstone  # not installed where the variable is not set: for tests of wheels

            patch.setattr(gemstone.MicroService, "event_loop", choice)
        yield


def skip_if_given(variable: str) -> None:
    if os.environ.get(variable):
        pytest.skip(f"needs a broker of its own, and {variable} names one that may be anybody's")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisAddress]:
    """A Redis that all tests share."""
    if url := os.environ.get(REDIS):
        yield RedisAddress(url)
    else:
        with Redis() as broker:
            yield broker


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[Address]:
    """A RabbitMQ that all tests share."""
    if url := os.environ.get(RABBITMQ):
        yield Address(url)
    else:
        with RabbitMq() as broker:
            yield broker


@pytest.fixture(scope="session")
def _mortal_redis() -> Iterator[Redis]:
    skip_if_given(REDIS)
    with Redis() as broker:
        yield broker


@pytest.fixture(scope="session")
def _mortal_rabbitmq() -> Iterator[RabbitMq]:
    skip_if_given(RABBITMQ)
    with RabbitMq() as broker:
        yield broker


@pytest.fixture
def mortal_redis(_mortal_redis: Redis) -> Redis:
    """A Redis that runs now; whatever is done to it, it runs again for the next test."""
    return _mortal_redis.start()


@pytest.fixture
def mortal_rabbitmq(_mortal_rabbitmq: RabbitMq) -> RabbitMq:
    """A RabbitMQ that runs now; whatever is done to it, it runs again for the next test."""
    return _mortal_rabbitmq.start()


@pytest.fixture
def own_redis() -> Iterator[Callable[..., Redis]]:
    """Starts a Redis with options, for one test."""
    skip_if_given(REDIS)
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Redis(**options))


@pytest.fixture
def own_rabbitmq() -> Iterator[Callable[..., RabbitMq]]:
    """Starts a RabbitMQ with the text of a rabbitmq.conf, for one test."""
    skip_if_given(RABBITMQ)
    with ExitStack() as stack:
        yield lambda config="": stack.enter_context(RabbitMq(config))

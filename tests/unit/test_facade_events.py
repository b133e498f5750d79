"""The facade of events: ``gemstone.event`` and ``gemstone.events``, and what is not installed."""

import importlib
import subprocess
import sys

import pytest

import gemstone
import gemstone.event
import gemstone.event.transport
import gemstone.events
import gemstone.events.transport
import gemstone_core.event
from gemstone import errors

ERRORS = sorted(name for name in errors.__all__ if "Event" in name)
APART = {
    "RedisEventTransport": ("gemstone_redis", "gemstone[redis]"),
    "RedisStreamEventTransport": ("gemstone_redis", "gemstone[redis]"),
    "RabbitMqEventTransport": ("gemstone_rabbitmq", "gemstone[rabbitmq]"),
    "DurableRabbitMqEventTransport": ("gemstone_rabbitmq", "gemstone[rabbitmq]"),
}
MODULES = [
    gemstone.event,
    gemstone.events,
    gemstone.event.transport,
    gemstone.events.transport,
]


def run(code):
    command = [sys.executable, "-I", "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={})


@pytest.mark.parametrize("module", MODULES[:2])
def test_it_serves_all_of_core_and_the_errors(module):
    assert sorted(module.__all__) == sorted([*gemstone_core.event.__all__, *ERRORS, "transport"])
    for name in gemstone_core.event.__all__:
        assert getattr(module, name) is getattr(gemstone_core.event, name)
    for name in ERRORS:
        assert getattr(module, name) is getattr(errors, name)
    assert {*module.__all__} <= {*dir(module)}


@pytest.mark.parametrize("module", MODULES[2:])
def test_the_modules_of_transports(module):
    assert module.__all__ == ["BaseEventTransport", "MemoryEventTransport"]
    for name in module.__all__:
        assert getattr(module, name) is getattr(gemstone_core.event, name)
    exec(f"from {module.__name__} import *", {})


def test_the_handler_s_decorator_is_found_where_the_manual_has_it():
    assert gemstone.event_handler is gemstone.event.event_handler
    assert gemstone.event_handler is gemstone_core.event.event_handler
    assert gemstone.core.event_handler is gemstone_core.event.event_handler


@pytest.mark.parametrize("name", APART)
def test_every_path_of_the_manual_resolves(name):
    pytest.importorskip(APART[name][0])
    expected = getattr(importlib.import_module(APART[name][0]), name)
    assert issubclass(expected, gemstone.event.BaseEventTransport)
    for module in MODULES:
        assert getattr(module, name) is expected


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
@pytest.mark.parametrize("name", APART)
def test_a_transport_that_is_not_installed_says_what_to_install(monkeypatch, module, name):
    distribution, requirement = APART[name]
    for each in [each for each in sys.modules if each.split(".")[0] == distribution]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setitem(sys.modules, distribution, None)
    with pytest.raises(ImportError, match=f"{distribution} is not installed") as caught:
        getattr(module, name)
    assert f'pip install "{requirement}>=1"' in str(caught.value)
    assert caught.value.name == distribution


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
@pytest.mark.parametrize("name", APART)
def test_what_a_transport_itself_misses_goes_through_untouched(monkeypatch, module, name):
    distribution, _ = APART[name]

    class NeedsWhatIsNotThere:
        def find_spec(self, wanted, path=None, target=None):
            if wanted == distribution:
                raise ModuleNotFoundError("No module named 'needed'", name="needed")

    for each in [each for each in sys.modules if each.split(".")[0] == distribution]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setattr(sys, "meta_path", [NeedsWhatIsNotThere(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match="No module named 'needed'"):
        getattr(module, name)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_an_unknown_name(module):
    with pytest.raises(AttributeError, match="has no attribute 'KafkaEventTransport'"):
        _ = module.KafkaEventTransport
    assert not hasattr(module, "__wrapped__")


@pytest.mark.parametrize(
    "statement",
    [
        "import gemstone.event",
        "import gemstone.events.transport",
        "import gemstone; gemstone.event_handler; gemstone.events.transport",
        "import gemstone.event; gemstone.event.MemoryEventTransport()",
        "from gemstone.event import *",
        "import gemstone_core.testing",
    ],
)
def test_no_client_of_a_broker_is_loaded_and_nothing_started(statement):
    done = run(
        f"import sys, threading; {statement}; "
        "heavy = {'redis', 'hiredis', 'pika', 'pytest', 'gemstone_redis', 'gemstone_rabbitmq'}; "
        "print(*sorted(heavy & {*sys.modules}), threading.active_count())"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1"]


def test_a_url_of_memory_asks_no_metadata():
    done = run(
        "import sys, gemstone.event; gemstone.event.open_transport('memory://'); "
        "print('importlib.metadata' in sys.modules)"
    )
    assert done.stdout.split() == ["False"], done.stderr


def test_the_tree_of_errors():
    for name in ERRORS:
        assert issubclass(getattr(errors, name), errors.EventError)
        assert name in (errors.__doc__ or "")
    assert issubclass(errors.InvalidEventError, ValueError)
    # Who waits with a timeout is to know whether it has passed, or the event has failed.
    assert not issubclass(errors.EventExpiredError, TimeoutError)
    assert issubclass(errors.EventUnconfirmedError, ConnectionError)

"""Every name of the manual of 0.12 is there, under each path that it writes, and called as there.

What its code blocks do is in tests/examples/test_manual.py.
"""

import contextlib
import functools
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import gemstone

ROOT = Path(__file__).parents[2]

#: The names, by the chapter that has them first.
NAMES = {
    "First look": """
        gemstone gemstone.core gemstone.core.MicroService gemstone.core.exposed_method
        gemstone.MicroService gemstone.MicroService.name gemstone.MicroService.host
        gemstone.MicroService.port gemstone.MicroService.start gemstone.exposed_method
    """,
    "RPC": """
        gemstone.TornadoJsonRpcHandler gemstone.MicroService.get_executor gemstone.RemoteService
        gemstone.MicroService.get_service
    """,
    "Publisher-subscriber": """
        gemstone.event.transport.RabbitMqEventTransport gemstone.event.transport.RedisEventTransport
        gemstone.events.transport.RedisEventTransport gemstone.events.transport
        gemstone.MicroService.event_transports gemstone.MicroService.emit_event
        gemstone.event_handler
    """,
    "Service discovery": """
        gemstone.MicroService.discovery_strategies gemstone.discovery.RedisDiscoveryStrategy
    """,
    "Configurable features": """
        gemstone.config.configurator.CommandLineConfigurator gemstone.MicroService.configurables
        gemstone.MicroService.configurators gemstone.MicroService.configure
        gemstone.MicroService.accessible_at gemstone.config.CommandLineConfigurator
        gemstone.config.Configurable
    """,
    "Modules": """
        gemstone.core.Container gemstone.client gemstone.client.RemoteService
        gemstone.client.structs gemstone.client.structs.Result
        gemstone.client.structs.AsyncMethodCall gemstone.client.AsyncMethodCall
        gemstone.client.MethodCall gemstone.client.Notification gemstone.client.Result
        gemstone.client.BatchResult gemstone.config gemstone.config.BaseConfigurator
        gemstone.event gemstone.event.BaseEventTransport gemstone.event.RedisEventTransport
        gemstone.event.RabbitMqEventTransport gemstone.discovery gemstone.plugins
        gemstone.plugins.BasePlugin gemstone.util gemstone.util.as_completed gemstone.as_completed
        gemstone.util.dynamic_load gemstone.util.first_completed
    """,
    "Changes": """
        gemstone.Container gemstone.core.Container.get_io_loop gemstone.core.Container.get_executor
        gemstone.Module gemstone.MicroService.authenticate_request gemstone.GemstoneCustomHandler
        gemstone.config.configurable.Configurable gemstone.config.configurator.BaseConfigurator
        gemstone.event.transport.BaseEventTransport gemstone.first_completed gemstone.make_callbacks
        gemstone.MicroService.endpoint gemstone.RemoteService.get_service_by_name
    """,
}

#: What the manual writes of calls: the parameters, their kinds, order and defaults.
SIGNATURES = """\
    gemstone.client.RemoteService(service_endpoint, *, authentication_method=None)
    gemstone.client.RemoteService.call_method(method_name_or_object, params=None)
    gemstone.client.RemoteService.call_method_async(method_name_or_object, params=None)
    gemstone.client.RemoteService.handle_single_request(request_object)
    gemstone.client.RemoteService.notify(method_name_or_object, params=None)
    gemstone.client.AsyncMethodCall(req_obj, async_resp_object)
    gemstone.client.AsyncMethodCall.result(wait=False)
    gemstone.client.MethodCall(method_name, params=None, id=None)
    gemstone.client.Notification(method_name, params=None, id=None)
    gemstone.client.Result(result, error, id, method_call)
    gemstone.client.BatchResult(*responses)
    gemstone.config.Configurable(name, *, template=None)
    gemstone.config.Configurable.set_value(value)
    gemstone.config.Configurable.get_final_value()
    gemstone.config.BaseConfigurator.get(name)
    gemstone.config.BaseConfigurator.get_configurable_by_name(name)
    gemstone.config.BaseConfigurator.load()
    gemstone.config.BaseConfigurator.register_configurable(configurable)
    gemstone.config.CommandLineConfigurator()
    gemstone.event.BaseEventTransport()
    gemstone.event.BaseEventTransport.emit_event(event_name, event_body)
    gemstone.event.BaseEventTransport.on_event_received(event_name, event_body)
    gemstone.event.BaseEventTransport.register_event_handler(handler_func, handled_event_name)
    gemstone.event.BaseEventTransport.run_on_main_thread(func, args=None, kwargs=None)
    gemstone.event.BaseEventTransport.set_microservice(microservice)
    gemstone.event.BaseEventTransport.start_accepting_events()
    gemstone.event.RedisEventTransport(redis_url)
    gemstone.event.RedisEventTransport.emit_event(event_name, event_body)
    gemstone.event.RabbitMqEventTransport(host="127.0.0.1", port=5672, username="", password="", \
        **connection_options)
    gemstone.event.RabbitMqEventTransport.emit_event(event_name, event_body)
    gemstone.util.as_completed(*async_result_wrappers)
    gemstone.util.dynamic_load(module_or_member)
    gemstone.util.first_completed(*async_result_wrappers)
    gemstone.exposed_method(name=None)
    gemstone.event_handler(event_name)
    gemstone.discovery.RedisDiscoveryStrategy(redis_url)
    gemstone.MicroService()
    gemstone.MicroService.start()
    gemstone.MicroService.configure()
    gemstone.MicroService.get_executor()
    gemstone.MicroService.get_service(name)
    gemstone.MicroService.emit_event(event_name, event_body)
    gemstone.MicroService.authenticate_request(handler)
    gemstone.core.Container.get_io_loop()
    gemstone.core.Container.get_executor()
"""

#: Keyword arguments that it writes in examples and in its list of changes.
KEYWORDS = {
    "gemstone.exposed_method": ["name", "private", "is_coroutine", "requires_handler_reference"]
}

#: What its list of changes names, and calls removed or deprecated there.
GONE = """
    gemstone.public_method gemstone.private_api_method gemstone.async_method
    gemstone.requires_handler_reference gemstone.MicroService.api_token_is_valid
    gemstone.MicroService.get_cli gemstone.HeaderValidationStrategy gemstone.BasicCookieStrategy
"""


def found(path: str) -> Any:
    """What a dotted name stands for, after the ``import gemstone`` that the manual has."""
    return functools.reduce(getattr, path.split(".")[1:], gemstone)


def imported(path: str) -> Any:
    """The same, for who imports as much of it as can be imported."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            module = importlib.import_module(".".join(parts[:length]))
            return functools.reduce(getattr, parts[length:], module)
    raise AssertionError(path)


@pytest.mark.parametrize("path", [name for names in NAMES.values() for name in names.split()])
def test_the_name_is_there(path):
    there = found(path)

    assert imported(path) == there
    if inspect.isclass(there):
        assert there.__name__ == path.rpartition(".")[2] or path == "gemstone.Module"


def test_paths_of_one_name_lead_to_one_thing():
    paths = [name for names in NAMES.values() for name in names.split()]
    classes: dict[str, set[object]] = {}
    for path in paths:
        if inspect.isclass(found(path)) or inspect.isfunction(found(path)):
            classes.setdefault(path.rpartition(".")[2], set()).add(found(path))
    # Methods of several classes may have one name; those of the manual's modules do not.
    for name in classes.keys() - {"get_executor", "emit_event"}:
        assert len(classes[name]) == 1, name


def written(line: str) -> tuple[str, list[inspect.Parameter]]:
    """The path and the parameters of a line of `SIGNATURES`."""
    path, _, parameters = line.strip().removesuffix(")").partition("(")
    names: dict[str, Any] = {}
    exec(f"def call({parameters}): ...", names)
    return path, [*inspect.signature(names["call"]).parameters.values()]


def taken(path: str) -> list[inspect.Parameter]:
    """The parameters that ours takes."""
    parameters = [*inspect.signature(found(path)).parameters.values()]
    if parameters and parameters[0].name == "self":
        del parameters[0]
    return parameters


@pytest.mark.parametrize("line", SIGNATURES.strip().splitlines(), ids=str.strip)
def test_it_is_called_as_the_manual_says(line):
    path, expected = written(line)
    parameters = taken(path)
    by_name = {parameter.name: parameter for parameter in parameters}

    by_position = [each for each in expected if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert [each.name for each in parameters[: len(by_position)]] == [
        each.name for each in by_position
    ]
    for each in expected:
        assert by_name[each.name].kind is each.kind
        assert by_name[each.name].default == each.default
    # Whatever more there is, nobody has to give.
    for each in by_name.keys() - {each.name for each in expected}:
        more = by_name[each]
        may_be_left_out = more.kind in (more.VAR_POSITIONAL, more.VAR_KEYWORD)
        assert may_be_left_out or more.default is not more.empty


@pytest.mark.parametrize(("path", "names"), KEYWORDS.items())
def test_keywords(path, names):
    assert {*names} <= {each.name for each in taken(path)}


@pytest.mark.parametrize("path", GONE.split())
def test_what_is_gone_is_told(path):
    """By the page for those who come from 0.12."""
    name = path.rpartition(".")[2]
    with pytest.raises(AttributeError):
        found(path)
    told = (ROOT / "docs" / "upgrading.md").read_text()
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", told), name


def test_emitting_has_no_parameter_that_was_removed():
    """``broadcast`` came with 0.10 and went with 0.11."""
    assert "broadcast" not in inspect.signature(gemstone.MicroService.emit_event).parameters


def test_every_configurator_is_found_by_the_path_of_the_manual():
    """``gemstone.config.configurator.*``, it says."""
    for name in gemstone.config.__all__:
        if name.endswith("Configurator"):
            assert getattr(gemstone.config.configurator, name) is getattr(gemstone.config, name)

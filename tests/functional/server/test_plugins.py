"""Which plugins a service has: how they are listed, named, found and refused."""

import functools

import pytest
from tornado import gen

import gemstone
from gemstone.errors import (
    MissingPluginNameError,
    PluginDoesNotExistError,
    PluginError,
    ServiceConfigurationError,
    ServiceStateError,
)
from gemstone.plugins import RequestLog


class Recorder(gemstone.BasePlugin):
    name = "recorder"


class Shop(gemstone.MicroService):
    name = "shop"
    port = 0
    drain_grace = 0


def shop(*plugins):
    return type("Shop", (Shop,), {"plugins": plugins})()


@pytest.mark.parametrize("entry", [Recorder, Recorder(), lambda: Recorder()])
def test_it_is_listed_or_registered(entry):
    listed, registered = shop(entry), shop()
    registered.register_plugin(Recorder)
    for service in (listed, registered):
        plugin = service.get_plugin("recorder")
        assert type(plugin) is Recorder
        assert plugin.microservice is service


def test_a_class_makes_a_plugin_for_each_service_and_the_list_is_left_alone():
    service, other = shop(Recorder), shop(Recorder)
    assert service.get_plugin("recorder") is not other.get_plugin("recorder")
    other.register_plugin(RequestLog)
    assert other.plugins == (Recorder,)
    assert Shop.plugins == ()


def test_an_instance_serves_one_running_service_at_a_time():
    plugin = Recorder()
    with (
        shop(plugin).start_in_thread(),
        pytest.raises(ServiceConfigurationError, match="running service 'shop'"),
    ):
        shop(plugin)
    assert shop(plugin).get_plugin("recorder") is plugin


def test_a_plugin_as_it_was_written_for_0_12():
    class OldPlugin(gemstone.plugins.BasePlugin):
        name = "old_plugin"

        def __init__(self):
            super().__init__()
            self.seen = []

        def on_service_start(self):
            self.seen.append(f"start of {self.microservice.name}")

        def on_service_stop(self):
            self.seen.append("stop")

    service = shop(OldPlugin())
    with service.start_in_thread():
        pass
    assert service.get_plugin("old_plugin").seen == ["start of shop", "stop"]


def test_a_constructor_that_leaves_out_that_of_the_base(serve):
    class Independent(gemstone.BasePlugin):
        name = "independent"

        def __init__(self):
            self.called = []

        def on_method_call(self, jsonrpc_request):
            self.called.append((self.microservice.name, jsonrpc_request.method))

    service = shop(Independent)
    serve(service).error("missing")
    assert service.get_plugin("independent").called == [("shop", "missing")]


class Namesake(gemstone.BasePlugin):
    name = "recorder"


@pytest.mark.parametrize("other", [Recorder, Recorder(), Namesake, Namesake()])
def test_two_of_one_name_are_both_named(other):
    both = rf"two plugins of the name 'recorder', Recorder and {getattr(other, '__name__', '')}"
    with pytest.raises(PluginError, match=both):
        shop(Recorder, other)
    service = shop(Recorder)
    with pytest.raises(PluginError, match=both):
        service.register_plugin(other)
    assert type(service.get_plugin("recorder")) is Recorder


def test_one_that_is_listed_by_its_name_and_by_its_class():
    with pytest.raises(PluginError, match="two plugins of the name 'request_log'"):
        shop("request_log", RequestLog)


@pytest.mark.parametrize("name", [None, "", 5, b"recorder"])
def test_a_plugin_has_a_name(name):
    nameless = type("Nameless", (gemstone.BasePlugin,), {"name": name})
    with pytest.raises(MissingPluginNameError, match="Nameless has no name"):
        shop(nameless)
    with pytest.raises(MissingPluginNameError, match="Nameless has no name"):
        shop().register_plugin(nameless())


def test_a_name_that_a_service_does_not_know():
    with pytest.raises(PluginDoesNotExistError, match="no plugin 'other' here: there is none"):
        shop().get_plugin("other")
    with pytest.raises(PluginDoesNotExistError, match=r"did you mean 'recorder'\? there are rec"):
        shop(Recorder).get_plugin("recoder")
    with pytest.raises(PluginDoesNotExistError, match="no plugin None here: there are recorder"):
        shop(Recorder).get_plugin(None)


def test_none_is_registered_while_the_service_runs():
    service = shop()
    with service.start_in_thread(), pytest.raises(ServiceStateError, match="before it is started"):
        service.register_plugin(Recorder())


async def coroutine(self, *arguments): ...


@gen.coroutine
def tornado_coroutine(self, *arguments): ...


def generator(self, *arguments):
    yield


async def asynchronous_generator(self, *arguments):
    yield


@pytest.mark.parametrize(
    "hook",
    [
        coroutine,
        tornado_coroutine,
        generator,
        asynchronous_generator,
        staticmethod(functools.partial(coroutine, None)),
    ],
)
@pytest.mark.parametrize("name", ["on_service_start", "on_method_return", "on_event"])
def test_a_hook_that_nobody_would_wait_for_is_refused(name, hook):
    plugin = type("Waiting", (Recorder,), {name: hook})
    with pytest.raises(PluginError, match=rf"{name}\(\) of the plugin 'recorder' is a"):
        shop(plugin)


def test_a_hook_that_is_none_is_refused():
    plugin = type("Empty", (Recorder,), {"on_event": None})
    with pytest.raises(PluginError, match=r"on_event\(\) of the plugin 'recorder' is None"):
        shop(plugin)


# By the names of entry points.

MODULE = """
import gemstone

class Stranger(gemstone.BasePlugin):
    name = "stranger"

made = Stranger()
number = 5

def five():
    return 5
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs distributions that offer a plugin."""

    def install(distribution, name, target):
        folder = tmp_path / f"{distribution}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        (folder / "entry_points.txt").write_text(f"[gemstone.plugins]\n{name} = {target}\n")
        (tmp_path / f"{distribution}.py").write_text(MODULE)

    monkeypatch.syspath_prepend(tmp_path)
    return install


@pytest.mark.parametrize(
    ("distribution", "target"), [("acme", "acme:Stranger"), ("dcme", "dcme:made")]
)
def test_a_plugin_by_the_name_of_its_entry_point(installed, distribution, target):
    installed(distribution, "stranger", target)
    assert type(shop("stranger").get_plugin("stranger")).__module__ == distribution
    service = shop()
    service.register_plugin("stranger")
    assert type(service.get_plugin("stranger")).__module__ == distribution


def test_ours_is_installed():
    assert type(shop("request_log").get_plugin("request_log")) is RequestLog


def test_a_name_that_nobody_offers(installed):
    installed("fcme", "stranger", "fcme:Stranger")
    with pytest.raises(PluginDoesNotExistError) as raised:
        shop("request_logs")
    assert str(raised.value) == (
        "no plugin 'request_logs' is installed: did you mean 'request_log'? "
        "there are request_log, stranger"
    )


def test_two_distributions_that_offer_one_name(installed):
    installed("acme", "stranger", "acme:Stranger")
    installed("bcme", "stranger", "bcme:Stranger")
    with pytest.raises(PluginError, match="acme and bcme both offer the plugin 'stranger'"):
        shop("stranger")


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("ccme:Missing", "'stranger' of ccme can't be imported: .*Missing"),
        ("nowhere.at_all:Stranger", "'stranger' of ccme can't be imported: No module named"),
        ("ccme:number", "'stranger' .* stands for 5: it must stand for a class"),
        ("ccme", "'stranger' .* stands for <module .*: it must stand for a class"),
    ],
)
def test_an_entry_point_that_stands_for_no_plugin(installed, target, problem):
    installed("ccme", "stranger", target)
    with pytest.raises(PluginError, match=problem):
        shop("stranger")


def test_an_entry_point_that_makes_something_else(installed):
    installed("ecme", "stranger", "ecme:five")
    with pytest.raises(ServiceConfigurationError, match="'stranger', which is no BasePlugin"):
        shop("stranger")

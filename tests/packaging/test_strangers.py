"""A package of somebody else's, with a transport and a strategy: found as ours are, by URL."""

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "stranger"
version = "1"
[project.entry-points."gemstone.discovery_strategies"]
pigeon = "stranger:Pigeons"
[project.entry-points."gemstone.event_transports"]
pigeon = "stranger:PigeonPost"
"""

# No more than the manual says that there must be, and from_url().
MODULE = """
from gemstone.discovery import BaseDiscoveryStrategy
from gemstone.event import BaseEventTransport

LOFT = {}

class Pigeons(BaseDiscoveryStrategy):
    @classmethod
    def from_url(cls, url):
        return cls()

    def ping(self, name, location):
        LOFT.setdefault(name, []).append(location)

    def locate(self, name):
        return LOFT.get(name, [])

class PigeonPost(BaseEventTransport):
    handlers = {}

    @classmethod
    def from_url(cls, url):
        return cls()

    def register_event_handler(self, handler_func, handled_event_name):
        self.handlers[handled_event_name] = handler_func

    def start_accepting_events(self):
        pass

    def emit_event(self, event_name, event_body):
        self.handlers[event_name](event_body)
"""

PROGRAM = """
import gemstone

class Coop(gemstone.MicroService):
    name = "coop"
    port = 0
    discovery_strategies = ["pigeon://loft"]
    event_transports = ["pigeon://loft"]
    grain = 0

    @gemstone.event_handler("grain")
    def feed(self, body):
        self.grain += body

    @gemstone.exposed_method()
    def call_myself(self):
        return self.get_service("coop").methods.coo()

    @gemstone.exposed_method()
    def coo(self):
        return "coo"

with Coop().start_in_thread() as coop:
    with gemstone.RemoteService(coop.accessible_at) as remote:
        print(remote.methods.call_myself())
    coop.emit_event("grain", 3).wait(30)
print(coop.grain)

try:
    class Hawk(gemstone.MicroService):
        name = "hawk"
        discovery_strategies = ["pidgeon://loft"]
    Hawk()
except gemstone.errors.BackendError as error:
    print(error)
"""


def test_a_stranger_s_package(make_environment, dist, version, tmp_path):
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "stranger.py").write_text(MODULE)
    environment = make_environment()
    environment.install_built(f"gemstone=={version}", dist)
    environment.install(str(folder))

    said, fed, *rest = environment.run(PROGRAM).splitlines()

    assert (said, fed) == ("coo", "3")
    assert any("did you mean pigeon://?" in line for line in rest)

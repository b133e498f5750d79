"""A plugin that counts and times calls and events, and the log of calls that gemstone brings."""

from collections import Counter

import gemstone
from gemstone.event import Event
from gemstone.plugins import MethodOutcome


class Statistics(gemstone.BasePlugin):
    name = "statistics"

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.slowest: dict[str, float] = {}

    def on_method_return(self, jsonrpc_request: gemstone.Request, outcome: MethodOutcome) -> None:
        # Clients may call whatever they like: only names of methods are remembered.
        if outcome.error is None:
            method = jsonrpc_request.method
            self.counts[method] += 1
            self.slowest[method] = max(outcome.seconds, self.slowest.get(method, 0.0))
        else:
            self.counts[f"error {outcome.error.code}"] += 1

    def on_event(self, event: Event) -> None:
        self.counts[f"event {event.name}"] += 1


class PluginsService(gemstone.MicroService):
    name = "plugins_service"
    port = 8000
    event_transports = ["memory://"]
    plugins = [Statistics, "request_log"]

    @gemstone.exposed_method()
    async def greet(self, who: str) -> str:
        await self.emit_event("greeted", who)
        return f"hello {who}"

    @gemstone.event_handler("greeted")
    def on_greeted(self, who: str) -> None:
        self.logger.info("%s was greeted", who)

    @gemstone.exposed_method()
    async def statistics(self) -> dict[str, object]:
        plugin = self.get_plugin("statistics")
        assert isinstance(plugin, Statistics)
        return {"counts": plugin.counts, "slowest": plugin.slowest}


if __name__ == "__main__":
    PluginsService().start()

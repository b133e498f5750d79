"""A service made of parts: a module, a plugin, and a task that it does every so often."""

import threading
from collections import Counter

import gemstone


class Users(gemstone.Module):
    def __init__(self) -> None:
        self._names: list[str] = []
        self._lock = threading.Lock()  # blocking methods run in many threads

    @gemstone.exposed_method("users.register")
    def register(self, name: str) -> int:
        with self._lock:
            self._names.append(name)
            return len(self._names)

    @gemstone.exposed_method("users.list")
    def list_names(self) -> list[str]:
        return sorted(self._names)


class CallCounter(gemstone.BasePlugin):
    name = "call_counter"

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def on_method_call(self, jsonrpc_request: gemstone.Request) -> None:
        self.calls[jsonrpc_request.method] += 1


class ModulesService(gemstone.MicroService):
    name = "modules_service"
    port = 8000
    modules = [Users]
    plugins = [CallCounter]

    def __init__(self) -> None:
        super().__init__()
        self.beats = 0
        self.periodic_tasks = [(self.beat, 0.1)]

    def beat(self) -> None:
        self.beats += 1

    @gemstone.exposed_method()
    def statistics(self) -> dict[str, object]:
        counter = self.get_plugin("call_counter")
        assert isinstance(counter, CallCounter)
        return {"calls": counter.calls, "beats": self.beats}


if __name__ == "__main__":
    ModulesService().start()

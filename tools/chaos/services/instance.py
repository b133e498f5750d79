"""``python -m tools.chaos.services.instance PORT REGISTRY PING_INTERVAL``: serves until SIGTERM.

It tells of each call that it begins to execute; in the end, which threads its stop has left.
"""

import asyncio
import os
import sys
import threading
import time
from typing import Final

import gemstone

from ..telling import end_without_parent, tell

#: The name behind which all instances are.
NAME: Final = "chaos.worker"
#: How long each call takes, at least, in seconds: so that some are always under way.
_WORK: Final = 0.005


class Worker(gemstone.MicroService):
    """One of several instances.

    Args:
        port: where it listens.
        registry: the URL of its discovery strategy.
        ping_interval: how often it says there that it is alive, in seconds.
    """

    name = NAME

    def __init__(self, port: int, registry: str, ping_interval: float) -> None:
        self.port = port
        self.discovery_strategies = [registry]
        self.service_registry_ping_interval = ping_interval
        super().__init__()

    @gemstone.exposed_method()
    async def take(self, number: int) -> int:
        """Is executed on the loop; says which process has done so."""
        tell("taken", time.monotonic(), number)
        await asyncio.sleep(_WORK)
        return os.getpid()

    @gemstone.exposed_method()
    def take_blocking(self, number: int) -> int:
        """Is executed on a thread."""
        tell("taken", time.monotonic(), number)
        time.sleep(_WORK)
        return os.getpid()


def main() -> None:
    """Runs the instance that is described on the command line."""
    end_without_parent()
    service = Worker(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
    before = {*threading.enumerate()}
    service.start()
    tell("stopped", sorted(thread.name for thread in {*threading.enumerate()} - before))


if __name__ == "__main__":
    main()

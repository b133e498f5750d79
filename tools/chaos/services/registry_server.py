"""``python …/registry_server.py PORT TIME_TO_LIVE``: an HTTP registry."""

import sys

from gemstone.discovery import ServiceRegistry


def main() -> None:
    """Serves until a signal comes."""
    registry = ServiceRegistry()
    registry.port = int(sys.argv[1])
    registry.time_to_live = float(sys.argv[2])
    registry.start()


if __name__ == "__main__":
    main()

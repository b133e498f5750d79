"""Who is where, each for a while: what a registry keeps."""

import time
from typing import Final

from ._names import is_pattern, matching

#: How often what has expired is thrown away, in seconds, if there is anything to do at all.
_SWEEP_EVERY: Final = 1.0


class Entries:
    """The locations of services, which expire. Not for several threads at once."""

    def __init__(self) -> None:
        self._expiries: dict[str, dict[str, float]] = {}
        self._count = 0
        self._sweep_at = 0.0

    def put(self, name: str, location: str, time_to_live: float, limit: int) -> bool:
        """Note that a service is at a location.

        Args:
            name: the name of the service.
            location: where it is.
            time_to_live: for how many seconds.
            limit: how many locations there may be in all.

        Returns:
            Whether there was a place for it.
        """
        now = self._sweep()
        locations = self._expiries.get(name, {})
        if location not in locations:
            if self._count >= limit:
                self._sweep(at_once=True)
                if self._count >= limit:
                    return False
            self._count += 1
            # After the sweep, which may have taken away the last of the others.
            locations = self._expiries.setdefault(name, {})
        locations[location] = now + time_to_live
        return True

    def remove(self, name: str, location: str) -> None:
        """Forget a location, if it is there."""
        locations = self._expiries.get(name, {})
        if locations.pop(location, None) is not None:
            self._count -= 1
            if not locations:
                del self._expiries[name]

    def locate(self, name: str) -> list[str]:
        """The locations of a service, or of all that a pattern stands for, each once."""
        now = self._sweep()
        names = list(matching(name, self._expiries)) if is_pattern(name) else [name]
        return list(dict.fromkeys(each for name in names for each in self._living(name, now)))

    def services(self) -> dict[str, list[str]]:
        """The locations of all services, by name."""
        now = self._sweep()
        living = {name: self._living(name, now) for name in self._expiries}
        return {name: locations for name, locations in living.items() if locations}

    def __len__(self) -> int:
        return self._count

    def _living(self, name: str, now: float) -> list[str]:
        expiries = self._expiries.get(name, {})
        return [location for location, expiry in expiries.items() if expiry > now]

    def _sweep(self, at_once: bool = False) -> float:
        """Throw away what has expired; tells the time."""
        now = time.monotonic()
        if now >= self._sweep_at or at_once:
            self._sweep_at = now + _SWEEP_EVERY
            for name, expiries in list(self._expiries.items()):
                for location in [each for each, expiry in expiries.items() if expiry <= now]:
                    self.remove(name, location)
        return now

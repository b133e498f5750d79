"""Where events are on the broker."""

from typing import Final

_BROADCAST: Final = "gemstone.broadcast."


def exchange_of(event_name: str) -> str:
    """The exchange through which every instance gets the events of a name."""
    return _BROADCAST + event_name


def event_of(exchange: str) -> str | None:
    """The name of the events that come through an exchange, if it is one of ours."""
    return exchange.removeprefix(_BROADCAST) if exchange.startswith(_BROADCAST) else None

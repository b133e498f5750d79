"""``FolderEventTransport``: each event has a file in a folder, and each line of it is a body."""

import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import quote, unquote, urlsplit

from gemstone.errors import ServiceConfigurationError
from gemstone.event import BaseEventTransport, Emission, Event, Outbox, mask_password

from ._files import Tail, append

#: How often to look for new events, in seconds.
LOOK_EVERY = 0.02


class FolderEventTransport(BaseEventTransport):
    """Event transport over the files of a folder.

    Delivery: to every running service that handles the event, at most once. The receipt is done
    when the line is written.

    Args:
        folder: the folder; it is made when it is needed.
        max_size: how long a file may become before it is removed, in bytes. A service that is
            behind by more than that misses events.
    """

    reports_connected: ClassVar[bool] = True

    def __init__(self, folder: str | Path, max_size: int = 64 * 1024 * 1024) -> None:
        self.folder = Path(folder).absolute()
        self.max_size = max_size
        self._stopping = threading.Event()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The transport of ``folder:///path/of/the/folder``."""
        parts = urlsplit(url)
        if parts.netloc or parts.query or parts.fragment or len(parts.path) < 2:
            raise ServiceConfigurationError(
                f"{mask_password(url)!r} is no URL of a folder: write folder:///path/of/it"
            )
        return cls(unquote(parts.path))

    def start_accepting_events(self) -> None:
        """Receive events, until :meth:`stop` is called."""
        stopping = self._stopping = threading.Event()
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:
            tails = [
                (name, files.enter_context(closing(Tail(self._path(name)))))
                for name in self.event_names
            ]
            self.connected()
            while not stopping.wait(LOOK_EVERY):
                for name, tail in tails:
                    for line in tail.lines():
                        self.deliver(Event.from_json(name, line))
                        if stopping.is_set():
                            return

    def stop(self) -> None:
        """End :meth:`start_accepting_events`."""
        self._stopping.set()

    def emit_event(self, event_name: str, event_body: Any) -> None:
        """Write one event."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._append(Emission.of_body(event_name, event_body))

    def publish(self, outbox: Outbox) -> None:
        """Write the events of an outbox, until it is finished."""
        self.folder.mkdir(parents=True, exist_ok=True)
        outbox.connected()
        while not outbox.is_finished:
            emissions = outbox.take()
            for number, emission in enumerate(emissions):
                try:
                    self._append(emission)
                except OSError:
                    outbox.put_back(emissions[number:])
                    raise
                outbox.done([emission])

    def __copy__(self) -> Self:
        copied = self.renewed()
        copied._stopping = threading.Event()
        return copied

    def __str__(self) -> str:
        return f"folder://{quote(str(self.folder))}"

    def _append(self, emission: Emission) -> None:
        append(self._path(emission.name), emission.data, self.max_size)

    def _path(self, event_name: str) -> Path:
        return self.folder / f"{event_name}.jsonl"

"""What a transport of folders does besides what all transports do."""

import queue
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gemstone
from gemstone.errors import ServiceConfigurationError
from gemstone_folder import FolderEventTransport


class Listener(gemstone.MicroService):
    name = "listener"
    port = 0
    drain_grace = 0

    def __init__(self) -> None:
        self.heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        super().__init__()

    @gemstone.event_handler("said")
    def hear(self, body: Any) -> None:
        self.heard.put(body)


def test_other_programs(tmp_path: Path) -> None:
    """A service hears what another process emits, and what a shell writes."""
    url = f"folder://{tmp_path}/made/when%20needed"

    class Here(Listener):
        event_transports = [url]

    program = (
        "import sys, gemstone.event\n"
        "with gemstone.event.open_transport(sys.argv[1]) as transport:\n"
        "    transport.emit_event('said', {'by': 'another'}).wait(30)\n"
    )
    with Here().start_in_thread() as service:
        assert service.event_status()[0].transport == url
        subprocess.run([sys.executable, "-c", program, url], check=True, timeout=60)
        assert service.heard.get(timeout=30) == {"by": "another"}
        with (tmp_path / "made" / "when needed" / "said.jsonl").open("a") as file:
            print('"by hand"', file=file)
        assert service.heard.get(timeout=30) == "by hand"


def test_files_do_not_grow_for_ever(tmp_path: Path) -> None:
    class Here(Listener):
        event_transports = [FolderEventTransport(tmp_path, max_size=100)]

    with Here().start_in_thread() as service:
        for number in range(60):
            service.emit_event("said", number).wait(30)
            assert service.heard.get(timeout=30) == number
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100


@pytest.mark.parametrize(
    "url", ["folder://", "folder:///", "folder://host/events", "folder:///a?b", "folder:///a#b"]
)
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(ServiceConfigurationError, match="is no URL of a folder: write folder:///"):
        FolderEventTransport.from_url(url)

"""What every transport has to do, done by this one."""

import shutil
import tempfile
from pathlib import Path

from gemstone_core.testing import EventTransportContract
from gemstone_folder import FolderEventTransport


class TestFolder(EventTransportContract):
    def setup_method(self) -> None:
        super().setup_method()
        self.folder = Path(tempfile.mkdtemp())
        self.url = f"folder://{self.folder}"

    def teardown_method(self) -> None:
        super().teardown_method()
        shutil.rmtree(self.folder)

    def make_transport(self) -> FolderEventTransport:
        return FolderEventTransport(self.folder)

    def make_unreachable_transport(self) -> FolderEventTransport:
        return FolderEventTransport("/dev/null/events")

    def break_connections(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()

    def send_raw(self, event_name: str, data: bytes) -> None:
        with (self.folder / f"{event_name}.jsonl").open("ab") as file:
            file.write(data + b"\n")

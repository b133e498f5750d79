"""``python -m tools.soak.visitor PORT RATE CA``: calls calmly, and tells how long each call took.

It ends when its stdin is closed. Each call is checked; every now and then it comes by a new
connection, so that it is also noticed if nobody is let in any more.
"""

import http.client
import itertools
import json
import os
import select
import ssl
import sys
import time
from typing import Final

from ..chaos.telling import tell

#: How long a call may take, in seconds, before it is a failure.
PATIENCE: Final = 20.0
#: After so many calls a new connection is opened.
_CALLS_OF_A_CONNECTION: Final = 50


class Visitor:
    """Somebody who calls the service and expects the right answer.

    Args:
        port: where the service is.
        authority: the file of its certificate's authority; empty: there is no TLS.
    """

    def __init__(self, port: int, authority: str) -> None:
        self._port = port
        self._tls = ssl.create_default_context(cafile=authority) if authority else None
        self._connection: http.client.HTTPConnection | None = None

    def call(self, number: int) -> str:
        """Makes a call, and gives what was wrong with it; nothing is fine."""
        nonce = f"good-{number}"
        call = {"jsonrpc": "2.0", "method": "echo", "params": [nonce], "id": number}
        if self._connection is None or number % _CALLS_OF_A_CONNECTION == 0:
            self._open()
        assert self._connection is not None
        try:
            self._connection.request("POST", "/api", json.dumps(call))
            answer = json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            self._connection = None
            return f"{type(error).__name__}: {error}"
        if answer != {"jsonrpc": "2.0", "result": nonce, "id": number}:
            return f"{answer!r} for {nonce}"
        return ""

    def _open(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = (
            http.client.HTTPSConnection(
                "127.0.0.1", self._port, timeout=PATIENCE, context=self._tls
            )
            if self._tls
            else http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        )
        # What a handshake takes is not what a call takes.
        try:
            self._connection.connect()
        except OSError:
            self._connection.close()  # the call opens it again, and says why it can't


def main() -> None:
    """Calls until nobody wants to know."""
    port, rate, authority = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    visitor = Visitor(port, authority)
    due = time.monotonic()
    for number in itertools.count():
        begun = time.monotonic()
        wrong = visitor.call(number)
        tell("called", begun, time.monotonic() - begun, wrong)
        # After a long call the lost time is not made up for: that would be no calm visitor.
        due = max(due + 1 / rate, time.monotonic() - 1 / rate)
        pause = max(0.0, due - time.monotonic())
        if select.select([0], [], [], pause)[0] and not os.read(0, 1024):
            return


if __name__ == "__main__":
    main()

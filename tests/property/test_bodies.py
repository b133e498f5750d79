"""Whatever is posted gets the answer that JSON-RPC 2.0 asks for, and nothing else happens."""

import asyncio
import contextlib
import http.client
import logging
import time

import pytest
from hypothesis import event, example, given

from .bodies import BODIES, GOOD_MESSAGES, WELL_FORMED, mutated
from .conftest import examples
from .oracle import check
from .playground import MAX_BATCH_SIZE, Playground

DEADLINE = 30.0


class NoHttp:
    """What brings a body to the dispatcher, without a socket."""

    headers: dict[str, str] = {}
    timeout = None
    peer = None

    async def handler(self):
        return self


class Direct:
    """A service's dispatcher, on a loop of its own."""

    def __init__(self):
        self.service = Playground()
        # Thousands of tracebacks of the method that fails say nothing.
        self.service.logger = logging.Logger("silent", level=logging.CRITICAL)
        self.dispatcher = self.service._prepare()
        self.loop = asyncio.new_event_loop()

    def post(self, body):
        return self.loop.run_until_complete(self._answer(body)) or b""

    async def _answer(self, body):
        async with asyncio.timeout(DEADLINE):
            answer = await self.dispatcher.dispatch(body, NoHttp())
            # On a busy machine a notification may be answered before it was executed.
            while self.dispatcher.notifications:
                await asyncio.wait(self.dispatcher.notifications)
        return answer

    def close(self):
        self.service.stop()
        self.loop.close()


class Served:
    """A service behind a socket."""

    def __init__(self):
        self.service = Playground()
        self.service.logger = logging.Logger("silent", level=logging.CRITICAL)
        self.thread = self.service.start_in_thread()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.service.port, DEADLINE)

    def post(self, body):
        self.connection.request("POST", "/api", body, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        answer = response.read()
        assert response.status == 200
        assert response.headers["Content-Type"] == ("application/json" if answer else None)
        assert self.connection.sock is not None  # kept alive
        deadline = time.monotonic() + DEADLINE
        while self.service._dispatcher.notifications:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return answer

    def close(self):
        self.connection.close()
        self.thread.stop()


@pytest.fixture(scope="module")
def direct():
    with contextlib.closing(Direct()) as direct:
        yield direct


@pytest.fixture(scope="module")
def served():
    with contextlib.closing(Served()) as served:
        yield served


def post_and_check(carrier, body):
    """Posts a body, and compares the answer and what was executed with the oracle."""
    carrier.service.calls.clear()
    expected = check(body, carrier.post(body), MAX_BATCH_SIZE)
    if expected is None:
        event("unspecified")
        return
    # The calls of a batch may be executed in any order.
    assert sorted(map(repr, carrier.service.calls)) == sorted(map(repr, expected.calls))
    replies = expected.replies
    for reply in replies if isinstance(replies, list) else [replies]:
        event("no answer" if reply is None else f"code {reply.code}")


@examples(3_000)
@given(BODIES)
@example(b"[" * 200_000)
@example(b'{"jsonrpc":"2.0","method":"echo","id":1,"params":' + b"[" * 900 + b"]" * 900 + b"}")
@example(b'{"jsonrpc":"2.0","method":"echo","id":1,"params":' + b'{"a":' * 200_000)
@example(rb'["\\ud83d\ude00"]')
@example(b"[" + b"[]," * 100_000 + b"[]]")
@example(b'{"jsonrpc":"2.0","method":"echo","id":' + b"9" * 100_000 + b',"params":[1]}')
@example(b'{"jsonrpc":"2.0","method":"many","params":[' + b"1," * 100_000 + b'1],"id":1}')
def test_any_body(direct, body):
    post_and_check(direct, body)


@examples(3_000)
@given(GOOD_MESSAGES | WELL_FORMED)
@example(b'{"jsonrpc":"2.0","method":"echo","params":[1e999]}')
@example(b'[{"jsonrpc":"2.0","method":"echo","params":[1e999]}]')
@example(b'{"jsonrpc":"2.0","method":"echo","params":1e999}')
def test_any_request(direct, body):
    post_and_check(direct, body)


@examples(3_000)
@given(mutated(WELL_FORMED))
def test_almost_any_request(direct, body):
    post_and_check(direct, body)


@examples(1_000)
@given(BODIES)
@example(b"")
@example(b"[" * 200_000)
def test_any_body_over_a_socket(served, body):
    post_and_check(served, body)

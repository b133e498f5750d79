"""Concurrent calls never see each other's ids, params, headers, errors or data."""

import asyncio
import contextlib
import http.client
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gemstone

from .conftest import examples

CLIENTS = 12
DEADLINE = 30.0


class Mirror(gemstone.MicroService):
    """Every method shows its call as it sees it: first, in between, and last."""

    name = "mirror"
    port = 0
    drain_grace = 0
    debug = True  # errors tell what was raised
    max_parallel_blocking_tasks = CLIENTS
    max_batch_concurrency = 4

    def __init__(self):
        super().__init__()
        self.logger = logging.Logger("silent", level=logging.CRITICAL)
        self.noted = []
        self.lock = threading.Lock()
        self.missing = 0
        self.all_here = threading.Event()

    def look(self, token):
        request = gemstone.current_request()
        seen = [request.method, request.id, request.params, request.headers["X-Client"]]
        assert request.params == [token]
        return seen

    def note(self, token):
        with self.lock:
            self.noted.append([*self.look(token), token])

    def arrive(self):
        """Holds a call until as many others are there as the test has asked for."""
        with self.lock:
            self.missing -= 1
            if self.missing == 0:
                self.all_here.set()

    @gemstone.exposed_method()
    def blocking(self, token):
        before = self.look(token)
        self.arrive()
        self.all_here.wait(DEADLINE)
        time.sleep(0)
        return [before, self.look(token), token]

    async def wait(self):
        self.arrive()
        until = time.monotonic() + DEADLINE
        await asyncio.sleep(0)
        while not self.all_here.is_set() and time.monotonic() < until:
            await asyncio.sleep(0.001)

    @gemstone.exposed_method()
    async def coroutine(self, token):
        before = self.look(token)
        await self.wait()
        in_thread = await asyncio.to_thread(self.look, token)
        assert in_thread == before
        return [before, self.look(token), token]

    @gemstone.exposed_method(is_coroutine=True)
    def generator(self, token):
        before = self.look(token)
        yield asyncio.ensure_future(self.wait())
        return [before, self.look(token), token]

    @gemstone.exposed_method(requires_handler_reference=True)
    async def with_handler(self, handler, token):
        before = self.look(token)
        assert handler.request.headers["X-Client"] == before[-1]
        await self.wait()
        handler.set_header("X-Token", token)
        handler.set_cookie("token", token)
        return [before, self.look(token), token]

    @gemstone.exposed_method(private=True)
    async def private(self, token):
        return [self.look(token), self.look(token), token]

    async def authenticate_request(self, handler):
        await asyncio.sleep(0)
        return int(handler.request.headers["X-Client"]) % 2 == 0

    @gemstone.exposed_method()
    async def fails(self, token):
        await self.wait()
        raise ValueError(self.look(token))

    @gemstone.exposed_method()
    def own_error(self, token):
        self.arrive()
        self.all_here.wait(DEADLINE)
        raise gemstone.errors.RpcError(7, token, self.look(token))

    @gemstone.exposed_method()
    async def notified(self, token):
        await asyncio.sleep(0)
        self.note(token)

    @gemstone.exposed_method()
    def notified_blocking(self, token):
        self.note(token)


WITH_RESULT = ("blocking", "coroutine", "generator", "with_handler")
CALLS = (*WITH_RESULT, "private", "fails", "own_error", "unknown")
NOTIFIED = ("notified", "notified_blocking")


class Client:
    """One connection, that checks all it gets."""

    def __init__(self, service, number):
        self.number = str(number)
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=DEADLINE)

    def post(self, message):
        headers = {"X-Client": self.number}
        self.connection.request("POST", "/api", json.dumps(message).encode(), headers)
        response = self.connection.getresponse()
        body = response.read()
        assert response.status == 200
        return response.headers, json.loads(body) if body else None

    def run(self, plan, turn):
        """Sends request after request: a list of methods is a batch, a method is a call."""
        for step, methods in enumerate(plan):
            tokens = [f"{turn}/{self.number}/{step}/{i}" for i in range(max(1, len(methods)))]
            messages = [
                {"jsonrpc": "2.0", "method": method, "params": [token]}
                | ({} if method in NOTIFIED else {"id": f"id of {token}"})
                for method, token in zip(methods, tokens, strict=False)
            ]
            headers, answers = self.post(messages if len(messages) != 1 else messages[0])
            given = answers if isinstance(answers, list) else [answers] if answers else []
            wanted = [message for message in messages if "id" in message]
            if not messages:
                assert [answer["id"] for answer in given] == [None]
                continue
            assert [answer["id"] for answer in given] == [message["id"] for message in wanted]
            for message, answer in zip(wanted, given, strict=True):
                self.check(message, answer)
            self.check_headers(headers, messages)

    def check(self, message, answer):
        method, (token,) = message["method"], message["params"]
        seen = [method, message["id"], [token], self.number]
        if method in WITH_RESULT or (method == "private" and int(self.number) % 2 == 0):
            assert answer["result"] == [seen, seen, token]
        elif method == "own_error":
            assert answer["error"] == {"code": 7, "message": token, "data": seen}
        elif method == "fails":
            data = answer["error"]["data"]
            assert (data["class"], data["info"]) == ("ValueError", str(seen))
        else:
            assert answer["error"]["code"] == {"private": -32001, "unknown": -32601}[method]

    def check_headers(self, headers, messages):
        tokens = [m["params"][0] for m in messages if m["method"] == "with_handler"]
        if tokens:
            assert headers["X-Token"] in tokens
            cookies = headers.get_all("Set-Cookie")
            assert len(cookies) == 1
        else:
            assert headers["X-Token"] is None
            assert headers["Set-Cookie"] is None


@pytest.fixture(scope="module")
def crowd():
    """A service, and what lets all clients carry out their plans at once."""
    service = Mirror()
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(CLIENTS))
        stack.enter_context(service.start_in_thread())
        clients = [Client(service, number) for number in range(CLIENTS)]
        for client in clients:
            stack.callback(client.connection.close)
        turns = iter(range(1_000_000))

        def carry_out(plans, together=0):
            turn = next(turns)
            service.noted.clear()
            service.missing = together
            service.all_here.clear() if together else service.all_here.set()
            start = threading.Barrier(len(plans))

            def run(client, plan):
                start.wait(DEADLINE)
                client.run(plan, turn)

            running = [pool.submit(run, *pair) for pair in zip(clients, plans, strict=False)]
            for future in running:
                future.result(DEADLINE)
            noted = [
                [method, None, [token], str(number), token]
                for number, plan in enumerate(plans)
                for step, methods in enumerate(plan)
                for i, method in enumerate(methods)
                if method in NOTIFIED
                for token in [f"{turn}/{number}/{step}/{i}"]
            ]
            # On a busy machine a notification may be answered before it was executed.
            deadline = time.monotonic() + DEADLINE
            while len(service.noted) < len(noted) and time.monotonic() < deadline:
                time.sleep(0.001)
            assert sorted(service.noted, key=str) == sorted(noted, key=str)

        yield carry_out


METHODS = st.sampled_from([*CALLS, *NOTIFIED])
STEPS = st.one_of(*[METHODS.map(lambda method: [method])] * 3, st.lists(METHODS, max_size=6))
PLANS = st.lists(st.lists(STEPS, min_size=1, max_size=8), min_size=2, max_size=CLIENTS)


@examples(60)
@given(PLANS)
def test_clients_that_call_as_fast_as_they_can(crowd, plans):
    crowd(plans)


HELD = ("blocking", "coroutine", "generator", "with_handler", "fails", "own_error")


@examples(30)
@given(st.lists(st.sampled_from(HELD), min_size=CLIENTS - 1, max_size=CLIENTS - 1), st.data())
def test_calls_that_are_all_under_way_at_once(crowd, methods, data):
    """Every method waits in the middle until the last call has come."""
    batch = data.draw(st.lists(st.sampled_from(HELD[1:5]), min_size=2, max_size=4))
    plans = [*([[method]] for method in methods), [batch]]
    crowd(plans, together=len(methods) + len(batch))

"""``Gemstone-Timeout-Ms``: how long a call is wanted, and what becomes of one that takes longer."""

import asyncio
import contextvars
import http.client
import json
import logging
import threading
import time
import uuid

import pytest
from tornado import gen
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

import gemstone
from gemstone.deadlines import current_deadline, deadline_in
from gemstone_core._rpc._arrival import Arrival
from gemstone_core._rpc._bounded import DeadlinePassed

WAIT = 30.0  # no wait below takes that long, unless something hangs
HEADER = "Gemstone-Timeout-Ms"
INVALID, PASSED = -32600, -32002


def seen():
    """What code that runs here knows: seconds left, by each way to ask."""
    deadline = current_deadline()
    request = gemstone.current_request()
    assert request.deadline == deadline
    return [None if deadline is None else deadline - time.monotonic(), request.remaining()]


class Timed(gemstone.MicroService):
    name = "timed"
    max_parallel_blocking_tasks = 1
    max_batch_concurrency = 1
    drain_grace = 0

    def __init__(self):
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.notes = []
        self.admits = True
        self.asked = threading.Event()

    async def authenticate_request(self, handler):
        self.notes.append("asked")
        self.asked.set()
        try:
            while not self.admits:
                await asyncio.sleep(0.005)
            return True
        finally:
            self.asked.clear()

    @gemstone.exposed_method()
    def blocking(self):
        return seen()

    @gemstone.exposed_method()
    async def coroutine(self):
        await asyncio.sleep(0)
        return seen()

    @gemstone.exposed_method()
    async def quick(self):
        return seen()

    @gemstone.exposed_method(is_coroutine=True)
    def tornado(self):
        yield gen.sleep(0)
        return seen()

    @gemstone.exposed_method(is_coroutine=True)
    def plain_on_loop(self):
        return seen()

    @gemstone.exposed_method()
    async def in_a_task(self):
        return await asyncio.create_task(self.coroutine())

    @gemstone.exposed_method()
    async def in_own_threads(self):
        return await asyncio.get_running_loop().run_in_executor(self.get_executor(), seen)

    @gemstone.exposed_method()
    async def in_threads_of_asyncio(self):
        return await asyncio.get_running_loop().run_in_executor(None, seen)

    @gemstone.exposed_method()
    async def in_to_thread(self):
        return await asyncio.to_thread(seen)

    @gemstone.exposed_method(requires_handler_reference=True)
    async def with_handler(self, handler):
        return seen()

    @gemstone.exposed_method(private=True)
    async def private(self):
        self.notes.append("private")
        return seen()

    @gemstone.exposed_method()
    async def note(self, text):
        self.notes.append([text, *seen()])

    @gemstone.exposed_method()
    def note_in_thread(self, text):
        self.notes.append([text, *seen()])

    @gemstone.exposed_method()
    def hold(self):
        self.begun.release()
        self.may_end.wait(WAIT)

    @gemstone.exposed_method()
    async def wait(self):
        self.begun.release()
        while not self.may_end.is_set():
            await asyncio.sleep(0.005)

    @gemstone.exposed_method()
    async def cancelled(self):
        try:
            await asyncio.sleep(WAIT)
        finally:
            self.begun.release()

    async def never(self):
        while not self.may_end.is_set():
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                self.begun.release()

    @gemstone.exposed_method()
    async def stubborn(self):
        await self.never()

    @gemstone.exposed_method()
    async def waits_for_a_stubborn_task(self):
        await asyncio.create_task(self.never())

    @gemstone.exposed_method()
    async def keeps_the_loop(self):
        time.sleep(0.5)
        await self.never()

    @gemstone.exposed_method()
    async def frees_the_thread(self):
        time.sleep(0.2)
        self.may_end.set()
        time.sleep(0.1)

    @gemstone.exposed_method()
    async def bounds_itself(self):
        ours = asyncio.current_task()
        try:
            async with asyncio.timeout(0.01):  # remembers the task in which it begins
                await asyncio.sleep(WAIT)
        except TimeoutError:
            return ours is asyncio.current_task()

    @gemstone.exposed_method()
    async def cancels_itself_before_it_waits(self):
        asyncio.current_task().cancel()
        try:
            await asyncio.sleep(WAIT)
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()
            return "was cancelled"

    @gemstone.exposed_method()
    async def bounds_its_calls(self):
        variable.set("set before it waits")
        with deadline_in(0.5):  # is reset in the context in which it was set
            await asyncio.sleep(0.001)
            inner = current_deadline()
        return [inner < current_deadline(), variable.get()]

    @gemstone.exposed_method()
    async def fails(self, waits):
        if waits:
            await asyncio.sleep(0)
        raise gemstone.RpcError(7, "no", None)


class Nobody:
    """What brings a body to the dispatcher, without a socket."""

    headers: dict[str, str] = {}
    timeout = task = None
    came = 0.0
    peer = None

    async def handler(self):
        return self


variable = contextvars.ContextVar("variable", default="untouched")
KINDS = [
    "blocking",
    "coroutine",
    "quick",
    "tornado",
    "plain_on_loop",
    "in_a_task",
    "in_own_threads",
    "in_threads_of_asyncio",
    "in_to_thread",
    "with_handler",
    "private",
]


def within(caller, milliseconds, method, params=(), id=1):
    request = {"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)}
    return caller.post(request, Gemstone_Timeout_Ms=str(milliseconds)).json


def batch(*methods):
    return [
        {"jsonrpc": "2.0", "id": number, "method": method} for number, method in enumerate(methods)
    ]


def until(condition):
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def timed(serve):
    """A caller of a service; what hangs in it may end with the test."""
    service = Timed()
    yield serve(service)
    service.may_end.set()
    service.admits = True


@pytest.mark.parametrize("method", KINDS)
def test_a_method_knows_how_long_it_is_wanted(timed, method):
    left, remaining = within(timed, 20_000, method)["result"]
    assert 0 < remaining <= left <= 20
    assert within(timed, 60_000, method)["result"][0] > 20
    assert timed.result(method) == [None, None]


def test_the_name_of_the_header_is_found_in_any_case(timed):
    assert timed.result("quick", GEMSTONE_timeout_MS="9000")[0] <= 9


@pytest.mark.parametrize("method", KINDS)
def test_members_of_a_batch_have_the_deadline_of_the_batch(timed, method):
    answers = timed.post(batch(method, method), Gemstone_Timeout_Ms="20000").json
    assert all(0 < answer["result"][1] <= 20 for answer in answers)
    assert [each["result"] for each in timed.post(batch(method)).json] == [[None, None]]


@pytest.mark.parametrize("method", ["note", "note_in_thread"])
def test_notifications_have_one_too(timed, method):
    note = {"jsonrpc": "2.0", "method": method, "params": ["a"]}
    assert timed.post(note, Gemstone_Timeout_Ms="20000").body == b""
    timed.post([note], Gemstone_Timeout_Ms="20000")
    timed.post(note)
    until(lambda: len(timed.service.notes) == 3)
    first, second, third = timed.service.notes
    assert 0 < first[1] <= 20
    assert 0 < second[1] <= 20
    assert third == ["a", None, None]


def test_a_nearer_method_timeout_stays_in_force(serve):
    service = Timed()
    service.method_timeout = 10
    timed = serve(service)
    assert 4 < timed.result("quick")[0] <= 10
    assert 4 < within(timed, 1_000_000, "quick")["result"][0] <= 10
    assert within(timed, 4000, "quick")["result"][0] <= 4


@pytest.mark.parametrize("text", ["1000000000", "1000000001", "9" * 18])
def test_a_very_long_time_counts_as_a_long_one(timed, text):
    left, remaining = within(timed, text, "blocking")["result"]
    assert 1e6 - WAIT < remaining <= left <= 1e6


@pytest.mark.parametrize("text", ["0020000", "  20000  "])
def test_other_ways_to_write_a_number(timed, text):
    assert 0 < within(timed, text, "quick")["result"][0] <= 20


BAD = ["abc", "-1", "+1", "1.5", "1e3", "1_0", "", " ", "1 2", "0x10", "9" * 19, "9" * 500, "²"]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_number_of_milliseconds_is_refused(timed, text):
    body = {"jsonrpc": "2.0", "id": 1, "method": "note", "params": ["executed"]}
    notification = {"jsonrpc": "2.0", "method": "note", "params": ["executed"]}
    for each in (body, [body], notification):
        answer = timed.post(each, Gemstone_Timeout_Ms=text)
        assert answer.status == 200
        error = answer.json["error"]
        assert error["code"] == INVALID
        assert f"{HEADER} must be sent once, with a whole number of milli" in error["data"]
        assert len(error["data"]) < 250
        assert answer.json["id"] is None
    assert timed.result("quick") == [None, None]  # the connection is as good as before
    assert timed.service.notes == []


@pytest.mark.parametrize("second", ["5000", ""])
def test_two_headers_are_refused(timed, raw, second):
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "note", "params": ["executed"]}'
    head = (
        f"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        f"{HEADER}: 5000\r\n{HEADER}: {second}\r\n\r\n"
    )
    response = http.client.HTTPResponse(raw(timed.service.port, head.encode() + body))
    response.begin()
    error = json.loads(response.read())["error"]
    assert error["code"] == INVALID
    assert f"not '5000,{second}'" in error["data"]
    assert timed.service.notes == []


@pytest.mark.parametrize("method", [*KINDS, "hold", "wait", "no_such_method"])
def test_a_call_without_any_time_is_not_started(timed, method):
    error = within(timed, 0, method)["error"]
    assert error == {
        "code": PASSED,
        "message": "Deadline passed",
        "data": f"not started within 0 ms, which {HEADER} gave",
    }
    for answer in timed.post(batch(method, method), Gemstone_Timeout_Ms="0").json:
        assert answer["error"] == error
    assert timed.service.notes == []
    assert not timed.service.begun.acquire(blocking=False)


def test_a_notification_without_any_time_is_not_started(timed, caplog):
    caplog.set_level(logging.INFO)
    note = {"jsonrpc": "2.0", "method": "note", "params": ["late"]}
    assert timed.post(note, Gemstone_Timeout_Ms="0").body == b""
    timed.post([note, note], Gemstone_Timeout_Ms="0")
    assert timed.service.notes == []
    assert caplog.text.count("The notification 'note' failed: Deadline passed") == 3


@pytest.mark.parametrize(
    "method",
    ["hold", "wait", "cancelled", "stubborn", "waits_for_a_stubborn_task", "keeps_the_loop"],
)
def test_a_call_that_runs_is_answered_at_its_deadline(timed, method):
    began = time.monotonic()
    error = within(timed, 400, method)["error"]
    assert 0.4 <= time.monotonic() - began < WAIT / 2
    assert error["code"] == PASSED
    assert error["data"] == f"no result within 400 ms, which {HEADER} gave"
    assert timed.service.begun.acquire(timeout=WAIT)
    assert timed.result("quick") == [None, None]


def test_whose_limit_it_was_is_told(serve):
    service = Timed()
    service.method_timeout = 0.5
    timed = serve(service)
    assert within(timed, 20_000, "wait")["error"]["data"] == "no result within 0.5 s"
    assert within(timed, 400, "wait")["error"]["data"].startswith("no result within 400 ms, ")
    assert timed.error("hold")["data"] == "no result within 0.5 s"
    assert within(timed, 20_000, "hold")["error"]["data"] == "not started within 0.5 s"
    service.may_end.set()


def test_a_call_that_waited_too_long_for_a_thread_is_not_started(timed):
    held = {"jsonrpc": "2.0", "method": "hold"}
    timed.post(held)  # keeps the only thread, and is not waited for
    assert timed.service.begun.acquire(timeout=WAIT)
    note = {"jsonrpc": "2.0", "method": "note_in_thread", "params": ["late"]}
    timed.post(note, Gemstone_Timeout_Ms="50")
    error = within(timed, 50, "note_in_thread", ["late"])["error"]
    assert error["data"] == f"not started within 50 ms, which {HEADER} gave"
    timed.service.may_end.set()
    assert timed.result("blocking") == [None, None]  # has the thread after all that waited
    assert timed.service.notes == []


def test_a_call_that_waited_too_long_for_its_place_in_a_batch_is_not_started(timed):
    answers = timed.post(batch("stubborn", "quick", "hold"), Gemstone_Timeout_Ms="400").json
    assert [each["error"]["code"] for each in answers] == [PASSED] * 3
    words = [each["error"]["data"].partition(" within")[0] for each in answers]
    assert words == ["no result", "not started", "not started"]


def test_a_call_that_was_admitted_too_late_is_not_started(timed):
    timed.service.admits = False
    began = time.monotonic()
    for _ in range(2):
        error = within(timed, 400, "private")["error"]
        assert error["data"] == f"not started within 400 ms, which {HEADER} gave"
    answers = timed.post(batch("private", "private"), Gemstone_Timeout_Ms="400").json
    assert [each["error"]["code"] for each in answers] == [PASSED] * 2
    assert time.monotonic() - began < WAIT
    timed.service.admits = True
    timed.result("private")
    assert timed.service.notes == ["asked"] * 4 + ["private"]


def test_nobody_is_asked_any_more_when_nobody_waits(timed):
    """An ``authenticate_request()`` that hangs does not pile up, nor hold up the stop."""
    timed.service.admits = False
    within(timed, 400, "private")
    until(lambda: not timed.service.asked.is_set())
    assert timed.service.notes == ["asked"]


def test_a_question_is_asked_on_for_those_who_have_time():
    asked, abandoned = [], []

    async def main():
        verdict = asyncio.get_running_loop().create_future()

        async def authenticate(handler):
            asked.append(handler)
            return await verdict

        arrival = Arrival(Nobody(), authenticate, abandoned.append)
        patient = asyncio.create_task(arrival.verdict(time.monotonic() + WAIT))
        with pytest.raises(DeadlinePassed):
            await arrival.verdict(time.monotonic() + 0.05)
        verdict.set_result(True)
        return await patient

    assert asyncio.run(main()) is True
    assert len(asked) == 1
    assert abandoned == []


def test_a_thread_begins_nothing_late_while_the_loop_is_busy(serve):
    """The loop would take the call back from the queue, but has no time to do so."""
    service = Timed()
    service.max_batch_concurrency = 2
    timed = serve(service)
    timed.post({"jsonrpc": "2.0", "method": "hold"})
    assert timed.service.begun.acquire(timeout=WAIT)
    call = {"jsonrpc": "2.0", "id": 1, "method": "note_in_thread", "params": ["late"]}
    answers = timed.post(
        [call, {**call, "method": "frees_the_thread", "params": []}], Gemstone_Timeout_Ms="100"
    ).json
    assert answers[0]["error"]["code"] == PASSED
    assert timed.result("blocking") == [None, None]
    assert timed.service.notes == []


def test_a_method_has_one_task_from_its_beginning_to_its_end(timed):
    """Also where it runs in a task of its own, which a deadline can leave behind."""
    assert within(timed, 20_000, "bounds_itself")["result"] is True
    assert within(timed, 20_000, "cancels_itself_before_it_waits")["result"] == "was cancelled"
    assert within(timed, 20_000, "bounds_its_calls")["result"] == [True, "set before it waits"]
    for waits in (True, False):
        error = within(timed, 20_000, "fails", [waits])["error"]
        assert error == {"code": 7, "message": "no"}


def test_calls_do_not_share_a_context(timed):
    for _ in range(3):
        within(timed, 20_000, "bounds_its_calls")
        assert variable.get() == "untouched"
        assert within(timed, 20_000, "quick")["result"][0] > 0.5
        assert timed.result("quick") == [None, None]


def test_who_starts_a_service_gives_it_no_deadline(serve):
    with deadline_in(1):
        timed = serve(Timed())
        assert current_deadline() is not None
    for method in KINDS:
        assert timed.result(method) == [None, None]


class Background(Timed):
    """Does what nobody calls, and tells what it knows of deadlines."""

    event_transports = [f"memory://{uuid.uuid4().hex}"]

    def __init__(self):
        self.periodic_tasks = [(self.tick, 0.01), (self.tick_in_loop, 0.01)]
        super().__init__()
        self.told = {}
        self.asked_to_stop = threading.Event()

    def on_service_start(self):
        self.told["start"] = current_deadline()

    def tick(self):
        self.told["periodic"] = current_deadline()

    async def tick_in_loop(self):
        self.told["periodic on the loop"] = current_deadline()

    @gemstone.event_handler("heard")
    def heard(self, body):
        self.told["event"] = current_deadline()

    @gemstone.event_handler("heard")
    async def heard_on_loop(self, body):
        await asyncio.sleep(0)
        self.told["event on the loop"] = current_deadline()

    @gemstone.exposed_method()
    async def say(self):
        self.emit_event("heard", 1)


NOBODYS = {"start", "periodic", "periodic on the loop", "event", "event on the loop"}


def post(port, method, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method})
    try:
        connection.request("POST", "/api", body, headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_what_nobody_calls_has_no_deadline():
    """Neither that of who starts the service, nor that of a call that emits an event."""

    async def main():
        service = Background()
        service.port = 0
        with deadline_in(WAIT):
            ours = current_deadline()
            serving = asyncio.create_task(service.serve())
            async with asyncio.timeout(WAIT):
                while not service.told.keys() >= {"start", "periodic"}:
                    await asyncio.sleep(0.005)
                await asyncio.to_thread(post, service.port, "say", {HEADER: "20000"})
                assert (await asyncio.to_thread(post, service.port, "quick", {}))["result"] == [
                    None,
                    None,
                ]
                while not service.told.keys() >= NOBODYS:
                    await asyncio.sleep(0.005)
            await asyncio.to_thread(service.stop)
            await serving
            assert current_deadline() == ours
        return service.told

    assert asyncio.run(main()) == dict.fromkeys(NOBODYS)


def test_serving_leaves_the_callers_deadline_as_it_was():
    async def main():
        service = Timed()
        service.port = 0
        service.on_service_start = lambda: asyncio.get_running_loop().call_soon(service.stop)
        with deadline_in(WAIT):
            ours = current_deadline()
            await service.serve()
            return current_deadline() == ours

    assert asyncio.run(main())


def test_an_application_of_ones_own_knows_the_header_too():
    """Where the service's handler is served by somebody else's Tornado server."""

    async def main():
        service = Timed()
        with deadline_in(WAIT):
            listening, port = bind_unused_port()
            server = HTTPServer(service.make_tornado_app())
            server.add_socket(listening)
        answers = [
            await asyncio.to_thread(post, port, method, headers)
            for method, headers in [
                ("coroutine", {HEADER: "20000"}),
                ("coroutine", {}),
                ("wait", {HEADER: "50"}),
                ("coroutine", {HEADER: "abc"}),
            ]
        ]
        service.may_end.set()
        server.stop()
        await server.close_all_connections()
        service.stop()
        return answers

    good, without, late, bad = asyncio.run(main())
    assert 0 < good["result"][1] <= 20
    assert without["result"] == [None, None]
    assert late["error"]["code"] == PASSED
    assert bad["error"]["code"] == INVALID


def test_the_time_runs_while_the_body_comes(timed, raw):
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "note", "params": ["late"]}'
    head = f"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{HEADER}: 100\r\n\r\n"
    connection = raw(timed.service.port, head.encode())
    timed.result("quick")  # the head was read
    time.sleep(0.15)
    connection.sendall(body)
    response = http.client.HTTPResponse(connection)
    response.begin()
    assert json.loads(response.read())["error"]["code"] == PASSED
    assert timed.service.notes == []

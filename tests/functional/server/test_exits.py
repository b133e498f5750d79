"""What would end the event loop under a service: nothing hangs, and the service is drained."""

import asyncio
import subprocess
import sys
import textwrap
import threading

import pytest
from tornado import web
from tornado.ioloop import IOLoop

import gemstone
from gemstone.errors import ServiceStateError, ShutdownTimeoutError
from tools.waiting import until

pytestmark = pytest.mark.usefixtures("no_thread_left")


class Odd(BaseException):
    """Neither an error nor the end of anything."""


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ENDS = [SystemExit, KeyboardInterrupt]


def raising(error):
    def fail(*_):
        raise error(3)

    return fail


class Watched(gemstone.MicroService):
    name = "watched"
    port = 0
    drain_grace = 0

    def __init__(self, io_loop=None, **attributes):
        super().__init__(io_loop)
        vars(self).update(attributes)
        self.seen = []
        self.begun = threading.Event()

    @gemstone.exposed_method()
    def ping(self):
        return "pong"

    @gemstone.exposed_method()
    async def work(self, seconds):
        self.begun.set()
        await asyncio.sleep(seconds)
        return "done"

    @gemstone.exposed_method()
    async def fail_soon(self):
        asyncio.get_running_loop().call_soon(raising(self.error))

    def on_service_stop(self):
        self.seen.append("stopped")


class Foreign(web.RequestHandler):
    """A handler of Tornado alone, which nothing guards."""

    def initialize(self, error):
        self.error = error

    def get(self):
        raise self.error(3)


class Own(gemstone.GemstoneCustomHandler):
    """Raises its error where it is told to."""

    def initialize(self, error, where):
        self.error, self.where = error, where
        self.fail_in("initialize")

    def fail_in(self, where):
        if where == self.where:
            raise self.error(3)

    async def prepare(self):
        self.fail_in("prepare")
        await asyncio.sleep(0)
        self.fail_in("late prepare")

    def get(self):
        self.fail_in("get")

    async def put(self):
        await asyncio.sleep(0)
        self.fail_in("put")

    def head(self):
        self.get()  # is no coroutine, here either


@pytest.mark.parametrize("error", [SystemExit, Odd, LookupError])
@pytest.mark.parametrize("where", ["initialize", "prepare", "late prepare", "get", "put", "head"])
def test_a_page_is_answered_and_the_service_goes_on(serve, caplog, where, error):
    arguments = {"error": error, "where": "get" if where == "head" else where}
    site = serve(Watched(extra_handlers=[("/", Own, arguments)]))
    verb = where.upper() if where in ("put", "head") else "GET"
    for _ in range(2):
        answer = site.request(verb, "/", b"" if verb == "PUT" else None)
        assert answer.status == 500
        assert b"Traceback" not in answer.body
    until(lambda: caplog.text.count(error.__name__) >= 2, what="it is logged")
    assert "Uncaught exception" in caplog.text
    assert site.result("ping") == "pong"


@pytest.mark.parametrize("error", ENDS)
@pytest.mark.parametrize("own_loop", [True, False])
def test_what_ends_the_loop_stops_the_service(caplog, error, own_loop):
    io_loop = None if own_loop else IOLoop(make_current=False)
    service = Watched(io_loop, error=error)
    thread = service.start_in_thread()
    with gemstone.RemoteService(service.accessible_at) as remote:
        call = remote.call_method_async("work", [0.2])
        assert service.begun.wait(30)
        remote.notify("fail_soon")
        assert call.result(wait=True).result == "done"
    until(lambda: not service.is_running, what="it has ended")
    assert service.seen == ["stopped"]
    service.stop()
    with pytest.raises(ServiceStateError, match=f"watched was ended by a {error.__name__}"):
        thread.stop()
    assert "in fail" in caplog.text
    if io_loop is not None:
        io_loop.close()


@pytest.mark.parametrize("error", ENDS)
def test_a_page_that_nothing_guards_stops_the_service(raw, error):
    """Tornado raises such an error twice, and answers nobody."""
    service = Watched(extra_handlers=[("/", Foreign, {"error": error})], shutdown_timeout=0.5)
    thread = service.start_in_thread()
    client = raw(service.port, GET)
    assert client.recv(1) == b""
    until(lambda: not service.is_running, what="it has ended")
    assert service.seen == ["stopped"]
    with pytest.raises(ShutdownTimeoutError, match="1 requests to web pages"):
        thread.stop()


@pytest.mark.parametrize("error", ENDS)
@pytest.mark.parametrize("is_stopping", [False, True])
def test_a_loop_of_somebody_else_that_is_closed_under_a_service(raw, error, is_stopping):
    service = Watched(extra_handlers=[("/", Foreign, {"error": error})], drain_grace=30)
    raised = []

    def serve():
        try:
            asyncio.run(service.serve())
        except BaseException as error:
            raised.append(type(error))

    thread = threading.Thread(target=serve)
    thread.start()
    until(lambda: service._run is not None and service._run.state == "serving", what="it serves")
    client = raw(service.port, b"")
    stopping = threading.Thread(target=service.stop)
    if is_stopping:
        stopping.start()
        until(lambda: service._run.state == "stopping", what="it stops")
    client.sendall(GET)
    thread.join(30)
    assert raised == [error]
    assert not service.is_running
    service.stop()
    if is_stopping:
        stopping.join(30)


PROGRAM = """
import asyncio, sys
import gemstone

class Service(gemstone.MicroService):
    name = "service"
    port = 0
    drain_grace = 0
    event_loop = sys.argv[1]

    def on_service_start(self):
        asyncio.get_running_loop().call_later(0.05, sys.exit, 3)

    def on_service_stop(self):
        print("drained", flush=True)

Service().start()
"""


def test_the_exit_code_of_a_process():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), gemstone.MicroService.event_loop],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (3, "drained\n")
    assert "SystemExit: 3" in done.stderr


@pytest.mark.parametrize("error", [SystemExit, Odd])
def test_a_hook_at_the_stop(caplog, error):
    service = Watched(on_service_stop=raising(error))
    with service.start_in_thread():
        pass
    assert not service.is_running
    assert "on_service_stop() failed" in caplog.text


@pytest.mark.parametrize("is_coroutine", [True, False])
def test_a_hook_at_the_start(is_coroutine):
    async def fail():
        raise SystemExit(3)

    service = Watched(on_service_start=fail if is_coroutine else raising(SystemExit))
    with pytest.raises(SystemExit):
        service.start_in_thread()
    assert not service.is_running
    service.stop()


@pytest.mark.parametrize("is_coroutine", [True, False])
def test_periodic_tasks_and_event_handlers(serve, caplog, is_coroutine):
    calls = []

    async def fail():
        calls.append(1)
        raise SystemExit(3)

    def fail_in_a_thread():
        calls.append(1)
        raise SystemExit(3)

    class Handling(Watched):
        @gemstone.event_handler("e")
        def plain(self, body):
            raise SystemExit(body)

        @gemstone.event_handler("e")
        async def coroutine(self, body):
            raise SystemExit(body)

        @gemstone.event_handler("e", blocking=True)
        def blocking(self, body):
            raise SystemExit(body)

    task = fail if is_coroutine else fail_in_a_thread
    site = serve(Handling(periodic_tasks=[(task, 0.02)], event_transports=["memory://exits"]))
    until(lambda: len(calls) > 2, what="it is tried again")
    site.service.emit_event("e", 3)
    until(lambda: caplog.text.count("The event handler") == 3, what="they are logged")
    assert site.result("ping") == "pong"

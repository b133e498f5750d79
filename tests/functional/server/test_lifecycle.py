"""Start, serve, drain and stop, inside of one process."""

import asyncio
import socket
import threading
import time
from contextlib import suppress

import pytest
from tornado import web, websocket
from tornado.ioloop import IOLoop

import gemstone
from gemstone.errors import (
    ServiceAddressError,
    ServiceConfigurationError,
    ServiceStateError,
    ShutdownTimeoutError,
)
from gemstone_core._http._listen import listen
from tools import waiting


class Hello(gemstone.MicroService):
    name = "hello"
    port = 0
    drain_grace = 0

    @gemstone.exposed_method()
    def say_hello(self, name):
        return f"hello {name}"


def names_of_threads():
    return {thread.name for thread in threading.enumerate()}


def ask(service, name="you"):
    with gemstone.RemoteService(service.accessible_at) as remote:
        return remote.call_method("say_hello", [name]).result


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_service_in_a_thread_is_ready_at_once_and_leaves_nothing():
    before = names_of_threads()
    service = Hello()
    with service.start_in_thread() as same:
        assert same is service
        assert service.is_running
        assert service.port != 0
        assert service.accessible_at == f"http://127.0.0.1:{service.port}/api"
        assert ask(service) == "hello you"
    assert not service.is_running
    assert names_of_threads() == before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", service.port)) != 0
    assert Hello.port == 0
    assert Hello.accessible_at is None


def test_a_service_can_be_started_again():
    service = Hello()
    for _ in range(2):
        with service.start_in_thread():
            assert ask(service) == "hello you"


def test_another_port_at_the_next_start_is_in_the_url():
    service = Hello()
    with service.start_in_thread():
        first = service.port
    with socket.create_server(("127.0.0.1", first)):  # so that it is not chosen again
        service.port = 0
        with service.start_in_thread():
            assert service.port != first
            assert service.accessible_at == f"http://127.0.0.1:{service.port}/api"
            assert ask(service) == "hello you"


def test_a_service_that_runs_can_not_be_started_again():
    service = Hello()
    with service.start_in_thread():
        with pytest.raises(ServiceStateError, match="runs already"):
            service.start_in_thread()
        assert ask(service) == "hello you"


def test_stop_from_another_thread_waits_for_the_end():
    service = Hello()
    thread = service.start_in_thread()
    service.stop()
    assert not service.is_running
    service.stop()
    thread.stop()


@pytest.mark.parametrize("blocking", [True, False])
def test_a_method_may_stop_its_own_service(blocking):
    class Suicidal(Hello):
        @gemstone.exposed_method("stop", is_coroutine=not blocking)
        def stop_it(self):
            self.stop()
            return "bye"

    service = Suicidal()
    thread = service.start_in_thread()
    with gemstone.RemoteService(service.accessible_at) as remote:
        assert remote.call_method("stop").result == "bye"
    thread.stop()
    assert not service.is_running


def test_a_taken_port_is_an_error_that_names_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = Hello()
        service.port = taken.getsockname()[1]
        with pytest.raises(ServiceAddressError, match=f"port {service.port} of '127.0.0.1'"):
            service.start_in_thread()
        with pytest.raises(SystemExit, match=f"hello: can't listen on port {service.port}"):
            service.start()
        assert not service.is_running


def test_an_address_that_is_not_here():
    service = Hello()
    service.host = "192.0.2.1"
    with pytest.raises(ServiceAddressError, match=r"192\.0\.2\.1"):
        service.start_in_thread()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_a_service_on_all_addresses_names_its_host(host):
    service = Hello()
    service.host = host
    with service.start_in_thread():
        assert service.accessible_at == f"http://{socket.gethostname()}:{service.port}/api"
        with socket.create_connection(("127.0.0.1" if host != "::" else "::1", service.port)):
            pass


def test_an_address_of_ipv6():
    service = Hello()
    service.host = "::1"
    with service.start_in_thread():
        assert service.accessible_at == f"http://[::1]:{service.port}/api"
        assert ask(service) == "hello you"


def test_an_own_accessible_at_is_left_alone():
    service = Hello()
    service.accessible_at = "https://hello.example.com/api"
    with service.start_in_thread():
        assert service.accessible_at == "https://hello.example.com/api"


def test_several_services_are_served_by_one_loop():
    async def main():
        services = [Hello(), Hello()]
        serving = asyncio.gather(*(service.serve() for service in services))
        await until(lambda: all(service.accessible_at for service in services))
        loop = asyncio.get_running_loop()
        answers = [
            await loop.run_in_executor(None, ask, service, str(number))
            for number, service in enumerate(services)
        ]
        loops = {service.get_io_loop() for service in services}
        for service in services:
            service.stop()
        await serving
        return answers, loops == {IOLoop.current()}

    assert asyncio.run(main()) == (["hello 0", "hello 1"], True)


def test_a_cancelled_serve_drains():
    class Slow(Hello):
        @gemstone.exposed_method()
        async def slow(self):
            begun.set()
            await may_end.wait()
            return "answered"

    async def main():
        service = Slow()
        serving = asyncio.create_task(service.serve())
        await until(lambda: service.accessible_at)
        with gemstone.RemoteService(service.accessible_at) as remote:
            call = remote.call_method_async("slow")
            await begun.wait()
            serving.cancel()
            may_end.set()
            answer = await call
        with pytest.raises(asyncio.CancelledError):
            await serving
        return answer.result

    begun, may_end = asyncio.Event(), asyncio.Event()
    assert asyncio.run(main()) == "answered"


def test_a_given_loop_is_the_one_that_serves():
    async def other_loop(service):
        with pytest.raises(ServiceStateError, match="another event loop"):
            await service.serve()

    io_loop = IOLoop(make_current=False)
    service = Hello(io_loop=io_loop)
    assert service.get_io_loop() is io_loop
    asyncio.run(other_loop(service))
    with service.start_in_thread():
        assert service.get_io_loop() is io_loop
        assert ask(service) == "hello you"
    threading.Timer(0, lambda: (wait_for(service), service.stop())).start()
    service.start()
    assert not service.is_running
    io_loop.close()


def test_a_given_loop_that_runs_elsewhere_or_not_at_all():
    io_loop = IOLoop(make_current=False)
    service = Hello(io_loop=io_loop)
    running = threading.Event()
    io_loop.add_callback(running.set)
    thread = threading.Thread(target=io_loop.start, daemon=True)
    thread.start()
    assert running.wait(30)
    for start in (service.start, service.start_in_thread):
        with pytest.raises(ServiceStateError, match="event loop runs already, elsewhere"):
            start()
        assert not service.is_running
    io_loop.add_callback(io_loop.stop)
    thread.join(30)
    assert not thread.is_alive()
    io_loop.close()
    for start in (service.start, service.start_in_thread):
        with pytest.raises(ServiceStateError, match="event loop is closed"):
            start()


def test_nobody_waits_for_a_loop_that_was_stopped():
    io_loop = IOLoop(make_current=False)
    service = Hello(io_loop=io_loop)
    io_loop.add_callback(service.serve)
    thread = threading.Thread(target=io_loop.start, daemon=True)
    thread.start()
    waiting.until(lambda: service.is_running and service.accessible_at, what="it serves")
    wait_for(service)
    io_loop.add_callback(io_loop.stop)
    thread.join(30)
    assert not thread.is_alive()
    with pytest.raises(ServiceStateError, match="its event loop was stopped"):
        service.stop()
    # Where it runs again, the stop goes on.
    io_loop.add_callback(io_loop.add_timeout, io_loop.time() + 0.2, io_loop.stop)
    thread = threading.Thread(target=io_loop.start, daemon=True)
    thread.start()
    waiting.until(lambda: not service.is_running, what="it has stopped")
    thread.join(30)
    io_loop.close()


def wait_for(service):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            return ask(service)
        except gemstone.errors.RemoteServiceError:
            time.sleep(0.01)
    raise TimeoutError


def test_there_is_no_loop_before_the_start():
    with pytest.raises(ServiceStateError, match="no event loop before it is started"):
        Hello().get_io_loop()


def test_start_refuses_to_block_a_running_loop():
    async def main():
        Hello().start()

    with pytest.raises(ServiceStateError, match=r"await service\.serve\(\)"):
        asyncio.run(main())


class Hooked(Hello):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_service_start(self):
        self.seen.append(("start", self.port != 0, threading.current_thread().name))

    async def on_service_stop(self):
        await asyncio.sleep(0)
        self.seen.append("stop")


def test_hooks_run_on_the_loop_plain_or_not():
    service = Hooked()
    with service.start_in_thread():
        assert service.seen == [("start", True, "hello")]
    assert service.seen[1:] == ["stop"]


def test_a_hook_that_fails_at_the_start_ends_the_start():
    class Failing(Hooked):
        async def on_service_start(self):
            raise LookupError("no database")

    service = Failing()
    with pytest.raises(LookupError, match="no database"):
        service.start_in_thread()
    assert not service.is_running
    assert service.seen == []


def test_a_hook_that_fails_at_the_stop_is_logged(caplog):
    class Failing(Hello):
        def on_service_stop(self):
            raise LookupError("no database")

    with Failing().start_in_thread():
        pass
    assert "on_service_stop() failed" in caplog.text


def test_what_does_not_end_in_time_is_named():
    may_end = threading.Event()
    begun = threading.Semaphore(0)

    class Stuck(Hello):
        shutdown_timeout = 0.2

        @gemstone.exposed_method("stuck.blocking")
        def blocking(self):
            begun.release()
            may_end.wait(30)

        @gemstone.exposed_method("stuck.coroutine")
        async def coroutine(self):
            begun.release()
            await asyncio.sleep(30)

    service = Stuck()
    thread = service.start_in_thread()
    with gemstone.RemoteService(service.accessible_at) as remote:
        calls = [remote.call_method_async(f"stuck.{kind}") for kind in ("blocking", "coroutine")]
        for _ in calls:
            assert begun.acquire(timeout=30)
        with pytest.raises(ShutdownTimeoutError) as raised:
            thread.stop()
        may_end.set()
        for call in calls:
            with pytest.raises(gemstone.errors.RemoteConnectionError):
                call.result(wait=True)
    for said in ("hello", "0.2 s", "the blocking method stuck.blocking", "call of stuck.coroutine"):
        assert said in str(raised.value)


def test_a_coroutine_that_does_not_let_itself_be_cancelled():
    released = threading.Event()
    begun = threading.Event()

    class Stubborn(Hello):
        shutdown_timeout = 0.1

        @gemstone.exposed_method()
        async def stubborn(self):
            begun.set()
            while not released.is_set():
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)

    service = Stubborn()
    thread = service.start_in_thread()
    with gemstone.RemoteService(service.accessible_at) as remote:
        call = remote.call_method_async("stubborn")
        assert begun.wait(30)
        with pytest.raises(ShutdownTimeoutError, match="the call of stubborn"):
            thread.stop()
        with pytest.raises(gemstone.errors.RemoteConnectionError):
            call.result(wait=True)
    released.set()
    deadline = time.monotonic() + 30
    while "hello" in names_of_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "hello" not in names_of_threads()


def test_what_waits_for_a_thread_of_the_executor_is_not_lost():
    service = Hello()
    service.max_parallel_blocking_tasks = 1
    done = []
    with service.start_in_thread():
        may_go_on = threading.Event()
        service.get_executor().submit(may_go_on.wait, 30)
        for number in range(3):
            service.get_executor().submit(done.append, number)
        threading.Timer(0.05, may_go_on.set).start()
    assert done == [0, 1, 2]


def test_functions_in_the_executor_are_waited_for():
    service = Hello()
    done = []
    with service.start_in_thread():
        begun = threading.Event()

        def work():
            begun.set()
            time.sleep(0.05)
            done.append(1)

        service.get_executor().submit(work)
        assert begun.wait(30)
    assert done == [1]


class Drained(gemstone.MicroService):
    name = "drained"
    port = 0
    drain_grace = 30

    def __init__(self):
        super().__init__()
        self.begun = threading.Event()
        self.may_end = threading.Event()

    @gemstone.exposed_method()
    def slow(self):
        self.begun.set()
        assert self.may_end.wait(30)
        return "answered"

    @gemstone.exposed_method()
    async def quick(self):
        return "quick"


class Wire:
    """One keep-alive connection, and what it says of itself."""

    REQUEST = (
        b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b'Content-Length: %d\r\n\r\n{"jsonrpc":"2.0","method":"%b","id":1}'
    )

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)

    def send(self, method):
        self.socket.sendall(self.REQUEST % (38 - 6 + len(method) + 4, method))

    def receive(self):
        data = b""
        while b'"id":1}' not in data:
            part = self.socket.recv(65536)
            assert part, data
            data += part
        return data

    def is_closed(self):
        return self.socket.recv(1) == b""


@pytest.fixture
def drained():
    service = Drained()
    thread = service.start_in_thread()
    stopping = threading.Thread(target=thread.stop)
    wires = []

    def wire():
        wires.append(Wire(service.port))
        return wires[-1]

    def stop():
        stopping.start()
        deadline = time.monotonic() + 30
        while listens(service.port) and time.monotonic() < deadline:
            time.sleep(0.005)

    yield service, wire, stop
    service.may_end.set()
    for one in wires:
        one.socket.close()
    thread.stop()
    if stopping.ident:
        stopping.join(30)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_drain_answers_what_is_under_way_and_closes(drained):
    service, wire, stop = drained
    busy = wire()
    busy.send(b"slow")
    assert service.begun.wait(30)
    stop()
    assert service.is_running
    service.may_end.set()
    answer = busy.receive()
    assert b'"answered"' in answer
    assert b"Connection: close" in answer
    assert busy.is_closed()


def test_an_idle_connection_gets_one_more_answer(drained):
    _, wire, stop = drained
    idle = wire()
    idle.send(b"quick")
    assert b"Connection: close" not in idle.receive()
    stop()
    idle.send(b"quick")
    answer = idle.receive()
    assert b'"quick"' in answer
    assert b"Connection: close" in answer
    assert idle.is_closed()


def test_idle_connections_go_when_the_grace_is_over():
    service = Drained()
    service.drain_grace = 0.1
    with service.start_in_thread():
        idle = Wire(service.port)
        idle.send(b"quick")
        idle.receive()
    assert idle.is_closed()
    idle.socket.close()


def test_who_stands_in_the_backlog_is_answered():
    class Blocked(Drained):
        @gemstone.exposed_method(is_coroutine=True)
        def block_the_loop(self):
            self.begun.set()
            assert self.may_end.wait(30)
            self.stop()
            return "answered"

    service = Blocked()
    thread = service.start_in_thread()
    first = Wire(service.port)
    first.send(b"block_the_loop")
    assert service.begun.wait(30)
    # The loop is blocked: these are accepted by the kernel alone.
    waiting = [Wire(service.port) for _ in range(200)]
    for wire in waiting:
        wire.send(b"quick")
    service.may_end.set()
    for wire in [first, *waiting]:
        assert b'"result":' in wire.receive()
        wire.socket.close()
    thread.stop()


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("host", None),
        ("host", "a..b"),
        ("host", "x" * 300),
        ("host", "\udc80"),
        ("accessible_at", ""),
        ("accessible_at", "x"),
        ("accessible_at", "http://"),
        ("accessible_at", "ftp://h/api"),
        ("accessible_at", "https://h:99999/api"),
        ("accessible_at", "http://h /api"),
        ("port", "8000"),
        ("port", 65536),
        ("port", True),
        ("endpoint", "api"),
        ("accessible_at", ("127.0.0.1", 80)),
        ("max_body_size", 0),
        ("max_batch_size", -1),
        ("max_parallel_blocking_tasks", 0),
        ("method_timeout", 0),
        ("drain_grace", -1),
        ("shutdown_timeout", None),
        ("idle_timeout", float("nan")),
        ("periodic_tasks", [("x", 1)]),
        ("periodic_tasks", [(print, 0)]),
        ("periodic_tasks", [print]),
        ("static_dirs", ["/static"]),
        ("extra_handlers", [("/x", object)]),
        ("extra_handlers", ["/x"]),
        ("extra_handlers", [("(", web.RequestHandler)]),
        ("extra_handlers", None),
        ("periodic_tasks", None),
        ("static_dirs", None),
        ("static_dirs", [("static", "/")]),
        ("endpoint", "/a b"),
        ("endpoint", "/é"),
        ("endpoint", "/api#x"),
        ("debug", "no"),
        ("legacy_responses", 1),
    ],
)
def test_a_setting_that_can_not_work_is_named(attribute, value):
    service = Hello()
    setattr(service, attribute, value)
    with pytest.raises(ServiceConfigurationError, match=attribute):
        service.start_in_thread()
    assert not service.is_running


@pytest.mark.parametrize("strategies", [[], ["memory://"]])
@pytest.mark.parametrize(
    ("attribute", "value", "shown"),
    [
        ("accessible_at", "https://u:hush@h:99999/api", "'https://u:***@h:99999/api'"),
        ("accessible_at", "u:hush@h", r"'u:***@h'"),
        ("endpoint", "http://u:hush@h/api", "'http://u:***@h/api'"),
        ("static_dirs", "http://u:hush@h/api", "'http://u:***@h/api'"),
    ],
)
def test_a_setting_that_can_not_work_is_shown_without_passwords(
    attribute, value, shown, strategies
):
    service = Hello()
    setattr(service, attribute, value)
    service.discovery_strategies = strategies
    with pytest.raises(ServiceConfigurationError) as caught:
        service.start_in_thread()
    assert str(caught.value).startswith(f"Hello.{attribute} is {shown}: it must be ")
    assert "hush" not in str(caught.value)


def test_a_host_that_no_name_can_be():
    with pytest.raises(ServiceAddressError, match=r"port 0 of 'a\.\.b': it is no name of a host"):
        listen("a..b", 0, 1)


def test_a_loop_that_is_none():
    with pytest.raises(ServiceConfigurationError, match="io_loop"):
        Hello(io_loop=object())


@pytest.mark.parametrize("start", ["start", "start_in_thread"])
def test_a_constructor_that_forgets_its_parent(start):
    class Forgetful(Hello):
        def __init__(self):
            pass

    with pytest.raises(ServiceStateError, match=r"super\(\).__init__\(\)"):
        getattr(Forgetful(), start)()


def test_a_stop_during_the_start_ends_the_start():
    class Waiting(Hooked):
        async def on_service_start(self):
            threading.Timer(0.05, self.stop).start()
            await asyncio.sleep(30)

    service = Waiting()
    with pytest.raises(ServiceStateError, match="stopped while it started"):
        service.start_in_thread()
    assert service.seen == []


class Careful(Hooked):
    """Takes half a second for its last things, whoever holds up its drain."""

    shutdown_timeout = 10
    drain_grace = 0.3
    idle_timeout = 0.5

    async def on_service_stop(self):
        await asyncio.sleep(0.05)
        await super().on_service_stop()

    @gemstone.exposed_method()
    def large(self):
        return "x" * 20_000_000

    @gemstone.exposed_method(requires_handler_reference=True)
    def large_by_handler(self, handler):
        return "x" * 20_000_000


def connect(port, data):
    wire = socket.create_connection(("127.0.0.1", port), 30)
    wire.sendall(data)
    return wire


POST = b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
LARGE = b'{"jsonrpc":"2.0","method":"large","id":1}'


@pytest.mark.parametrize("sent", [POST + b"100\r\n\r\n{", POST, POST + b"41\r\n\r\n" + LARGE])
def test_no_slow_client_makes_a_stop_unclean(sent):
    service = Careful()
    thread = service.start_in_thread()
    wire = connect(service.port, sent)
    if LARGE in sent:
        assert wire.recv(1000)
    began = time.monotonic()
    thread.stop()
    assert time.monotonic() - began < 8
    assert service.seen[-1] == "stop"
    wire.close()


@pytest.mark.parametrize("method", ["large", "large_by_handler"])
def test_a_client_that_reads_slowly_gets_all_of_its_answer(method):
    service = Careful()
    service.drain_grace = 2  # a piece must be taken in so much: time enough on a busy machine
    service.idle_timeout = 10
    service.shutdown_timeout = 30
    thread = service.start_in_thread()
    body = LARGE.replace(b"large", method.encode())
    wire = connect(service.port, POST + b"%d\r\n\r\n" % len(body) + body)
    size = len(wire.recv(1000))
    stopping = threading.Thread(target=thread.stop)
    stopping.start()
    while part := wire.recv(400_000):
        size += len(part)
        time.sleep(0.05)  # a client at 8 MB a second, for longer than the grace
    stopping.join()
    assert size > 20_000_000
    wire.close()


def test_a_client_that_does_not_read_is_not_kept():
    service = Careful()
    with service.start_in_thread():
        wire = connect(service.port, POST + b"41\r\n\r\n" + LARGE)
        assert wire.recv(1000)
        deadline = time.monotonic() + 30
        while is_open(wire) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not is_open(wire)
        wire.close()
        # Who reads gets all of it, even if slowly at first.
        with gemstone.RemoteService(service.accessible_at) as remote:
            assert len(remote.call_method("large").result) == 20_000_000


def is_open(wire):
    """Whether the other side still holds the connection, without reading from it."""
    try:
        wire.send(b"x")
    except OSError:
        return False
    return True


class Endless(web.RequestHandler):
    async def get(self):
        while True:
            await self.flush()
            await asyncio.sleep(0.01)


def test_an_endless_page_is_named_and_the_last_things_are_done():
    service = Careful()
    service.shutdown_timeout = 1
    service.extra_handlers = [("/endless", Endless)]
    thread = service.start_in_thread()
    wire = connect(service.port, b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
    assert wire.recv(1000)
    with pytest.raises(ShutdownTimeoutError, match=r"ran: 1 requests to web pages$"):
        thread.stop()
    assert service.seen[-1] == "stop"
    wire.close()


class Echo(websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)


def test_websockets_count_as_connections_and_end_with_the_service():
    upgrade = (
        b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    service = Hello()
    service.extra_handlers = [("/echo", Echo)]
    service.max_connections = 2
    with service.start_in_thread():
        wires = [connect(service.port, upgrade) for _ in range(2)]
        for wire in wires:
            assert wire.recv(1000).startswith(b"HTTP/1.1 101")
        third = socket.create_connection(("127.0.0.1", service.port), 30)
        assert third.recv(1000).startswith(b"HTTP/1.1 503")
        third.close()
    for wire in wires:
        assert wire.recv(1000) == b""
        wire.close()


def test_asyncios_own_threads_are_the_services_too():
    class Threaded(Hello):
        @gemstone.exposed_method()
        async def name_of_thread(self):
            return await asyncio.to_thread(lambda: threading.current_thread().name)

        @gemstone.exposed_method()
        async def stop_elsewhere(self):
            await asyncio.to_thread(self.stop)

    service = Threaded()
    thread = service.start_in_thread()
    with gemstone.RemoteService(service.accessible_at) as remote:
        assert remote.methods.name_of_thread().startswith("hello-loop")
        remote.methods.stop_elsewhere()
    thread.stop()
    assert not [name for name in names_of_threads() if name.startswith("hello")]

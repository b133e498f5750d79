"""start(), in processes of their own: signals, exit codes, and what is printed."""

import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import gemstone
from tools.brokers import free_ports

SERVICE = """
import asyncio, sys, threading, time
import gemstone

class Service(gemstone.MicroService):
    name = "service"
    port = {port}
    drain_grace = {grace}
    shutdown_timeout = {shutdown_timeout}
    event_loop = "{event_loop}"

    @gemstone.exposed_method()
    async def ping(self):
        return "pong"

    @gemstone.exposed_method()
    async def slow(self, seconds):
        print("slow", flush=True)
        await asyncio.sleep(seconds)
        return "slept"

    @gemstone.exposed_method()
    def stuck(self):
        print("stuck", flush=True)
        threading.Event().wait()

    @gemstone.exposed_method()
    async def stuck_thread(self):
        await asyncio.to_thread(threading.Event().wait)

    @gemstone.exposed_method()
    async def block_the_loop(self):
        print("block_the_loop", flush=True)
        while True:
            time.sleep(0.01)

{main}
"""
MAIN = 'Service().start()\nprint("after start", flush=True)'


class Process:
    def __init__(self, main=MAIN, port=None, grace=0.0, shutdown_timeout=30):
        self.port = port or free_port()
        program = SERVICE.format(
            port=self.port,
            grace=grace,
            shutdown_timeout=shutdown_timeout,
            event_loop=gemstone.MicroService.event_loop,
            main=main,
        )
        self.popen = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.remote = gemstone.RemoteService(f"http://127.0.0.1:{self.port}/api")

    def wait_until_it_serves(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.popen.poll() is None:
            try:
                assert self.remote.call_method("ping").result == "pong"
            except gemstone.errors.RemoteConnectionError:
                time.sleep(0.02)
            else:
                return self
        raise AssertionError(self.end())

    def begin(self, method, params=()):
        """Calls a method, and waits until it runs."""
        call = self.remote.call_method_async(method, params)
        assert self.popen.stdout.readline() == f"{method}\n"
        return call

    def send(self, number):
        self.popen.send_signal(number)

    def end(self):
        """The exit code, and what was written to stdout and stderr."""
        output, errors = self.popen.communicate(timeout=30)
        return self.popen.returncode, output, errors

    def close(self):
        self.remote.close()
        self.popen.kill()
        self.popen.communicate()


def free_port():
    return free_ports(1)[0]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def start() -> Iterator:
    processes = []

    def begin(**options):
        processes.append(Process(**options))
        return processes[-1]

    yield begin
    for process in processes:
        process.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_start_returns(start, number):
    process = start().wait_until_it_serves()
    call = process.begin("slow", [0.3])
    process.send(number)
    assert call.result(wait=True).result == "slept"
    code, output, errors = process.end()
    assert (code, output) == (0, "after start\n")
    assert "service serves http://127.0.0.1" in errors
    assert "Traceback" not in errors


def test_a_second_signal_ends_at_once(start):
    process = start().wait_until_it_serves()
    call = process.begin("slow", [30])
    process.send(signal.SIGTERM)
    deadline = time.monotonic() + 30
    while accepts(process.port) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send(signal.SIGTERM)
    assert process.end()[:2] == (128 + signal.SIGTERM, "")
    with pytest.raises(gemstone.errors.RemoteConnectionError):
        call.result(wait=True)


def test_a_method_that_never_ends_does_not_hold_the_process(start):
    process = start(shutdown_timeout=0.3).wait_until_it_serves()
    call = process.begin("stuck")
    process.send(signal.SIGTERM)
    code, output, errors = process.end()
    assert (code, output) == (1, "")
    assert "still ran" in errors
    assert "stuck" in errors
    with pytest.raises(gemstone.errors.RemoteConnectionError):
        call.result(wait=True)


def test_a_thread_of_asyncio_that_never_ends_does_not_hold_the_process(start):
    main = "Service.method_timeout = 0.1\n" + MAIN
    process = start(main=main, shutdown_timeout=0.3).wait_until_it_serves()
    assert process.remote.call_method("stuck_thread").error["code"] == -32002
    process.send(signal.SIGTERM)
    code, output, errors = process.end()
    assert (code, output) == (1, "")
    assert "asyncio's own threads" in errors


def test_a_second_signal_ends_even_a_blocked_loop(start):
    process = start().wait_until_it_serves()
    call = process.begin("block_the_loop")
    process.send(signal.SIGINT)
    process.send(signal.SIGTERM)
    assert process.end()[0] in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    with pytest.raises(gemstone.errors.RemoteConnectionError):
        call.result(wait=True)


def test_a_blocked_loop_does_not_hold_the_process(start):
    main = "import gemstone_core._lifecycle._process as process; process._MARGIN = 0.2\n" + MAIN
    process = start(main=main, shutdown_timeout=0.2).wait_until_it_serves()
    call = process.begin("block_the_loop")
    process.send(signal.SIGTERM)
    code, _, errors = process.end()
    assert code == 1
    assert "something blocks its event loop" in errors
    assert "block_the_loop" in errors  # where, as faulthandler shows it
    with pytest.raises(gemstone.errors.RemoteConnectionError):
        call.result(wait=True)


def test_a_signal_during_the_start_ends_the_start(start):
    main = """
    class Waiting(Service):
        async def on_service_start(self):
            print("waiting", flush=True)
            await asyncio.sleep(30)

    Waiting().start()
    print("after start", flush=True)
    """
    process = start(main=textwrap.dedent(main))
    assert process.popen.stdout.readline() == "waiting\n"
    process.send(signal.SIGTERM)
    code, output, errors = process.end()
    assert (code, output) == (0, "after start\n")
    assert "was stopped while it started" in errors


def test_handlers_of_signals_are_put_back(start):
    main = """
    import signal
    mine = lambda *_: None
    signal.signal(signal.SIGTERM, mine)
    service = Service()
    threading.Thread(target=lambda: (time.sleep(0.1), service.stop())).start()
    service.start()
    print(signal.getsignal(signal.SIGTERM) is mine)
    """
    assert start(main=textwrap.dedent(main)).end()[:2] == (0, "True\n")


def test_a_taken_port_is_one_clear_line(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, errors = start(port=port).end()
    assert code == 1
    assert errors.startswith(f"service: can't listen on port {port} of '127.0.0.1'")
    assert errors.count("\n") == 1


def test_logging_that_somebody_has_set_up_is_left_alone(start):
    main = """
    import logging
    logging.basicConfig(format="MINE %(message)s", level="INFO", stream=sys.stdout)
    """
    process = start(main=textwrap.dedent(main) + MAIN).wait_until_it_serves()
    process.send(signal.SIGTERM)
    code, output, errors = process.end()
    assert (code, errors) == (0, "")
    assert "MINE service serves" in output


def test_start_outside_of_the_main_thread_is_stopped_by_stop(start):
    main = """
    service = Service()
    thread = threading.Thread(target=service.start)
    thread.start()
    while not service.accessible_at:
        time.sleep(0.01)
    print(gemstone.RemoteService(service.accessible_at).call_method("ping").result)
    service.stop()
    thread.join()
    """
    code, output, errors = start(main=textwrap.dedent(main)).end()
    assert (code, output) == (0, "pong\n"), errors


def test_a_service_in_a_forgotten_thread_does_not_hold_the_process(start):
    main = "thread = Service().start_in_thread()\nprint(thread.service.is_running)"
    assert start(main=main).end()[:2] == (0, "True\n")


def test_no_call_fails_while_a_service_is_restarted_under_load(start):
    """The restart of one port, under our client, which waits for the port to return."""
    process = start(grace=5).wait_until_it_serves()
    process.remote.close()  # an idle connection, for which the drain would wait
    stop = threading.Event()
    failed = []
    done = []

    def load():
        with gemstone.RemoteService(f"http://127.0.0.1:{process.port}/api") as remote:
            while not stop.is_set():
                try:
                    assert remote.call_method("ping").result == "pong"
                    done.append(1)
                except gemstone.errors.RemoteConnectionError as error:
                    # A refused connection reached nobody; anything else is ambiguous.
                    if "refused" not in str(error).lower():
                        failed.append(error)
                    time.sleep(0.005)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(done) < 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send(signal.SIGTERM)
    assert process.end()[0] == 0
    again = start(port=process.port).wait_until_it_serves()
    before = len(done)
    while len(done) < before + 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    again.send(signal.SIGTERM)
    assert again.end()[0] == 0
    assert failed == []
    assert len(done) >= 400


def test_a_process_that_may_open_few_files_refuses_connections_and_goes_on(start):
    main = """
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (84, 84))
    """
    process = start(main=textwrap.dedent(main) + MAIN).wait_until_it_serves()
    with ExitStack() as stack:
        refused = 0
        for _ in range(60):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", process.port), 30))
            wire.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = wire.recv(1000)
            assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 503")), answer
            refused += b" 503 " in answer
        assert refused >= 40
        # The connection that was there before is still served.
        assert process.remote.call_method("ping").result == "pong"
    process.remote.close()
    process.send(signal.SIGTERM)
    code, _, errors = process.end()
    assert code == 0
    assert "may open 84 files, so that it serves 20 connections and not 10000" in errors
    assert "Traceback" not in errors

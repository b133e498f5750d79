"""Which event loop a service runs on, and what both kinds of them do alike."""

import asyncio
import logging
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvloop
from tornado.ioloop import IOLoop

import gemstone
from gemstone.errors import ServiceConfigurationError
from tools.waiting import until

pytestmark = pytest.mark.usefixtures("no_thread_left")

#: What `event_loop` may be, and what then runs where uvloop is installed.
LOOPS = {"asyncio": "asyncio", "auto": "uvloop", "uvloop": "uvloop"}
BOTH = ["asyncio", "uvloop"]


class Looping(gemstone.MicroService):
    name = "looping"
    port = 0
    drain_grace = 0

    def __init__(self, event_loop, io_loop=None):
        super().__init__(io_loop)
        self.event_loop = event_loop

    @gemstone.exposed_method()
    async def loop(self):
        return kind(asyncio.get_running_loop())

    @gemstone.exposed_method()
    async def run_program(self, *command):
        program = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1)
        output, _ = await program.communicate(b"in")
        return [program.returncode, output.decode()]

    @gemstone.exposed_method()
    async def thread(self):
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    @gemstone.exposed_method()
    async def watch(self):
        """Waits for a file descriptor, as code for Tornado does."""
        reader, writer = os.pipe()
        read = asyncio.get_running_loop().create_future()
        io_loop = IOLoop.current()
        io_loop.add_handler(reader, lambda fd, _: read.set_result(os.read(fd, 10)), IOLoop.READ)
        io_loop.add_callback(os.write, writer, b"read")
        try:
            return (await read).decode()
        finally:
            io_loop.remove_handler(reader)
            os.close(reader)
            os.close(writer)

    @gemstone.exposed_method()
    async def fork(self):
        child = os.fork()
        if child == 0:
            os._exit(7)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    @gemstone.exposed_method()
    async def fail_somewhere(self):
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)


def kind(loop):
    return type(loop).__module__.partition(".")[0]


def made_by(event_loop):
    return uvloop.new_event_loop if event_loop == "uvloop" else asyncio.new_event_loop


def call(service, method, *params):
    with gemstone.RemoteService(service.accessible_at) as remote:
        return getattr(remote.methods, method)(*params)


@pytest.fixture
def without_uvloop(monkeypatch):
    """As if uvloop were not installed."""
    monkeypatch.setitem(sys.modules, "uvloop", None)


@pytest.fixture
def broken_uvloop(monkeypatch, tmp_path):
    """A uvloop that was built for something else."""
    (tmp_path / "uvloop.py").write_text("raise ImportError('undefined symbol: uv_run')")
    monkeypatch.delitem(sys.modules, "uvloop")
    monkeypatch.syspath_prepend(tmp_path)


# Which loop it is.


@pytest.mark.parametrize(("event_loop", "expected"), LOOPS.items())
def test_a_thread_runs_on_the_loop_that_is_asked_for(caplog, event_loop, expected):
    caplog.set_level(logging.DEBUG, "gemstone.service")
    with Looping(event_loop).start_in_thread() as service:
        assert call(service, "loop") == expected
    assert f"looping runs on a loop of {expected}" in caplog.text


def test_uvloop_is_the_default():
    # The tests may have chosen another one for MicroService: see tests/conftest.py.
    assert super(gemstone.MicroService, gemstone.MicroService).event_loop == "auto"


@pytest.mark.parametrize(("event_loop", "expected"), LOOPS.items())
@pytest.mark.parametrize("starter", ["-c", "gemstone run"])
def test_a_process_runs_on_the_loop_that_is_asked_for(tmp_path, starter, event_loop, expected):
    file = tmp_path / "looping.py"
    file.write_text(PROGRAM + ("\nLooping().start()" if starter == "-c" else ""))
    command = [str(file)] if starter == "-c" else ["-m", "gemstone_core", "run", str(file)]
    done = run(*command, loop=event_loop)
    assert (done.returncode, done.stdout) == (0, f"{expected}\n"), done.stderr


PROGRAM = """
import asyncio, os, signal
import gemstone

class Looping(gemstone.MicroService):
    name = "looping"
    port = 0
    event_loop = os.environ["LOOP"]

    def on_service_start(self):
        print(type(asyncio.get_running_loop()).__module__.partition(".")[0], flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
"""


def run(*command, loop):
    environment = {**os.environ, "LOOP": loop}
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


@pytest.mark.parametrize("runs", BOTH)
@pytest.mark.parametrize("event_loop", LOOPS)
def test_serve_runs_on_the_loop_that_runs(event_loop, runs):
    service = Looping(event_loop)

    async def serve():
        serving = asyncio.create_task(service.serve())
        async with asyncio.timeout(30):
            while not service.accessible_at:
                await asyncio.sleep(0.01)
        answer = await asyncio.to_thread(call, service, "loop")
        await asyncio.to_thread(service.stop)
        await serving
        return answer

    with asyncio.Runner(loop_factory=made_by(runs)) as runner:
        assert runner.run(serve()) == runs


@pytest.mark.parametrize("given", BOTH)
def test_a_loop_that_is_given_is_the_one(given):
    io_loop = IOLoop(asyncio_loop=made_by(given)(), make_current=False)
    service = Looping("auto", io_loop)
    with service.start_in_thread():
        assert call(service, "loop") == given
        assert service.get_io_loop() is io_loop
    io_loop.close()


# Without uvloop.


@pytest.mark.usefixtures("without_uvloop")
@pytest.mark.parametrize("event_loop", ["auto", "asyncio"])
def test_without_uvloop(caplog, event_loop):
    with Looping(event_loop).start_in_thread() as service:
        assert call(service, "loop") == "asyncio"
    assert "uvloop" not in caplog.text


@pytest.mark.usefixtures("broken_uvloop")
def test_a_uvloop_that_cannot_be_imported_is_told_and_done_without(caplog):
    with Looping("auto").start_in_thread() as service:
        assert call(service, "loop") == "asyncio"
    [told] = [record for record in caplog.records if "uvloop" in record.getMessage()]
    assert told.levelname == "WARNING"
    assert "undefined symbol: uv_run" in told.getMessage()


@pytest.mark.usefixtures("without_uvloop")
@pytest.mark.parametrize("start", ["start", "start_in_thread"])
def test_a_uvloop_that_is_asked_for_has_to_be_there(start):
    service = Looping("uvloop")
    with pytest.raises(ServiceConfigurationError, match="uvloop', which is not installed") as told:
        getattr(service, start)()
    assert 'pip install "gemstone[uvloop]>=1"' in str(told.value)
    assert not service.is_running


@pytest.mark.usefixtures("broken_uvloop")
def test_a_uvloop_that_is_asked_for_has_to_work():
    with pytest.raises(ServiceConfigurationError, match=r"can't be imported: .*uv_run"):
        Looping("uvloop").start_in_thread()


@pytest.mark.parametrize("event_loop", ["trio", "", "UVLOOP", None, True, [], uvloop])
def test_other_loops_are_none(event_loop):
    service = Looping(event_loop)
    for start in (service.start, service.start_in_thread, service.make_tornado_app):
        with pytest.raises(ServiceConfigurationError, match=r"Looping\.event_loop is .*: it must"):
            start()
    with pytest.raises(ServiceConfigurationError, match="event_loop"):
        asyncio.run(service.serve())


@pytest.mark.parametrize("event_loop", LOOPS)
def test_uvloop_is_imported_when_a_loop_is_made(tmp_path, event_loop):
    (tmp_path / "program.py").write_text(
        PROGRAM
        + textwrap.dedent("""
        import sys
        service = Looping()
        service.make_tornado_app()
        assert "uvloop" not in sys.modules
        service.start()
        assert ("uvloop" in sys.modules) is (service.event_loop != "asyncio")
    """)
    )
    done = run(str(tmp_path / "program.py"), loop=event_loop)
    assert done.returncode == 0, done.stderr


# What a service may do on either.


@pytest.fixture(params=BOTH)
def looping(request):
    with Looping(request.param).start_in_thread() as service:
        yield service


def test_programs_are_run(looping):
    program = "import sys; print(sys.stdin.read() * 2)"
    assert call(looping, "run_program", sys.executable, "-c", program) == [0, "inin\n"]


def test_the_loop_s_threads_are_the_service_s(looping):
    assert call(looping, "thread").startswith("looping-loop")


def test_tornado_s_loop_is_the_service_s(looping):
    assert call(looping, "watch") == "read"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # other threads run, that is known
def test_a_fork_leaves_the_service_alone(looping):
    assert call(looping, "fork") == 7
    assert call(looping, "fork") == 7


def test_a_callback_that_fails_is_logged(looping, caplog):
    call(looping, "fail_somewhere")
    until(lambda: "ZeroDivisionError" in caplog.text, what="it is logged")
    assert call(looping, "loop") == looping.event_loop


def test_many_services_start_and_stop_at_once():
    services = [Looping(event_loop) for event_loop in LOOPS for _ in range(4)]

    def live(service):
        with service.start_in_thread():
            return call(service, "loop")

    with ThreadPoolExecutor(len(services)) as side_by_side:
        loops = [*side_by_side.map(live, services)]
    assert loops == [LOOPS[service.event_loop] for service in services]


@pytest.mark.parametrize("event_loop", BOTH)
def test_two_services_of_one_process(tmp_path, event_loop):
    """One in a thread, and one that hears of signals."""
    (tmp_path / "program.py").write_text(
        PROGRAM
        + textwrap.dedent("""
        class Beside(gemstone.MicroService):
            name = "beside"
            port = 0
            event_loop = Looping.event_loop

            @gemstone.exposed_method()
            async def ping(self):
                return "pong"

        with Beside().start_in_thread() as beside:
            Looping().start()
            with gemstone.RemoteService(beside.accessible_at) as remote:
                print(remote.methods.ping())
    """)
    )
    done = run(str(tmp_path / "program.py"), loop=event_loop)
    assert (done.returncode, done.stdout) == (0, f"{event_loop}\npong\n"), done.stderr


@pytest.mark.parametrize("event_loop", BOTH)
def test_signals_of_the_program_s_own_arrive(tmp_path, event_loop):
    (tmp_path / "program.py").write_text(
        textwrap.dedent("""
        import asyncio, os, signal
        import gemstone

        class Heard(gemstone.MicroService):
            name = "heard"
            port = 0
            event_loop = os.environ["LOOP"]

            def on_service_start(self):
                asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGUSR1)

        service = Heard()
        signal.signal(signal.SIGUSR1, lambda *_: (print("heard", flush=True), service.stop()))
        service.start()
    """)
    )
    done = run(str(tmp_path / "program.py"), loop=event_loop)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr

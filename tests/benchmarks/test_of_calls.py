"""The benchmarks that drive servers: peers answer rightly, and a wrong answer is noticed."""

import socket
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are not installed

from benchmarks import calls, contest, load, memory, wrk  # noqa: E402
from benchmarks.processes import Bench, BenchmarkError, Program, Server, bench  # noqa: E402

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="benchmarks run on Linux only"),
]

FLOOR = Program("floor.py", arguments=("asyncio",))
PEERS = [
    Program("hello_gemstone.py"),
    Program("hello_gemstone.py", arguments=("asyncio",)),
    Program("hello_tornado.py"),
    Program("floor.py", arguments=("uvloop",)),
    FLOOR,
]


@pytest.fixture(scope="module")
def place():
    with bench() as place:
        yield place


@pytest.mark.parametrize("program", PEERS, ids=lambda peer: f"{peer.script} {peer.arguments}")
@pytest.mark.parametrize("method", ["say_hello", "say_hello_blocking"])
def test_a_peer_answers_rightly_under_load(place: Bench, program: Program, method: str):
    with Server(place, program) as server:
        exchanges = load.learn(server.address, "/api", contest.hello(method, 32))
        assert load.check(server.address, exchanges, connections=8, seconds=0.1) >= 8
        assert server.cpu_seconds() > 0
        assert server.peak_memory() >= server.resident_memory() > 2**20
        assert 0 < server.seconds_to_listen < 30


def test_a_wrong_answer_is_learnt_of_at_the_first_call(place: Bench):
    [(call, answer)] = contest.hello("say_hello", 1)
    server = Server(place, Program("hello_gemstone.py"))
    with server, pytest.raises(BenchmarkError, match="instead of"):
        load.learn(server.address, "/api", [(call, {**answer, "id": 999})])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", id="body"),
        pytest.param(b"HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\nright", id="status"),
        pytest.param(b"", id="closed"),
    ],
)
def test_a_wrong_answer_under_load_ends_it(answer: bytes):
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        exchange = load.Exchange(b"POST / HTTP/1.1\r\n\r\n", b"right")
        with pytest.raises(BenchmarkError):
            load.check(listener.getsockname(), [exchange], connections=1, seconds=1)
        thread.join()


def test_a_round_of_wrk(place: Bench):
    with Server(place, FLOOR) as server:
        exchanges = load.learn(server.address, "/api", contest.hello("say_hello", 32))
        found = wrk.drive(server.address, "/api", exchanges, connections=8, seconds=0.1)
    assert found.exchanges >= 8
    assert 0 < found.p50 <= found.p99 <= found.seconds
    assert 0.9 < found.seconds < 5
    assert found.load > 0


def test_wrk_notices_a_wrong_answer(place: Bench):
    with Server(place, FLOOR) as server:
        [*rest, last] = load.learn(server.address, "/api", contest.hello("say_hello", 32))
        wrong = load.Exchange(last.request, b"{}")
        with pytest.raises(BenchmarkError, match=r'answers no call: 200 .*"hello n31"'):
            wrk.drive(server.address, "/api", [*rest, wrong], connections=8, seconds=1)


def test_wrk_notices_another_status(place: Bench):
    with Server(place, Program("hello_gemstone.py")) as server:
        exchanges = load.learn(server.address, "/api", contest.hello("say_hello", 1))
        with pytest.raises(BenchmarkError, match="answers no call: 404"):
            wrk.drive(server.address, "/nowhere", exchanges, connections=2, seconds=1)


def test_what_wrk_says_is_read():
    found = wrk.read("Running …\nfound 90000 1500000 0 640 1800\nwrong \n", 0.75)
    assert found == wrk.Round(1.5, 90_000, 0.00064, 0.0018, 0.5)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("unable to connect to nowhere", "unable to connect"),
        ("\nfound 9 1500000 2 640 1800\nwrong \n", "2 answers did not come"),
        ("\nfound 0 1500000 0 0 0\nwrong \n", "0 answers did not come"),
        ("\nfound 9 1500000 0 640 1800\nwrong 500 Oh\n", "answers no call: 500 Oh"),
    ],
)
def test_what_wrk_says_is_an_error(said: str, message: str):
    with pytest.raises(BenchmarkError, match=message):
        wrk.read(said, 1.0)


def test_a_body_of_two_lines_can_not_be_driven(place: Bench):
    exchange = load.Exchange(b"POST / HTTP/1.1\r\n\r\n{}", b"{\n}")
    with pytest.raises(BenchmarkError, match="more than one line"):
        wrk.drive(("127.0.0.1", 1), "/", [exchange], connections=1, seconds=1)


def test_where_wrk_is_missing_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        BenchmarkError, match=r"run scripts/programs, or .*apt-get install wrk"
    ) as no:
        wrk.program()
    assert "\n" not in str(no.value)


def test_batches_hold_each_call_and_its_answer_once():
    calls, answers = zip(*contest.batches("greet", 3, 4), strict=True)
    assert [len(batch) for batch in calls] == [len(batch) for batch in answers] == [4, 4, 4]
    asked = [call["id"] for batch in calls for call in batch]
    assert asked == [answer["id"] for batch in answers for answer in batch] == [*range(12)]


def test_calls_of_a_batch_count():
    ours = contest.Contestant("ours", FLOOR, [], 100, [wrk.Round(2.0, 50, 0, 0, 0)], [0.001])
    theirs = contest.Contestant("theirs", FLOOR, [], 1, [wrk.Round(2.0, 500, 0, 0, 0)], [0.004])
    rate, cpu = contest.faster(ours, theirs, 10)
    assert (ours.rates(), theirs.rates()) == ([2500], [250])
    assert (rate.what, rate.ratio, rate.missed) == ("calls/s, ours / theirs", 10, False)
    assert (cpu.what, cpu.ratio, cpu.at_least) == ("CPU per call, theirs / ours", 4, None)


@pytest.mark.parametrize("part", [calls.coroutines, calls.blocking, calls.in_batches])
def test_a_part_with_peers(place: Bench, monkeypatch: pytest.MonkeyPatch, part):
    monkeypatch.setattr(calls, "peer", lambda *names: FLOOR)  # which answers all that they do
    monkeypatch.setattr(contest, "_CHECKED", 0.1)
    found = part(place, rounds=1, seconds=1)
    assert "1 rounds of 1 s" in found.text
    assert any(comparison.at_least for comparison in found.comparisons)
    assert all(comparison.ratio > 0 for comparison in found.comparisons)


def test_idle_connections_are_measured(place: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "peer", lambda *names: FLOOR)
    found = memory.run(place, rounds=1, connections=300)
    assert "the floor, uvloop" in found.text
    assert all(0 < comparison.ratio < 100 for comparison in found.comparisons)


def test_too_few_files_for_idle_connections(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory.resource, "getrlimit", lambda kind: (1_000, 4_000))
    with pytest.raises(BenchmarkError, match="no more than 4,000 files may be open, and 10,200"):
        memory._allow_open_files(10_200)

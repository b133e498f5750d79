"""The benchmarks' own parts: events and lookups are measured, wrong ones noticed, a round runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from gemstone_redis import RedisDiscoveryStrategy
from tools.brokers import Address, RedisAddress

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are not installed

from benchmarks import events, lookup, pairs, report  # noqa: E402
from benchmarks.processes import Bench, BenchmarkError, Program, Server, bench  # noqa: E402

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="benchmarks run on Linux only"),
]


@pytest.fixture(scope="module")
def place():
    with bench() as place:
        yield place


def test_a_peer_that_does_not_listen_says_why(place: Bench):
    with pytest.raises(BenchmarkError, match="No such file"), Server(place, Program("nobody.py")):
        pass


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        ({}, "-"),
        ({"at_least": 2.0}, "reached"),
        ({"at_least": 2.1}, "missed"),
        ({"at_most": 2.0}, "reached"),
        ({"at_most": 1.9}, "missed"),
    ],
)
def test_a_comparison_is_judged_by_the_median_of_its_rounds(limits, verdict):
    comparison = report.Comparison("x / y", report.ratios([2, 1, 90], [1, 1, 9]), **limits)
    assert comparison.row()[1:2] + comparison.row()[3:] == ["2.00 (1.00 to 10.00)", verdict]


@pytest.mark.parametrize(
    ("script", "role"),
    [
        ("events_redis_py.py", "publish"),
        ("events_redis_py.py", "publish-in-pipelines"),
        ("events_gemstone.py", "publish"),
    ],
)
def test_events_over_redis_are_measured(
    place: Bench, redis_server: RedisAddress, script: str, role: str
):
    check_passage(place, pairs.Way("ours", Program(script), role), redis_server)


@pytest.mark.parametrize(
    "script", ["events_pika_blocking.py", "events_pika_select.py", "events_gemstone.py"]
)
def test_events_over_rabbitmq_are_measured(place: Bench, rabbitmq_server: Address, script: str):
    check_passage(place, pairs.Way("ours", Program(script)), rabbitmq_server)


def check_passage(place: Bench, way: pairs.Way, broker: Address) -> None:
    found = pairs.travel(place, way, broker.url, 700)
    assert len(found.latencies()) == 700
    assert all(latency > 0 for latency in found.latencies())
    assert found.emitted_rate > 0
    assert found.received_rate > 0
    assert found.publisher_cpu > 0
    assert found.subscriber_cpu > 0


@pytest.mark.parametrize(
    ("publisher", "message"),
    [
        pytest.param("del payloads[150]", "came instead of", id="lost"),
        pytest.param("payloads[150] += b' '", "came instead of", id="changed"),
        pytest.param("payloads.insert(150, payloads[150])", "came instead of", id="repeated"),
        pytest.param("payloads[150:152] = payloads[151:149:-1]", "came instead of", id="overtaken"),
        pytest.param("del payloads[-1]", "299 were emitted, and 299 came", id="last lost"),
        pytest.param("raise SystemExit('no broker')", "failed; it said:\nno broker", id="failed"),
    ],
)
def test_what_is_wrong_with_events_ends_it(
    place: Bench,
    redis_server: RedisAddress,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    publisher: str,
    message: str,
):
    monkeypatch.setattr(pairs, "_ON_THE_WAY", 2.0)
    script = tmp_path / "wrong.py"
    script.write_text(
        f"""
import sys
sys.path.insert(0, {str(pairs.PEERS)!r})
import events_redis_py as right
def publish(task):
    payloads = task.payloads()
    {publisher}
    right.Task.payloads = lambda task: payloads
    right.publish(task)
right.main({{"publish": publish, "subscribe": right.subscribe}})
"""
    )
    with pytest.raises(BenchmarkError, match=message):
        pairs.travel(place, pairs.Way("ours", Program(str(script))), redis_server.url, 300)


def test_who_does_not_subscribe_is_not_waited_for(place: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pairs, "_PATIENCE", 1.0)
    way = pairs.Way("ours", Program("events_gemstone.py"))
    with pytest.raises(BenchmarkError, match="did not subscribe; it said"):
        pairs.travel(place, way, "redis://127.0.0.1:1/0", 300)


def test_a_broker_is_started_where_none_is_given():
    with events.redis_server(None) as broker, broker.client() as client:
        assert client.ping()


def test_lookups_are_measured_beside_other_keys(place: Bench):
    part = lookup.run(place, rounds=2, lookups=20, few=10, many=25_000)
    assert "25,000" in part.text
    [comparison] = part.comparisons
    assert len(comparison.ratios) == 2
    assert all(ratio > 0 for ratio in comparison.ratios)


def test_a_service_that_is_not_found_ends_the_lookups(place: Bench, monkeypatch):
    monkeypatch.setattr(RedisDiscoveryStrategy, "ping", lambda *arguments: None)
    with pytest.raises(BenchmarkError, match="was found at"):
        lookup.run(place, rounds=1, lookups=1, few=1, many=1)


def test_one_short_round_of_all_runs_from_end_to_end(
    redis_server: RedisAddress, rabbitmq_server: Address
):
    # The others have peers of other people, which would have to be installed.
    parts = [
        "floor",
        "anatomy",
        "starts",
        "waits",
        "redis",
        "rabbitmq",
        "ticker",
        "lookup",
        "breaker",
    ]
    options = [f"--part={part}" for part in [*parts, "async", "client"]]
    options += ["--rounds=1", "--seconds=1", "--starts=1", "--wait-rounds=1", "--wait-calls=8"]
    options += ["--wait-threads=4", "--wait-seconds=0.05"]
    options += ["--event-rounds=1", "--events=200", "--single-events=10"]
    options += ["--single-rounds=1", "--single-calls=10", "--async-rounds=1", "--async-calls=16"]
    options += ["--client-rounds=1", "--client-calls=10"]
    options += ["--lookup-rounds=1", "--lookups=20", "--unrelated-keys=2000"]
    options += [f"--redis-url={redis_server.url}", f"--rabbitmq-url={rabbitmq_server.url}"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for line in [
        "the floor, asyncio",
        "httptools: the request",
        "start to listening",
        "gemstone.as_completed",
    ]:
        assert line in done.stdout
    for line in ["refused: all instances", "call_method_async, 8 threads"]:
        assert line in done.stdout
    assert "10 by a pattern" in done.stdout
    for line in ["gemstone, redis://", "gemstone, amqp://, confirmed", "one busy Python thread"]:
        assert line in done.stdout

"""RedisStreamEventTransport on a real Redis, which is killed and emptied."""

import json
import time

import pytest

from gemstone.errors import EventRefusedError, ServiceConfigurationError
from gemstone.event import (
    RedisStreamEventTransport,
    dead_letters,
    forget_service,
    open_transport,
)
from gemstone_core.testing import DurableEventTransportContract
from gemstone_redis import _appending, _reader, _settler, _stream_admin, _trimming
from tools.brokers import free_ports
from tools.waiting import until

from .conftest import lines


def stream_url(broker, options=""):
    return f"redis+stream{broker.url.removeprefix('redis')}{options}"


class TestStreams(DurableEventTransportContract):
    @pytest.fixture(autouse=True)
    def broker(self, mortal_redis):
        self._broker = mortal_redis
        self.url = stream_url(mortal_redis)

    def make_transport(self):
        return RedisStreamEventTransport(self.url)

    def make_unreachable_transport(self):
        [port] = free_ports(1)
        return RedisStreamEventTransport(f"redis+stream://127.0.0.1:{port}")

    def break_connections(self):
        with self._broker.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal")

    def send_raw(self, event_name, data):
        with self._broker.client() as client:
            client.xadd(f"{{gemstone}}:events:{event_name}", {"body": data})


STREAM = "{gemstone}:events:noted"
DEAD = "{gemstone}:dead"


@pytest.fixture
def broker(own_redis):
    """A Redis that nobody else uses."""
    return own_redis(appendonly="yes", appendfsync="always")


@pytest.fixture
def client(broker):
    with broker.client() as client:
        yield client


def taken_by_the_dead(client, count, group="service", times=1):
    """Have entries delivered to a consumer that is gone then."""
    client.xreadgroup(group, "dead", {STREAM: ">"}, count)
    ids = [each["message_id"] for each in client.xpending_range(STREAM, group, "-", "+", count)]
    if times > 1:
        client.xclaim(STREAM, group, "dead", 0, ids, retrycount=times, justid=True)
    return ids


# What lies in Redis.


def test_entries_of_a_stream(broker, client, run):
    run(stream_url(broker))
    with open_transport(stream_url(broker)) as transport:
        transport.emit_event("noted", {"a": "\u00fc"}, headers={"x": "y"}).wait(30)
        transport.emit_event("noted", 2).wait(30)
    (_, first), (_, second) = client.xrange(STREAM)
    assert json.loads(first[b"body"]) == {"a": "\u00fc"}
    assert json.loads(first[b"headers"]) == {"x": "y"}
    assert float(first[b"time"]) == pytest.approx(time.time(), abs=60)
    assert (second[b"body"], b"headers" in second) == (b"2", False)
    assert len({first[b"id"], second[b"id"]}) == 2


def test_what_others_write_arrives(broker, client, run):
    service = run(stream_url(broker))
    client.xadd(STREAM, {"body": "1"})
    client.xadd(STREAM, {"body": "2", "time": "x", "headers": "[]", "id": b"\xff"})
    client.xadd(STREAM, {"something": "else"})
    client.xadd(STREAM, {"body": "3", "to": "somebody else"})
    until(lambda: len(service.came) == 2, what="both have come")
    assert sorted(service.bodies()) == [1, 2]
    until(lambda: client.xlen(DEAD) == 1, what="what has no body is dead")
    until(lambda: client.xpending(STREAM, "service")["pending"] == 0, what="all is acknowledged")


def test_what_comes_together_with_what_is_for_others_is_not_held_up(broker, client, run):
    service = run(stream_url(broker))
    with client.pipeline(transaction=True) as together:
        together.xadd(STREAM, {"body": "1"})
        together.xadd(STREAM, {"body": "2", "to": "somebody else"})
        together.execute()
    until(lambda: service.bodies() == [1], what="the one has come", within=5)


# What is kept, and what is thrown away.


def test_what_all_have_handled_is_thrown_away_and_nothing_else(broker, client, run, monkeypatch):
    monkeypatch.setattr(_settler, "_TRIM_EVERY", 0.05)
    one = run(stream_url(broker), name="one")
    other = run(stream_url(broker), name="other")
    other.release.clear()
    for number in range(10):
        one.emit_event("noted", number).wait(30)
    until(lambda: len(one.came) == 10, what="one has handled them")
    until(lambda: other.at_once[0] == 10, what="the other has begun")
    until(lambda: client.xpending(STREAM, "one")["pending"] == 0, what="one has acknowledged")
    trimmed = monkeypatch_counter(monkeypatch, _settler, "trim_handled")
    until(lambda: trimmed() > 4, what="it was looked at some times")
    assert client.xlen(STREAM) == 10
    other.release.set()
    until(lambda: client.xlen(STREAM) == 0, what="nothing is left")
    assert sorted(other.bodies()) == [*range(10)]


def monkeypatch_counter(monkeypatch, module, name):
    calls = []
    function = getattr(module, name)

    def counted(*arguments):
        function(*arguments)
        calls.append(arguments)

    monkeypatch.setattr(module, name, counted)
    return lambda: len(calls)


def test_what_nobody_subscribed_to_does_not_pile_up(broker, client, monkeypatch):
    monkeypatch.setattr(_appending, "_LOOK_EVERY", 0.05)
    monkeypatch.setattr(_trimming, "_PATIENCE", 200)
    with open_transport(f"{stream_url(broker)}?socket_timeout=0.2") as transport:
        transport.emit_event("noted", 1).wait(30)
        assert client.xlen(STREAM) == 1
        until(lambda: client.xlen(STREAM) == 0, what="nothing is left")


def test_a_cap_is_kept_and_what_it_costs_is_counted(broker, client, run, caplog):
    service = run(stream_url(broker))
    run.end(service)
    with open_transport(f"{stream_url(broker)}?max_length=10") as transport:
        for number in range(50):
            transport.emit_event("noted", number).wait(30)
        until(lambda: transport.event_status().lost == 40, what="they are counted")
    assert client.xlen(STREAM) == 10
    assert lines(caplog, "threw away 1 event ", "max_length is 10")
    service = run(stream_url(broker))
    until(lambda: service.bodies() == [*range(40, 50)], what="the others have come")


def test_a_full_redis_is_waited_for(own_redis, run, caplog):
    broker = own_redis()
    service = run(stream_url(broker))
    with broker.client() as client:
        client.config_set("maxmemory", 1)
        receipt = service.emit_event("noted", 1)
        until(lambda: lines(caplog, "to emit events", "maxmemory"), what="it is told")
        assert not receipt.done()
        client.config_set("maxmemory", 0)
    receipt.wait(30)
    until(lambda: service.bodies() == [1], what="it has come")


# The dead.


def test_what_a_dead_instance_had_is_claimed(broker, client, run):
    url = stream_url(broker, "?claim_after=0.5")
    run.end(run(url))
    for number in range(30):
        client.xadd(STREAM, {"body": str(number)})
    taken_by_the_dead(client, 20)
    service = run(url, takes=0.05)
    began = time.monotonic()
    until(lambda: len(service.came) == 30, what="all have come")
    assert time.monotonic() - began < 5
    assert sorted(service.bodies()) == [*range(30)]
    assert {event.attempt for event in service.came if event.body < 20} == {2}
    assert {event.attempt for event in service.came if event.body >= 20} == {1}
    until(lambda: client.xpending(STREAM, "service")["pending"] == 0, what="all is acknowledged")


def test_suspects_are_tried_alone_and_the_others_are_not_held_up(broker, client, run):
    url = stream_url(broker, "?claim_after=0.5")
    run.end(run(url))
    for number in range(10):
        client.xadd(STREAM, {"body": str(number)})
    taken_by_the_dead(client, 10, times=2)
    service = run(url, takes=0.05)
    for number in range(10, 20):
        client.xadd(STREAM, {"body": str(number)})
    until(lambda: len(service.came) == 20, what="all have come")
    assert service.bodies()[:10] == [*range(10, 20)]
    assert service.bodies()[10:] == [*range(10)]
    assert {event.attempt for event in service.came[10:]} == {3}


def test_at_most_one_suspect_at_a_time(broker, client, run):
    url = stream_url(broker, "?claim_after=0.5")
    run.end(run(url))
    for number in range(10):
        client.xadd(STREAM, {"body": str(number)})
    taken_by_the_dead(client, 10, times=2)
    service = run(url, takes=0.05)
    until(lambda: len(service.came) == 10, what="all have come")
    assert service.at_once[1] == 1


def test_a_suspect_is_tried_when_redis_knows_what_became_of_the_one_before(
    broker, client, run, monkeypatch
):
    # Else that one would be in another death, if the process died of the next.
    monkeypatch.setattr(_settler, "_GATHER", 0.3)
    url = stream_url(broker, "?claim_after=0.5")
    run.end(run(url))
    for number in range(3):
        client.xadd(STREAM, {"body": str(number)})
    taken_by_the_dead(client, 3, times=2)
    service = run(url)

    def all_have_come():
        came = len(service.came)  # before it is asked, so that this is none too many
        known = 3 - client.xpending(STREAM, "service")["pending"]
        assert came <= known + 1
        return came == 3

    until(all_have_come, what="all have come")


def test_what_was_in_too_many_deaths_is_given_up_unseen(broker, client, run, caplog):
    url = stream_url(broker, "?claim_after=0.5")
    run.end(run(url))
    client.xadd(STREAM, {"body": "1", "id": "7", "headers": '{"a": "b"}'})
    taken_by_the_dead(client, 1, times=5)
    service = run(url)
    with dead_letters(url) as letters:
        [letter] = until(letters.list, what="it is a dead letter")
    assert (letter.body, letter.event_id, letter.attempts) == (1, "7", 5)
    assert letter.reason == "its process died each time"
    assert service.came == []
    assert service.status.dead == 1
    assert lines(caplog, "1 event went to the dead letters", "its process died each time")


def test_a_slow_handler_keeps_its_claim(broker, client, run):
    url = stream_url(broker, "?claim_after=0.5")
    one, other = run(url, takes=2.0), run(url, takes=2.0)
    one.emit_event("noted", 1).wait(30)
    until(lambda: one.came or other.came, what="it is handled")
    until(lambda: client.xpending(STREAM, "service")["pending"] == 0, what="it is acknowledged")
    assert [event.attempt for event in one.came + other.came] == [1]


def test_an_instance_that_stops_leaves_no_trace(broker, client, run):
    service = run(stream_url(broker))
    service.emit_event("noted", 1).wait(30)
    until(lambda: service.came, what="it has come")
    [group] = client.xinfo_groups(STREAM)
    assert group["consumers"] == 1
    run.end(service)
    [group] = client.xinfo_groups(STREAM)
    assert (group["consumers"], group["pending"]) == (0, 0)


def test_what_waits_for_another_try_is_left_to_others(broker, client, run):
    service = run(stream_url(broker))
    service.emit_event("noted", "bad").wait(30)
    until(lambda: len(service.came) == 2, what="it was tried twice")
    run.end(service)
    other = run(stream_url(broker))
    until(lambda: other.came, what="it is tried again")
    assert other.came[0].attempt in (3, 4)


def test_an_instance_that_only_waits_is_seen(broker, client, run, monkeypatch):
    monkeypatch.setattr(_stream_admin, "_RUNS", 1000)
    service = run(stream_url(broker, "?claim_after=1"))
    time.sleep(1.5)  # in which nothing comes
    with pytest.raises(EventRefusedError, match="an instance of 'service' runs"):
        forget_service(stream_url(broker), "service")
    run.end(service)
    assert forget_service(stream_url(broker), "service") == 1


# Outages.


@pytest.mark.parametrize("how", ["flushall", "destroy"])
def test_a_redis_that_forgets_is_read_from_the_beginning(broker, client, run, caplog, how):
    service = run(stream_url(broker))
    service.emit_event("noted", 1).wait(30)
    until(lambda: service.came, what="it has come")
    if how == "flushall":
        client.flushall()
        client.xadd(STREAM, {"body": "2"})
    else:
        client.xtrim(STREAM, 0)
        client.xgroup_destroy(STREAM, "service")
        client.xadd(STREAM, {"body": "2"})
    until(lambda: service.bodies() == [1, 2], what="what came after it has come")
    assert lines(caplog, "had forgotten the group 'service' of noted")
    assert service.status.reconnects == 0


def test_what_was_handled_in_an_outage_is_not_handled_again(broker, client, run):
    service = run(stream_url(broker))
    service.release.clear()
    receipts = [service.emit_event("noted", number) for number in range(20)]
    for receipt in receipts:
        receipt.wait(30)
    until(lambda: service.at_once[0] == 20, what="all are with their handlers")
    broker.kill()
    service.release.set()
    until(lambda: len(service.came) == 20, what="all are handled")
    broker.start()
    until(
        lambda: broker.client().xpending(STREAM, "service")["pending"] == 0,
        what="all is acknowledged",
    )
    service.emit_event("noted", "last").wait(30)
    until(lambda: "last" in service.bodies(), what="the next one has come")
    assert len(service.came) == 21


def test_what_breaks_a_reader_is_told_and_its_entries_come_again(
    broker, client, run, caplog, monkeypatch
):
    deliver, broken = _reader.Reader._deliver, []

    def break_once(self, came):
        if came and not broken:
            broken.append(came)
            raise LookupError("a test breaks it")
        deliver(self, came)

    monkeypatch.setattr(_reader.Reader, "_deliver", break_once)
    service = run(stream_url(broker))
    service.emit_event("noted", 1).wait(30)
    until(lambda: service.bodies() == [1], what="it has come")
    assert lines(caplog, "to accept events", "LookupError: a test breaks it")
    until(lambda: client.xpending(STREAM, "service")["pending"] == 0, what="it is acknowledged")


def test_a_silent_redis_is_found(broker, run):
    service = run(stream_url(broker, "?socket_timeout=1"))
    broker.pause()
    until(lambda: service.status.error, what="it is found", within=10)
    broker.resume()
    until(lambda: service.status.connected_since, what="it is there again")
    service.emit_event("noted", 1).wait(30)
    until(lambda: service.bodies() == [1], what="it has come")


def test_emitting_without_a_service(broker, client):
    transport = RedisStreamEventTransport(stream_url(broker))
    transport.emit_event("noted", [1])
    transport.stop()
    [(_, fields)] = client.xrange(STREAM)
    assert fields[b"body"] == b"[1]"
    broker.kill()
    with pytest.raises(EventRefusedError, match="could not emit it"):
        transport.emit_event("noted", [1])


# What may be wrong.


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://127.0.0.1", "its scheme must be"),
        ("redis+stream://127.0.0.1?claim_after=x", "'claim_after' must be a number of seconds"),
        ("redis+stream://127.0.0.1?max_length=0", "'max_length' must be a number above 0"),
        ("redis+stream://127.0.0.1?max_lenght=9", "did you mean 'max_length'"),
        ("redis+stream://u:se/cret@127.0.0.1", "percent-encoded"),
    ],
)
def test_urls_that_are_wrong(url, message):
    with pytest.raises(ServiceConfigurationError, match=message) as caught:
        RedisStreamEventTransport(url)
    assert "cret" not in str(caught.value)


def test_dead_letters_that_have_nowhere_to_go(broker, client, run):
    url = stream_url(broker)
    service = run(url, max_deliveries=1)
    service.emit_event("noted", "bad").wait(30)
    with dead_letters(url) as letters:
        until(letters.list, what="it is a dead letter")
        with pytest.raises(EventRefusedError, match="an instance of 'service' runs"):
            forget_service(url, "service")
        run.end(service)
        assert forget_service(url, "service") == 1
        with pytest.raises(EventRefusedError, match="no service 'service' handles 'noted'"):
            letters.replay()
        assert len(letters.list()) == 1

"""``gemstone dead-letters`` and ``gemstone forget``, on real brokers."""

import json
import uuid

import pytest

import gemstone
from gemstone.event import dead_letters
from tools.waiting import until

pytestmark = pytest.mark.once


@pytest.fixture(params=["redis", "rabbitmq"])
def url(request):
    broker = request.getfixturevalue(f"{request.param}_server")
    scheme, rest = broker.url.split("://")
    return f"{scheme}+{'stream' if scheme == 'redis' else 'durable'}://{rest}"


@pytest.fixture
def mailer(person, url):
    """A service that can handle nothing, and its dead letters: two."""
    event = f"cli.{uuid.uuid4().hex}"

    class Mailer(gemstone.MicroService):
        name = f"mailer-{uuid.uuid4().hex}"
        port = 0
        drain_grace = 0
        event_transports = [url]
        max_deliveries = 1

        def __init__(self):
            super().__init__()
            self.event = event
            self.cured = False
            self.came = []

        @gemstone.event_handler(event)
        def take(self, body):
            if not self.cured:
                raise ValueError("no\tpaper")
            self.came.append(body)

    service = person.serves(Mailer())
    until(lambda: service.event_status()[0].connected_since, what="it is connected")
    for number in range(2):
        service.emit_event(event, {"number": number}, headers={"a": "b"}).wait(30)
    with dead_letters(url) as letters:
        until(lambda: len(letters.list(service=service.name)) == 2, what="both are given up")
    return service


def test_they_are_shown_replayed_and_purged(person, url, mailer):
    words = ["dead-letters", url, "--service", mailer.name]
    done = person.runs(*words, "--json")
    assert (done.code, done.err) == (0, "")
    first, second = map(json.loads, done.out.splitlines())
    assert (first["body"], second["body"]) == ({"number": 0}, {"number": 1})
    assert (first["event"], first["attempts"], first["headers"]) == (mailer.event, 1, {"a": "b"})
    assert first["service"] == mailer.name
    done = person.runs(*words, "--limit", "1")
    reason = "ValueError('no\\tpaper')"
    assert done.out == f"{first['id']}\t{mailer.name}\t{mailer.event}\t1\t{reason}\n"
    mailer.cured = True
    done = person.runs(*words, first["id"], "--replay")
    assert done == (0, "1 dead letter was replayed\n", "")
    until(lambda: mailer.came == [{"number": 0}], what="it has come again")
    done = person.runs("dead_letters", url, "--event", mailer.event, "--purge", "--json")
    assert done == (0, '{"purged": 1}\n', "")
    assert person.runs(*words) == (0, "", "")
    assert person.runs(*words, "--purge").out == "0 dead letters were purged\n"


def test_in_a_terminal_they_are_a_table(person, url, mailer):
    showing = person.types("dead-letters", url, "--service", mailer.name, columns=250)
    assert showing.ends() == 0
    assert "tries" in showing.text
    assert mailer.event in showing.text
    with dead_letters(url) as letters:
        assert letters.purge(service=mailer.name) == 2
    showing = person.types("dead-letters", url, "--service", mailer.name)
    assert showing.ends() == 0
    assert "there are no dead letters" in showing.text


def test_a_service_that_will_not_return_is_forgotten(person, url, mailer):
    done = person.runs("forget", url, mailer.name, mailer.event)
    assert done.code == 1
    assert f"an instance of '{mailer.name}' runs" in done.err
    with dead_letters(url) as letters:
        assert letters.purge(service=mailer.name) == 2


def test_nothing_is_thrown_away_by_mistake(person):
    for act in ("--purge", "--replay"):
        done = person.runs("dead-letters", "redis+stream://127.0.0.1:1/0", act)
        assert done.code == 2
        assert "say which" in done.err
        done = person.runs("dead-letters", "redis+stream://127.0.0.1:1", act, "--limit", "3", "7")
        assert done.code == 2
        assert "--limit" in done.err


@pytest.mark.parametrize("words", [["dead-letters"], ["forget", "mailer", "a"]])
@pytest.mark.parametrize(
    "url", ["redis+stream://:hunter2@127.0.0.1:1/0", "amqp+durable://ada:hunter2@127.0.0.1:1/"]
)
def test_a_broker_that_is_away(person, words, url):
    command, *others = words
    done = person.runs(command, url, *others)
    assert (done.code, done.out) == (3, "")
    assert url.replace("hunter2", "***") in done.err
    assert "hunter2" not in done.err


def test_a_transport_that_keeps_nothing(person):
    done = person.runs("dead-letters", "redis://127.0.0.1:1/0")
    assert done.code == 2
    assert "keeps no events" in done.err
    done = person.runs("forget", "amqp+durable://127.0.0.1:1/", "mailer")
    assert done.code == 2
    assert "name the events" in done.err

"""``gemstone emit`` and ``gemstone listen``, on real brokers."""

import json
import re
import signal
import socket
import time
import uuid

import pytest

from gemstone.event import open_transport
from tools.waiting import until

from .terminal import CTRL_C


@pytest.fixture
def event():
    """A name of an event that nobody else uses."""
    return f"cli.{uuid.uuid4().hex}"


@pytest.fixture(params=["redis", pytest.param("rabbitmq", marks=pytest.mark.once)])
def url(request):
    return request.getfixturevalue(f"{request.param}_server").url


@pytest.fixture
def dead_url():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"redis://:hunter2@127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.mark.once
def test_in_a_terminal(person, url, event):
    listening = person.types("listen", url, event, f"{event}.2")
    listening.shows("connected")
    done = person.runs("emit", url, event, '{"name": "ada \x9b"}')
    assert done == (0, f"{event} was emitted\n", "")
    done = person.runs("emit", url, f"{event}.2", "-", stdin="no JSON é\n")
    assert done.code == 0
    listening.shows("no JSON é")
    listening.presses(CTRL_C)
    assert listening.ends() == 0
    first, second = re.findall(r"^\d\d:\d\d:\d\d (.*)\r$", listening.text, re.MULTILINE)
    assert first == event + r' {"name": "ada \u009b"}'
    assert second == f'{event}.2 "no JSON é"'


def test_for_scripts(person, url, event):
    listening = person.starts("listen", url, event, "--json", "--count", "2", "--timeout", "30")
    assert "connected" in listening.stderr.readline()
    words = ["--header", "trace: 7"] if url.startswith("amqp") else []
    assert person.runs("emit", url, event, "[1, null]", *words).code == 0
    # Each line is there at once.
    told = json.loads(listening.stdout.readline())
    assert (told["name"], told["body"]) == (event, [1, None])
    assert told["headers"] == ({"trace": "7"} if words else {})
    assert (told["id"] is not None) == bool(words)
    assert person.runs("emit", url, event, "two").code == 0
    out, err = listening.communicate(timeout=30)
    assert json.loads(out)["body"] == "two"
    assert (listening.returncode, err) == (0, "")


@pytest.mark.once
def test_a_body_that_can_t_be_read(person, redis_server, event):
    listening = person.starts("listen", redis_server.url, event, "--count", "1")
    until(lambda: redis_server.subscribers(event), what="it listens")
    with redis_server.client() as client:
        client.publish(event, "{no JSON")
        client.publish(event, "7")
    out, err = listening.communicate(timeout=30)
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {event} 7\n", out)
    assert "can't be read" in err
    assert listening.returncode == 0


@pytest.mark.once
def test_a_timeout(person, redis_server, event):
    words = ["listen", redis_server.url, event, "--timeout", "0.3"]
    assert person.runs(*words).code == 0
    done = person.runs(*words, "--count", "2")
    assert done.code == 3
    assert "only 0 of 2 events came, and none for 0.3 s" in done.err


@pytest.mark.once
def test_a_broker_that_is_away(person, dead_url, event):
    shown = dead_url.replace("hunter2", "***")
    done = person.runs("emit", dead_url, event, "1", "--timeout", "0.3")
    assert done.code == 3
    assert done.out == ""
    assert f"{shown} did not take it within 0.3 s" in done.err.splitlines()[-1]
    done = person.runs("listen", dead_url, event, "--timeout", "0.3")
    assert done.code == 3
    assert f"Error: {shown} is away: " in done.err
    assert "hunter2" not in done.err
    # Without a timeout somebody waits until it is there.
    listening = person.types("listen", dead_url, event)
    listening.shows("trying again")
    listening.presses(CTRL_C)
    assert listening.ends() == 0


def test_a_broker_that_comes_back(person, mortal_redis, event):
    listening = person.types("listen", mortal_redis.url, event)
    listening.shows("connected")
    mortal_redis.kill()
    listening.shows("trying again")
    mortal_redis.start()
    until(lambda: mortal_redis.subscribers(event), what="it listens again")
    with open_transport(mortal_redis.url) as transport:
        transport.emit_event(event, "back").wait(30)
    listening.shows('"back"')


@pytest.mark.once
def test_a_broker_that_does_not_answer(person, event):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = f"redis://:hunter2@127.0.0.1:{listener.getsockname()[1]}/0"
        shown = silent.replace("hunter2", "***")
        began = time.monotonic()
        done = person.runs("listen", silent, event, "--timeout", "0.3")
        assert (done.code, done.err) == (3, f"Error: {shown} did not answer within 0.3 s\n")
        done = person.runs("emit", silent, event, "1", "--timeout", "0.3")
        assert (done.code, done.err) == (
            3,
            f"Error: {shown} did not answer within 0.3 s: it may have the event, or not\n",
        )
        assert time.monotonic() - began < 30


def test_a_reader_who_goes_away(person, redis_server, event):
    listening = person.starts("listen", redis_server.url, event)
    until(lambda: redis_server.subscribers(event), what="it listens")
    listening.stdout.close()
    with open_transport(redis_server.url) as transport:
        transport.emit_event(event, "nobody reads it").wait(30)
        assert "Traceback" not in listening.stderr.read()
    assert listening.wait(30) == 141


def test_a_signal_ends_listening(person, redis_server, event):
    listening = person.starts("listen", redis_server.url, event)
    until(lambda: redis_server.subscribers(event), what="it listens")
    listening.send_signal(signal.SIGINT)
    assert listening.wait(30) == 0


@pytest.mark.once
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["emit", "memory://", "a b", "1"], "'a b' is no name of an event"),
        (["emit", "memory://", "a", "\udcff"], "is no text in UTF-8"),
        (["emit", "memory://", "a"], "Missing argument 'BODY'"),
        (["emit", "memory://", "a", "1", "--header", "hunter2"], "is written as 'Name: value'"),
        (["emit", "rdis://:hunter2@host", "a", "1"], "did you mean redis://?"),
        (["emit", "redis://:hunter2@host:x", "a", "1"], "port"),
        (["listen", "memory://"], "Missing argument 'EVENT...'"),
        (["listen", "memory://", "a b"], "'a b' is no name of an event"),
        (["listen", "memory://", "a", "--count", "0"], "0"),
        (["listen", "memory://", "a", "--timeout", "-1"], "no number of seconds above 0"),
        (["listen", "nowhere", "a"], "is no URL of an event transport"),
    ],
)
def test_what_can_t_be_understood(person, words, said):
    done = person.runs(*words)
    assert done.code == 2
    assert done.out == ""
    assert said in done.err
    assert "hunter2" not in done.err

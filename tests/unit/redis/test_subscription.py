"""What the reader of a subscription makes of answers, and of silence."""

import pytest
import redis

from gemstone_redis._subscription import Subscription

SILENCE = redis.TimeoutError("nothing came")
CONFIRMED = [[b"subscribe", b"one", 1], [b"subscribe", b"two", 2]]
PONG = [b"pong", b""]
HERE = [b"subscribe", b"one", 2]


class End(Exception):
    """The script is over."""


class ScriptedLink:
    """Answers what a script says."""

    def __init__(self, script):
        self._script = iter([*script, End()])
        self.sent = []

    def open(self):
        pass

    def send(self, commands):
        self.sent.append([*commands])

    def answer(self, disconnect_on_error):
        assert not disconnect_on_error
        answer = next(self._script)
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(script, names=("one", "two"), ends_by=End):
    said = []
    link = ScriptedLink(script)
    subscription = Subscription(
        link,
        [*names],
        lambda: said.append("subscribed"),
        lambda name, message: said.append((name, message)),
    )
    with pytest.raises(ends_by) as caught:
        subscription.run()
    return link.sent, said, caught.value


def test_it_is_subscribed_when_all_are_confirmed():
    sent, said, _ = run(CONFIRMED)
    assert sent == [[("SUBSCRIBE", "one"), ("SUBSCRIBE", "two")]]
    assert said == ["subscribed"]
    assert run(CONFIRMED[:1])[1] == []


def test_a_message_between_the_confirmations_is_not_lost():
    first, second = CONFIRMED
    _, said, _ = run([first, [b"message", b"one", b"1"], second, [b"message", b"two", b"2"]])
    assert said == [("one", b"1"), "subscribed", ("two", b"2")]


def test_silence_makes_it_ask_and_more_silence_end():
    sent, _, error = run([*CONFIRMED, SILENCE, SILENCE, SILENCE], ends_by=redis.TimeoutError)
    assert sent[1:] == [[("PING",), ("SUBSCRIBE", "one")]]
    assert "does not answer" in str(error)


@pytest.mark.parametrize("answer", [PONG, HERE, [b"message", b"one", b"1"]])
def test_any_answer_ends_the_silence(answer):
    # However long it takes to hand over the message, as when handlers are slow.
    sent, _, _ = run([*CONFIRMED, *[SILENCE, SILENCE, answer] * 4])
    assert len(sent) == 1 + 4


def test_a_broker_that_hangs_while_it_is_subscribed_to_is_found():
    run([SILENCE, SILENCE, SILENCE], ends_by=redis.TimeoutError)


def test_subscriptions_that_are_gone_are_found():
    gone = [b"subscribe", b"one", 1]
    _, _, error = run([*CONFIRMED, SILENCE, PONG, gone], ends_by=redis.ConnectionError)
    assert "knows of 1 subscriptions, and 2" in str(error)


def test_who_may_not_ping_is_answered_too():
    denied = redis.exceptions.NoPermissionError("no permission to run 'ping'")
    sent, _, _ = run([*CONFIRMED, *[SILENCE, denied, HERE] * 2])
    assert len(sent) == 3


def test_a_refused_subscription_is_named():
    denied = redis.exceptions.NoPermissionError("no permission")
    _, said, error = run([CONFIRMED[0], denied], ends_by=redis.ResponseError)
    assert "the subscription to 'two' was refused: no permission" in str(error)
    assert not said


@pytest.mark.parametrize("answer", [[b"unsubscribe", b"one", 1], b"OK", 1, None])
def test_what_nobody_asked_for_ends_it(answer):
    run([*CONFIRMED, answer], ends_by=redis.ConnectionError)


def test_other_errors_end_it():
    run([*CONFIRMED, redis.ResponseError("no more")], ends_by=redis.ResponseError)


def test_without_names_it_only_keeps_the_connection():
    sent, said, _ = run([SILENCE, b"PONG", SILENCE, b"PONG"], names=())
    assert said == ["subscribed"]
    assert sent == [[("PING",)]] * 2

"""What a client sends ahead: it is answered, and little of it is kept meanwhile."""

import gc

import pytest

from gemstone_core._http._message import Message

from .conftest import BOTH_LOOPS, Site
from .wire import call, request

#: More than is read at once, whatever the loop is.
MANY = 12_000


def messages():
    gc.collect()
    return sum(isinstance(each, Message) for each in gc.get_objects())


@BOTH_LOOPS
@pytest.mark.parametrize("target", ["/api", "/health/live"])
def test_few_messages_are_made_of_what_is_sent_ahead(start, connect, target):
    service = start(Site())
    before = messages()
    wire = connect(service, call(1, "slow_coroutine"))
    service.until_told("slow")
    ahead = request("GET", target) * MANY
    sent = wire.push(ahead)
    assert messages() - before < 1_000
    service.may_go.set()
    assert wire.answer().json["id"] == 1
    whole = sent // len(request("GET", target))
    for _ in range(min(whole, 2_000)):
        assert wire.answer().status == (405 if target == "/api" else 200)


@BOTH_LOOPS
def test_a_large_call_among_small_ones(start, connect):
    service = start(Site(max_body_size=10_000_000))
    large = "x" * 3_000_000
    small = [call(number) for number in range(1_000)]
    wire = connect(service)
    wire.send(b"".join([*small, call("large", "echo", [large]), *small]))
    for number in range(1_000):
        assert wire.answer().json["id"] == number
    assert wire.answer().json["result"] == large
    for number in range(1_000):
        assert wire.answer().json["id"] == number

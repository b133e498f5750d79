"""A reader that knows heads finds in any bytes what the parser alone finds in them."""

from hypothesis import event, given
from hypothesis import strategies as st

from gemstone_core._http._head import BadRequest
from gemstone_core._http._message import Message, Route
from gemstone_core._http._parser import Parser
from gemstone_core._http._reader import KnownRoutes, Reader

from .conftest import examples

BODIES = st.sampled_from(
    [b"", b"{}", b"POS", b"POSPOS", b"\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"GET /b HTTP/1.1\r\n\r\n"]
)
LINES = st.sampled_from(
    [
        *([b""] * 4),
        b"X: y\r\n",
        b"Connection: keep-alive\r\n",
        b"Connection: close\r\n",
        b"Connection: Upgrade\r\nUpgrade: other\r\n",
        b"Expect: 100-continue\r\n",
        b"X: " + b"y" * 3_000 + b"\r\n",
    ]
)
#: What may stand between two messages, or is the beginning of one.
BETWEEN = st.sampled_from([*([b""] * 8), b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"POS", b"POST /a"])


@st.composite
def messages(draw):
    """A message, which may be none: with line ends that some parsers take, or without a Host."""
    verb = draw(st.sampled_from([b"POST", b"POST", b"GET"]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0"]))
    host = draw(st.sampled_from([b"Host: x\r\n", b"Host: x\r\n", b""]))
    body = draw(BODIES)
    said = len(body) if draw(st.integers(0, 9)) else len(body) + 2
    framing = b"Content-Length: %d\r\n" % said if body or draw(st.booleans()) else b""
    if body and not draw(st.integers(0, 4)):
        framing = b"Transfer-Encoding: chunked\r\n"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = b"%b /a HTTP/%b\r\n%b%b%b\r\n" % (verb, version, host, draw(LINES), framing)
    if not draw(st.integers(0, 9)):
        head = head.replace(b"\r\n", b"\n")
    return head + body + draw(BETWEEN)


STREAMS = st.lists(messages(), min_size=1, max_size=4).flatmap(
    lambda few: st.lists(st.sampled_from(few), min_size=1, max_size=8).map(b"".join)
)


class Told(Message, kw_only=False):
    """A message that tells all that happens to it."""

    told: list[object]

    def data_received(self, chunk: bytes) -> None:
        self.told.append(chunk)

    def finish(self) -> None:
        self.told.append("end")


def what_is_found(make, data, places):
    """The messages, as far as they have come, and in which state that leaves the parser.

    What begins with no method that llhttp knows ends all: it is read on, or not, as it happens to
    be cut, and refused in both cases.
    """
    found: list[object] = []
    begun: list[Told] = []

    def begin(route: Route, body: bytes | None) -> Told:
        message = Told(head=route.head, told=[])
        begun.append(message)
        if body is not None:
            message.told += [body, "end"]
        return message

    reader = make(Route, begin)
    feed = getattr(reader, "feed", reader.parse)
    ends = [*sorted(place % (len(data) + 1) for place in places), len(data)]
    start = 0
    try:
        for end in ends:
            feed(data[start:end])
            start = end
    except BadRequest:
        state: object = "refused"
    else:
        state = reader.is_at_end, reader.is_holding, reader.has_begun
        if reader._verb is not None:  # of a head that is coming
            state = "refused"
    for message in begun:
        head = message.head
        if head.verb not in (b"GET", b"POST"):
            state = "refused"
            break
        body = b"".join(part for part in message.told if isinstance(part, bytes))
        has_ended = message.told[-1:] == ["end"]
        found.append((head.verb, head.target, head.fields, head.keeps_alive, body, has_ended))
    return found, state


@given(data=STREAMS, places=st.lists(st.integers(0, 10_000), max_size=4))
@examples(1_000)
def test_a_reader_that_knows_heads(data, places):
    known = KnownRoutes()

    def reader(route, begin):
        return Reader(known, route, begin)

    expected = what_is_found(Parser, data, places)
    assert what_is_found(reader, data, places) == expected
    # Now it knows them, and has each in one piece.
    whole = what_is_found(Parser, data, [])
    assert what_is_found(reader, data, []) == whole
    assert what_is_found(reader, data, places) == expected
    event(f"{len(known)} heads are known")


def test_a_head_that_is_known_is_not_parsed_again():
    known = KnownRoutes()
    post = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    parsed: list[Route] = []

    def route(head):
        parsed.append(Route(head))
        return parsed[-1]

    for pieces in ([post + b"{}"], [post + b"[]" + post + b"12", post, b"4", b"2" + post + b"{}"]):
        reader = Reader(known, route, lambda route, body: Told(head=route.head, told=[]))
        for piece in pieces:
            reader.feed(piece)
    assert len(parsed) == len(known) == 1


def test_so_many_heads_are_known_at_most():
    known = KnownRoutes()
    for number in range(2_000):
        reader = new_reader(known)
        reader.feed(get(number))
        assert 0 < len(known) <= 256
    large = b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"y" * 2_048)
    reader = new_reader(known)
    reader.feed(large)
    assert reader.heads == 1
    assert known.get(large) is None


def test_who_never_sends_a_head_again_is_not_asked_for_known_ones():
    known = KnownRoutes()
    reader = new_reader(known)
    for number in range(2_000):
        reader.feed(get(number))
    assert reader.heads == 2_000
    few = len(known)
    assert 0 < few < 20

    # Who does so now and then is: what came before is known, and more and more of it.
    reader = new_reader(known)
    for number in range(100):
        reader.feed(get(0))
        reader.feed(get(10_000 + number))
    assert len(known) == few + 100
    assert reader.heads == 100


def new_reader(known):
    return Reader(known, Route, lambda route, body: Told(head=route.head, told=[]))


def get(number):
    return b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number

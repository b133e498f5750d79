"""Messages that two servers could take for different ones: data, and no code.

In the text of a shape stand, between angle brackets:

- ``<one>``: the body of a call, with a nonce of its own; ``<length>`` is its length, ``<hex>`` the
  same in hexadecimal digits, ``<double>`` its length in twice as many digits.
- ``<smuggled>``: a whole request, to be executed by nobody.
- ``<large N>``: N letters.

A shape may be answered as one request (``ANSWERED``), or be refused with one of some statuses; then
the connection is closed, and nothing that comes behind it is looked at. The sections are those of
RFC 9112, unless they say another one.
"""

from dataclasses import dataclass
from typing import Final

#: The shape is one request, and is answered as one.
ANSWERED: Final = 0
#: The connection is closed, and nothing is said.
CLOSED: Final = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """A message, or what looks like one.

    Args:
        name: how it is called.
        section: what says how it is to be taken.
        text: its bytes, as Latin-1.
        allowed: the statuses with which it may be refused, ``ANSWERED`` and ``CLOSED``.
        waits: whether more has to come, so that it may end with the connection only.
    """

    name: str
    section: str
    text: str
    allowed: frozenset[int]
    waits: bool = False


_BAD: Final = frozenset({400})
_ONE: Final = frozenset({ANSWERED})
_EITHER: Final = frozenset({ANSWERED, 400})
_START: Final = "POST /api HTTP/1.1\r\nHost: x\r\n"
_CHUNKED: Final = f"{_START}Transfer-Encoding: chunked\r\n"


def _head(lines: str, body: str = "<one>") -> str:
    return f"{_START}{lines}\r\n\r\n{body}"


def _sized(lines: str) -> str:
    return _head(f"Content-Length: <length>\r\n{lines}")


def _chunked(body: str, lines: str = "") -> str:
    return f"{_CHUNKED}{lines}\r\n{body}"


def _coding(line: str) -> str:
    """With this line in place of ``Transfer-Encoding: chunked``, and nothing else that counts."""
    return _head(line, "<hex>\r\n<one>\r\n0\r\n\r\n")


def _both(line: str) -> str:
    """With this line, and a Content-Length that hides a request from who goes by chunks."""
    return _head(f"Content-Length: <length>\r\n{line}", "0\r\n\r\n<smuggled>")


def _first(line: str) -> str:
    return f"{line}\r\nHost: x\r\nContent-Length: <length>\r\n\r\n<one>"


def _without_host(version: str, lines: str = "") -> str:
    return f"POST /api {version}\r\n{lines}Content-Length: <length>\r\n\r\n<one>"


_LENGTHS: Final = (
    Shape("the length", "6.2", _head("Content-Length: <length>"), _ONE),
    Shape("spaces around the length", "5", _head("Content-Length: \t <length> \t"), _ONE),
    Shape("a length with zeros", "6.2", _head("Content-Length: 000<length>"), _EITHER),
    *(
        Shape(f"Content-Length: {length}", "6.3", _head(f"Content-Length: {length}"), _BAD)
        for length in (
            *("+<length>", "-<length>", "-1", "<length>, 0", "<length>;", "<length> 0", "5 5"),
            *("0x<hex>", "<length>.0", "<length>e0", "1_0", "<length>\x0b", "<length>\xa0", "\xb2"),
            *("", " ", "x", '"<length>"', "<length>, x", "0,<length>", ",<length>", "<length>,"),
        )
    ),
    Shape(
        "the length twice in a line", "6.3", _head("Content-Length: <length>, <length>"), _EITHER
    ),
    Shape("the length in two lines", "6.3", _sized("Content-Length: <length>"), _EITHER),
    Shape("two lengths", "6.3", _sized("Content-Length: 0"), _BAD),
    Shape("two lengths, in capitals", "6.3", _sized("CONTENT-LENGTH: 1"), _BAD),
    Shape("no length but then one", "6.3", _head("Content-Length: 0\r\nContent-Length: 9"), _BAD),
    *(
        Shape(
            f"a length of {what}",
            "RFC 9110, 8.6",
            _head(f"Content-Length: {length}"),
            frozenset({400, 413}),
        )
        for what, length in (
            ("2**31", "2147483648"),
            ("2**32 and a bit", "4294967297"),
            ("2**63", "9223372036854775808"),
            ("2**64", "18446744073709551616"),
            ("2**64 and a bit", "18446744073709551617"),
            ("300 digits", "9" * 300),
        )
    ),
    Shape(
        "a length that never comes",
        "8",
        _head("Content-Length: 100000", "x"),
        frozenset({400, 408, CLOSED}),
        waits=True,
    ),
)
_CODINGS: Final = (
    Shape("chunks", "7.1", _coding("Transfer-Encoding: chunked"), _ONE),
    Shape("chunks, in capitals", "7", _coding("TRANSFER-ENCODING: CHUNKED"), _ONE),
    Shape(
        "spaces around chunked", "5", _coding("Transfer-Encoding: \t chunked \t"), _EITHER
    ),
    *(
        Shape(name, "6.3", _both(line), _BAD)
        for name, line in (
            ("both: CL.TE", "Transfer-Encoding: chunked"),
            ("both: in capitals", "TRANSFER-ENCODING: CHUNKED"),
            ("both: identity", "Transfer-Encoding: identity"),
            ("both: xchunked", "Transfer-Encoding: xchunked"),
            ("both: chunked, identity", "Transfer-Encoding: chunked, identity"),
            ("both: identity, chunked", "Transfer-Encoding: identity, chunked"),
            ("both: two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
            ("both: nothing", "Transfer-Encoding:"),
            ("both: vertical tab", "Transfer-Encoding:\x0bchunked"),
            ("both: a space before the colon", "Transfer-Encoding : chunked"),
            ("both: a tab before the colon", "Transfer-Encoding\t: chunked"),
            ("both: folded", "Transfer-Encoding:\r\n chunked"),
            ("both: folded behind another", "X: y\r\n Transfer-Encoding: chunked"),
            ("both: NUL", "Transfer-Encoding: chunked\x00"),
            ("both: bare CR", "X: y\rTransfer-Encoding: chunked"),
            ("both: quoted", 'Transfer-Encoding: "chunked"'),
        )
    ),
    Shape(
        "both: TE.CL",
        "6.3",
        _head("Content-Length: 4\r\nTransfer-Encoding: chunked", "<hex>\r\n<one>\r\n0\r\n\r\n"),
        _BAD,
    ),
    Shape(
        "both: TE first",
        "6.3",
        _head("Transfer-Encoding: chunked\r\nContent-Length: 4", "<hex>\r\n<one>\r\n0\r\n\r\n"),
        _BAD,
    ),
    *(
        Shape(f"{line!r}", "6.1, 6.3", _coding(line), frozenset({400, 501}))
        for line in (
            *("Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx"),
            *("Transfer-Encoding: chunked, identity", "Transfer-Encoding: chunked, gzip"),
            *("Transfer-Encoding: gzip, chunked", "Transfer-Encoding: gzip"),
            *("Transfer-Encoding: identity", "Transfer-Encoding: chunked, chunked"),
            *("Transfer-Encoding: chunked;q=1", "Transfer-Encoding: 'chunked'"),
            *("Transfer-Encoding: chunked\x0b", "Transfer-Encoding: \x0bchunked"),
            *("Transfer-Encoding: chunked\xa0", "Transfer-Encoding: \xffchunked"),
            *("Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked"),
            *(" Transfer-Encoding: chunked", "\tTransfer-Encoding: chunked"),
            *("Transfer-Encoding: chunked\x00", "Transfer-Encoding: ch\x00unked"),
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding:",
            *("X: y\nTransfer-Encoding: chunked\r", "Transfer-Encoding:\n chunked"),
        )
    ),
    Shape(
        "an empty coding beside chunked",
        "RFC 9110, 5.6.1",
        _coding("Transfer-Encoding: , chunked"),
        frozenset({ANSWERED, 400, 501}),
    ),
    Shape(
        "chunks in HTTP/1.0",
        "6.1",
        "POST /api HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "<hex>\r\n<one>\r\n0\r\n\r\n",
        _BAD,
    ),
    Shape(
        "no body, and another name for Transfer-Encoding",
        "5.1",
        _head("Transfer_Encoding: chunked\r\nContent-Length: <length>"),
        _EITHER,
    ),
)
_CHUNKS: Final = (
    Shape("a chunk in two", "7.1", _chunked("1\r\n{\r\n<hex less 1>\r\n<one less 1>\r\n0\r\n\r\n"), _ONE),
    Shape("a size with zeros", "7.1", _chunked("000<hex>\r\n<one>\r\n000\r\n\r\n"), _EITHER),
    Shape("an extension", "7.1.1", _chunked("<hex>;a=b\r\n<one>\r\n0;c\r\n\r\n"), _EITHER),
    Shape(
        "a quoted extension", "7.1.1", _chunked('<hex>;a="b;c"\r\n<one>\r\n0\r\n\r\n'), _EITHER
    ),
    *(
        Shape(f"the size of a chunk: {size!r}", "7.1", _chunked(f"{size}\r\n<one>\r\n0\r\n\r\n"), _BAD)
        for size in (
            *("0x<hex>", "+<hex>", "-<hex>", "<hex>x", "<hex> x", "x", "", " ", "<hex>,", "<hex>h"),
            *("<hex>\x00", "<hex>\xa0", "<hex>\x0b", "\t<hex>", " <hex>", "<hex>\n;", "<hex>;\na"),
            *("<hex>;a\r", "<hex>;a\nx", "_<hex>", "\uff11".encode().decode("latin-1")),
        )
    ),
    Shape(
        "a space behind the size of a chunk",
        "7.1.1",
        _chunked("<hex> \r\n<one>\r\n0\r\n\r\n"),
        _EITHER,
    ),
    *(
        Shape(
            f"a chunk of {size} bytes",
            "7.1",
            _chunked(f"{size}\r\n<one>\r\n0\r\n\r\n"),
            frozenset({400, 413}),
        )
        for size in (
            *("ffffffff", "100000000", "7fffffffffffffff", "8000000000000000"),
            *("ffffffffffffffff", "10000000000000000", "1000000000000005c", "f" * 300),
        )
    ),
    Shape("no line's end behind a chunk", "7.1", _chunked("<hex>\r\n<one>0\r\n\r\n"), _BAD),
    Shape("LF behind a chunk", "7.1", _chunked("<hex>\r\n<one>\n0\r\n\r\n"), _BAD),
    Shape("CR behind a chunk", "7.1", _chunked("<hex>\r\n<one>\r0\r\n\r\n"), _BAD),
    Shape("xx behind a chunk", "7.1", _chunked("<hex>\r\n<one>xx0\r\n\r\n"), _BAD),
    Shape("LF behind a size", "7.1", _chunked("<hex>\n<one>\r\n0\r\n\r\n"), _BAD),
    Shape("LF behind the last size", "7.1", _chunked("<hex>\r\n<one>\r\n0\n\r\n"), _BAD),
    Shape("a request in an extension", "7.1.1", _chunked("<hex>;\n<smuggled>\r\n"), _BAD),
    Shape("a chunk too short", "7.1", _chunked("1\r\n<one>\r\n0\r\n\r\n"), _BAD),
    Shape(
        "no last chunk", "8", _chunked("<hex>\r\n<one>\r\n"), frozenset({400, 408, CLOSED}), waits=True
    ),
    Shape("a trailer", "7.1.2", _chunked("<hex>\r\n<one>\r\n0\r\nX: y\r\n\r\n"), _EITHER),
    *(
        Shape(f"the trailer {line!r}", "RFC 9110, 6.5.1", _chunked(f"<hex>\r\n<one>\r\n0\r\n{line}\r\n\r\n"), allowed)
        for line, allowed in (
            *(("Content-Length: 5", _EITHER), ("Host: y", _EITHER), ("Expect: 100-continue", _EITHER)),
            *(("Transfer-Encoding: chunked", _EITHER), ("Connection: upgrade", _EITHER)),
            *(("X y", _BAD), (": y", _BAD), ("X\x00: y", _BAD), ("X : y", _BAD), ("X: \x00", _BAD)),
        )
    ),
)  # fmt: skip
_HOSTS: Final = (
    Shape("no Host", "3.2", _without_host("HTTP/1.1"), _BAD),
    Shape("no Host in HTTP/1.0", "3.2", _without_host("HTTP/1.0"), _ONE),
    Shape("two Hosts", "3.2", _sized("Host: y"), _BAD),
    Shape("the same Host twice", "3.2", _sized("Host: x"), _BAD),
    Shape("two Hosts in HTTP/1.0", "3.2", _without_host("HTTP/1.0", "Host: x\r\nHost: y\r\n"), _BAD),
    *(
        Shape(f"Host: {host!r}", "3.2", _without_host("HTTP/1.1", f"Host: {host}\r\n"), _BAD)
        for host in ("a b", "a,b", "a/b", "a@b", "a\x00b", "a#b", "a?b", "<a>", "a\\b", "[::1")
    ),
    Shape("an empty Host", "3.2", _without_host("HTTP/1.1", "Host:\r\n"), _EITHER),
    Shape("a space before the colon of Host", "5.1", _without_host("HTTP/1.1", "Host : x\r\n"), _BAD),
)  # fmt: skip
_LINES: Final = (
    Shape("LF behind each line", "2.2", _sized("X: y").replace("\r\n", "\n"), _BAD),
    Shape("LF behind a header", "2.2", _sized("X: y\nZ: z"), _BAD),
    Shape("LF behind the first line", "2.2", _sized("X: y").replace("\r\n", "\n", 1), _BAD),
    Shape("LF for the empty line", "2.2", _head("Content-Length: <length>").replace("\r\n\r\n", "\r\n\n"), _BAD),
    Shape("CR in a header", "2.2", _sized("X: y\rz"), _BAD),
    Shape("CR behind a header", "2.2", _sized("X: y\r\r\nZ: z"), _BAD),
    Shape("CR for each line's end", "2.2", _sized("X: y").replace("\r\n", "\r"), _BAD | {CLOSED}),
    Shape("CR in the first line", "2.2", _first("POST /api\r HTTP/1.1"), _BAD),
    Shape("a request behind CR", "2.2", _sized("X: y\r\r<smuggled>"), _BAD),
    Shape("a request behind LF LF", "2.2", _sized("X: y\n\n<smuggled>"), _BAD),
    Shape("an empty line before", "2.2", f"\r\n{_sized('X: y')}", _EITHER),
    Shape("a space before the first line", "2.2", f" {_sized('X: y')}", _BAD),
    Shape("NUL in a value", "RFC 9110, 5.5", _sized("X: a\x00b"), _BAD),
    Shape("NUL in a name", "5.1", _sized("X\x00: a"), _BAD),
    Shape("NUL before all", "2.2", f"\x00{_sized('X: y')}", _BAD),
    *(
        Shape(f"the character {character!r} in a value", "RFC 9110, 5.5", _sized(f"X: a{character}b"), _EITHER)
        for character in ("\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x7f")
    ),
    Shape("tab and high bytes in a value", "RFC 9110, 5.5", _sized("X: a\tb\x80\xff"), _ONE),
    Shape("a header that is folded", "5.2", _sized("X: a\r\n b"), _BAD),
    Shape("a header that is folded by a tab", "5.2", _sized("X: a\r\n\tb"), _BAD),
    Shape("a fold before any header", "2.2", f"POST /api HTTP/1.1\r\n X: y\r\n{_sized('').partition(chr(10))[2]}", _BAD),
    Shape("a header without a colon", "5", _sized("X"), _BAD),
    Shape("a header without a name", "5", _sized(": x"), _BAD),
    Shape("a header of a space", "5", _sized(" : x"), _BAD),
    *(
        Shape(f"the name {name!r}", "5.1", _sized(f"{name}: x"), _BAD)
        for name in (
            *("X ", "X\t", "X Y", "(X)", "X@Y", "X,Y", "X/Y", "X=Y", '"X"', "X[]", "{X}", "X\\Y"),
            *("\x7fX", "\xe9", "X\x0b", "Content-Length ", "Content-Length\x0b"),
        )
    ),
    Shape("an empty header", "RFC 9110, 5.5", _sized("X:"), _ONE),
    Shape("all characters of a token", "RFC 9110, 5.6.2", _sized("!#$%&'*+-.^_`|~09aZ: x"), _ONE),
)  # fmt: skip
_FIRST_LINES: Final = (
    *(
        Shape(f"{line!r}", "3", _first(line), allowed)
        for line, allowed in (
            ("POST  /api HTTP/1.1", _BAD),
            ("POST /api  HTTP/1.1", _BAD),
            ("POST\t/api HTTP/1.1", _BAD),
            ("POST /api\tHTTP/1.1", _BAD),
            ("POST /api HTTP/1.1 ", _BAD),
            ("POST /api\x0bHTTP/1.1", _BAD),
            ("POST /a b HTTP/1.1", _BAD),
            ("POST /api?a b HTTP/1.1", _BAD),
            ("POST /api\x00 HTTP/1.1", _BAD),
            ("POST api HTTP/1.1", _BAD | {404}),
            ("POST  HTTP/1.1", _BAD),
            ("POST HTTP/1.1", _BAD),
            ("POST", _BAD),
            ("", _BAD),
            (" POST /api HTTP/1.1", _BAD),
            ("PO ST /api HTTP/1.1", _BAD),
            ("P\x00ST /api HTTP/1.1", _BAD),
            ("(POST) /api HTTP/1.1", _BAD),
            ("post /api HTTP/1.1", frozenset({400, 405, 501})),
            ("POSTX /api HTTP/1.1", frozenset({400, 405, 501})),
            ("POST /api", _BAD | {CLOSED}),
            ("POST /api http/1.1", frozenset({400, 505})),
            ("POST /api HTTP/1", frozenset({400, 505})),
            ("POST /api HTTP/1.", frozenset({400, 505})),
            ("POST /api HTTP/1.x", frozenset({400, 505})),
            ("POST /api HTTP/1.10", frozenset({400, 505})),
            ("POST /api HTTP/01.1", frozenset({400, 505})),
            ("POST /api HTTP/ 1.1", frozenset({400, 505})),
            ("POST /api HTTP/1,1", frozenset({400, 505})),
            ("POST /api HTTP/0.9", frozenset({400, 505})),
            ("POST /api HTTP/2.0", frozenset({400, 505})),
            ("POST /api HTTP/9.9", frozenset({400, 505})),
            ("POST /api XTTP/1.1", frozenset({400, 505})),
            ("POST /api ICE/1.0", frozenset({400, 405, 505})),
            ("POST /api RTSP/1.0", frozenset({400, 405, 505})),
            ("POST /api HTTP/1.2", frozenset({ANSWERED, 400, 505})),
            ("POST http://x/api HTTP/1.1", _ONE),
            ("POST HTTP://X/api HTTP/1.1", _EITHER),
            ("POST http://a b/api HTTP/1.1", _BAD),
            ("POST http:///api HTTP/1.1", _BAD | {404}),
            ("POST x:/api HTTP/1.1", _BAD | {404}),
            ("OPTIONS * HTTP/1.1", frozenset({200, 204, 400, 404, 405, 501})),
            ("POST * HTTP/1.1", _BAD | {404}),
            ("CONNECT x:80 HTTP/1.1", frozenset({400, 404, 405, 501})),
            ("CONNECT /api HTTP/1.1", frozenset({400, 404, 405, 501})),
            ("TRACE /api HTTP/1.1", frozenset({400, 405, 501})),
        )
    ),
    Shape("HTTP/0.9", "RFC 1945, 4.1", "GET /api\r\n", _BAD | {CLOSED}),
    Shape("the preface of HTTP/2", "RFC 9113, 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frozenset({400, 505})),
    Shape("a handshake of TLS", "RFC 8446, 5.1", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", _BAD | {CLOSED}),
    Shape("a status line", "4", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", _BAD),
    Shape("a body without a request", "3", "<one>\r\n\r\n", _BAD),
    Shape("nothing but NUL", "3", "\x00" * 20, _BAD | {CLOSED}),
    Shape("a first line of 80,000 letters", "3", _first("POST /<large 80000> HTTP/1.1"), frozenset({400, 414, 431})),
    Shape("a header of 80,000 letters", "RFC 6585, 5", _sized("X: <large 80000>"), frozenset({400, 431})),
    Shape("a name of 80,000 letters", "RFC 6585, 5", _sized("X<large 80000>: x"), frozenset({400, 431})),
)  # fmt: skip
_OPTIONS: Final = (
    Shape("an upgrade with a body", "RFC 9110, 7.8", _sized("Connection: Upgrade\r\nUpgrade: x"), _ONE),
    Shape("an upgrade to a websocket, by POST", "RFC 9110, 7.8", _sized("Connection: upgrade\r\nUpgrade: websocket"), _EITHER),
    Shape("an upgrade to HTTP/2", "RFC 9113, 3.1", _sized("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"), _ONE),
    Shape("an upgrade with chunks", "RFC 9110, 7.8", _chunked("<hex>\r\n<one>\r\n0\r\n\r\n", "Connection: Upgrade\r\nUpgrade: x\r\n"), _ONE),
    Shape("an upgrade that nobody asks for", "RFC 9110, 7.8", _sized("Upgrade: websocket"), _ONE),
    Shape("an upgrade to nothing", "RFC 9110, 7.8", _sized("Connection: Upgrade"), _ONE),
    Shape("a request behind an upgrade", "RFC 9110, 7.8", _head("Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 0", ""), frozenset({ANSWERED, 200, 400})),
    Shape("Expect: 100-continue", "RFC 9110, 10.1.1", _sized("Expect: 100-continue"), _ONE),
    Shape("Expect, in capitals", "RFC 9110, 10.1.1", _sized("EXPECT: 100-Continue"), _ONE),
    Shape("Expect: x", "RFC 9110, 10.1.1", _sized("Expect: x"), frozenset({ANSWERED, 400, 417})),
    Shape("Expect in HTTP/1.0", "RFC 9110, 10.1.1", _without_host("HTTP/1.0", "Expect: 100-continue\r\n"), _ONE),
    Shape("Connection: close", "9.6", _sized("Connection: close"), _ONE),
    Shape("Connection: CLOSE", "9.6", _sized("Connection: CLOSE"), _ONE),
    Shape("Connection: x, close", "9.6", _sized("Connection: x, close"), _ONE),
    Shape("Connection: keep-alive, close", "9.3", _sized("Connection: keep-alive, close"), _ONE),
    Shape("Connection in two lines", "9.6", _sized("Connection: x\r\nConnection: close"), _ONE),
    Shape("Connection: Content-Length", "RFC 9110, 7.6.1", _sized("Connection: Content-Length"), _EITHER),
    Shape("Connection: Host", "RFC 9110, 7.6.1", _sized("Connection: Host"), _EITHER),
    Shape("HTTP/1.0", "9.3", _without_host("HTTP/1.0"), _ONE),
    Shape("HTTP/1.0, keep-alive", "9.3", _without_host("HTTP/1.0", "Connection: keep-alive\r\n"), _ONE),
    Shape("a GET with a body", "RFC 9110, 9.3.1", "GET /page?nonce=<nonce> HTTP/1.1\r\nHost: x\r\nContent-Length: <length>\r\n\r\n<one>", _ONE),
    Shape("a page, with chunks", "7.1", "POST /page HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n<hex>\r\n<one>\r\n0\r\n\r\n", _ONE),
    Shape("a page, and both lengths", "6.3", "POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: <length>\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n<smuggled>", _BAD),
    Shape("a page, and two lengths", "6.3", "POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: <length>\r\nContent-Length: 0\r\n\r\n<smuggled>", _BAD),
    Shape("a page, and no Host", "3.2", "POST /page HTTP/1.1\r\nContent-Length: <length>\r\n\r\n<one>", _BAD),
    Shape("a page, and LF", "2.2", "POST /page HTTP/1.1\nHost: x\nContent-Length: <length>\n\n<one>", _BAD),
)  # fmt: skip

CORPUS: Final = (
    *_LENGTHS,
    *_CODINGS,
    *_CHUNKS,
    *_HOSTS,
    *_LINES,
    *_FIRST_LINES,
    *_OPTIONS,
)

"""Messages that two servers could take for different ones: data, and no code.

In the text of a shape stand, between angle brackets:

- ``<one>``: the body of a call, with a nonce of its own (``<nonce>``); ``<length>`` is its length,
  and ``<hex>`` the same in hexadecimal digits. With " less 1": without its first byte.
- ``<smuggled>``: a whole request, to be executed by nobody.
- ``<rest>``: how many bytes stand behind the first empty line.
- ``<large N>``: N letters.

A shape may be answered as one request (``ANSWERED``, ``LAST``), or be refused with one of some
statuses; then the connection is closed, and nothing that comes behind it is looked at. Where a
text is not whole, what comes behind belongs to it. The sections are those of RFC 9112, unless they
say another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: The shape is one request, and is answered as one.
ANSWERED: Final = 0
#: The connection is closed, and nothing is said.
CLOSED: Final = 1
#: It says that it is the last one of its connection, is answered as one, and is the last one.
LAST: Final = 2


@dataclass(frozen=True, slots=True)
class Shape:
    """A message, or what looks like one.

    Args:
        name: how it is called.
        section: what says how it is to be taken.
        text: its bytes, as Latin-1.
        allowed: the statuses with which it may be refused, ``ANSWERED``, ``LAST``, ``CLOSED``.
    """

    name: str
    section: str
    text: str
    allowed: frozenset[int]


_BAD: Final = frozenset({400})
_ONE: Final = frozenset({ANSWERED})
_LAST: Final = frozenset({LAST})
_EITHER: Final = frozenset({ANSWERED, 400})
_TOO_LARGE: Final = frozenset({400, 413})
_NO_CODING: Final = frozenset({400, 501})
_NO_VERSION: Final = frozenset({400, 505})
_NO_METHOD: Final = frozenset({400, 404, 405, 501})
#: What begins with no method: an unknown one, or nothing that is HTTP.
_NO_HTTP: Final = frozenset({400, 501})
#: More has to come, and may come late; or what has come is enough to refuse it.
_WAITED_FOR: Final = frozenset({400, 408, 413, CLOSED})

_START: Final = "POST /api HTTP/1.1\r\nHost: x\r\n"
_IN_CHUNKS: Final = "<hex>\r\n<one>\r\n0\r\n\r\n"


def _shapes(section: str, allowed: frozenset[int], texts: Mapping[str, str]) -> tuple[Shape, ...]:
    return tuple(Shape(name, section, text, allowed) for name, text in texts.items())


def _head(lines: str, body: str = "<one>") -> str:
    return f"{_START}{lines}\r\n\r\n{body}"


def _sized(lines: str) -> str:
    return _head(f"Content-Length: <length>\r\n{lines}")


def _chunked(body: str, lines: str = "") -> str:
    return f"{_START}Transfer-Encoding: chunked\r\n{lines}\r\n{body}"


def _size(size: str) -> str:
    return _chunked(f"{size}\r\n<one>\r\n0\r\n\r\n")


def _trailer(line: str) -> str:
    return _chunked(f"<hex>\r\n<one>\r\n0\r\n{line}\r\n\r\n")


def _coding(lines: str) -> str:
    """With these lines in place of ``Transfer-Encoding: chunked``, and no Content-Length."""
    return _head(lines, _IN_CHUNKS)


def _both(lines: str) -> str:
    """With these lines, and a Content-Length that hides a request from who goes by chunks."""
    return _head(f"Content-Length: <rest>\r\n{lines}", "0\r\n\r\n<smuggled>")


def _first(line: str) -> str:
    return f"{line}\r\nHost: x\r\nContent-Length: <length>\r\n\r\n<one>"


def _without_host(version: str, lines: str = "") -> str:
    return f"POST /api {version}\r\n{lines}Content-Length: <length>\r\n\r\n<one>"


def _page(lines: str, body: str = "<one>") -> str:
    return f"POST /page HTTP/1.1\r\n{lines}\r\n\r\n{body}"


_LENGTHS: Final = (
    *_shapes(
        "6.2",
        _ONE,
        {
            "the length": _head("Content-Length: <length>"),
            "spaces around the length": _head("Content-Length: \t <length> \t"),
        },
    ),
    *_shapes(
        "6.2, 6.3",
        _EITHER,
        {
            "a length with zeros": _head("Content-Length: 000<length>"),
            "the length twice in a line": _head("Content-Length: <length>, <length>"),
            "the length in two lines": _sized("Content-Length: <length>"),
        },
    ),
    *_shapes(
        "6.3",
        _BAD,
        {
            f"Content-Length: {length!r}": _head(f"Content-Length: {length}")
            for length in (
                *("+<length>", "-<length>", "-1", "<length>, 0", "<length>;", "<length> 0", "5 5"),
                *("0x<hex>", "<length>.0", "<length>e0", "1_0", "<length>\x0b", "<length>\xa0"),
                *("", " ", "x", '"<length>"', "<length>, x", "0,<length>", ",<length>"),
                *("<length>,", "\xb2"),
            )
        },
    ),
    *_shapes(
        "6.3",
        _BAD,
        {
            "two lengths": _sized("Content-Length: 0"),
            "two lengths, in capitals": _sized("CONTENT-LENGTH: 1"),
            "no length but then one": _head("Content-Length: 0\r\nContent-Length: 9"),
        },
    ),
    *_shapes(
        "RFC 9110, 8.6",
        _TOO_LARGE,
        {
            f"a length of {what}": _head(f"Content-Length: {length}")
            for what, length in {
                "2**31": "2147483648",
                "2**32 and a bit": "4294967297",
                "2**63": "9223372036854775808",
                "2**64": "18446744073709551616",
                "2**64 and a bit": "18446744073709551617",
                "300 digits": "9" * 300,
                "5,000 digits": "9" * 5_000,
            }.items()
        },
    ),
    *_shapes("8", _WAITED_FOR, {"a length that never comes": _head("Content-Length: 100000", "x")}),
)
_CODINGS: Final = (
    *_shapes(
        "7",
        _ONE,
        {
            "chunks": _coding("Transfer-Encoding: chunked"),
            "chunks, in capitals": _coding("TRANSFER-ENCODING: CHUNKED"),
        },
    ),
    *_shapes(
        "5, 5.1",
        _EITHER,
        {
            "spaces around chunked": _coding("Transfer-Encoding: \t chunked \t"),
            "another name for it": _sized("Transfer_Encoding: chunked"),
        },
    ),
    *_shapes(
        "6.3",
        _BAD,
        {
            f"both: {name}": _both(lines)
            for name, lines in {
                "CL.TE": "Transfer-Encoding: chunked",
                "in capitals": "TRANSFER-ENCODING: CHUNKED",
                "identity": "Transfer-Encoding: identity",
                "xchunked": "Transfer-Encoding: xchunked",
                "chunked, identity": "Transfer-Encoding: chunked, identity",
                "identity, chunked": "Transfer-Encoding: identity, chunked",
                "two lines": "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
                "nothing": "Transfer-Encoding:",
                "vertical tab": "Transfer-Encoding:\x0bchunked",
                "a space before the colon": "Transfer-Encoding : chunked",
                "a tab before the colon": "Transfer-Encoding\t: chunked",
                "folded": "Transfer-Encoding:\r\n chunked",
                "folded behind another": "X: y\r\n Transfer-Encoding: chunked",
                "NUL": "Transfer-Encoding: chunked\x00",
                "bare CR": "X: y\rTransfer-Encoding: chunked",
                "bare LF": "X: y\nTransfer-Encoding: chunked",
                "quoted": 'Transfer-Encoding: "chunked"',
            }.items()
        },
    ),
    *_shapes(
        "6.3",
        _BAD,
        {
            "both: TE.CL": _coding("Content-Length: 4\r\nTransfer-Encoding: chunked"),
            "both: TE first": _coding("Transfer-Encoding: chunked\r\nContent-Length: 4"),
        },
    ),
    *_shapes(
        "6.1, 6.3",
        _NO_CODING,
        {
            repr(lines): _coding(lines)
            for lines in (
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
        },
    ),
    *_shapes(
        "RFC 9110, 5.6.1",
        _NO_CODING | _ONE,
        {"an empty coding beside chunked": _coding("Transfer-Encoding: , chunked")},
    ),
    *_shapes(
        "6.1",
        _BAD,
        {
            name: f"POST /api HTTP/1.0\r\nHost: x\r\n{lines}\r\n\r\n{_IN_CHUNKS}"
            for name, lines in {
                "chunks in HTTP/1.0": "Transfer-Encoding: chunked",
                "chunks in HTTP/1.0, keep-alive": "Transfer-Encoding: chunked\r\n"
                "Connection: keep-alive",
                "chunks in HTTP/1.0, and a length": "Transfer-Encoding: chunked\r\n"
                "Content-Length: 1\r\nConnection: keep-alive",
            }.items()
        },
    ),
)
_CHUNKS: Final = (
    *_shapes(
        "7.1",
        _ONE,
        {"a chunk in two": _chunked("1\r\n{\r\n<hex less 1>\r\n<one less 1>\r\n0\r\n\r\n")},
    ),
    *_shapes(
        "7.1, 7.1.1",
        _EITHER,
        {
            "a size with zeros": _chunked("000<hex>\r\n<one>\r\n000\r\n\r\n"),
            "an extension": _chunked("<hex>;a=b\r\n<one>\r\n0;c\r\n\r\n"),
            "a quoted extension": _size('<hex>;a="b;c"'),
            "a space behind the size of a chunk": _size("<hex> "),
            "a trailer": _trailer("X: y"),
        },
    ),
    *_shapes(
        "7.1",
        _BAD,
        {
            f"the size of a chunk: {size!r}": _size(size)
            for size in (
                *("0x<hex>", "+<hex>", "-<hex>", "<hex>x", "<hex> x", "x", "", " ", "<hex>,"),
                *("<hex>\x00", "<hex>\xa0", "<hex>\x0b", "\t<hex>", " <hex>", "<hex>\n;"),
                *("<hex>;\na", "<hex>;a\r", "<hex>;a\nx", "_<hex>", "<hex>h"),
                "\uff11".encode().decode("latin-1"),
            )
        },
    ),
    *_shapes(
        "7.1",
        _BAD | _TOO_LARGE,
        {
            f"a chunk of {size} bytes": _size(size)
            for size in ("10000000000000000", "1000000000000005c", "f" * 300)
        },
    ),
    # They may be refused when they are announced, or when too much of them has come.
    *_shapes(
        "7.1",
        _WAITED_FOR,
        {
            f"a chunk of {size} bytes": _size(size)
            for size in (
                *("ffffffff", "100000000", "7fffffffffffffff", "8000000000000000"),
                "ffffffffffffffff",
            )
        },
    ),
    *_shapes("8", _WAITED_FOR, {"no last chunk": _chunked("<hex>\r\n<one>\r\nfffff\r\n")}),
    *_shapes(
        "7.1",
        _BAD,
        {
            "no line's end behind a chunk": _chunked("<hex>\r\n<one>0\r\n\r\n"),
            "LF behind a chunk": _chunked("<hex>\r\n<one>\n0\r\n\r\n"),
            "CR behind a chunk": _chunked("<hex>\r\n<one>\r0\r\n\r\n"),
            "xx behind a chunk": _chunked("<hex>\r\n<one>xx0\r\n\r\n"),
            "LF behind a size": _chunked("<hex>\n<one>\r\n0\r\n\r\n"),
            "LF behind the last size": _chunked("<hex>\r\n<one>\r\n0\n\r\n"),
            "a request in an extension": _chunked("<hex>;\n<smuggled>\r\n"),
            "a request in the last extension": _chunked("<hex>\r\n<one>\r\n0;\n\r\n<smuggled>"),
            "a chunk too short": _chunked("1\r\n<one>\r\n0\r\n\r\n"),
            "no last chunk, but a request": _chunked("<hex>\r\n<one>\r\n<smuggled>"),
        },
    ),
    *_shapes(
        "RFC 9110, 6.5.1",
        _EITHER,
        {
            f"the trailer {line!r}": _trailer(line)
            for line in (
                *("Content-Length: 5", "Host: y", "Expect: 100-continue", "Connection: upgrade"),
                *("Transfer-Encoding: chunked", "Connection: upgrade\r\nUpgrade: x"),
            )
        },
    ),
    *_shapes(
        "RFC 9110, 6.5.1",
        _BAD,
        {
            f"the trailer {line!r}": _trailer(line)
            for line in ("X y", ": y", "X\x00: y", "X : y", "X: \x00", "X: y\nZ: z", "X: a\r\n b")
        },
    ),
)
_HOSTS: Final = (
    *_shapes("3.2", _LAST, {"no Host in HTTP/1.0": _without_host("HTTP/1.0")}),
    *_shapes(
        "3.2",
        _BAD,
        {
            "no Host": _without_host("HTTP/1.1"),
            "two Hosts": _sized("Host: y"),
            "the same Host twice": _sized("Host: x"),
            "two Hosts in HTTP/1.0": _without_host("HTTP/1.0", "Host: x\r\nHost: y\r\n"),
            "two Hosts, in capitals": _sized("HOST: y"),
            "a space before the colon of Host": _without_host("HTTP/1.1", "Host : x\r\n"),
        },
    ),
    *_shapes(
        "3.2",
        _BAD,
        {
            f"Host: {host!r}": _without_host("HTTP/1.1", f"Host: {host}\r\n")
            for host in ("a b", "a/b", "a@b", "a\x00b", "a#b", "a?b", "<a>", "a\\b", "[::1")
        },
    ),
    # A comma may stand in a reg-name (RFC 3986, 3.2.2), and joins two Hosts in most logs.
    *_shapes(
        "3.2",
        _EITHER,
        {
            f"Host: {host!r}": _without_host("HTTP/1.1", f"Host:{host}\r\n")
            for host in ("", " a,b", " x:", " x:99999")
        },
    ),
)
_LINES: Final = (
    *_shapes(
        "2.2",
        _BAD,
        {
            "LF behind each line": _sized("X: y").replace("\r\n", "\n"),
            "LF behind a header": _sized("X: y\nZ: z"),
            "LF behind the first line": _sized("X: y").replace("\r\n", "\n", 1),
            "LF for the empty line": _sized("X: y").replace("\r\n\r\n", "\r\n\n"),
            "CR in a header": _sized("X: y\rz"),
            "CR behind a header": _sized("X: y\r\r\nZ: z"),
            "CR in the first line": _first("POST /api\r HTTP/1.1"),
            "a request behind CR": _sized("X: y\r\r<smuggled>"),
            "a request behind LF LF": _sized("X: y\n\n<smuggled>"),
            "a request behind CR LF CR": _sized("X: y\r\n\r<smuggled>"),
        },
    ),
    *_shapes(
        "2.2",
        _NO_HTTP,
        {
            "a space before the first line": f" {_sized('X: y')}",
            "NUL before all": f"\x00{_sized('X: y')}",
        },
    ),
    *_shapes(
        "2.2",
        _BAD | {CLOSED},
        {"CR for each line's end": _sized("X: y").replace("\r\n", "\r")},
    ),
    *_shapes("2.2", _EITHER, {"an empty line before": f"\r\n{_sized('X: y')}"}),
    *_shapes(
        "RFC 9110, 5.5",
        _EITHER,
        {
            f"the character {character!r} in a value": _sized(f"X: a{character}b")
            for character in ("\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x7f")
        },
    ),
    *_shapes(
        "RFC 9110, 5.5, 5.6.2",
        _ONE,
        {
            "tab and high bytes in a value": _sized("X: a\tb\x80\xff"),
            "an empty header": _sized("X:"),
            "all characters of a token": _sized("!#$%&'*+-.^_`|~09aZ: x"),
        },
    ),
    *_shapes(
        "5, 5.1, 5.2",
        _BAD,
        {
            "NUL in a value": _sized("X: a\x00b"),
            "NUL in a name": _sized("X\x00: a"),
            "a header that is folded": _sized("X: a\r\n b"),
            "a header that is folded by a tab": _sized("X: a\r\n\tb"),
            "a fold before any header": _first("POST /api HTTP/1.1\r\n X: y"),
            "a header without a colon": _sized("X"),
            "a header without a name": _sized(": x"),
            "a header of a space": _sized(" : x"),
        },
    ),
    *_shapes(
        "5.1",
        _BAD,
        {
            f"the name {name!r}": _sized(f"{name}: x")
            for name in (
                *("X ", "X\t", "X Y", "(X)", "X@Y", "X,Y", "X/Y", "X=Y", '"X"', "X[]", "{X}"),
                *("X\\Y", "\x7fX", "\xe9", "X\x0b", "Content-Length ", "Content-Length\x0b"),
            )
        },
    ),
)
_FIRST_LINES: Final = (
    *_shapes(
        "3",
        _BAD,
        {
            repr(line): _first(line)
            for line in (
                *("POST /api\tHTTP/1.1", "POST /api HTTP/1.1 ", "POST /api\x0bHTTP/1.1"),
                *("POST /a b HTTP/1.1", "POST /api?a b HTTP/1.1", "POST /api\x00 HTTP/1.1"),
                *("POST  HTTP/1.1", "POST HTTP/1.1", "POST http://a b/api HTTP/1.1"),
            )
        },
    ),
    *_shapes(
        "3",
        _NO_HTTP,
        {
            repr(line): _first(line)
            for line in (
                *("POST", "", " POST /api HTTP/1.1", "PO ST /api HTTP/1.1", "(POST) /api HTTP/1.1"),
                *("P\x00ST /api HTTP/1.1", "POST\t/api HTTP/1.1"),
            )
        },
    ),
    # "Recipients MAY instead parse on whitespace-delimited word boundaries."
    *_shapes(
        "3",
        _EITHER,
        {
            repr(line): _first(line)
            for line in (
                *("POST  /api HTTP/1.1", "POST /api  HTTP/1.1", "POST HTTP://X/api HTTP/1.1"),
            )
        },
    ),
    *_shapes("3.2.2", _ONE, {"a whole URL": _first("POST http://x/api HTTP/1.1")}),
    *_shapes(
        "2.3",
        _NO_VERSION,
        {
            repr(line): _first(line)
            for line in (
                *("POST /api http/1.1", "POST /api HTTP/1", "POST /api HTTP/1."),
                *("POST /api HTTP/1.x", "POST /api HTTP/1.10", "POST /api HTTP/01.1"),
                *("POST /api HTTP/ 1.1", "POST /api HTTP/1,1", "POST /api HTTP/0.9"),
                *("POST /api HTTP/2.0", "POST /api HTTP/9.9", "POST /api XTTP/1.1"),
            )
        },
    ),
    *_shapes("2.3", _NO_VERSION | _ONE, {"'POST /api HTTP/1.2'": _first("POST /api HTTP/1.2")}),
    # Their parsers are often those of HTTP, and frame these messages in the same way.
    *_shapes(
        "2.3",
        _NO_VERSION | _ONE | _LAST | {405},
        {
            repr(line): _first(line)
            for line in ("POST /api ICE/1.0", "POST /api RTSP/1.0", "POST /api RTSP/1.1")
        },
    ),
    *_shapes(
        "RFC 9110, 9.1, 7.1",
        _NO_METHOD,
        {
            repr(line): _first(line)
            for line in (
                *("post /api HTTP/1.1", "POSTX /api HTTP/1.1", "TRACE /api HTTP/1.1"),
                *("CONNECT x:80 HTTP/1.1", "CONNECT /api HTTP/1.1", "POST * HTTP/1.1"),
                *("POST api HTTP/1.1", "POST http:///api HTTP/1.1", "POST x:/api HTTP/1.1"),
            )
        },
    ),
    *_shapes("3.2.4", _NO_METHOD | {200, 204}, {"OPTIONS *": _first("OPTIONS * HTTP/1.1")}),
    *_shapes(
        "3",
        _NO_VERSION | _NO_HTTP | {CLOSED},
        {
            "no version": _first("POST /api"),
            "HTTP/0.9 (RFC 1945, 4.1)": "GET /api\r\n",
            "a handshake of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            "nothing but NUL": "\x00" * 20,
        },
    ),
    *_shapes(
        "3",
        _NO_HTTP,
        {
            "a status line": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "a body without a request": "<one>\r\n\r\n",
        },
    ),
    *_shapes(
        "RFC 9113, 3.4",
        _NO_VERSION,
        {"the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    ),
    *_shapes(
        "3, and RFC 6585, 5",
        frozenset({400, 414, 431}),
        {
            "a first line of 80,000 letters": _first("POST /<large 80000> HTTP/1.1"),
            "a header of 80,000 letters": _sized("X: <large 80000>"),
            "a name of 80,000 letters": _sized("X<large 80000>: x"),
            "20,000 headers": _sized("\r\n".join(["X: y"] * 20_000)),
        },
    ),
)
_OPTIONS: Final = (
    *_shapes(
        "RFC 9110, 7.8",
        _ONE,
        {
            "an upgrade with a body": _sized("Connection: Upgrade\r\nUpgrade: x"),
            "an upgrade to HTTP/2": _sized(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"
            ),
            "an upgrade with chunks": _chunked(_IN_CHUNKS, "Connection: Upgrade\r\nUpgrade: x\r\n"),
            "an upgrade that nobody asks for": _sized("Upgrade: websocket"),
            "an upgrade to nothing": _sized("Connection: Upgrade"),
            "an upgrade of a page": _page(
                "Host: x\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: <length>"
            ),
        },
    ),
    *_shapes(
        "RFC 9110, 7.8, and RFC 6455, 4.1",
        _EITHER,
        {"an upgrade to a websocket": _sized("Connection: upgrade\r\nUpgrade: websocket")},
    ),
    # With no body, a call is nothing that could be executed.
    *_shapes(
        "RFC 9110, 7.8",
        _EITHER | {200},
        {
            "a request behind an upgrade": _head(
                "Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 0", ""
            )
        },
    ),
    *_shapes(
        "6.3",
        _BAD,
        {
            "an upgrade, and both lengths": _both(
                "Transfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: x"
            ),
            "an upgrade, and two lengths": _sized(
                "Content-Length: 0\r\nConnection: Upgrade\r\nUpgrade: x"
            ),
        },
    ),
    *_shapes(
        "RFC 9110, 10.1.1",
        _ONE,
        {
            "Expect: 100-continue": _sized("Expect: 100-continue"),
            "Expect, in capitals": _sized("EXPECT: 100-Continue"),
        },
    ),
    *_shapes("RFC 9110, 10.1.1", _EITHER | {417}, {"Expect: x": _sized("Expect: x")}),
    # A server need not know it; and who speaks HTTP/1.0 goes by the end of the connection.
    *_shapes(
        "9.3",
        _ONE | _LAST,
        {"HTTP/1.0, keep-alive": _without_host("HTTP/1.0", "Connection: keep-alive\r\n")},
    ),
    *_shapes(
        "9.3, 9.6",
        _LAST,
        {
            "Connection: close": _sized("Connection: close"),
            "Connection: CLOSE": _sized("Connection: CLOSE"),
            "Connection: x, close": _sized("Connection: x, close"),
            "Connection: keep-alive, close": _sized("Connection: keep-alive, close"),
            "Connection in two lines": _sized("Connection: x\r\nConnection: close"),
            "HTTP/1.0": _without_host("HTTP/1.0"),
            "Expect in HTTP/1.0": _without_host("HTTP/1.0", "Expect: 100-continue\r\n"),
            "an upgrade, and the end": _sized("Connection: Upgrade, close\r\nUpgrade: x"),
        },
    ),
    *_shapes(
        "RFC 9110, 7.6.1",
        _EITHER,
        {
            "Connection: Content-Length": _sized("Connection: Content-Length"),
            "Connection: Host": _sized("Connection: Host"),
        },
    ),
    *_shapes(
        "7.1, and RFC 9110, 9.3.1",
        _ONE,
        {
            "a GET with a body": _first("GET /page?nonce=<nonce> HTTP/1.1"),
            "a page, with chunks": _page("Host: x\r\nTransfer-Encoding: chunked", _IN_CHUNKS),
        },
    ),
    *_shapes(
        "as for a call",
        _BAD,
        {
            "a page, and both lengths": _page(
                "Host: x\r\nContent-Length: <rest>\r\nTransfer-Encoding: chunked",
                "0\r\n\r\n<smuggled>",
            ),
            "a page, and two lengths": _page(
                "Host: x\r\nContent-Length: <rest>\r\nContent-Length: 0", "<smuggled>"
            ),
            "a page, and no Host": _page("Content-Length: <length>"),
            "a page, and LF": _page("Host: x\r\nContent-Length: <length>").replace("\r\n", "\n"),
        },
    ),
)

CORPUS: Final = (
    *_LENGTHS,
    *_CODINGS,
    *_CHUNKS,
    *_HOSTS,
    *_LINES,
    *_FIRST_LINES,
    *_OPTIONS,
)

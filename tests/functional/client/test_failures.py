"""Everything that can go wrong on the way is one of gemstone's errors, and shows no secret."""

import json
import threading
import zlib
from pathlib import Path

import pytest
import requests.auth
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemstone.client import MethodCall, RemoteService, Result
from gemstone.errors import (
    CalledServiceError,
    MalformedResponseError,
    RemoteConnectionError,
    RemoteServiceError,
    RemoteTimeoutError,
)


def test_a_refused_connection(closed_port, shown):
    url = f"http://root:hunter2@127.0.0.1:{closed_port}/api"
    with RemoteService(url) as service, pytest.raises(RemoteConnectionError) as caught:
        service.call_method("x")

    assert str(caught.value).startswith(f"no connection to http://127.0.0.1:{closed_port}/api: ")
    assert str(caught.value).endswith("Connection refused")
    assert caught.value.url == f"http://127.0.0.1:{closed_port}/api"
    assert caught.value.__cause__ is not None
    assert not caught.value.was_sent
    assert "hunter2" not in shown(caught.value)
    assert isinstance(caught.value, ConnectionError)


@pytest.mark.parametrize("host", ["no-such-host.invalid", f"{'a' * 64}.invalid"])
def test_a_host_that_does_not_exist(host):
    with (
        RemoteService(f"http://{host}/api") as service,
        pytest.raises(RemoteServiceError) as caught,
    ):
        service.call_method("x")
    assert host in str(caught.value)


def test_tls_where_there_is_none(peer):
    peer.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    peer.answer = lambda request: None  # what comes is no JSON, and sometimes has lines
    with (
        RemoteService(peer.url.replace("http:", "https:")) as service,
        pytest.raises(RemoteConnectionError, match="SSL"),
    ):
        service.call_method("x")


def test_tls(tls_peer):
    with RemoteService(tls_peer.url) as service, pytest.raises(RemoteConnectionError) as caught:
        service.call_method("x")
    assert "certificate verify failed" in str(caught.value)

    certificates = Path(__file__).with_name("tls.pem")
    accepted = tls_peer.accepted
    with RemoteService(tls_peer.url, verify=certificates, cert=str(certificates)) as service:
        for number in range(3):
            assert service.call_method("x", [number]).result == [number]
    assert tls_peer.accepted == accepted + 1


def test_a_service_that_never_answers(peer, shown):
    peer.answer = lambda request: peer.stopped.wait() and None
    url = peer.url.replace("//", "//root:hunter2@")

    with (
        RemoteService(url, timeout=0.2) as service,
        pytest.raises(RemoteTimeoutError, match=r"did not answer within 0.2 s$") as caught,
    ):
        service.call_method("x")
    assert peer.url in str(caught.value)
    assert isinstance(caught.value, TimeoutError)
    assert "hunter2" not in shown(caught.value)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(
            "Content-Length: 100000",
            marks=pytest.mark.skipif(
                not hasattr(urllib3.HTTPResponse, "read1"),
                reason="this urllib3 (before 2.2) returns from a read only when it has all of it",
            ),
        ),
        "Transfer-Encoding: chunked",
    ],
)
def test_an_answer_that_never_ends(peer, head):
    piece = b"1\r\nx\r\n" if "chunked" in head else b"x"

    def drip(request):
        request.socket.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        while not peer.stopped.wait(0.02):
            request.socket.sendall(piece)

    peer.answer = drip
    with (
        RemoteService(peer.url, timeout=0.3) as service,
        pytest.raises(RemoteTimeoutError, match=r"did not end its answer within 0.3 s"),
    ):
        service.call_method("x")


def test_an_answer_that_stops_in_the_middle(peer):
    def answer(request):
        request.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        peer.stopped.wait()

    peer.answer = answer
    with RemoteService(peer.url, timeout=0.2) as service, pytest.raises(RemoteTimeoutError):
        service.call_method("x")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70000 + b"\r\n\r\n",
    ],
)
def test_a_broken_answer(peer, service, answer):
    def once(request):
        if answer:
            request.socket.sendall(answer)

    peer.answer = once
    with pytest.raises((RemoteConnectionError, MalformedResponseError)):
        service.call_method("x")

    peer.answer = peer.hello  # a broken connection is not used again
    assert service.call_method("x", [1]).result == [1]
    assert peer.accepted == 2


def test_a_body_that_does_not_fit_its_encoding(peer, service):
    peer.replies("plain", "200 OK", "Content-Encoding: gzip")
    with pytest.raises(MalformedResponseError, match="Content-Encoding"):
        service.call_method("x")


def test_a_compressed_answer(peer, service):
    body = json.dumps({"jsonrpc": "2.0", "result": "x" * 300_000, "id": 1}).encode()
    compressor = zlib.compressobj(wbits=31)
    peer.replies(compressor.compress(body) + compressor.flush(), "200 OK", "Content-Encoding: gzip")

    assert service.call_method(MethodCall("x", id=1)).result == "x" * 300_000


def test_a_large_answer_in_chunks(peer, service):
    body = json.dumps({"jsonrpc": "2.0", "result": "x" * 300_000, "id": 1}).encode()
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(chunk), chunk)
        for chunk in (body[at : at + 7001] for at in range(0, len(body), 7001))
    )
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    peer.answer = lambda request: head + chunks + b"0\r\n\r\n"

    for _ in range(2):
        assert service.call_method(MethodCall("x", id=1)).result == "x" * 300_000
    assert peer.accepted == 1


def test_an_answer_that_ends_with_its_connection(peer, service):
    def answer(request):
        request.socket.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"jsonrpc": "2.0", "result": 1, "id": 1}')

    peer.answer = answer
    for _ in range(2):
        assert service.call_method(MethodCall("x", id=1)).result == 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            "404 Not Found",
            "<html>no\x07",
            "answered HTTP 404 Not Found. It begins with: <html>no\ufffd",
        ),
        ("500 Oops", "", "answered HTTP 500 Oops. Its body is empty."),
        ("204 No Content", "", "answered HTTP 204 No Content. Its body is empty."),
        (
            "413 Too Large",
            '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Too large"}, "id": null}',
            "answered HTTP 413 Too Large: Too large (-32600)",
        ),
        (
            "500 Oops",
            '{"jsonrpc": "2.0", "result": 1, "id": 1}',
            "answered HTTP 500 Oops. It begins with: {",
        ),
    ],
)
def test_an_http_status_that_carries_no_answer(peer, service, status, body, message):
    peer.replies(body, status)

    for call in (lambda: service.call_method("x"), lambda: service.call_batch(MethodCall("x"))):
        with pytest.raises(CalledServiceError) as caught:
            call()
        assert f"{peer.url} {message}" in str(caught.value)
        assert caught.value.status == int(status[:3])


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(peer, service, status, shown):
    peer.replies("", status, "Location: http://root:hunter2@other.example/api?token=sesame")

    with pytest.raises(CalledServiceError) as caught:
        service.call_method("x")
    assert "a redirect to 'http://other.example/api?…'" in str(caught.value)
    assert "hunter2" not in shown(caught.value)
    assert "sesame" not in shown(caught.value)
    assert len(peer.requests) == 1

    peer.replies("", status, "Location: /new/place")
    with pytest.raises(CalledServiceError, match=rf"'http://127.0.0.1:{peer.port}/new/place'"):
        service.call_method("x")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "its body is empty"),
        ("<html>", "it is not JSON (Expecting value: line 1 column 1 (char 0))"),
        (b"\xff\xfe", "it is not JSON ('utf-8' codec can't decode"),
        ("[" * 200_000, "it is not JSON"),
        ('{"jsonrpc": "2.0", "result": NaN, "id": 1}', "NaN is not JSON"),
        ('{"jsonrpc": "2.0", "result": 1e999, "id": 1}', "it holds a number that is too large"),
        ('\ufeff{"jsonrpc": "2.0", "result": 1, "id": 1}', "begins with a byte order mark (BOM)"),
        ('{"jsonrpc": "2.0", "result": %s, "id": 1}' % ("9" * 5000), "it is not JSON"),
        ('{"jsonrpc": "2.0", "result": 1, "id": 1} x', "it is not JSON (Extra data"),
        ("[]", "it is a list, not an object"),
        ("null", "it is null, not an object"),
        ("true", "it is a boolean, not an object"),
        ("3", "it is a number, not an object"),
        ("{}", 'its "jsonrpc" is missing'),
        ('{"jsonrpc": 2.0, "result": 1, "id": 1}', 'its "jsonrpc" is 2.0, not "2.0"'),
        ('{"jsonrpc": "2.0", "id": 1}', 'it has neither "result" nor "error"'),
        ('{"jsonrpc": "2.0", "error": null, "id": 1}', 'it has neither "result" nor "error"'),
        ('{"jsonrpc": "2.0", "result": 1}', "it has no id"),
        ('{"jsonrpc": "2.0", "result": 1, "id": null}', "its id is null, not 1"),
        ('{"jsonrpc": "2.0", "result": 1, "id": 2}', "its id is 2, not 1"),
        ('{"jsonrpc": "2.0", "result": 1, "id": "1"}', 'its id is "1", not 1'),
        ('{"jsonrpc": "2.0", "result": 1, "id": true}', "its id is true, not 1"),
        ('{"jsonrpc": "2.0", "result": 1, "id": [1]}', "its id is [1], not 1"),
        (
            '{"jsonrpc": "2.0", "error": {"code": 1, "message": ""}, "id": 2}',
            "its id is 2, not 1",
        ),
        (
            '{"jsonrpc": "2.0", "result": 0, "error": {"code": 1, "message": ""}, "id": 1}',
            'it has both "result" and "error"',
        ),
        ('{"jsonrpc": "2.0", "error": "no", "id": 1}', 'its "error" is a string, not an object'),
        ('{"jsonrpc": "2.0", "error": {}, "id": 1}', 'the "code" of its error is missing'),
        (
            '{"jsonrpc": "2.0", "error": {"code": true, "message": ""}, "id": 1}',
            'the "code" of its error is true, not an integer',
        ),
        (
            '{"jsonrpc": "2.0", "error": {"code": 1, "message": 2}, "id": 1}',
            'the "message" of its error is a number',
        ),
    ],
)
def test_a_malformed_answer(peer, service, body, why):
    peer.replies(body)

    with pytest.raises(MalformedResponseError) as caught:
        service.call_method(MethodCall("x", id=1))
    assert f"{peer.url} did not answer as JSON-RPC 2.0 asks: " in str(caught.value)
    assert why in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 420
    if isinstance(body, str) and body.isprintable() and body:
        assert f"It begins with: {body[:60]}" in str(caught.value)


def test_an_error_object_that_is_empty_is_not_taken_for_none(peer, service):
    peer.replies('{"jsonrpc": "2.0", "result": 1, "error": {}, "id": 1}')
    with pytest.raises(MalformedResponseError, match="both"):
        service.call_method(MethodCall("x", id=1))


def outcome(call):
    try:
        return call()
    except RemoteServiceError as exc:
        return exc


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_a_result_or_a_typed_error(peer, service, answer, as_body):
    def send(request):
        request.socket.sendall(peer.http(answer) if as_body else answer)

    peer.answer = send
    result = outcome(lambda: service.call_method("x"))
    assert isinstance(result, Result) or str(result).isprintable()


SECRETS = ("hunter2", "sesame-token", "open-sesame", "aHVudGVy")


def test_an_echoed_secret_is_not_quoted(peer, shown):
    def echo(request):
        return peer.http(json.dumps(request.headers), "400 Bad Request")

    peer.answer = echo
    headers = {"X-Token": "sesame-token", "Authorization": "Bearer open-sesame"}
    with RemoteService(peer.url, headers=headers) as service:
        with pytest.raises(CalledServiceError, match="not shown, because the request") as caught:
            service.call_method("x")
        peer.answer = lambda request: peer.http(request.headers["authorization"].split()[1])
        with pytest.raises(
            MalformedResponseError, match="not shown, because the request"
        ) as malformed:
            service.call_method("x")
    for secret in SECRETS:
        assert secret not in shown(caught.value) + shown(malformed.value)


def test_a_secret_in_the_query_is_not_shown(closed_port, shown):
    with (
        RemoteService(f"http://127.0.0.1:{closed_port}/api?key=open-sesame") as service,
        pytest.raises(RemoteConnectionError) as caught,
    ):
        service.call_method("x")
    assert service.url == f"http://127.0.0.1:{closed_port}/api?…"
    assert "open-sesame" not in shown(caught.value) + repr(service)


def test_a_header_that_can_not_be_sent_is_not_shown(peer, shown):
    def sign(request):
        request.headers["X-Signature"] = "open-sesame\r\nX-Evil: 1"
        return request

    with (
        RemoteService(peer.url, authentication_method=sign) as service,
        pytest.raises(RemoteServiceError, match="could not be made") as caught,
    ):
        service.call_method("x")
    assert "open-sesame" not in shown(caught.value)
    assert peer.requests == []


def test_the_context_of_the_caller_is_not_taken_for_the_reason(closed_port):
    with RemoteService(f"http://127.0.0.1:{closed_port}/api") as service:
        try:
            raise KeyError("the caller's own")
        except KeyError:
            with pytest.raises(RemoteConnectionError) as caught:
                service.call_method("x")
    assert "the caller's own" not in str(caught.value)


SECRET = "hunter2-secret"


def with_user(url):
    return url.replace("//", f"//root:{SECRET}@")


def digest():
    return requests.auth.HTTPDigestAuth("root", SECRET)


def in_the_url(request):
    request.url += f"?key={SECRET}"
    return request


@pytest.mark.parametrize(
    ("url", "options"),
    [
        (with_user, {}),
        (lambda url: f"{url}?user=ada&key={SECRET}%21", {}),
        (str, {"authentication_method": ("root", SECRET)}),
        (str, {"authentication_method": digest()}),
        (str, {"authentication_method": in_the_url}),
        (str, {"authentication_method": {"Authorization": f"Bearer {SECRET}{'x' * 800}"}}),
        (str, {"headers": {"Cookie": f"a=b; session={SECRET}"}}),
        (str, {"headers": {"User-Agent": SECRET}}),
    ],
)
def test_no_secret_comes_back_in_an_error(peer, shown, url, options):
    with RemoteService(url(peer.url), **options) as service:
        check_that_nothing_is_quoted(peer, shown, service)


def test_no_secret_of_elsewhere_comes_back_in_an_error(peer, shown, tmp_path, monkeypatch):
    with RemoteService(peer.url) as service:
        view = service.with_options(headers={"X-Token": SECRET})
        check_that_nothing_is_quoted(peer, shown, view)
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login net password {SECRET}\n")
    with RemoteService(peer.url) as service:
        check_that_nothing_is_quoted(peer, shown, service)
    monkeypatch.setenv("http_proxy", f"http://u:{SECRET}@127.0.0.1:{peer.port}")
    with RemoteService("http://service.invalid/api") as service:
        check_that_nothing_is_quoted(peer, shown, service)


def check_that_nothing_is_quoted(peer, shown, service):
    peer.requests.clear()
    body = f"bad password {SECRET[:-1]}&#116; {SECRET} for root"
    answers = [
        peer.http(body),
        peer.http(body, f"401 bad token {SECRET}"),
        peer.http("", "302 Found", f"Location: http://other.example/{SECRET}?next={SECRET}"),
        peer.http(json.dumps({"jsonrpc": "2.0", "result": 1, "id": SECRET})),
        peer.http(json.dumps({"jsonrpc": SECRET, "result": 1, "id": 1})),
        f"{SECRET}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode(),
        peer.http("x", "200 OK", f"Content-Length: 3, {SECRET}"),
    ]
    for answer in answers:

        def send(request, answer=answer):
            request.socket.sendall(answer)

        peer.answer = send
        with pytest.raises(RemoteServiceError) as caught:
            service.call_method("x")
        assert SECRET not in shown(caught.value)
        assert SECRET[:-1] not in shown(caught.value)
    assert len(peer.requests) == len(answers)


EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
WRONG = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize("first", [EARLY, WRONG])
@pytest.mark.parametrize("notification", [False, True])
def test_a_connection_with_an_answer_that_is_left_over_is_not_used_again(
    peer, service, first, notification
):
    late = threading.Event()

    def answer(request):
        request.socket.sendall(first)
        late.wait(30)
        return peer.hello(request)

    peer.answer = answer
    if notification and first is EARLY:
        with pytest.raises(CalledServiceError, match="103"):
            service.notify("x")
    else:
        with pytest.raises(RemoteServiceError):
            service.call_method(MethodCall("x", ["first"], id=1))
    late.set()
    peer.answer = peer.hello
    assert service.call_method(MethodCall("x", ["second"], id=1)).result == ["second"]
    assert peer.accepted == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
        b"HTTP/1.0 200 OK",
    ],
)
def test_an_answer_cut_in_its_head_is_none(peer, service, answer):
    def cut(request):
        request.socket.sendall(answer)

    peer.answer = cut
    for call in (service.notify, service.call_method):
        with pytest.raises(RemoteConnectionError, match="broke before the whole answer"):
            call("x")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_whole_answers_without_a_body_take_a_notification(peer, service, answer):
    def send(request):
        request.socket.sendall(answer)

    peer.answer = send
    service.notify("x")


def test_no_compressed_answer_is_asked_for(peer, service):
    service.call_method("x")
    assert peer.requests[0].headers["accept-encoding"] == "identity"

"""How a service learns who calls."""

import base64
import hashlib
import re

import pytest
import requests.auth

from gemstone.client import RemoteService
from gemstone.errors import CalledServiceError


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode("latin-1")).decode()


def sent(peer):
    return [request.headers.get("authorization") for request in peer.requests]


def test_user_and_password(peer):
    with RemoteService(peer.url, authentication_method=("root", "hunter2")) as service:
        service.call_method("x")
        service.call_method("x")
    assert sent(peer) == [basic("root", "hunter2")] * 2


def test_credentials_in_the_url(peer):
    url = peer.url.replace("//", "//root:hunter%402@")
    with RemoteService(url) as service:
        service.call_method("x")
        assert service.url == peer.url
        assert repr(service) == f"<RemoteService {peer.url}>"
    assert sent(peer) == [basic("root", "hunter@2")]
    assert peer.requests[0].line == "POST /api HTTP/1.1"
    assert peer.requests[0].headers["host"] == f"127.0.0.1:{peer.port}"


def test_a_header(peer):
    with RemoteService(peer.url, authentication_method={"X-Token": "sesame"}) as service:
        service.call_method("x")
    assert peer.requests[0].headers["x-token"] == "sesame"


def test_a_callable_is_asked_for_each_call(peer):
    tokens = iter(["one", "two", "three"])

    def authenticate(request):
        signature = hashlib.sha256(request.body).hexdigest()
        request.headers["Authorization"] = f"Token {next(tokens)} {signature}"
        return request

    with RemoteService(peer.url, authentication_method=authenticate) as service:
        for number in range(3):
            service.call_method("x", [number])
    assert sent(peer) == [
        f"Token {token} {hashlib.sha256(request.body).hexdigest()}"
        for token, request in zip(["one", "two", "three"], peer.requests, strict=True)
    ]
    assert peer.accepted == 1


def test_a_callable_may_change_the_body(peer):
    def pad(request):
        request.body += b"   "
        return request

    with RemoteService(peer.url, authentication_method=pad) as service:
        assert service.call_method("x", [1]).result == [1]
    assert peer.requests[0].body.endswith(b"   ")


def test_a_callable_may_change_the_query_each_time(peer):
    tokens = iter(["one", "two", "three"])

    def sign(request):
        request.prepare_url(peer.url, {"token": next(tokens)})
        return request

    with RemoteService(peer.url, authentication_method=sign) as service:
        for number in range(3):
            assert service.call_method("x", [number]).result == [number]
    assert [request.line for request in peer.requests] == [
        f"POST /api?token={token} HTTP/1.1" for token in ("one", "two", "three")
    ]
    assert peer.accepted == 1


def test_what_a_callable_raises_goes_through(peer):
    def refuse(request):
        raise LookupError("no token today")

    with (
        RemoteService(peer.url, authentication_method=refuse) as service,
        pytest.raises(LookupError, match="no token today"),
    ):
        service.call_method("x")

    with (
        RemoteService(peer.url, authentication_method=lambda request: None) as service,
        pytest.raises(TypeError, match="has to return the request"),
    ):
        service.call_method("x")


def test_digest(peer):
    def digest_of(*parts):
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    def answer(request):
        given = request.headers.get("authorization", "")
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', given))
        expected = fields and digest_of(
            digest_of("root", "gems", "hunter2"),
            "n0nce",
            fields["nc"],
            fields["cnonce"],
            "auth",
            digest_of("POST", "/api"),
        )
        if fields and fields["response"] == expected:
            return peer.hello(request)
        challenge = 'WWW-Authenticate: Digest realm="gems", nonce="n0nce", qop="auth"'
        return peer.http("who are you?", "401 Unauthorized", challenge)

    peer.answer = answer
    auth = requests.auth.HTTPDigestAuth("root", "hunter2")
    with RemoteService(peer.url, authentication_method=auth) as service:
        for number in range(3):
            assert service.call_method("x", [number]).result == [number]
    assert len(peer.requests) == 4  # one handshake
    assert peer.accepted == 1

    wrong = requests.auth.HTTPDigestAuth("root", "wrong")
    with (
        RemoteService(peer.url, authentication_method=wrong) as service,
        pytest.raises(CalledServiceError, match="HTTP 401") as caught,
    ):
        service.call_method("x")
    assert caught.value.status == 401


def test_netrc_is_used_only_where_nothing_else_is_said(peer, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login net password rc\n")

    def token(request):
        request.headers["X-Token"] = "sesame"
        return request

    for options in (
        {},
        {"authentication_method": ("root", "hunter2")},
        {"authentication_method": {"Authorization": "Bearer sesame"}},
        {"headers": {"authorization": "Bearer sesame"}},
        {"authentication_method": {"X-Token": "sesame"}},
        {"authentication_method": token},
        {"authentication_method": ("root", "hunter2"), "headers": {"Authorization": "x"}},
    ):
        with RemoteService(peer.url, **options) as service:
            service.call_method("x")
    with RemoteService(peer.url.replace("//", "//root:url@")) as service:
        service.call_method("x")
    assert sent(peer) == [
        basic("net", "rc"),
        basic("root", "hunter2"),
        "Bearer sesame",
        "Bearer sesame",
        None,
        None,
        basic("root", "hunter2"),
        basic("root", "url"),
    ]


@pytest.mark.parametrize("method", ["token", ("a",), ("a", 1), 3, ["a", "b"]])
def test_other_methods_are_refused(method):
    with pytest.raises(TypeError, match="authentication_method is a"):
        RemoteService("http://127.0.0.1/", authentication_method=method)


def test_credentials_that_can_not_be_sent():
    with pytest.raises(ValueError, match=r"user or password of http://127.0.0.1/") as caught:
        RemoteService("http://127.0.0.1/", authentication_method=("root", "ĸra"))
    assert "ĸra" not in str(caught.value)
    with pytest.raises(ValueError, match="the value of 'X-Token'") as caught:
        RemoteService("http://127.0.0.1/", authentication_method={"X-Token": "sesame\n"})
    assert "sesame" not in str(caught.value)


def test_what_a_response_hook_raises_goes_through(peer):
    class Handshake(requests.auth.AuthBase):
        def __call__(self, request):
            request.register_hook("response", self.fail)
            return request

        def fail(self, response, **kwargs):
            raise LookupError("no handshake today")

    with RemoteService(peer.url, authentication_method=Handshake()) as service:
        for _ in range(2):
            with pytest.raises(LookupError, match="no handshake today"):
                service.call_method("x")
        peer.wait_until(lambda: peer.open == 0)
    assert peer.accepted == 2


def test_hooks_do_not_gather_from_call_to_call(peer):
    seen = []

    class Watching(requests.auth.AuthBase):
        def __call__(self, request):
            request.register_hook("response", lambda response, **kwargs: seen.append(response.ok))
            return request

    with RemoteService(peer.url, authentication_method=Watching()) as service:
        for number in range(3):
            assert service.call_method("x", [number]).result == [number]
    assert seen == [True] * 3

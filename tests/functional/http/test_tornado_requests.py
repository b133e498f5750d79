"""What Tornado's handlers learn of a request, whatever carries it to them."""

import ssl

import pytest
import trustme
from tornado import web

import gemstone

from .conftest import BOTH_LOOPS, ONE_WAY, Site
from .wire import chunked, request

VERBS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


class Mirror(web.RequestHandler):
    """Says what it has learned."""

    def get(self):
        seen = self.request
        assert seen.request_time() >= 0
        said = {
            "verb": seen.method,
            "uri": seen.uri,
            "path": seen.path,
            "query": seen.query,
            "version": seen.version,
            "host": seen.host,
            "host_name": seen.host_name,
            "protocol": seen.protocol,
            "remote_ip": seen.remote_ip,
            "full_url": seen.full_url(),
            "headers": [*seen.headers.get_all()],
            "body": seen.body.decode("latin-1"),
            "arguments": {name: self.get_arguments(name) for name in seen.arguments},
            "in_query": {name: self.get_query_arguments(name) for name in seen.query_arguments},
            "in_body": {name: self.get_body_arguments(name) for name in seen.body_arguments},
            "files": {
                name: [[each.filename, each.content_type, each.body.decode()] for each in several]
                for name, several in seen.files.items()
            },
            "cookies": {name: self.get_cookie(name) for name in self.cookies},
        }
        self.set_header("X-Verb", seen.method)
        self.write(said)

    head = post = put = delete = patch = options = get


class Ours(gemstone.GemstoneCustomHandler, Mirror):
    pass


@pytest.fixture
def mirror(start, connect):
    return connect(start(Site(("/mirror", Mirror), ("/ours", Ours))))


@pytest.mark.parametrize("target", ["/mirror", "/ours"])
def test_every_verb(mirror, target):
    for verb in VERBS:
        for body in (None, b"a body"):
            mirror.send(request(verb, target, body=body))
            answer = mirror.answer(verb)
            assert (answer.status, answer.headers["X-Verb"]) == (200, verb)
            if verb == "HEAD":
                assert int(answer.headers["Content-Length"]) > 0
            else:
                assert answer.framing == "length"
                assert (answer.json["verb"], answer.json["body"]) == (verb, (body or b"").decode())


@ONE_WAY
def test_verbs_that_a_handler_does_not_have(start, connect):
    class Reader(web.RequestHandler):
        def get(self):
            self.write("read")

    wire = connect(start(Site(("/", Reader))))
    for verb in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
        wire.send(request(verb, "/", body=None if verb == "HEAD" else b""))
        assert wire.answer(verb).status == 405
    wire.send(request("GET", "/"))
    assert wire.answer().body == b"read"


def test_the_connection(mirror, way):
    for version in ("1.1", "1.0"):
        lines = ["Connection: keep-alive", "X-Twice: a", "X-Twice: b", "x-case: ä"]
        mirror.send(request("GET", "/mirror?a=1", *lines, version=version))
        said = mirror.answer().json
        scheme = "http" if way.certificate is None else "https"
        assert said["version"] == f"HTTP/{version}"
        assert (said["protocol"], said["remote_ip"]) == (scheme, "127.0.0.1")
        assert (said["host"], said["host_name"]) == ("x", "x")
        assert said["full_url"] == f"{scheme}://x/mirror?a=1"
        assert ["X-Twice", "a"] in said["headers"]
        assert ["X-Twice", "b"] in said["headers"]
        assert ["X-Case", "ä"] in said["headers"]  # names as Tornado has them


@ONE_WAY
@pytest.mark.parametrize(
    ("target", "path", "query", "arguments"),
    [
        ("/mirror", "/mirror", "", {}),
        ("/mirror?", "/mirror", "", {}),
        ("/mirror?a=1&a=2&b=%20%C3%A4", "/mirror", "a=1&a=2&b=%20%C3%A4", None),
        ("/mirror?a=1?b", "/mirror", "a=1?b", {"a": ["1?b"]}),
        ("/mirror?a=b+c", "/mirror", "a=b+c", {"a": ["b c"]}),
        ("http://elsewhere:80/mirror?a=1", "/mirror", "a=1", {"a": ["1"]}),
    ],
)
def test_targets(mirror, target, path, query, arguments):
    mirror.send(request("GET", target))
    said = mirror.answer().json
    assert (said["path"], said["query"]) == (path, query)
    # Tornado strips what surrounds an argument.
    assert said["in_query"] == ({"a": ["1", "2"], "b": ["ä"]} if arguments is None else arguments)


@ONE_WAY
def test_parts_of_a_path(start, connect):
    class Part(web.RequestHandler):
        def get(self, which, more=None):
            self.write({"which": which, "more": more})

    wire = connect(start(Site((r"/part/([^/]+)(?:/(.*))?", Part))))
    for target, which, more in (
        ("/part/a", "a", None),
        ("/part/a%2Fb/", "a/b", ""),
        ("/part/%C3%A4/b/c", "ä", "b/c"),
    ):
        wire.send(request("GET", target))
        assert wire.answer().json == {"which": which, "more": more}


@BOTH_LOOPS
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_form(mirror, in_chunks):
    form = b"a=1&a=2&b=%C3%A4&empty="
    type_ = "Content-Type: application/x-www-form-urlencoded"
    if in_chunks:
        data = request("POST", "/mirror?a=0", type_, "Transfer-Encoding: chunked")
        mirror.send(data + chunked(form[:5], form[5:6], form[6:]))
    else:
        mirror.send(request("POST", "/mirror?a=0", type_, body=form))
    said = mirror.answer().json
    assert said["in_body"] == {"a": ["1", "2"], "b": ["ä"], "empty": [""]}
    assert said["in_query"] == {"a": ["0"]}
    assert said["arguments"]["a"] == ["0", "1", "2"]
    assert said["body"] == form.decode()


def test_files(mirror):
    large = "ä" * 100_000
    parts = [
        b'Content-Disposition: form-data; name="said"\r\n\r\nhello',
        b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\n" + large.encode(),
        b'Content-Disposition: form-data; name="file"; filename="b.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--no boundary\r\n",
    ]
    body = b"".join(b"--limit\r\n%b\r\n" % part for part in parts) + b"--limit--\r\n"
    type_ = "Content-Type: multipart/form-data; boundary=limit"
    mirror.send(request("POST", "/mirror", type_, body=body))
    said = mirror.answer().json
    assert said["in_body"] == {"said": ["hello"]}
    assert said["files"]["file"] == [
        ["a.txt", "text/plain", large],
        ["b.bin", "application/octet-stream", "\r\n--no boundary\r\n"],
    ]


@ONE_WAY
@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=limit", b"--limit\r\nno end"),
    ],
)
def test_forms_that_are_none(mirror, type_, body):
    mirror.send(request("POST", "/mirror", f"Content-Type: {type_}", body=body))
    assert mirror.answer().status == 400


@ONE_WAY
def test_a_coding_that_is_not_undone(mirror):
    mirror.send(request("POST", "/mirror", "Content-Encoding: gzip", body=b"\x1f\x8b"))
    assert mirror.answer().json["body"] == "\x1f\x8b"


@ONE_WAY
def test_cookies(start, connect):
    class Jar(web.RequestHandler):
        def get(self):
            self.write({name: self.get_cookie(name) for name in self.cookies})
            signed = self.get_signed_cookie("signed")
            self.set_header("X-Signed", signed.decode() if signed else "none")
            self.set_cookie("a", "1", httponly=True, path="/jar")
            self.set_cookie("b", "2")
            self.clear_cookie("c")
            self.set_signed_cookie("signed", "by me")

    class Signing(Site):
        def make_tornado_app(self):
            application = super().make_tornado_app()
            application.settings["cookie_secret"] = "only a test"
            return application

    wire = connect(start(Signing(("/jar", Jar))))
    wire.send(request("GET", "/jar", "Cookie: x=y; z=ä"))
    answer = wire.answer()
    assert answer.json["x"] == "y"
    assert answer.headers["X-Signed"] == "none"
    cookies = answer.headers.get_all("Set-Cookie")
    assert len(cookies) == 4
    assert any(each.startswith("a=1;") and "HttpOnly" in each for each in cookies)
    (signed,) = (each.partition(";")[0] for each in cookies if each.startswith("signed="))
    wire.send(request("GET", "/jar", f"Cookie: {signed}"))
    assert wire.answer().headers["X-Signed"] == "by me"
    wire.send(request("GET", "/jar", f"Cookie: {signed}x"))
    assert wire.answer().headers["X-Signed"] == "none"


@ONE_WAY
def test_requests_share_nothing(start, connect):
    class Counting(web.RequestHandler):
        def get(self):
            assert not hasattr(self, "counted")
            self.counted = True
            self.write({"id": id(self.request.headers), "cookies": len(self.request.cookies)})
            self.application.settings.setdefault("kept", []).append((self, self.request))

    wire = connect(start(Site(("/", Counting))))
    seen = []
    for number in range(3):
        wire.send(request("GET", "/", *[f"Cookie: a{number}=1"] * (number == 0)))
        seen.append(wire.answer().json)
    assert len({each["id"] for each in seen}) == 3
    assert [each["cookies"] for each in seen] == [1, 0, 0]


@BOTH_LOOPS
def test_the_certificate_of_a_client(start, connect):
    class Guard(web.RequestHandler):
        def get(self):
            known = self.request.get_ssl_certificate()
            der = self.request.get_ssl_certificate(binary_form=True)
            self.write({"known": known, "size": len(der)})

    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    client = ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.issue_cert("a.client").configure_cert(client)
    for context in (server, client):
        authority.configure_trust(context)
    server.verify_mode = ssl.CERT_REQUIRED
    service = start(Site(("/", Guard), ssl_options=server))
    wire = connect(service, request("GET", "/"), tls=client)
    answer = wire.answer()
    assert answer.status == 200
    assert ["DNS", "a.client"] in answer.json["known"]["subjectAltName"]
    assert answer.json["size"] > 100

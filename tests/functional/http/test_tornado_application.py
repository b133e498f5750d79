"""Applications as services make them: more routes, other routers, transforms, and their log."""

import gzip
import logging

import pytest
from tornado import httputil, routing, web

import gemstone
from tools.waiting import until

from .conftest import BOTH_LOOPS, ONE_WAY, Site
from .wire import call, chunked, request


class Named(gemstone.GemstoneCustomHandler):
    def initialize(self, said):
        self.said = said

    def get(self, *path):
        self.write(" ".join([self.said, *path]))

    post = get


@ONE_WAY
def test_routes_that_are_added(start, connect):
    class More(Site):
        def make_tornado_app(self):
            application = super().make_tornado_app()
            given = {"microservice": self}
            application.add_handlers(
                r"other\.example", [("/where", Named, {**given, "said": "elsewhere"})]
            )
            application.add_handlers(
                ".*", [web.url(r"/named/(\d+)", Named, {**given, "said": "here"}, name="named")]
            )
            application.wildcard_router.add_rules(
                [routing.Rule(routing.PathMatches("/where"), Named, {**given, "said": "anywhere"})]
            )
            self.found_at = application.reverse_url("named", 5)
            return application

    service = start(More(("/first", Named, {"said": "first"})))
    wire = connect(service)
    for target, host, body in (
        ("/first", "x", b"first"),
        ("/named/5", "x", b"here 5"),
        ("/where", "x", b"anywhere"),
        ("/where", "other.example", b"elsewhere"),
    ):
        wire.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert wire.answer().body == body
    assert service.found_at == "/named/5"
    wire.send(call(5))
    assert wire.answer().json["id"] == 5


class Direct(httputil.HTTPMessageDelegate):
    """Answers without a handler, as the documentation of ``tornado.routing`` does."""

    def __init__(self, connection):
        self.connection = connection
        self.body = b""

    def headers_received(self, start_line, headers):
        self.start_line = start_line

    def data_received(self, chunk):
        self.body += chunk

    def finish(self):
        said = f"{self.start_line.method} {self.start_line.path} ".encode() + self.body
        self.connection.write_headers(
            httputil.ResponseStartLine("HTTP/1.1", 200, "OK"),
            httputil.HTTPHeaders({"Content-Length": str(2 * len(said))}),
            said,
        )
        self.connection.write(said)
        self.connection.finish()


@BOTH_LOOPS
def test_a_router_of_ones_own(start, connect):
    class Routing(routing.Router):
        def find_handler(self, request, **kwargs):
            return Direct(request.connection) if request.path.startswith("/direct") else None

    class More(Site):
        def make_tornado_app(self):
            application = super().make_tornado_app()
            application.wildcard_router.rules.insert(
                0, routing.Rule(routing.PathMatches("/direct.*"), Routing())
            )
            return application

    wire = connect(start(More()))
    wire.send(request("POST", "/direct/a?b", body=b"c"))
    assert wire.answer().body == b"POST /direct/a?b c" * 2
    wire.send(request("POST", "/direct", "Transfer-Encoding: chunked"), chunked(b"de", b"f"))
    assert wire.answer().body == b"POST /direct def" * 2
    wire.send(request("GET", "/nothing"), call(6))
    assert wire.answer().status == 404
    assert wire.answer().json["id"] == 6


@BOTH_LOOPS
def test_compression(start, connect):
    class Compressing(Site):
        def make_tornado_app(self):
            application = super().make_tornado_app()
            application.add_transform(web.GZipContentEncoding)
            return application

    class InFlushes(web.RequestHandler):
        async def get(self):
            for _ in range(10):
                self.write("text " * 1_000)
                await self.flush()

    text = "text " * 10_000
    service = start(Compressing(("/", Named, {"said": text}), ("/flushes", InFlushes)))
    wire = connect(service)
    for target in ("/", "/flushes"):
        wire.send(request("GET", target, "Accept-Encoding: gzip"))
        answer = wire.answer()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.body).decode() == text
        wire.send(request("GET", target))
        assert wire.answer().body.decode() == text
    # What is said of calls is for methods to say, and the dispatcher's.
    wire.send(call(7, "echo", [text], "Accept-Encoding: gzip"))
    answer = wire.answer()
    assert (answer.headers["Content-Encoding"], answer.json["result"]) == (None, text)


@ONE_WAY
def test_pages_for_what_is_not_there(start, connect):
    class Missing(web.RequestHandler):
        def prepare(self):
            self.set_status(404)
            self.finish("not here")

    class Friendly(Site):
        def make_tornado_app(self):
            application = super().make_tornado_app()
            application.settings["default_handler_class"] = Missing
            return application

    wire = connect(start(Friendly()), request("GET", "/nothing"), call())
    answer = wire.answer()
    assert (answer.status, answer.body) == (404, b"not here")
    assert wire.answer().status == 200


@ONE_WAY
def test_the_log(start, connect, caplog):
    """Pages are logged, by the application's own method too; calls are not."""
    caplog.set_level(logging.INFO, "tornado.access")
    seen = []

    class Logging(Site):
        def make_tornado_app(self):
            application = super().make_tornado_app()
            application.settings["log_function"] = lambda handler: seen.append(
                (handler.request.uri, handler.get_status(), handler.request.request_time() >= 0)
            )
            return application

    quiet = start(Logging(("/", Named, {"said": "hello"})))
    wire = connect(quiet, request("GET", "/?a"), call(), request("GET", "/nothing"))
    assert [wire.answer().status for _ in range(3)] == [200, 200, 404]
    until(lambda: len(seen) == 2, what="both pages are logged")
    assert seen == [("/?a", 200, True), ("/nothing", 404, True)]
    assert not caplog.records
    wire = connect(start(Site(("/", Named, {"said": "hello"}))), request("GET", "/?b"), call())
    assert [wire.answer().status for _ in range(2)] == [200, 200]
    until(lambda: caplog.records, what="the page is logged")
    (record,) = caplog.records
    assert "200 GET /?b (127.0.0.1)" in record.getMessage()


@BOTH_LOOPS
@pytest.mark.parametrize("how", ["prepare", "verb", "on_finish"])
def test_coroutines_of_handlers(start, connect, how):
    class Slow(gemstone.GemstoneCustomHandler):
        async def prepare(self):
            self.microservice.told.append("prepare")
            if how == "prepare":
                await self.microservice.may_go_on()
                self.finish("prepared")

        async def get(self):
            self.microservice.told.append("verb")
            await self.microservice.may_go_on()
            self.finish("got")

        def on_finish(self):
            self.microservice.told.append("on_finish")

    service = start(Site(("/", Slow)))
    service.may_go.set()
    wire = connect(service, request("GET", "/"))
    assert wire.answer().body == (b"prepared" if how == "prepare" else b"got")
    service.until_told("on_finish")
    expected = ["prepare", "on_finish"] if how == "prepare" else ["prepare", "verb", "on_finish"]
    assert service.told == expected

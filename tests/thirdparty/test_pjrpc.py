"""pjrpc, somebody else's JSON-RPC library: its client against ours, and ours against its."""

import http.server
import threading
from typing import Any

import pjrpc
import pytest
from pjrpc.client.backend.requests import Client
from pjrpc.client.exceptions import (
    InternalError,
    InvalidParamsError,
    InvalidRequestError,
    JsonRpcError,
    MethodNotFoundError,
)
from pjrpc.common import BatchRequest, Request
from pjrpc.server import Dispatcher, MethodRegistry
from pjrpc.server.exceptions import JsonRpcError as ServerError

import gemstone
from gemstone.client.structs import MethodCall, Notification


class Shop(gemstone.MicroService):
    name = "shop"
    port = 0
    drain_grace = 0
    max_batch_size = 10

    def __init__(self):
        super().__init__()
        self.sold: list[str] = []

    @gemstone.exposed_method()
    def price(self, article, count=1):
        return {"article": article, "total": 2.5 * count}

    @gemstone.exposed_method("stock.count")
    async def count(self, *articles):
        return len(articles)

    @gemstone.exposed_method()
    async def sell(self, article):
        self.sold.append(article)

    @gemstone.exposed_method()
    def steal(self, article):
        raise gemstone.errors.RpcError(2001, "thief", {"article": article})

    @gemstone.exposed_method()
    def burn(self):
        raise ValueError("the secret of the house")


class TestTheirClient:
    """pjrpc's client, against our service."""

    @pytest.fixture
    def shop(self):
        with Shop().start_in_thread() as service:
            yield service

    @pytest.fixture
    def client(self, shop):
        with Client(shop.accessible_at) as client:
            yield client

    def test_calls(self, client):
        assert client("price", "ü", 2) == {"article": "ü", "total": 5.0}
        assert client.call("price", count=3, article="b") == {"article": "b", "total": 7.5}
        assert client.proxy.price("c") == {"article": "c", "total": 2.5}
        assert client("stock.count", 1, None, [2]) == 3
        assert client("sell", "d") is None

    @pytest.mark.parametrize("id", [0, "", "ü", 12345678901234567890123, "1"])
    def test_ids(self, client, id):
        response = client.send(Request("stock.count", [], id=id))
        assert (response.id, response.result) == (id, 0)

    def test_notifications(self, client, shop):
        client.notify("sell", "a")
        client.notify("sell", article="b")
        client.notify("unknown")
        client.notify("burn")
        assert shop.sold == ["a", "b"]

    def test_a_batch(self, client, shop):
        with client.batch() as batch:
            batch("price", "a", 2)
            batch.notify("sell", "b")
            batch.proxy.price(article="c")
            batch("stock.count")
        assert batch.get_results() == [
            {"article": "a", "total": 5.0},
            {"article": "c", "total": 2.5},
            0,
        ]
        assert shop.sold == ["b"]

    def test_a_batch_of_notifications(self, client, shop):
        with client.batch() as batch:
            batch.notify("sell", "a")
            batch.notify("sell", "b")
        assert batch.get_results() == []
        assert sorted(shop.sold) == ["a", "b"]

    def test_a_batch_with_errors(self, client):
        with client.batch() as batch:
            batch("price", "a")
            batch("unknown")
            batch("steal", "b")
        fine, unknown, own = batch.get_response()
        assert fine.unwrap_result() == {"article": "a", "total": 2.5}
        with pytest.raises(MethodNotFoundError):
            unknown.unwrap_result()
        assert own.unwrap_error().code == 2001

    def test_a_batch_that_is_too_large(self, client):
        requests = [Request("stock.count", [], id=number) for number in range(11)]
        response = client.send(BatchRequest(*requests))
        assert response.is_error
        assert isinstance(response.unwrap_error(), InvalidRequestError)

    def test_errors(self, client):
        with pytest.raises(MethodNotFoundError):
            client("unknown")
        with pytest.raises(InvalidParamsError) as wrong:
            client("price")
        assert wrong.value.data == "missing: article"
        with pytest.raises(InvalidParamsError):
            client("price", colour="red")
        with pytest.raises(InternalError) as internal:
            client("burn")
        assert set(internal.value.data) == {"reference"}
        with pytest.raises(JsonRpcError) as own:
            client("steal", "a")
        assert (own.value.code, own.value.message) == (2001, "thief")
        assert own.value.data == {"article": "a"}

    @pytest.mark.parametrize("media_type", pjrpc.common.REQUEST_CONTENT_TYPES)
    def test_its_media_types(self, client, media_type):
        client._request_content_type = media_type
        assert client("stock.count") == 0


registry = MethodRegistry()


@registry.add()
def add(a: int, b: int = 1) -> int:
    return a + b


@registry.add("log.note", pass_context=True)
def note(noted: list[Any], text: str) -> None:
    noted.append(text)


@registry.add()
def refuse(reason: str) -> None:
    raise ServerError(2001, "refused", {"reason": reason})


@registry.add()
def crash() -> None:
    raise ValueError("the secret of the house")


class TestTheirServer:
    """Our client, against pjrpc's dispatcher behind the server of the standard library."""

    @pytest.fixture
    def noted(self):
        return []

    @pytest.fixture
    def remote(self, noted, caplog):
        caplog.set_level("CRITICAL", "pjrpc.server")
        dispatcher = Dispatcher()
        dispatcher.add_methods(registry)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                assert self.headers["Content-Type"] in pjrpc.common.REQUEST_CONTENT_TYPES
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = dispatcher.dispatch(body.decode(), context=noted)
                text = answer[0].encode() if answer else b""
                self.send_response(200)
                self.send_header("Content-Type", pjrpc.common.DEFAULT_CONTENT_TYPE)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,)).start()
            with gemstone.RemoteService(f"http://127.0.0.1:{server.server_port}/") as remote:
                yield remote
            server.shutdown()

    def test_calls(self, remote):
        assert remote.call_method("add", [1, 2]).result == 3
        assert remote.call_method("add", {"b": 5, "a": 1}).result == 6
        assert remote.call_method(MethodCall("add", (1,))).result == 2
        assert remote.methods.add(2, 3) == 5
        assert remote.methods.add(a=2) == 3
        assert remote.call_method_async("add", [4, 5]).result(wait=True).result == 9

    @pytest.mark.parametrize("id", ["text", "", 0, 2**70])
    def test_ids(self, remote, id):
        call = MethodCall("add", [1], id=id)
        assert remote.call_method(call).id == id
        assert remote.handle_single_request(call) == {"jsonrpc": "2.0", "result": 2, "id": id}

    def test_notifications(self, remote, noted):
        remote.notify("log.note", ["a"])
        remote.notify(Notification("log.note", {"text": "b"}))
        remote.notify("unknown")
        remote.notify("crash")
        assert noted == ["a", "b"]

    def test_batches(self, remote, noted):
        calls = [MethodCall("add", [number]) for number in range(3)]
        unknown = MethodCall("unknown")
        answers = remote.call_batch(*calls, Notification("log.note", ["a"]), unknown)
        assert [answer.result for answer in answers] == [1, 2, 3, None]
        assert answers.get_response_for_call(unknown).error["code"] == -32601
        assert noted == ["a"]
        assert len(remote.call_batch(Notification("log.note", ["b"]))) == 0
        assert noted == ["a", "b"]

    @pytest.mark.parametrize(
        ("method", "params", "code"),
        [
            ("unknown", [], -32601),
            ("add", [], -32602),
            ("add", {"c": 1}, -32602),
            ("refuse", ["no"], 2001),
            ("crash", [], -32000),
        ],
    )
    def test_errors(self, remote, method, params, code):
        answer = remote.call_method(method, params)
        assert answer.result is None
        assert answer.error["code"] == code
        args, kwargs = ([], params) if isinstance(params, dict) else (params, {})
        with pytest.raises(gemstone.errors.RemoteCallError) as error:
            getattr(remote.methods, method)(*args, **kwargs)
        assert error.value.code == code

    def test_data_of_an_error(self, remote):
        error = remote.call_method("refuse", ["no"]).error
        assert error == {"code": 2001, "message": "refused", "data": {"reason": "no"}}

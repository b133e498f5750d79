"""Calls that go on in other threads: awaited, gathered, closed."""

import asyncio
import concurrent.futures
import logging
import pickle
import threading

import pytest

from gemstone.client import AsyncMethodCall, MethodCall, RemoteService, Result
from gemstone.errors import (
    RemoteCallError,
    RemoteConnectionError,
    RemoteTimeoutError,
    ServiceStateError,
)
from gemstone.util import as_completed, first_completed, make_callbacks

ERROR = {"code": 1, "message": "no"}


@pytest.fixture
def gate(peer):
    """While closed, the peer answers only calls of "fast"."""
    gate = threading.Event()

    def answer(request):
        if request.json["method"] != "fast":
            assert gate.wait(30)
        return peer.hello(request)

    peer.answer = answer
    yield gate
    gate.set()


def test_a_call_goes_on_by_itself(service, gate):
    call = service.call_method_async("slow", [1])

    assert not call.finished()
    assert not call.successful()
    with pytest.raises(RuntimeError, match="the call of 'slow' has not finished"):
        call.result()
    gate.set()
    assert call.result(wait=True) == Result([1], None, call.method_call.id, call.method_call)
    assert call.result() is call.result(wait=True)
    assert call.finished()
    assert call.successful()
    assert repr(call) == "<AsyncMethodCall of 'slow': succeeded>"


def test_params_may_be_changed_afterwards(service, gate):
    params = [1]
    call = service.call_method_async(MethodCall("slow", params))
    params.append(2)
    gate.set()

    assert call.result(wait=True).result == [1]


def test_a_remote_error_is_no_success(peer, service):
    peer.replies({"jsonrpc": "2.0", "error": ERROR, "id": "ID"})
    call = service.call_method_async("x")

    assert call.result(wait=True).error == ERROR
    assert call.finished()
    assert not call.successful()
    assert repr(call) == "<AsyncMethodCall of 'x': failed>"


def test_what_a_call_raises_is_raised_by_its_result(closed_port):
    with RemoteService(f"http://127.0.0.1:{closed_port}/api") as service:
        call = service.call_method_async("x")
        for _ in range(2):
            with pytest.raises(RemoteConnectionError):
                call.result(wait=True)
        assert call.finished()
        assert not call.successful()


def test_awaiting_does_not_block_the_loop(service, gate):
    async def main():
        call = service.call_method_async("slow", ["x"])

        async def open_gate():
            gate.set()

        result, _ = await asyncio.gather(call, open_gate())
        again = await call
        return result, again

    result, again = asyncio.run(main())
    assert result.result == ["x"]
    assert again is result


def test_awaiting_raises_what_the_call_raises(peer):
    peer.answer = lambda request: peer.stopped.wait() and None

    async def main(service):
        await service.call_method_async("x")

    with RemoteService(peer.url, timeout=0.2) as service, pytest.raises(RemoteTimeoutError):
        asyncio.run(main(service))


def test_cancelling_one_who_awaits_leaves_the_call_to_the_others(peer, gate):
    async def main(service):
        first = service.call_method_async("slow", [1])
        second = service.call_method_async("slow", [2])
        tasks = [asyncio.ensure_future(second) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(second, 0.01)
        gate.set()
        return await asyncio.gather(first, tasks[1], second)

    with RemoteService(peer.url, max_connections=1) as service:
        results = asyncio.run(main(service))
    assert [result.result for result in results] == [[1], [2], [2]]
    assert [request.json["params"] for request in peer.requests] == [[1], [2]]


def test_asyncio_takes_it_for_an_awaitable_and_no_future(service):
    async def main():
        call = service.call_method_async("x", [1])
        with pytest.raises((TypeError, AttributeError)):
            await asyncio.wait([call])
        done, _ = await asyncio.wait([asyncio.ensure_future(call)])
        [first] = [await each for each in asyncio.as_completed([call])]
        return [
            done.pop().result(),
            first,
            await asyncio.wait_for(call, 30),
            *await asyncio.gather(call),
        ]

    assert [result.result for result in asyncio.run(main())] == [[1]] * 4


def test_at_most_so_many_calls_at_once(peer, gate):
    with RemoteService(peer.url, max_connections=3) as service:
        calls = [service.call_method_async("slow", [number]) for number in range(20)]
        peer.wait_until(lambda: len(peer.requests) == 3)
        gate.set()
        assert [call.result(wait=True).result for call in calls] == [[n] for n in range(20)]
        assert peer.accepted == 3


def test_results_come_as_they_are_completed(peer):
    released: dict[int, threading.Event] = {number: threading.Event() for number in range(5)}

    def answer(request):
        released[request.json["params"][0]].wait(30)
        return peer.hello(request)

    peer.answer = answer
    with RemoteService(peer.url) as service:
        calls = [service.call_method_async("x", [number]) for number in range(5)]
        order = [3, 0, 4, 2, 1]
        seen = []
        released[order[0]].set()
        for turn, call in enumerate(as_completed(*calls, calls[0]), start=1):
            assert call.finished()
            seen.append(call.result().result[0])
            if turn < 5:
                released[order[turn]].set()
    assert seen == order


def test_the_first_completed(service, gate):
    slow = service.call_method_async("slow")
    fast = service.call_method_async("fast")

    assert first_completed(slow, fast) is fast
    gate.set()
    assert first_completed([slow]) is slow


def test_callbacks(peer, service, gate, caplog):
    results, errors, threads = [], [], []
    done = threading.Event()

    def on_result(result):
        results.append(result)
        threads.append(threading.current_thread())
        done.set()

    make_callbacks([service.call_method_async("slow", [1])], on_result, errors.append)
    assert results == []
    gate.set()
    assert done.wait(30)
    assert results[0].result == [1]
    assert threads[0] is not threading.current_thread()

    finished = service.call_method_async("slow", [2])
    finished.result(wait=True)
    make_callbacks(finished, on_result)
    assert results[1].result == [2]
    assert threads[1] is threading.current_thread()
    assert errors == []


def test_callbacks_for_errors(peer, service, caplog):
    peer.replies({"jsonrpc": "2.0", "error": ERROR | {"data": [3]}, "id": "ID"})
    remote = service.call_method_async("x")
    peer.wait_until(lambda: len(peer.requests) == 1)
    remote.result(wait=True)
    peer.replies("junk")
    malformed = service.call_method_async("y")
    with pytest.raises(Exception, match="not JSON"):
        malformed.result(wait=True)

    errors = []
    make_callbacks([remote, malformed], pytest.fail, errors.append)
    assert isinstance(errors[0], RemoteCallError)
    assert (errors[0].code, errors[0].data, errors[0].url) == (1, [3], peer.url)
    assert "not JSON" in str(errors[1])

    with caplog.at_level(logging.WARNING, "gemstone.client"):
        make_callbacks([remote], pytest.fail)
    assert "the call of 'x' failed, and nobody handles it: no (1)" in caplog.text


def test_an_error_in_a_callback_is_logged(service, caplog):
    call = service.call_method_async("x")
    call.result(wait=True)

    def broken(result):
        raise ZeroDivisionError("in the callback")

    make_callbacks([call], broken, pytest.fail)
    [record] = [record for record in caplog.records if record.name == "gemstone.client"]
    assert "a callback of make_callbacks for 'x' raised" in record.getMessage()
    assert record.exc_info[0] is ZeroDivisionError


def test_closing_fails_what_has_not_begun(peer, gate):
    service = RemoteService(peer.url, max_connections=1)
    first = service.call_method_async("slow", [1])
    peer.wait_until(lambda: len(peer.requests) == 1)
    others = [service.call_method_async("slow") for _ in range(5)]

    service.close(wait=False)
    for call in others:
        with pytest.raises(
            ServiceStateError, match=r"was not sent: the RemoteService of .* was closed"
        ):
            call.result()
    assert not first.finished()
    gate.set()
    assert first.result(wait=True).result == [1]
    peer.wait_until(lambda: peer.open == 0)


def test_closing_waits_for_the_threads(peer, gate):
    before = set(threading.enumerate())
    service = RemoteService(peer.url)
    calls = [service.call_method_async("slow", [number]) for number in range(3)]
    peer.wait_until(lambda: len(peer.requests) == 3)
    threading.Timer(0.05, gate.set).start()
    service.close()

    assert all(call.successful() for call in calls)
    mine = [t for t in threading.enumerate() if t.name.startswith("gemstone-client")]
    assert not set(mine) - before


def test_closing_in_a_callback_does_not_deadlock(peer, gate):
    service = RemoteService(peer.url)
    closed = threading.Event()

    def close(_):
        service.close()
        closed.set()

    make_callbacks(service.call_method_async("slow"), close)
    gate.set()
    assert closed.wait(30)


def test_a_call_that_is_still_asked_for_keeps_nothing_else_alive(service):
    call = service.call_method_async("x")
    call.result(wait=True)
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(call)


def test_it_is_made_from_a_future():
    future: concurrent.futures.Future = concurrent.futures.Future()
    call = AsyncMethodCall(MethodCall("x"), future)
    assert repr(call) == "<AsyncMethodCall of 'x': pending>"
    seen = []
    make_callbacks(call, seen.append)
    future.set_result(Result(1, None, 1, call.method_call))
    assert seen == [call.result()]
    assert call.result().result == 1
    with pytest.raises(TypeError, match="not from int"):
        AsyncMethodCall(MethodCall("x"), 3)


def test_a_future_that_somebody_cancels():
    future: concurrent.futures.Future = concurrent.futures.Future()
    call = AsyncMethodCall(MethodCall("x"), future)
    future.cancel()

    async def main():
        await call

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert call.finished()
    assert not call.successful()
    assert repr(call) == "<AsyncMethodCall of 'x': cancelled>"


def test_without_threads_calls_fail_and_nothing_hangs(peer, gate, monkeypatch):
    with RemoteService(peer.url, max_connections=2) as service:
        first = service.call_method_async("slow", [1])
        peer.wait_until(lambda: len(peer.requests) == 1)

        def refuse(thread):
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        second = service.call_method_async("slow", [2])
        assert not second.finished()  # the thread that is there will make it
        gate.set()
        assert [call.result(wait=True).result for call in (first, second)] == [[1], [2]]

    with RemoteService(peer.url) as service:
        call = service.call_method_async("slow")
        with pytest.raises(ServiceStateError, match="no thread could be started for it"):
            call.result(wait=True)
    monkeypatch.undo()

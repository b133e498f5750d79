"""Calls, notifications, results: what they accept, and how they compare and print."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from gemstone.client import BatchResult, MethodCall, Notification, Result, structs


def test_ids_are_unique_across_threads():
    with ThreadPoolExecutor(8) as pool:
        parts = pool.map(lambda _: [MethodCall("x").id for _ in range(2000)], range(8))
        ids = [id for part in parts for id in part]
    assert len(set(ids)) == 16_000


def test_a_call():
    call = MethodCall("say_hello", ["world"], 3)

    assert (call.method_name, call.params, call.id) == ("say_hello", ["world"], 3)
    assert call == MethodCall("say_hello", params=["world"], id=3)
    assert hash(call) == hash(MethodCall("say_hello", params=["world"], id=3))
    assert call != MethodCall("say_hello", ["world"], 4)
    assert call != MethodCall("say_hello", ["world"])
    assert call != Notification("say_hello", ["world"])
    assert repr(call) == "MethodCall('say_hello', ['world'], id=3)"


def test_a_notification_has_no_id():
    note = Notification("log", {"line": 1}, 7)

    assert note.id is None
    assert note == Notification("log", {"line": 1})
    assert hash(note) == hash(Notification("log", {"line": 1}))
    assert note != Notification("log")
    assert note != "log"
    assert repr(note) == "Notification('log', {'line': 1})"


@pytest.mark.parametrize("kind", [MethodCall, Notification])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1,), TypeError, "a method's name is a string, not int"),
        ((b"x",), TypeError, "not bytes"),
        (("",), ValueError, "can't be empty"),
        (("x", "y"), TypeError, "the params of 'x' are a list, a tuple or a dict, not str"),
        (("x", {1}), TypeError, "not set"),
        (("x", 0), TypeError, "not int"),
        (("x", {None: 1}), TypeError, "have the name None; names are strings"),
    ],
)
def test_wrong_arguments(kind, arguments, error, message):
    with pytest.raises(error, match=message):
        kind(*arguments)


@pytest.mark.parametrize("id", [True, [], {}, b"1"])
def test_ids_are_strings_or_numbers(id):
    with pytest.raises(TypeError, match="a call's id is a string or a number"):
        MethodCall("x", id=id)


@pytest.mark.parametrize("id", [float("nan"), float("inf"), -float("inf")])
def test_ids_are_finite(id):
    with pytest.raises(ValueError, match="finite"):
        MethodCall("x", id=id)


def test_a_result():
    call = MethodCall("x", id=1)
    result = Result(5, None, 1, call)

    assert (result.result, result.error, result.id, result.method_call) == (5, None, 1, call)
    assert result == Result(5, None, 1, call)
    assert result != Result(6, None, 1, call)
    assert repr(result) == (
        "Result(result=5, error=None, id=1, method_call=MethodCall('x', None, id=1))"
    )


def test_a_batch_result():
    calls = [MethodCall("x", id=number) for number in range(3)]
    results = [Result(call.id, None, call.id, call) for call in calls]
    batch = BatchResult(*results)

    assert list(batch) == results
    assert len(batch) == 3
    assert batch[0] is results[0]
    assert batch[1:] == tuple(results[1:])
    assert batch.get_response_for_call(calls[2]) is results[2]
    assert batch.get_response_for_call(MethodCall("x")) is None
    assert batch.get_response_for_call(Notification("x")) is None
    assert batch == BatchResult(*results)
    assert batch != BatchResult()
    assert batch != results
    assert repr(BatchResult(results[0])) == f"BatchResult({results[0]!r})"
    with pytest.raises(TypeError, match="unhashable"):
        hash(batch)


@pytest.mark.parametrize(
    "value",
    [
        MethodCall("x", (1,), "a"),
        Notification("x", [1]),
        BatchResult(Result(1, None, 2, MethodCall("x", id=2))),
    ],
)
def test_they_are_pickled_and_copied(value):
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value


def test_the_public_names():
    assert set(structs.__all__) == {
        "AsyncMethodCall",
        "BatchResult",
        "MethodCall",
        "Notification",
        "Result",
    }

"""Loading by name, and waiting for calls without a network."""

import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from gemstone.client import AsyncMethodCall, MethodCall, Result
from gemstone.util import as_completed, dynamic_load, first_completed, make_callbacks


def pending():
    future: Future[Result] = Future()
    return future, AsyncMethodCall(MethodCall("x"), future)


def test_as_completed_without_calls():
    assert list(as_completed()) == []
    assert list(as_completed([])) == []


def test_as_completed_yields_in_the_order_of_completion():
    pairs = [pending() for _ in range(4)]
    futures, calls = zip(*pairs, strict=True)
    completed = as_completed(call for call in (*calls, *calls))
    for at in (2, 0, 3, 1):
        futures[at].set_result(Result(at, None, 1, None))
        assert next(completed) is calls[at]
    assert next(completed, None) is None


def test_as_completed_waits_without_turning():
    """While nothing finishes, the waiting thread uses no processor time worth mentioning."""
    future, call = pending()
    used = []

    def wait():
        before = threading_time()
        list(as_completed(call))
        used.append(threading_time() - before)

    from time import sleep
    from time import thread_time as threading_time

    thread = threading.Thread(target=wait)
    thread.start()
    sleep(0.5)
    future.set_result(Result(1, None, 1, None))
    thread.join(30)
    assert used[0] < 0.1


def test_failed_and_cancelled_calls_are_completed_too():
    failed, failing = pending()
    cancelled, cancelling = pending()
    failed.set_exception(OSError("no"))
    cancelled.cancel()

    assert set(as_completed(failing, cancelling)) == {failing, cancelling}
    seen = []
    make_callbacks([failing, cancelling], pytest.fail, seen.append)
    assert [type(error).__name__ for error in seen] == ["OSError", "CancelledError"]


def test_first_completed():
    calls = [pending() for _ in range(3)]
    calls[1][0].set_result(Result(1, None, 1, None))

    assert first_completed(*(call for _, call in calls)) is calls[1][1]
    with pytest.raises(ValueError, match="at least one call"):
        first_completed()


@pytest.mark.parametrize("function", [as_completed, first_completed])
def test_only_calls_are_waited_for(function):
    _, call = pending()
    with pytest.raises(
        TypeError, match=f"{function.__name__} takes AsyncMethodCall objects, not in"
    ):
        function(3)
    with pytest.raises(TypeError, match="not Future"):
        function(call, Future())


def test_callbacks_are_functions():
    _, call = pending()
    with pytest.raises(TypeError, match="functions"):
        make_callbacks([call], None)
    with pytest.raises(TypeError, match="functions"):
        make_callbacks([call], print, 3)
    with pytest.raises(TypeError, match="not int"):
        make_callbacks([3], print)


def test_many_threads_finish_calls():
    pairs = [pending() for _ in range(500)]
    with ThreadPoolExecutor(16) as pool:
        for future, _ in pairs:
            pool.submit(future.set_result, Result(None, None, None, None))
        assert set(as_completed(call for _, call in pairs)) == {call for _, call in pairs}


def test_modules_and_members_are_loaded():
    import json.decoder

    assert dynamic_load("json") is json
    assert dynamic_load("json.loads") is json.loads
    assert dynamic_load("json.decoder") is json.decoder
    assert dynamic_load("json.decoder.JSONDecoder") is json.decoder.JSONDecoder


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("no_such_module", "no module 'no_such_module'"),
        ("no_such_module.x", "can't load 'no_such_module.x': there is no module 'no_such_module'"),
        ("json.no_such.x", "can't load 'json.no_such.x': there is no module 'json.no_such'"),
        ("json.no_such", "the module 'json' has no 'no_such'"),
        ("json.loads.x", "there is no module 'json.loads'"),
    ],
)
def test_what_is_missing_is_named(name, missing):
    with pytest.raises(ImportError, match=missing):
        dynamic_load(name)


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "a b", "a-b", "1a"])
def test_names_that_are_none(name):
    with pytest.raises(ValueError, match="is not a name"):
        dynamic_load(name)


def test_names_are_strings():
    with pytest.raises(TypeError, match="not int"):
        dynamic_load(3)


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "some_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "needy.py").write_text("import a_module_that_needy_needs")
    (folder / "broken.py").write_text("raise ZeroDivisionError('while importing')")
    (folder / "plain.py").write_text("value = 3")
    monkeypatch.syspath_prepend(tmp_path)
    yield "some_package"
    for name in [name for name in sys.modules if name.startswith("some_package")]:
        del sys.modules[name]


@pytest.mark.parametrize("suffix", ["", ".x"])
def test_errors_inside_a_module_go_through_untouched(package, suffix):
    with pytest.raises(ModuleNotFoundError) as caught:
        dynamic_load(f"{package}.needy{suffix}")
    assert caught.value.name == "a_module_that_needy_needs"
    assert type(caught.value) is ModuleNotFoundError
    with pytest.raises(ZeroDivisionError, match="while importing"):
        dynamic_load(f"{package}.broken{suffix}")


def test_submodules_are_found_before_they_are_imported(package):
    assert dynamic_load(f"{package}.plain").value == 3
    assert dynamic_load(f"{package}.plain.value") == 3

"""Any bytes at all are an answer, or refused with a typed error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstone.client import BatchResult, MethodCall, Notification, Result
from gemstone.client._answers import Answer
from gemstone.client._endpoint import parse_endpoint
from gemstone.errors import CalledServiceError, MalformedResponseError, RemoteCallError

ENDPOINT = parse_endpoint("http://root:hunter2@host/api")
CALL = MethodCall("x", id=1)
ERRORS = (CalledServiceError, MalformedResponseError, RemoteCallError)
BATCH = [CALL, Notification("y"), MethodCall("z", id="2")]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
error = anything | st.fixed_dictionaries(
    {}, optional={"code": st.integers() | anything, "message": st.text() | anything}
)
reply = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | anything,
        "result": anything,
        "error": error,
        "id": st.sampled_from([1, 1.0, "2", None]) | anything,
    },
)
body = st.binary() | (reply | st.lists(reply, max_size=3) | anything).map(
    lambda value: json.dumps(value).encode()
)


@given(
    body,
    st.sampled_from([200, 200, 200, 202, 204, 301, 404, 500, 999]),
    st.none() | st.text(),
    st.booleans(),
)
def test_any_body_is_a_result_or_a_typed_error(body, status, location, confidential):
    answer = Answer(ENDPOINT, status, "Why", location, body, confidential)
    for read, kind in (
        (lambda: answer.read(CALL), Result),
        (lambda: answer.read_raw(CALL), dict),
        (lambda: answer.read_batch(BATCH), BatchResult),
        (answer.check_noted, type(None)),
    ):
        outcome = outcome_of(read)
        if isinstance(outcome, ERRORS):
            assert outcome.url == "http://host/api"
            assert len(str(outcome)) < 1200
            assert str(outcome).isprintable()
        else:
            assert isinstance(outcome, kind)
            if isinstance(outcome, Result):
                assert outcome.id == 1
                assert outcome.error is None or outcome.result is None


def outcome_of(read):
    try:
        return read()
    except ERRORS as exc:
        return exc


def test_a_location_that_is_no_url():
    answer = Answer(ENDPOINT, 302, "Found", "http://[::1/hunter2", b"", False)
    with pytest.raises(CalledServiceError, match="a redirect to something that is no URL;"):
        answer.read(CALL)


def test_an_id_of_too_many_digits_is_not_quoted():
    error = f'{{"jsonrpc": "2.0", "result": 1, "id": {"1" * 4000}e1}}'
    with pytest.raises(MalformedResponseError, match="holds a number that is too large"):
        Answer(ENDPOINT, 200, "OK", None, error.encode(), False).read(CALL)
    nested = '{"jsonrpc": "2.0", "result": 1, "id": ' + "[" * 900 + "]" * 900 + "}"
    with pytest.raises(MalformedResponseError, match=r"its id is (a list|\[\[\[)"):
        Answer(ENDPOINT, 200, "OK", None, nested.encode(), False).read(CALL)


SECRET = "hunter2-secret"
ECHOES = [
    SECRET,
    {"jsonrpc": SECRET, "result": 1, "id": 1},
    {"jsonrpc": "2.0", "result": 1, "id": SECRET},
    {"jsonrpc": "2.0", "error": {"code": SECRET, "message": ""}, "id": 1},
    [{"jsonrpc": "2.0", "result": 1, "id": SECRET}],
]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [200, 302, 401])
@pytest.mark.parametrize("location", [None, f"/{SECRET}", f"http://{SECRET}/", f"x:{SECRET}"])
def test_nothing_is_quoted_where_the_request_carried_credentials(echo, status, location):
    answer = Answer(ENDPOINT, status, SECRET, location, json.dumps(echo).encode(), True)
    for read in (lambda: answer.read(CALL), lambda: answer.read_batch(BATCH)):
        error = outcome_of(read)
        assert isinstance(error, ERRORS)
        assert SECRET not in str(error)
        assert "not shown, because the request carried credentials" in str(error)


def test_what_is_said_where_the_request_carried_credentials():
    def message(status, location, body):
        return str(
            outcome_of(lambda: Answer(ENDPOINT, status, "x", location, body, True).read(CALL))
        )

    hidden = "(what came is not shown, because the request carried credentials)"
    assert message(401, None, b"x") == f"http://host/api answered HTTP 401 Unauthorized. {hidden}"
    assert message(499, None, b"x") == f"http://host/api answered HTTP 499. {hidden}"
    assert f"a redirect to https://host {hidden}; " in message(301, "https://host/x", b"")
    assert f"a redirect to another host {hidden}; " in message(301, "https://other/x", b"")
    body = b'{"jsonrpc": "2.0", "result": 1, "id": 2}'
    assert f"JSON-RPC 2.0 asks: its id is not 1. {hidden}" in message(200, None, body)

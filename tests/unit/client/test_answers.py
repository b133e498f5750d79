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


@given(body, st.sampled_from([200, 200, 200, 202, 204, 301, 404, 500]), st.none() | st.text())
def test_any_body_is_a_result_or_a_typed_error(body, status, location):
    answer = Answer(ENDPOINT, status, "Why", location, body, {"X-Token": "sesame"})
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
    answer = Answer(ENDPOINT, 302, "Found", "http://[::1/hunter2", b"", {})
    with pytest.raises(CalledServiceError, match=r"a redirect to '\(something that is no URL\)'"):
        answer.read(CALL)


def test_an_id_of_too_many_digits_is_not_quoted():
    error = f'{{"jsonrpc": "2.0", "result": 1, "id": {"1" * 4000}e1}}'
    with pytest.raises(MalformedResponseError, match="its id is inf, not 1"):
        Answer(ENDPOINT, 200, "OK", None, error.encode(), {}).read(CALL)
    nested = '{"jsonrpc": "2.0", "result": 1, "id": ' + "[" * 900 + "]" * 900 + "}"
    with pytest.raises(MalformedResponseError, match=r"its id is (a list|\[\[\[)"):
        Answer(ENDPOINT, 200, "OK", None, nested.encode(), {}).read(CALL)

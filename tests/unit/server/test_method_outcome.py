"""``MethodOutcome``, as a plugin sees it."""

from gemstone.errors import RpcError
from gemstone.plugins import MethodOutcome


def test_a_result():
    outcome = MethodOutcome(b'{"sum":3}', 0.25)
    assert (outcome.result, outcome.size, outcome.error) == ({"sum": 3}, 9, None)
    assert outcome.seconds == 0.25
    assert repr(outcome) == "<MethodOutcome 9 bytes after 0.250000 s>"


def test_none_is_a_result_too():
    outcome = MethodOutcome(b"null", 0.0)
    assert (outcome.result, outcome.size, outcome.error) == (None, 4, None)


def test_an_error():
    error = RpcError(7, "No")
    outcome = MethodOutcome(error, 0.0)
    assert (outcome.result, outcome.size, outcome.error) == (None, 0, error)
    assert "RpcError(7, 'No'" in repr(outcome)


def test_a_result_is_decoded_anew_each_time():
    outcome = MethodOutcome(b"[1]", 0.0)
    outcome.result.append(2)
    assert outcome.result == [1]

"""The ids of a batch, read all at once, are those that would be read one by one."""

import msgspec
import pytest

from gemstone_core._rpc._messages import Call, id_of, ids_of


def calls_with(*ids: bytes) -> list[Call]:
    return [Call("2.0", "m", [], msgspec.Raw(id)) for id in ids]


@pytest.mark.parametrize(
    "ids",
    [
        [b"1"],
        [b"1", b"-2", b"3.5e-7"],
        [b'"a"', b"0", b'""'],
        [b'"[{tfn"', b'"\\n["', b'"\xc3\xa9"'],
    ],
)
def test_strings_and_numbers_are_read_at_once(ids):
    calls = calls_with(*ids)
    assert ids_of(calls) == ids == [id_of(call) for call in calls]


@pytest.mark.parametrize(
    "odd", [b"", b"null", b"true", b"false", b"[1]", b"{}", b"[\n1]", b'"\n["']
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_other_is_for_who_looks_at_it(odd, place):
    ids = [b"1", b"2"]
    ids.insert(place, odd)
    assert ids_of(calls_with(*ids)) is None

"""Strategies that make bodies: from anything at all to what is almost a request."""

import json

from hypothesis import strategies as st

from .playground import METHODS, PRIVATE

STRINGS = st.sampled_from(
    [
        *('""', '"2.0"', '"a"', '"value"', '"é"', '"\\u00e9"', '"\\u0000"', '"\\ud83d\\ude00"'),
        *(
            '"\\ud800"',
            '"\\udc00x"',
            '"\\uD800\\u0041"',
            '"\\/"',
            '"\\"\\\\"',
            '"\x7f\u2028\ufeff"',
        ),
        *('"\\x"', '"\n"', '"\x00"', '"unended', "'a'", '"' + "x" * 500 + '"'),
    ]
) | st.text(max_size=6).map(json.dumps)
NUMBERS = st.sampled_from(
    [
        *("0", "-0", "-0.0", "1", "-1", "1.5", "1.50e2", "1E+2", "1e-999", "0.1", "1e22", "5e-324"),
        *("18446744073709551615", "18446744073709551616", "-9223372036854775809"),
        *("123456789012345678901234567890", "0." + "1" * 400, "1" * 100),
        *("1e999", "-1e999", "9" * 5_000, "-" + "9" * 5_000),
        *("01", "1.", ".5", "+1", "0x1", "1e", "-", "1_0", "NaN", "Infinity", "-Infinity"),
    ]
) | st.integers().map(str)
SCALARS = STRINGS | NUMBERS | st.sampled_from(["null", "true", "false", "nul", "True", "", "{]"])
SPACES = st.sampled_from(["", "", "", " ", "\r\n\t "])


@st.composite
def arrays(draw, members):
    space = draw(SPACES)
    return f"[{space}{f'{space},'.join(draw(members))}{space}]"


@st.composite
def objects(draw, pairs):
    """An object of pairs of a name and a value, all of them text."""
    space = draw(SPACES)
    members = [f"{name}{space}:{space}{value}" for name, value in draw(pairs)]
    return f"{{{space}{f'{space},'.join(members)}{space}}}"


NESTED = arrays(st.lists(SCALARS, max_size=3)) | objects(
    st.lists(st.tuples(STRINGS, SCALARS), max_size=3)
)
VALUES = SCALARS | NESTED | arrays(st.lists(NESTED, max_size=2))

GOOD_VALUES = st.sampled_from(
    [
        "null",
        "true",
        "0",
        "-1.5",
        "1e22",
        "1e999",
        "1" * 30,
        '"é"',
        '"\\ud83d\\ude00"',
        "[]",
        '{"": [{}]}',
    ]
) | (st.text(max_size=6) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)).map(
    json.dumps
)
PARAMS = st.one_of(
    arrays(st.lists(GOOD_VALUES, max_size=2)),
    *[arrays(st.lists(GOOD_VALUES, min_size=1, max_size=1))] * 2,
    *[objects(st.tuples(st.tuples(st.just('"value"'), GOOD_VALUES)))] * 2,
    objects(st.lists(st.tuples(STRINGS, GOOD_VALUES), max_size=2)),
)
METHOD_NAMES = st.sampled_from(
    [
        *[*METHODS, *PRIVATE] * 3,
        *("__init__", "start", "stop", "calls", "name", "_note", "rpc.x", "", "é", "ECHO"),
    ]
).map(json.dumps)
IDS = st.sampled_from(
    ["null", "0", '""', "-0", "1.50e2", "1e999", "1" * 30, '"é"', '"\\u00e9"']
) | (st.integers() | st.text(max_size=6)).map(json.dumps)
GOOD = {"jsonrpc": st.just('"2.0"'), "method": METHOD_NAMES, "params": PARAMS, "id": IDS}


@st.composite
def _members(draw):
    """The members of a request object, with at most a few things wrong."""
    names = [*GOOD]
    if draw(st.integers(0, 2)) == 2:
        names.remove("id")
    wrongs = draw(st.just([]) | st.just([]) | st.lists(st.integers(0, 5), max_size=2))
    if 0 in wrongs:
        names = draw(st.lists(st.sampled_from([*GOOD]), max_size=5))
    odd = {draw(st.sampled_from([*GOOD])) for wrong in wrongs if wrong in (1, 2)}
    pairs = [(json.dumps(name), draw(VALUES if name in odd else GOOD[name])) for name in names]
    if 3 in wrongs:
        pairs.insert(draw(st.integers(0, len(pairs))), (draw(STRINGS), draw(VALUES)))
    if 4 in wrongs:
        pairs.append(draw(st.sampled_from(pairs)) if pairs else ('"id"', "1"))
    return draw(st.permutations(pairs)) if 5 in wrongs else pairs


REQUESTS = objects(_members())
BATCHES = arrays(st.lists(st.one_of(REQUESTS, REQUESTS, REQUESTS, VALUES), max_size=8))
WELL_FORMED = st.one_of(*[REQUESTS] * 4, BATCHES, VALUES).map(str.encode)
GOOD_REQUESTS = objects(
    st.tuples(*(st.tuples(st.just(json.dumps(name)), GOOD[name]) for name in GOOD))
    | st.tuples(*(st.tuples(st.just(json.dumps(name)), GOOD[name]) for name in [*GOOD][:3]))
)
GOOD_MESSAGES = st.one_of(
    GOOD_REQUESTS, arrays(st.lists(GOOD_REQUESTS, min_size=1, max_size=6))
).map(str.encode)
TOKENS = st.sampled_from(
    [
        *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"0", b"-", b"e", b" ", b"\x00", b"//"),
        *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\ud800", b"null", b"1e999"),
        *(b'"id":1,', b'"id":true,', b'"jsonrpc":"2.0",', b"[" * 2_000, b"]" * 2_000, b"[[" * 50),
    ]
) | st.binary(max_size=3)


@st.composite
def mutated(draw, originals, tokens=TOKENS):
    """Bytes in which something was cut out, put in or moved, a few times."""
    data = draw(originals)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8)))
        match draw(st.sampled_from(["put in", "cut out", "cut off", "move"])):
            case "put in":
                data = data[:start] + draw(tokens) + data[end:]
            case "cut out":
                data = data[:start] + data[end:]
            case "cut off":
                data = data[:end]
            case "move":
                data = data[:start] + data[end:] + data[start:end]
    return data


BODIES = st.one_of(
    WELL_FORMED,
    mutated(WELL_FORMED),
    st.binary(max_size=40),
    st.text(max_size=40).map(str.encode),
)

"""What the proofs take for wrong: without that, none of them would be one."""

import pytest

from tools.soak.corpus import ANSWERED, CLOSED, CORPUS, LAST, Shape
from tools.soak.shapes import Maker
from tools.soak.streams import Edit, Recipe, cut, pipeline
from tools.soak.verdicts import Came, wrong_with_any

pytestmark = pytest.mark.once

GOOD = "POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: <length>\r\n\r\n<one>"


def answer(nonce, status="200 OK", *lines, body=None):
    body = f'{{"jsonrpc":"2.0","result":"{nonce}","id":"{nonce}"}}' if body is None else body
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join([*head, "", body]).encode()


REFUSED = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@pytest.fixture
def played():
    """A shape that may be answered or refused, and the nonces: two, its own, and two more."""
    return pipeline(Maker(), Shape("good", "", GOOD, frozenset({ANSWERED, 400})))


@pytest.fixture
def nonces(played):
    return [each.nonce for each in (*played.before, played.shaped, *played.after)]


def wrong(played, *answers, reset=False):
    return played.wrong(Came(b"".join(answers), reset))


def test_what_is_fine(played, nonces):
    answers = [answer(nonce) for nonce in nonces]
    assert wrong(played, *answers) == ""
    assert wrong(played, *answers[:2], answer(nonces[2], "200 OK", "Connection: close")) == ""
    assert wrong(played, *answers[:2], REFUSED) == ""
    assert wrong(played, *answers[:2], b"HTTP/1.1 100 Continue\r\n\r\n", *answers[2:]) == ""


def test_answers_that_belong_to_others(played, nonces):
    answers = [answer(nonce) for nonce in nonces]
    assert "before it" in wrong(played, answers[1], answers[0], *answers[2:])
    assert "before it" in wrong(played, answers[0], answers[0], *answers[2:])
    assert "after it" in wrong(played, *answers[:3], answers[4], answers[3])
    foreign = answer("nonce-ffffffff")
    assert "belongs to another" in wrong(played, *answers[:2], foreign, *answers[3:])
    assert "belongs to another" in wrong(played, *answers[:2], *answers[3:])
    assert "200, not" in wrong(played, *answers[:2], answer("nothing"), *answers[3:])
    refused = answer("nonce-ffffffff", "400 Bad Request")
    assert "belongs to another" in wrong(played, *answers[:2], refused)


def test_answers_that_are_missing_or_too_many(played, nonces):
    answers = [answer(nonce) for nonce in nonces]
    assert "before it" in wrong(played, answers[0])
    assert "no answer, not" in wrong(played, *answers[:2])
    assert "1 answers for 2" in wrong(played, *answers[:4])
    assert "3 answers for 2" in wrong(played, *answers, answers[4])
    assert "0 answers for 2" in wrong(played, *answers[:3])


def test_what_comes_after_the_end(played, nonces):
    answers = [answer(nonce) for nonce in nonces]
    refused = answer("", "400 Bad Request", body="")
    assert "came" in wrong(played, *answers[:2], refused, answers[3])
    closes = answer(nonces[2], "200 OK", "Connection: close")
    assert "came" in wrong(played, *answers[:2], closes, answers[3])


def test_a_reset_excuses_what_is_missing_and_nothing_else(played, nonces):
    answers = [answer(nonce) for nonce in nonces]
    for some in ([], answers[:1], answers[:2], answers[:3], [answers[0], answers[1][:-5]]):
        assert wrong(played, *some, reset=True) == ""
    assert wrong(played, answers[1], reset=True)
    assert wrong(played, *answers[:2], answer(nonces[2], "500 Oh"), reset=True)
    assert wrong(played, *answers[:2], b"HTTP/1.0 200 OK\r\n\r\n", reset=True)


@pytest.mark.parametrize(
    "broken",
    [
        *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"x", b"HTTP/1.1 101 Oh\r\n\r\n"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX y\r\n\r\n",
        b"HTTP/1.1 200 OK\nX: y\n\n",
    ],
)
def test_broken_answers(played, nonces, broken):
    assert wrong(played, *(answer(nonce) for nonce in nonces[:2]), broken)


def test_the_last_one_ends_the_connection():
    played = pipeline(Maker(), Shape("last", "", GOOD, frozenset({LAST})))
    answers = [answer(each.nonce) for each in (*played.before, played.shaped, *played.after)]
    assert wrong(played, *answers[:3]) == ""
    assert "an answer, not" in wrong(played, *answers)


def test_a_refusal_that_does_not_end_the_connection():
    played = pipeline(Maker(), Shape("unknown", "", GOOD, frozenset({404})))
    answers = [answer(each.nonce) for each in (*played.before, *played.after)]
    unknown = answer("", "404 Not Found", body="")
    assert wrong(played, *answers[:2], unknown, *answers[2:]) == ""
    assert wrong(played, *answers[:2], answer("", "404 Oh", "Connection: close", body="")) == ""
    assert "0 answers for 2" in wrong(played, *answers[:2], unknown)
    assert "after it" in wrong(played, *answers[:2], unknown, answers[3], answers[2])


def test_an_end_without_a_word():
    played = pipeline(Maker(), Shape("closed", "", GOOD, frozenset({CLOSED})))
    answers = [answer(each.nonce) for each in (*played.before, played.shaped)]
    assert wrong(played, *answers[:2]) == ""
    assert "an answer" in wrong(played, *answers)


def test_anything_is_answered_alike_in_one_piece_and_in_many():
    maker = Maker()
    first, sent = Recipe([CORPUS[0]], [], []).make(maker)
    good, other = answer(first.nonce), answer(maker.good().nonce)
    refused, twice = Came(good + REFUSED, False), Came(good + good, False)
    assert wrong_with_any(first, sent, refused, refused) == ""
    assert "in pieces" in wrong_with_any(first, sent, refused, twice)
    assert "in pieces" in wrong_with_any(first, sent, refused, Came(good, False))
    assert wrong_with_any(first, sent, refused, Came(good, True)) == ""
    assert "before it" in wrong_with_any(first, sent, Came(REFUSED, False), refused)
    strange = Came(good + other, False)
    assert "another connection" in wrong_with_any(first, sent, strange, strange)


def test_a_method_that_nobody_knows_may_end_the_connection_or_be_refused_like_any_other():
    first, sent = Recipe([CORPUS[0]], [], []).make(Maker())
    good = answer(first.nonce)
    unknown = answer("", "400 Oh", body="Invalid method encountered")
    not_allowed = answer("", "405 Oh", body="")
    for refused in (not_allowed, not_allowed + good, answer("", "400 Oh", body="Bad length")):
        whole, in_pieces = Came(good + refused, False), Came(good + unknown, False)
        assert wrong_with_any(first, sent, whole, in_pieces) == ""
        assert wrong_with_any(first, sent, in_pieces, whole) == ""
    # All is alike before it.
    for other in (good, good + not_allowed + unknown):
        wrong = wrong_with_any(first, sent, Came(other, False), Came(good + good, False))
        assert "in pieces" in wrong


def test_all_shapes_have_a_name_of_their_own_and_no_place_is_left():
    assert len({shape.name for shape in CORPUS}) == len(CORPUS)
    maker = Maker()
    for shape in CORPUS:
        data = maker.shaped(shape).data
        for place in (b"<one", b"<length", b"<hex", b"<rest>", b"<smuggled>", b"<large", b"<nonce"):
            assert place not in data, shape.name


def test_a_shape_has_its_lengths():
    [shape] = [shape for shape in CORPUS if shape.name == "both: CL.TE"]
    head, _, body = Maker().shaped(shape).data.partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(body) in head
    assert b'"smuggled"' in body
    [shape] = [shape for shape in CORPUS if shape.name == "a chunk in two"]
    body = Maker().shaped(shape).data.partition(b"\r\n\r\n")[2]
    size = int(body.split(b"\r\n")[2], 16)
    assert body.startswith(b"1\r\n{\r\n")
    assert body.endswith(b'"}\r\n0\r\n\r\n')
    assert len(body) == len(b"1\r\n{\r\n00\r\n") + size + len(b"\r\n0\r\n\r\n")


def test_edits_and_cuts():
    def edited(kind, at, size=2, token=b"_"):
        return Edit(kind, at, size, token).of(b"abcdef")

    assert edited("put in", 1) == b"a_bcdef"
    assert edited("replace", 1) == b"a_def"
    assert edited("cut out", 1) == b"adef"
    assert edited("cut off", 1) == b"a"
    assert edited("twice", 1) == b"abcbcdef"
    assert edited("put in", 6) == b"abcdef_"
    assert edited("put in", 7) == b"_abcdef"
    assert cut(b"abcdef", []) == [b"abcdef"]
    assert cut(b"abcdef", [4, 1, 8]) == [b"a", b"bcd", b"ef"]

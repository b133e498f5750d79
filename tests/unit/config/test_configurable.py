"""`Configurable`: its options, and what becomes of a value."""

import copy
import datetime
import decimal
import enum
import pickle
import traceback
from pathlib import Path

import pytest

from gemstone_config import UNSET, Configurable, ConfigurationError


def final(value, **options):
    configurable = Configurable("it", **options)
    configurable.set_value(value)
    return configurable.get_final_value()


def problem(value, **options) -> str:
    with pytest.raises(ConfigurationError) as caught:
        final(value, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_the_examples_of_the_manual():
    c = Configurable("test", template=lambda x: x * 2)
    c.set_value("10")
    assert c.get_final_value() == "1010"

    c2 = Configurable("list_of_ints", template=lambda x: [int(y) for y in x.split(",")])
    c2.set_value("1,2,3,4,5")
    assert c2.get_final_value() == [1, 2, 3, 4, 5]


def test_what_it_is_told_can_be_asked():
    bare = Configurable("my-name")
    assert (bare.name, bare.attribute) == ("my-name", "my_name")
    assert (bare.template, bare.type, bare.choices, bare.help) == (None, None, None, None)
    assert (bare.secret, bare.required, bare.default) == (False, False, UNSET)
    full = Configurable(
        "it", template=str, type=int, choices=[1, 2], help="what", secret=True, required=True
    )
    assert (full.template, full.type, full.choices, full.help) == (str, int, (1, 2), "what")
    assert (full.secret, full.required) == (True, True)


def test_without_a_value_there_is_none_and_no_template_is_asked():
    configurable = Configurable("it", type=int, choices=[1], template=lambda value: 1 / 0)
    assert not configurable.is_set
    assert configurable.get_final_value() is None
    configurable.set_value(None)
    assert configurable.is_set
    assert configurable.get_final_value() is None


@pytest.mark.parametrize("value", [0, "", False, 0.0, []])
def test_falsy_values_are_values(value):
    assert final(value) == value
    assert final(value, template=lambda each: [each]) == [value]


def test_type_then_choices_then_template():
    assert final("2", type=int, choices=[1, 2], template=lambda number: number * 10) == 20
    assert problem("20", type=int, choices=[1, 2]) == "it: '20' is none of 1, 2"


@pytest.mark.parametrize(
    ("type", "value", "expected"),
    [
        (int, "8000", 8000),
        (int, " -1\n", -1),
        (int, "+1_000", 1000),
        (int, 8000, 8000),
        (float, "1.5", 1.5),
        (float, "inf", float("inf")),
        (float, 8000, 8000.0),
        (float, 1.5, 1.5),
        (bool, True, True),
        (bool, "No ", False),
        (str, "", ""),
        (str, "8000", "8000"),
        (Path, "a/b", Path("a/b")),
        (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
        (lambda text: text.split(","), "a,b", ["a", "b"]),
        (enum.Enum("Level", {"LOW": "low"}), "low", None),
    ],
    ids=str,
)
def test_types(type, value, expected):
    made = final(value, type=type)
    if expected is None:
        expected = type(value)
    assert made == expected
    assert made.__class__ is expected.__class__


@pytest.mark.parametrize("text", ["true", "yes", "on", "1", "TRUE"])
def test_true_texts(text):
    assert final(text, type=bool) is True


@pytest.mark.parametrize("text", ["false", "no", "off", "0", "Off"])
def test_false_texts(text):
    assert final(text, type=bool) is False


@pytest.mark.parametrize(
    ("type", "value", "expected"),
    [
        (int, "abc", "it: 'abc' is no whole number"),
        (int, "", "it: '' is no whole number"),
        (int, "1.5", "it: '1.5' is no whole number"),
        (int, "1__0", "it: '1__0' is no whole number"),
        (int, "\N{ARABIC-INDIC DIGIT ONE}", "it: '\N{ARABIC-INDIC DIGIT ONE}' is no whole number"),
        (int, 1.5, "it: 1.5 is no whole number"),
        (int, 8000.0, "it: 8000.0 is no whole number"),
        (int, True, "it: True is no whole number"),
        (int, [1], "it: [1] is no whole number"),
        (int, "9" * 5000, f"it: '{'9' * 78}… is too large a number"),
        (float, "a", "it: 'a' is no number"),
        (float, "nan", "it: 'nan' is no number"),
        (float, False, "it: False is no number"),
        (float, {}, "it: {} is no number"),
        (float, 10**400, f"it: 1{'0' * 78}… is too large a number"),
        (bool, "maybe", "it: 'maybe' is neither true nor false"),
        (bool, "", "it: '' is neither true nor false"),
        (bool, 1, "it: 1 is neither true nor false"),
        (str, 8000, "it: 8000 is no text: put it in quotes"),
        (str, True, "it: True is no text: put it in quotes"),
        (str, datetime.date(2020, 1, 2), "it: datetime.date(2020, 1, 2) is no text: put it in "),
        (Path, 1, "it: 1 is no path"),
        (Path, "", "it: '' is no path"),
    ],
)
def test_values_that_do_not_fit_their_type(type, value, expected):
    assert problem(value, type=type).startswith(expected)


def test_what_a_template_raises_is_told_and_chained():
    with pytest.raises(ConfigurationError) as caught:
        final("abc", template=lambda x: int(x))
    assert str(caught.value) == (
        "it: 'abc' can't be used: invalid literal for int() with base 10: 'abc'"
    )
    assert isinstance(caught.value.__cause__, ValueError)


class UntellableError(Exception):
    def __str__(self):
        raise RuntimeError


class Unshowable:
    def __repr__(self):
        raise RuntimeError


def raising(error):
    def template(value):
        raise error

    return template


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(), "ValueError"),
        (UntellableError(), "UntellableError"),
        (RecursionError("too deep"), "too deep"),
        (OSError("two\nlines\x1b[31m"), "two lines\N{REPLACEMENT CHARACTER}[31m"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("option", ["type", "template"])
def test_whatever_is_raised(option, error, text):
    assert problem("1", **{option: raising(error)}) == f"it: '1' can't be used: {text}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Unshowable(), "a value of the type Unshowable"),
        ("a\nb", "'a\\nb'"),
        ("\udc80\x1b", "'\\udc80\\x1b'"),
        ("x" * 500, f"'{'x' * 78}…"),
        ("redis://u:p@ss@h/0", "'redis://u:***@h/0'"),
        ("https://h/?api_key=p@ss&b=1", "'https://h/?api_key=***&b=1'"),
        ("https://h:1/?api_key=p@ss&b=1", "'https://h:1/?api_key=***&b=1'"),
        (["https://u:p@h?key=p@ss"], "['https://u:***@h?key=***']"),
        (["amqp://u:p@ss@h"], "['amqp://u:***@h']"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_shown_on_one_line_without_passwords(value, shown):
    assert problem(value, type=int) == f"it: {shown} is no whole number"


def test_the_password_of_a_url_is_not_told_by_an_exception():
    url = "redis://u:p@ss@h"
    said = problem(url, template=raising(ValueError(f"no such scheme: {url}")))
    assert said == "it: 'redis://u:***@h' can't be used: no such scheme: redis://u:***@h"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"type": int}, "it: the value (which is secret) is no whole number"),
        ({"choices": ["hunter3"]}, "it: the value (which is secret) is none of the choices"),
        ({"template": int}, "it: the value (which is secret) can't be used"),
        ({"type": lambda text: {}[text]}, "it: the value (which is secret) can't be used"),
    ],
)
def test_a_secret_is_in_no_message_and_in_no_traceback(options, expected):
    configurable = Configurable("it", secret=True, **options)
    configurable.set_value("hunter2")
    with pytest.raises(ConfigurationError) as caught:
        configurable.get_final_value()
    assert str(caught.value) == expected
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "hunter" not in "".join(traceback.format_exception(caught.value))
    assert "hunter" not in repr(configurable)


def test_the_error_can_be_pickled():
    with pytest.raises(ConfigurationError) as caught:
        final("a", type=int)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert str(copied) == str(caught.value)
    assert isinstance(copied, ValueError)


@pytest.mark.parametrize("name", ["port", "a", "A-b_c9", "no-x"])
def test_names(name):
    assert Configurable(name).name == name


@pytest.mark.parametrize("name", ["", "9a", "-a", "_a", "a b", "a=b", "a.b", "ä", "a\n", 3, None])
def test_what_is_no_name(name):
    with pytest.raises(ConfigurationError, match="is no name of a configurable"):
        Configurable(name)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"template": "int"}, TypeError, "it: template is 'int': it must be a function"),
        ({"type": "int"}, TypeError, "it: type is 'int': it must be a function or a class"),
        ({"choices": "abc"}, TypeError, "it: choices is 'abc': it must be a list"),
        ({"choices": 3}, TypeError, "it: choices is 3: it must be a list"),
        ({"choices": []}, ConfigurationError, "it: choices is empty"),
        ({"help": 3}, TypeError, "it: help is 3: it must be a str"),
        ({"secret": "yes"}, TypeError, "it: secret is 'yes': it must be a bool"),
        ({"required": None}, TypeError, "it: required is None: it must be a bool"),
    ],
)
def test_options_that_make_no_sense(options, error, message):
    with pytest.raises(error, match=message):
        Configurable("it", **options)


def test_a_copy_has_everything_but_the_value():
    class Special(Configurable):
        pass

    configurable = Special("it", type=int, help="what")
    configurable.default = 3
    configurable.set_value("1")

    copied = copy.copy(configurable)

    assert (type(copied), copied.is_set, copied.get_final_value()) == (Special, False, None)
    assert (copied.name, copied.type, copied.help, copied.default) == ("it", int, "what", 3)
    copied.set_value("2")
    assert configurable.get_final_value() == 1


def test_how_it_is_shown():
    assert repr(Configurable("it")) == "Configurable('it')"
    secret = Configurable("it", type=int, choices=[1], help="what", secret=True, required=True)
    secret.set_value("1")
    assert repr(secret) == (
        "Configurable('it', type=<class 'int'>, choices='***', help='what', secret=True, "
        "required=True)"
    )
    assert repr(UNSET) == "UNSET"
    assert copy.deepcopy(UNSET) is UNSET

"""Whatever comes from outside: a value, or an error of one line that tells no secret."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gemstone_config import (
    CommandLineConfigurator,
    Configurable,
    ConfigurationError,
    EnvironmentConfigurator,
    FileConfigurator,
)

from .conftest import loaded

TYPES = st.sampled_from([None, int, float, bool, str, Path, json.loads, lambda text: text["a"]])
TEXTS = st.text(st.characters()) | st.sampled_from(
    ["--it", "--it=", "--no-it", "-h5", "--", "-", "-1e5", "true", "nan", "9" * 5000, "[" * 5000]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda each: st.lists(each) | st.dictionaries(TEXTS, each),
    max_leaves=5,
)
#: Characters that are nowhere else, so that one of them in a message is a part of a secret.
SECRETS = st.text(st.characters(min_codepoint=0x400, max_codepoint=0x42F), min_size=1)


def said(configurator, *configurables) -> str:
    """What is said of it, if there is anything to say; always one line."""
    try:
        loaded(configurator, *configurables)
        for configurable in configurables:
            configurator.get(configurable.name)
    except ConfigurationError as error:
        message = str(error)
        assert message.isprintable(), message
        return message
    except SystemExit as ended:  # one of the texts was "-h"
        if ended.code != 0:
            raise
    return ""


@settings(deadline=None)
@given(st.lists(TEXTS), TYPES, st.booleans())
def test_any_command_line(arguments, type, secret):
    said(CommandLineConfigurator(arguments), Configurable("it", type=type, secret=secret))


@settings(deadline=None)
@given(TEXTS, TYPES, st.booleans())
def test_any_environment(text, type, secret):
    configurator = EnvironmentConfigurator("A_", environment={"A_IT": text})
    said(configurator, Configurable("it", type=type, secret=secret))


@settings(deadline=None)
@given(VALUES, TYPES, st.booleans())
def test_any_value_in_a_file(value, type, secret):
    content = json.dumps({"users": {"it": value}}).encode()
    said_of_a_file(content, ".json", Configurable("it", type=type, secret=secret))


@settings(deadline=None)
@given(
    st.binary() | TEXTS.map(lambda text: text.encode(errors="replace")),
    st.sampled_from([".toml", ".json"]),
)
def test_any_file(content, suffix):
    said_of_a_file(content, suffix, Configurable("it"))


@settings(deadline=None)
@given(SECRETS, TYPES, st.sampled_from(["--token=", "--token ", "--tokn=", "--tokn ", "--x= --"]))
def test_a_secret_is_never_told(secret, type, flag):
    token = Configurable("token", type=type, choices=["something else"], secret=True)
    environment = EnvironmentConfigurator("A_", environment={"A_TOKEN": secret})
    for message in (
        said(CommandLineConfigurator(f"{flag}{secret}".split(" ")), token),
        said(environment, token),
    ):
        assert message
        assert not {*secret} & {*message}, message


FILES = {
    ".json": [
        '{"users": {"token": ["%s"]}}',
        '{"users": {"token": "%s"]}}',
        '{"users": {"token": "%s}}',
        '{"users": {"token": %s}}',
        '{"users": [{"token": "%s"}]}',
        '{"users": "%s"}',
        '["%s"]',
        '"%s"',
    ],
    ".toml": [
        '[users]\ntoken = ["%s"]',
        '[users]\ntoken = "%s',
        '[users]\ntoken = """%s',
        "[users]\ntoken = %s",
        '[users]\ntoken = "%s" x',
        '[users]\ntoken = "\\%s"',
        '[[users]]\ntoken = "%s"',
        'users = "%s"',
    ],
}


@settings(deadline=None)
@given(SECRETS, st.sampled_from([(end, text) for end, texts in FILES.items() for text in texts]))
def test_a_secret_of_a_file_is_never_told(secret, file):
    suffix, text = file
    token = Configurable("token", type=bool, secret=True)
    message = said_of_a_file(text.replace("%s", secret).encode(), suffix, token)
    assert message
    assert not {*secret} & {*message}, message


def said_of_a_file(content: bytes, suffix: str, configurable: Configurable) -> str:
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(content)
        file.flush()
        return said(FileConfigurator(file.name), configurable)

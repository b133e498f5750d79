"""`CommandLineConfigurator`: values from the command line, and the usage text."""

import copy
import io
import subprocess
import sys
from pathlib import Path

import pytest

from gemstone_config import CommandLineConfigurator, Configurable, ConfigurationError

from .conftest import loaded


def given(arguments, *configurables):
    return loaded(CommandLineConfigurator(arguments), *configurables)


def problem(arguments, *configurables) -> str:
    with pytest.raises(ConfigurationError) as caught:
        given(arguments, *configurables)
    [line] = str(caught.value).splitlines()
    return line


def usage(capsys, *configurables) -> str:
    with pytest.raises(SystemExit) as ended:
        given(["--help"], *configurables)
    assert ended.value.code == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


MANUAL = """
from gemstone_config import CommandLineConfigurator, Configurable

configurator = CommandLineConfigurator()
for name in ("a", "b", "c"):
    configurator.register_configurable(Configurable(name))
configurator.load()
print(*map(configurator.get, ("a", "b", "c")))
"""


def test_the_example_of_the_manual(tmp_path: Path):
    program = tmp_path / "service.py"
    program.write_text(MANUAL)

    def run(*arguments):
        command = [sys.executable, str(program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={})
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert run("--a=1", "--b=2", "--c=3") == "1 2 3\n"
    assert run("--help") == (
        "usage: service.py [-h] [--a A] [--b B] [--c C]\n"
        "\n"
        "options:\n"
        "  -h, --help  show this help message and exit\n"
        "  --a A\n"
        "  --b B\n"
        "  --c C\n"
    )


def test_the_arguments_of_the_process_are_read_when_it_is_loaded(monkeypatch):
    configurator = CommandLineConfigurator()
    monkeypatch.setattr(sys, "argv", ["users.py", "--it", "1"])
    assert loaded(configurator, "it").get("it") == "1"


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["--it", "1"], "1"),
        (["--it=1"], "1"),
        (["--it="], ""),
        (["--it", ""], ""),
        (["--it", "a b"], "a b"),
        (["--it", "-5"], "-5"),
        (["--it", "-.5"], "-.5"),
        (["--it", "-1_000"], "-1_000"),
        (["--it", "-1.5e-3"], "-1.5e-3"),
        (["--it=-x"], "-x"),
        (["--it=--it=1"], "--it=1"),
        (["--it", "-"], "-"),
        (["--it", "1", "--it=2"], "2"),
        ([], None),
    ],
)
def test_values(arguments, value):
    assert given(arguments, "it").get("it") == value


@pytest.mark.parametrize("name", ["my-long-name", "my_long_name", "my-long_name"])
@pytest.mark.parametrize(
    "written", ["my-long-name", "my_long_name", "my-long_name", "my_long-name"]
)
def test_dashes_and_underscores_are_the_same(name, written):
    configurator = given([f"--{written}", "1"], name)
    for each in ("my-long-name", "my_long_name", "my-long_name"):
        assert configurator.get(each) == "1"
        assert configurator.source(each) == f"--{written}"


def test_the_source_of_what_was_not_given():
    assert given([], "my_name").source("my-name") == "--my_name"


@pytest.mark.parametrize(
    ("arguments", "value", "source"),
    [
        (["--debug"], True, "--debug"),
        (["--debug=false"], False, "--debug"),
        (["--debug", "on"], True, "--debug"),
        (["--no-debug"], False, "--no-debug"),
        (["--no-debug", "--debug"], True, "--debug"),
        (["--debug", "--no_debug"], False, "--no_debug"),
        (["--debug", "--no-debug"], False, "--no-debug"),
        ([], None, "--debug"),
    ],
)
def test_truth_values(arguments, value, source):
    configurator = given(arguments, Configurable("debug", type=bool))
    assert configurator.get("debug") is value
    assert configurator.source("debug") == source


def test_no_stands_before_any_spelling():
    configurator = given(["--no_my-flag"], Configurable("my_flag", type=bool))
    assert configurator.get("my_flag") is False
    assert configurator.source("my_flag") == "--no_my-flag"


def test_a_truth_value_leaves_no_to_who_is_called_so():
    configurator = given(["--no-debug", "x"], Configurable("debug", type=bool), "no-debug")
    assert (configurator.get("debug"), configurator.get("no-debug")) == (None, "x")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--prot", "1"], "there is no option --prot: did you mean --port?"),
        (["--prot=1"], "there is no option --prot: did you mean --port?"),
        (["--por", "1"], "there is no option --por: did you mean --port?"),
        (["--xyzzy"], "there is no option --xyzzy: --help lists those that there are"),
        (["--port"], "--port needs a value (one that begins with a dash is written --port=-…)"),
        (["--port", "--debug"], "--port needs a value (one that begins with a dash is written"),
        (["--port", "-x"], "--port needs a value (one that begins with a dash is written"),
        (["--no-debug=1"], "--no-debug takes no value"),
        (["--help=1"], "-h/--help takes no value"),
        (["serve"], "'serve' belongs to no option: a value with spaces must be in quotes"),
        (["--port", "1", "2"], "'2' belongs to no option"),
        (["-p", "1"], "there is no option -p: --help lists"),
        (["__port", "1"], "'__port' belongs to no option"),
        (["--port", "-5x"], "--port needs a value (one that begins with a dash is written"),
        (["a\nb\x1b"], "'a\\nb\\x1b' belongs to no option"),
        (["--", "1"], "'"),
    ],
)
def test_what_can_t_be_understood(arguments, expected):
    line = problem(arguments, "port", Configurable("debug", type=bool))
    assert line.startswith(expected)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--tokn=hunter2"],
        ["--tokn", "hunter2"],
        ["--token", "the", "hunter2"],
        ["--token=the", "-xhunter2"],
        ["--token", "-hunter2"],
        ["--token", "--hunter2"],
        ["--token=the", "--hunter=hunter2"],
        ["--tokenhunter2"],
        ["--api_key-hunter2"],
    ],
)
def test_a_part_of_a_secret_is_not_shown(arguments):
    key = Configurable("api-key", secret=True)
    line = problem(arguments, Configurable("token", secret=True), key)
    assert "hunter2" not in line
    assert "option" in line or "--token" in line


def test_a_bad_value_names_its_flag():
    configurator = given(["--my-port", "http"], Configurable("my_port", type=int))
    with pytest.raises(ConfigurationError) as caught:
        configurator.get("my_port")
    assert str(caught.value) == "--my-port: 'http' is no whole number"


def test_help_where_not_all_of_it_can_be_printed(monkeypatch):
    printed = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", printed)
    with pytest.raises(SystemExit) as ended:
        given(["--help"], Configurable("size", help="Größe, in m²"))
    assert ended.value.code == 0
    printed.flush()
    assert b"Gr\\xf6\\xdfe, in m\\xb2" in printed.buffer.getvalue()


def test_help_is_no_name():
    assert problem([], "help") == "--help can't be an option of its own: call it otherwise"


def test_the_usage_text(capsys):
    port = Configurable("port", type=int, help="the port to\nlisten on")
    port.default = 8000
    level = Configurable("log-level", choices=["debug", "50%s"], required=True)
    token = Configurable("token", help="100% secret", secret=True, choices=["hunter2"])
    token.default = "hunter3"
    debug = Configurable("debug", type=bool)
    debug.default = False
    where = Configurable("registry", help="where")
    where.default = "redis://:p@ss@host"
    several = Configurable("several")
    several.default = ["redis://a:p@ss@b", "%(prog)s"]

    text = " ".join(usage(capsys, port, level, token, debug, where, several).split())

    assert "[--log-level LOG_LEVEL]" in text
    assert "--port PORT the port to listen on (default: 8000)" in text
    assert "--log-level LOG_LEVEL one of debug, 50%s (required)" in text
    assert "--token TOKEN 100% secret (default: ***)" in text
    assert "--debug [true|false] --no-debug turns it off (default: false)" in text
    assert "--registry REGISTRY where (default: redis://:***@host)" in text
    assert "--several SEVERAL (default: redis://a:***@b, %(prog)s)" in text
    assert "hunter" not in text
    assert "p@ss" not in text


@pytest.mark.parametrize("default", [None, [], object(), [object()], {}])
def test_a_default_that_tells_nothing_is_not_shown(capsys, default):
    configurable = Configurable("it")
    configurable.default = default
    assert "default" not in usage(capsys, configurable)


@pytest.mark.parametrize(("default", "shown"), [("", "''"), (0, "0"), (Path("a"), "a")])
def test_falsy_defaults_are_shown(capsys, default, shown):
    configurable = Configurable("it")
    configurable.default = default
    assert f"(default: {shown})" in usage(capsys, configurable)


def test_a_usage_text_of_many_lines(capsys):
    configurables = [Configurable(f"option-{number}", choices=["(a", "b]"]) for number in range(40)]
    assert "--option-39" in usage(capsys, *configurables)


def test_a_copy_reads_for_itself():
    original = CommandLineConfigurator(["--it", "1"])
    copied = loaded(copy.copy(original), "it")
    assert copied.get("it") == "1"
    assert original.get("it") is None


@pytest.mark.parametrize("arguments", ["--port 1", 3, [1], {"--port": "1"}, iter(["--port"])])
def test_bad_arguments(arguments):
    with pytest.raises(TypeError, match="arguments must be a list of texts"):
        CommandLineConfigurator(arguments)


def test_how_it_is_shown():
    assert repr(CommandLineConfigurator(["--token=hunter2"])) == "<CommandLineConfigurator>"

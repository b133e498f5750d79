"""`FileConfigurator`: values from TOML and JSON."""

import copy
import json
import logging
import sys
from pathlib import Path

import pytest

from gemstone_config import Configurable, ConfigurationError, FileConfigurator

from .conftest import loaded


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """The folder that the program runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(name: str, content: str | bytes, *configurables, service_name="users", **options):
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    configurator = FileConfigurator(name, **options)
    return loaded(configurator, *configurables, service_name=service_name)


def problem(name: str, content: str | bytes, *configurables, **options) -> str:
    with pytest.raises(ConfigurationError) as caught:
        written(name, content, *configurables, **options)
    [line] = str(caught.value).splitlines()
    return line


TOML = """
[users]
port = 8001
ratio = 0.5
debug = false
admins = ["ada", "grace"]
limits = { calls = 3 }
my-name = ""

[orders]
port = 8002
"""
VALUES = {
    "port": 8001,
    "ratio": 0.5,
    "debug": False,
    "admins": ["ada", "grace"],
    "limits": {"calls": 3},
    "my-name": "",
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("users.toml", TOML),
        ("users.TOML", TOML.replace("\n", "\r\n")),
        ("users.json", json.dumps({"users": VALUES, "orders": {"port": 8002}})),
    ],
)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["", "BOM"])
def test_a_table_for_each_service(folder, name, content, bom):
    configurator = written(name, bom + content.encode(), *VALUES, "absent")
    assert {key: configurator.get(key) for key in VALUES} == VALUES
    assert configurator.get("absent") is None
    assert configurator.source("port") == f"{name}: users.port"
    assert configurator.source("absent") == f"{name}: users.absent"

    for other in (
        loaded(FileConfigurator(name), *VALUES, service_name="orders"),
        loaded(FileConfigurator(name, table="orders"), *VALUES),
    ):
        assert other.get("port") == 8002
        assert other.get("ratio") is None
        assert other.source("port") == f"{name}: orders.port"
    assert loaded(FileConfigurator(name), "port", service_name="others").get("port") is None


def test_nothing_is_read_before_it_is_loaded_and_then_once(folder):
    configurator = FileConfigurator("users.toml")
    assert configurator.get("it") is None
    Path("users.toml").write_text("[users]\nit = 1")
    loaded(configurator, "it")
    Path("users.toml").write_text("[users]\nit = 2")
    assert configurator.get("it") == 1
    configurator.load()
    assert configurator.get("it") == 2
    assert loaded(copy.copy(FileConfigurator(folder / "users.toml")), "it").get("it") == 2


def test_null_is_nothing(folder):
    configurator = written("a.json", '{"users": {"it": null, "that": 0}}', "it", "that")
    assert configurator.get("it") is None
    assert configurator.get("that") == 0


def test_types_of_a_file_s_own(folder):
    content = '[users]\nport = "8000"\nhost = 8000\nratio = 1\ndebug = true\nwhole = 1.5\nno = true'
    types = {"port": int, "host": str, "ratio": float, "debug": bool, "whole": int, "no": int}
    configurables = [Configurable(name, type=type) for name, type in types.items()]
    configurator = written("users.toml", content, *configurables)
    assert configurator.get("port") == 8000
    assert configurator.get("ratio") == 1.0
    assert configurator.get("debug") is True
    for name, expected in (
        ("host", "users.toml: users.host: 8000 is no text: put it in quotes"),
        ("whole", "users.toml: users.whole: 1.5 is no whole number"),
        ("no", "users.toml: users.no: True is no whole number"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            configurator.get(name)
        assert str(caught.value) == expected


def test_dashes_and_underscores_are_the_same(folder):
    configurator = written("a.toml", "[users]\nmy_name = 1", "my-name")
    assert configurator.get("my-name") == configurator.get("my_name") == 1
    assert configurator.source("my-name") == "a.toml: users.my_name"
    assert problem("a.toml", "[users]\nmy_name = 1\nmy-name = 2", "my-name") == (
        "a.toml: users.my_name and a.toml: users.my-name are the same, written with a dash and an "
        "underscore: keep one of them"
    )


def test_a_key_that_is_no_configurable_is_a_warning(folder, caplog):
    with caplog.at_level(logging.WARNING, "gemstone.config"):
        written("a.toml", '[users]\nprot = 1\nxyzzy = "hunter2"\n[orders]\nx = 1', "port", "host")
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("gemstone.config", "WARNING")
    ] * 2
    assert caplog.messages == [
        "a.toml: users.prot is nothing that can be configured: did you mean port?",
        "a.toml: users.xyzzy is nothing that can be configured",
    ]


DEEP = 100_000


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.toml", "[users]\n\nport =", "a.toml, line 3: Invalid value"),
        ("a.toml", "[users]\n\nport = 1 2\n", "a.toml, line 3: Expected newline or end of"),
        ("a.toml", "[users]\nport = '''", "a.toml, line 2: "),
        ("a.toml", "[users]\na = 1\na = 2", "a.toml, line 3: Cannot overwrite a value"),
        ("a.toml", "[users]\na = 2020-99-99", "a.toml, line 2: "),
        ("a.toml", "[users]\na = " + "9" * 5000, "a.toml can't be read: Exceeds the limit"),
        ("a.toml", "a = " + "[" * DEEP, "a.toml"),
        ("a.toml", b"[users]\n# \xff", "a.toml, line 2: the file is not in UTF-8"),
        ("a.toml", "[users]\n".encode("utf-16"), "a.toml, line 1: the file is not in UTF-8"),
        ("a.toml", "users = 3", "a.toml: users is a number: it must be a table"),
        ("a.toml", "users = 2020-01-02", "a.toml: users is a date or a time: it must be a table"),
        ("a.toml", "[[users]]\na = 1", "a.toml: users is a list: it must be a table"),
        ("a.json", '{"users":\n{"a": }}', "a.json, line 2: Expecting value"),
        ("a.json", "", "a.json, line 1: Expecting value"),
        ("a.json", '{"users": {"a": 1, "a": 2}}', "a.json: 'a' is there twice"),
        ("a.json", '{"users":\n{"a": NaN}}', "a.json, line 2: NaN is no value of JSON"),
        ("a.json", '{"NaN\\" NaN":\n-Infinity}', "a.json, line 2: -Infinity is no value of JSON"),
        ("a.json", '{"users": {"a": ' + "9" * 5000, "a.json: a number of 5000 digits is too large"),
        ("a.json", "[" * DEEP, "a.json can't be read: it is nested too deep"),
        ("a.json", "[1, 2]", "a.json holds a list: it must be an object, with one object for"),
        ("a.json", "null", "a.json holds null: it must be an object"),
        ("a.json", '{"users": "port"}', "a.json: users is a text: it must be a table"),
        ("a.json", b'{"users": "\xff"}', "a.json, line 1: the file is not in UTF-8"),
    ],
)
def test_files_that_can_t_be_understood(folder, name, content, expected):
    assert problem(name, content, "a", "port").startswith(expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"users": "a\n"}', "a.json, line 1: Invalid control character"),
        ('{"users":\n"', "a.json, line 2: Unterminated string"),
    ],
)
def test_the_line_is_the_place(folder, content, expected):
    assert problem("a.json", content, "a") == expected


def test_a_file_that_is_not_there(folder):
    with pytest.raises(ConfigurationError) as caught:
        loaded(FileConfigurator("conf/users.toml"), "it")
    assert str(caught.value) == (
        f"conf/users.toml is not there ({folder / 'conf' / 'users.toml'}): make the file, or say "
        "that it need not be there, optional=True"
    )
    optional = loaded(FileConfigurator("conf/users.toml", optional=True), "it")
    assert optional.get("it") is None
    assert optional.source("it") == "conf/users.toml: users.it"


def test_optional_is_only_about_files_that_are_not_there(folder):
    assert problem("a.toml", "users = 3", "it", optional=True) == (
        "a.toml: users is a number: it must be a table"
    )


def test_files_that_can_t_be_read(folder):
    Path("folder.toml").mkdir()
    Path("file").write_text("")
    for path, expected in (
        ("folder.toml", "folder.toml can't be read: Is a directory"),
        ("file/a.toml", "file/a.toml can't be read: Not a directory"),
        ("a\0.toml", "a\N{REPLACEMENT CHARACTER}.toml can't be read: embedded null byte"),
        (f"{'a' * 300}.toml", f"{'a' * 300}.toml can't be read: File name too long"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            loaded(FileConfigurator(path, optional=True), "it")
        assert str(caught.value) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use can't be removed there")
def test_in_a_folder_that_has_been_removed(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match=r"a\.toml is not there \(a\.toml\)"):
        loaded(FileConfigurator("a.toml"), "it")


def test_without_a_service_it_needs_a_table(folder):
    Path("a.toml").write_text("[users]\n")
    with pytest.raises(ConfigurationError, match=r"belongs to no service .* table="):
        loaded(FileConfigurator("a.toml"), "it", service_name=None)
    assert loaded(FileConfigurator("a.toml", table="users"), service_name=None).get("it") is None


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (["users.yaml"], {}, ConfigurationError, r"users\.yaml can't be read: .* \.toml or \.json"),
        (["users"], {}, ConfigurationError, r"ends in \.toml or \.json"),
        ([""], {}, ConfigurationError, r"ends in \.toml or \.json"),
        ([b"users.toml"], {}, TypeError, "path is b'users.toml': it must be a text"),
        ([3], {}, TypeError, "path is 3: it must be a text"),
        (["users.toml"], {"table": 3}, TypeError, "table is 3: it must be a text"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message):
        FileConfigurator(*arguments, **options)


def test_how_it_is_shown():
    assert repr(FileConfigurator("a.toml", table="x")) == "FileConfigurator('a.toml')"


@pytest.mark.parametrize("header", ['"users.v2"', "users.v2"])
def test_a_name_with_dots_needs_no_quotes(folder, header):
    text = f"[{header}]\nport = 1\n"
    assert written("f.toml", text, "port", service_name="users.v2").get("port") == 1


def test_no_table_on_the_way_to_a_name_with_dots(folder):
    assert written("f.toml", "users = 3\n", "port", service_name="users.v2").get("port") is None


def test_no_table_of_json_is_nothing(folder):
    assert written("a.json", '{"users": null}', "port").get("port") is None

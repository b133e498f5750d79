"""``gemstone call`` and ``gemstone call_raw``."""

import contextlib
import http.server
import json
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from gemstone.discovery import HttpDiscoveryStrategy

from .terminal import CTRL_C


@pytest.fixture
def dead_url():
    """A URL that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/api"


@pytest.fixture
def silent_url():
    """The URL of something that accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"


@pytest.fixture
def web_server():
    """The URL of an ordinary web server, which answers with the status in the path."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(int(self.path[1:]))
            self.end_headers()
            self.wfile.write(b"<html>\x1b[31mhello")

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_in_a_terminal(person, people):
    terminal = person.types("call_raw", people.accessible_at, "echo", "a=1", "b=two", "c=[null]")
    assert terminal.ends() == 0
    assert json.loads(terminal.text) == {"a": 1, "b": "two", "c": [None]}
    assert '"b": "two"' in terminal.text
    assert "\x1b[32m" in terminal.screen  # a text is green


@pytest.mark.once
@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours(person, people, variables):
    terminal = person.types("call_raw", people.accessible_at, "say", "you", **variables)
    assert terminal.ends() == 0
    assert terminal.screen == '"hello you"\r\n'


@pytest.mark.once
def test_long_lines_are_not_broken(person, people):
    terminal = person.types("call_raw", people.accessible_at, "say", "you" * 100, columns=40)
    assert terminal.ends() == 0
    assert terminal.text == f'"hello {"you" * 100}"\r\n'


def test_through_a_pipe(person, people):
    url = people.accessible_at
    assert person.runs("call_raw", url, "echo", "1", "two", '"3"') == (
        0,
        '[\n  1,\n  "two",\n  "3"\n]\n',
        "",
    )
    assert person.runs("call-raw", url, "echo", "--", "-1", '{"é": "\x9b"}').out == (
        '[\n  -1,\n  {\n    "é": "\\u009b"\n  }\n]\n'
    )
    done = person.runs("call_raw", url, "echo", "--params", "-", stdin='{"a-b": 1}\n')
    assert done.out == '{\n  "a-b": 1\n}\n'


def test_for_scripts(person, people):
    url = people.accessible_at
    assert person.runs("call_raw", url, "echo", "--json") == (0, '{"result": []}\n', "")
    assert person.runs("call_raw", url, "find", "name=ada", "--json") == (
        1,
        '{"error": {"code": 404, "message": "there is no ada", "data": {"name": "ada"}}}\n',
        "",
    )


def test_errors_of_the_service(person, people):
    done = person.runs("call_raw", people.accessible_at, "find", "ada")
    assert done == (1, "", 'Error: there is no ada (404)\n{\n  "name": "ada"\n}\n')
    # What a service says can do nothing to the terminal.
    done = person.runs("call_raw", people.accessible_at, "fail")
    assert done == (1, "", "Error: \ufffd[31mred\ufffdalert (1)\n")


@pytest.mark.parametrize("depth", [300, 990, 2_000])
def test_a_result_that_is_nested_deeply(person, people, depth):
    done = person.runs("call_raw", people.accessible_at, "nest", f"depth={depth}")
    assert done.code in (0, 1)  # as deep as this Python and msgspec go
    assert (done.code == 0) == (done.out.count("[") == depth)
    assert done.code == 0 or "Error: " in done.err


def test_a_private_method(person, people):
    url = people.accessible_at
    assert "Access denied (-32001)" in person.runs("call_raw", url, "secret").err
    assert person.runs("call_raw", url, "secret", "--header", "X-Token: hunter2").out == "42\n"
    for wrong in ("hunter2", ": hunter2", "X Token: hunter2", "X-Token: hunter2\nX: hunter2"):
        done = person.runs("call_raw", url, "secret", "--header", wrong)
        assert done.code == 2
        assert "hunter2" not in done.err


def test_by_its_name(person, people):
    url = person.registry()
    registry = HttpDiscoveryStrategy(url)
    registry.ping("people", people.accessible_at)
    registry.close()
    done = person.runs("call", "people", "say", "name=you", "--registry", url)
    assert done == (0, '"hello you"\n', "")
    done = person.runs("call", "pe*", "say", "you", "--json", GEMSTONE_REGISTRY=url)
    assert done == (0, '{"result": "hello you"}\n', "")
    done = person.runs("call", "nobody", "say", GEMSTONE_REGISTRY=url)
    assert done == (3, "", f"Error: {url} knows no service 'nobody' now\n")


@pytest.mark.once
def test_by_its_name_in_redis(person, make_people, redis_server):
    people = person.serves(make_people(discovery_strategies=[redis_server.url], name="people.cli"))
    done = person.runs("call", people.name, "say", "you", "--registry", redis_server.url)
    assert done == (0, '"hello you"\n', "")


def test_a_registry_within_another_process(person):
    done = person.runs("call", "people", "say", "--registry", "memory://")
    assert done.code == 3
    assert "it knows only those of its own process" in done.err


@pytest.mark.once
def test_an_instance_that_is_gone(person, dead_url):
    url = person.registry()
    registry = HttpDiscoveryStrategy(url)
    registry.ping("people", dead_url)
    registry.close()
    done = person.runs("call", "people", "say", "--registry", url)
    assert done.code == 3
    assert "Connection refused" in done.err


@pytest.mark.once
def test_nobody_there(person, dead_url):
    done = person.runs("call_raw", dead_url, "say")
    assert done.code == 3
    assert done.out == ""
    assert done.err.startswith(f"Error: no connection to {dead_url}: ")
    assert "see that the service runs" in done.err
    assert person.runs("call_raw", dead_url, "say", "--json").out == ""
    done = person.runs("call_raw", dead_url.replace("127.0.0.1", "nobody.invalid"), "say")
    assert done.code == 3
    done = person.runs("call", "people", "say", "--registry", dead_url)
    assert done.code == 3
    assert "see that the registry runs" in done.err


@pytest.mark.once
@pytest.mark.parametrize("words", [["call_raw"], ["call", "people"], ["services"]])
def test_who_does_not_answer(person, silent_url, words):
    words = {
        "call_raw": ["call_raw", silent_url, "say"],
        "call": ["call", "people", "say", "--registry", silent_url],
        "services": ["services", "--registry", silent_url],
    }[words[0]]
    began = time.monotonic()
    done = person.runs(*words, "--timeout", "0.3")
    assert done.code == 3
    assert "within 0.3 s" in done.err
    assert time.monotonic() - began < 5


@pytest.mark.once
def test_an_ordinary_web_server(person, web_server):
    done = person.runs("call_raw", f"{web_server}/404", "say")
    assert done.code == 1
    assert "HTTP 404" in done.err
    assert "ends with its endpoint, mostly /api" in done.err
    done = person.runs("call_raw", f"{web_server}/200", "say")
    assert done.code == 1
    assert "did not answer as JSON-RPC 2.0 asks" in done.err
    assert "\x1b" not in done.err
    assert person.runs("call_raw", f"{web_server}/502", "say").code == 3


def test_a_certificate_that_is_not_trusted(person):
    certificate = Path(__file__).parents[1] / "client" / "tls.pem"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def refuse():
        connection, _ = listener.accept()
        with listener, connection, contextlib.suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True).close()

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=refuse)
    thread.start()
    done = person.runs("call_raw", f"https://127.0.0.1:{listener.getsockname()[1]}/api", "say")
    thread.join(30)
    assert done.code == 3
    assert "REQUESTS_CA_BUNDLE" in done.err


@pytest.mark.once
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["call_raw"], "Missing argument 'URL'"),
        (["call_raw", "http://127.0.0.1:1/"], "Missing argument 'METHOD'"),
        (["call", "people", "say"], "Missing option '--registry'"),
        (["call_raw", "127.0.0.1:8000", "say"], "begins with http:// or https://"),
        (["call_raw", "http://ada:hunter2@host:x/", "say"], "has a wrong host or port"),
        (["call_raw", "http://h/", ""], "a method's name can't be empty"),
        (["call_raw", "http://h/", "say", "-1"], "Write -- before METHOD if it is a value"),
        (["call_raw", "http://h/", "say", "--nmae"], "--nmae"),
        (["call_raw", "http://h/", "say", "a=1e999"], "1e999 is too large a number"),
        (["call_raw", "http://h/", "say", "a=\udcff"], "is no text in UTF-8"),
        (["call_raw", "http://h/", "say", "--timeout", "0"], "no number of seconds above 0"),
        (["call_raw", "http://h/", "say", "--timeout", "nan"], "no number of seconds above 0"),
        (["call_raw", "http://h/", "say", "--timeout", "soon"], "'soon'"),
        (["call", "a\nb", "say", "--registry", "memory://"], "control character"),
        (["call", "a", "say", "--registry", "rdis://:hunter2@h"], "did you mean redis://?"),
        (["call", "a", "say", "--registry", "http://u:hunter2@h:x/"], "wrong host or port"),
        (["services", "--registry", ""], "is no URL of a discovery strategy"),
        (["nobody"], "nobody"),
    ],
)
def test_what_can_t_be_understood(person, words, said):
    done = person.runs(*words)
    assert done.code == 2
    assert done.out == ""
    assert said in done.err
    assert "hunter2" not in done.err


def test_ctrl_c(person, people):
    terminal = person.types("call_raw", people.accessible_at, "wait")
    people.arrived.wait(30)
    began = time.monotonic()
    terminal.presses(CTRL_C)
    assert terminal.ends() == 130
    assert terminal.text == "^C\r\n"
    assert time.monotonic() - began < 5
    people.get_io_loop().add_callback(people.goes_on.set)

"""examples/ and the README: every program and every command in them does what it says."""

import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest


@pytest.fixture
def hello_world(root):
    return (root / "examples" / "hello_world.py").read_text()


@pytest.fixture
def readme(root):
    return (root / "README.md").read_text()


def python_blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run_python(*arguments: str) -> str:
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_hello_world_serves_and_ends_cleanly(serve, hello_world, root, ended_by):
    service = serve(hello_world)

    printed = run_python(str(root / "examples" / "client.py"), service.url).splitlines()

    assert printed[:2] == ["hello world", "hello again"]
    assert sorted(printed[2:]) == ["hello 0", "hello 1", "hello 2"]
    code, output = service.end(ended_by)
    assert code == 0, output
    assert "Traceback" not in output


def test_a_port_in_use_is_one_clear_line(serve, hello_world, tmp_path, free_port):
    serve(hello_world)

    command = [sys.executable, str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode not in (0, -signal.SIGKILL)
    assert str(free_port) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_readme_s_service_is_the_example(readme, hello_world):
    assert python_blocks(readme)[0] == hello_world


def test_the_readme_s_client(serve, readme, hello_world):
    service = serve(hello_world)
    _, client = python_blocks(readme)

    url = "http://127.0.0.1:8000/api"
    assert url in client
    assert run_python("-c", client.replace(url, service.url)) == "hello world\n" * 2


@pytest.mark.parametrize("file", ["README.md", "scripts/run"])
def test_the_curl_command(serve, hello_world, root, file):
    service = serve(hello_world)
    text = (root / file).read_text()
    [command] = re.findall(r"curl -X POST.*?/api$", text, re.DOTALL | re.MULTILINE)
    [body] = re.findall(r"-d '(.*?)'", command)
    [(header, value)] = re.findall(r"-H '(.*?): (.*?)'", command)

    request = urllib.request.Request(service.url, body.encode(), {header: value})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)

    assert answer == {"jsonrpc": "2.0", "id": 1, "result": "hello world"}

"""``gemstone run``: services of others, right and wrong."""

import os
import re
import signal
import socket

import pytest

from .terminal import CTRL_C

USERS = """
import gemstone
from gemstone.config import CommandLineConfigurator, Configurable, EnvironmentConfigurator
from helper import GREETING

class Base(gemstone.MicroService):
    port = 0

    @gemstone.exposed_method()
    def show(self):
        return {name: list(each) for name, each in self.configuration().items()}

class Users(Base):
    name = "users"
    greeting = GREETING
    token = None
    configurables = [
        *gemstone.MicroService.configurables,
        Configurable("greeting"),
        Configurable("token", secret=True),
    ]
    configurators = [EnvironmentConfigurator(), CommandLineConfigurator()]

service = Users()

def make():
    return Users()

def broken():
    return 1 / 0

async def coroutine():
    return Users()

if __name__ == "__main__":
    raise SystemExit("it is not run as a program")
"""

FILES = {
    "shop/users.py": USERS,
    "shop/helper.py": "GREETING = 'hello'\n",
    "users.py": USERS,
    "helper.py": "GREETING = 'hello'\n",
    "package/__init__.py": "",
    "package/inner.py": "from users import Users as Others\nclass Inner(Others):\n    name = 'i'\n",
    # A name that is taken by a module that is there already.
    "json.py": "import gemstone\nclass Json(gemstone.MicroService):\n    name, port = 'json', 0\n",
    "two.py": "import gemstone\nclass A(gemstone.MicroService):\n    name = 'a'\n"
    "class B(A):\n    name = 'b'\n",
    "none.py": "from two import A\n",
    "nameless.py": "import gemstone\nclass Bad(gemstone.MicroService):\n    pass\n",
    "clash.py": "import gemstone\nclass Clash(gemstone.MicroService):\n    name, port = 'c', -1\n",
    "hasty.py": "import gemstone\nclass Hasty(gemstone.MicroService):\n    name = 'hasty'\n"
    "    def __init__(self):\n        pass\n",
    "boom.py": "def fail():\n    return 1 / 0\n\nfail()\n",
    "syntax.py": "x = = 1\n",
    "needs.py": "import nothing_like_it\n",
    "exits.py": "raise SystemExit('not today')\n",
    "hook.py": "import gemstone\nclass Hook(gemstone.MicroService):\n    name, port = 'hook', 0\n"
    "    def on_service_start(self):\n        return 1 / 0\n",
    "text.txt": "",
}


@pytest.fixture(autouse=True)
def files(person):
    for name, text in FILES.items():
        path = person.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def url_of(terminal):
    return re.search(r"serves (http://\S+/api)", terminal.shows("/api"))[1]


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("users", "users"),
        ("users:Users", "users"),
        ("users:service", "users"),
        ("users:make", "users"),
        ("shop/users.py", "users"),
        ("shop/users.py:make", "users"),
        ("package.inner", "i"),
        ("json.py", "json"),
        ("./two.py:B", "b"),
    ],
)
def test_targets(person, target, name):
    terminal = person.types("run", target, "--port", "random")
    terminal.shows(f"{name} serves http://127.0.0.1:")
    terminal.presses(CTRL_C)
    assert terminal.ends() == 0
    assert f"{name} is stopping" in terminal.text
    assert "Traceback" not in terminal.text


def test_what_is_set_and_what_the_service_finds_itself(person):
    words = ["run", "users", "--host", "localhost", "--port", "0", "--set", "greeting=hi = you"]
    terminal = person.types(*words, USERS_TOKEN="hunter2", USERS_GREETING="moin")
    done = person.runs("call_raw", url_of(terminal), "show", "--json")
    shown = re.sub(r":\d+/", ":8000/", done.out)
    assert '"greeting": ["hi = you", "--set greeting"]' in shown
    assert '"host": ["localhost", "--host"]' in shown
    assert re.search(r'"port": \[\d+, "--port"\]', shown)
    assert '"token": ["***", "the environment variable USERS_TOKEN"]' in shown
    assert '"endpoint": ["/api", "default"]' in shown
    assert "hunter2" not in terminal.text


def test_a_file_finds_its_neighbours_from_anywhere(person):
    (person.folder / "shop" / "helper.py").write_text("GREETING = 'from the neighbour'\n")
    terminal = person.types("run", str(person.folder / "shop" / "users.py"))
    assert "from the neighbour" in person.runs("call_raw", url_of(terminal), "show").out


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_as_any_service(person, ended_by):
    process = person.starts("run", "users")
    line = process.stderr.readline()
    assert "users serves" in line
    process.send_signal(ended_by)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err


@pytest.mark.once
@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nobody", "there is no module 'nobody'"),
        ("package.nobody", "there is no module 'package.nobody'"),
        ("nobody.py", f"nobody.py{os.sep}"[:-1]),
        ("shop/nobody.py:Users", "there is no file"),
        ("./text.txt", "its name must end in .py"),
        ("users:User", "users has no User: did you mean Users?"),
        ("users:GREETING", "users:GREETING is no MicroService"),
        ("users:coroutine", "users:coroutine is no MicroService"),
        ("two", "two defines 2 services: say which, as in two:A or two:B"),
        ("none", "none defines no class that inherits MicroService"),
        ("nameless:Bad", "Bad has no name"),
        ("clash", "Clash.port is -1"),
        ("hasty", "Hasty.__init__() does not call super().__init__()"),
        ("a b", "'a b' is neither a module nor a file"),
        ("users:", "neither a module nor a file"),
        ("", "neither a module nor a file"),
    ],
)
def test_targets_that_are_none(person, target, said):
    done = person.runs("run", target)
    assert done.code == 2
    assert done.out == ""
    assert said in done.err


@pytest.mark.parametrize(
    ("target", "file", "line", "said"),
    [
        ("boom", "boom.py", 4, "Error: boom can't be imported"),
        ("boom.py", "boom.py", 4, "Error: boom.py can't be imported"),
        ("syntax", "syntax.py", 1, "Error: syntax can't be imported"),
        ("needs", "needs.py", 1, "Error: needs can't be imported"),
        ("users:broken", "users.py", 30, "Error: users:broken makes no service"),
        ("hook", "hook.py", 5, "Error: hook has failed"),
    ],
)
def test_code_that_fails_is_shown(person, target, file, line, said):
    terminal = person.types("run", target)
    assert terminal.ends() == 1
    lines = terminal.text.splitlines()
    # The first place that is shown is theirs, and none of it is ours.
    assert f'File "{person.folder / file}", line {line}' in next(x for x in lines if "File" in x)
    assert "gemstone_core" not in terminal.text
    assert lines[-1] == said


def test_a_module_that_ends_the_process(person):
    terminal = person.types("run", "exits")
    assert terminal.ends() == 1
    assert terminal.text == "not today\r\n"


@pytest.mark.once
def test_values_that_are_wrong(person):
    done = person.runs("run", "users", "--set", "greting=hi")
    assert done.code == 2
    assert done.err.startswith("gemstone: usage error: --set greting: nothing of that name")
    assert "did you mean greeting?" in done.err
    done = person.runs("run", "users", "--set", "hunter2")
    assert done.code == 2
    assert "it is written as name=value" in done.err
    assert "hunter2" not in done.err
    done = person.runs("run", "users", "--set", "token=the", "hunter2")
    assert done.code == 2
    assert "a value with spaces must be in quotes" in done.err
    assert "hunter2" not in done.err


@pytest.mark.once
def test_a_port_that_is_taken(person):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = person.runs("run", "users", "--port", port)
    assert done.code == 1
    assert f"users: can't listen on port {port} of '127.0.0.1'" in done.err


@pytest.mark.once
def test_a_service_that_needs_arguments(person):
    (person.folder / "needy.py").write_text(
        "import gemstone\n"
        "class Needy(gemstone.MicroService):\n"
        "    name = 'needy'\n"
        "    def __init__(self, folder): ...\n"
    )
    done = person.runs("run", "needy.py")
    assert done.code == 2
    assert "needy.py can't be called without arguments (missing a required argument: 'folder')" in (
        done.err
    )


@pytest.mark.once
@pytest.mark.parametrize("command", [["run", "nothing.py"], ["registry"]])
def test_an_empty_host_is_refused(person, command):
    done = person.runs(*command, "--host", "")
    assert done.code == 2
    assert "all addresses are 0.0.0.0, or ::" in done.err

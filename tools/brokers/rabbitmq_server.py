"""A private RabbitMQ: one node, with an epmd (the Erlang port mapper) of its own."""

import json
import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from .broker import HOST, Broker, BrokerError, find_program, free_ports
from .group import Group

#: Where Debian keeps the programs that any user may run; those on PATH ask for a user of their own.
_DEBIAN = "/usr/lib/rabbitmq/bin"
_PREFIXES = ("RABBITMQ_", "ERL_")
#: One scheduler, which does not spin while it waits: several nodes share the cores with the tests.
#: It reads no terminal (see RABBITMQ_ALLOW_INPUT), and listens to nodes of this machine only.
_ERLANG = (
    "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
    " -noinput -kernel inet_dist_use_interface {127,0,0,1}"
)
_CTL_WITHIN = 30.0
#: Prints a list of lists, as JSON; names and processes in them as text.
_LOOK = """
    Text = fun({{resource, _, _, Name}}) -> Name;
              (Pid) when is_pid(Pid) -> list_to_binary(pid_to_list(Pid));
              (Value) -> Value end,
    io:format("~ts~n", [rabbit_json:encode(
        [[Text(proplists:get_value(Column, Row)) || Column <- [{columns}]] || Row <- {rows}]
    )]).
"""
_QUEUES = 'rabbit_amqqueue:info_all(<<"/">>, [{columns}])'
_CONNECTIONS = "rabbit_networking:connection_info_all([{columns}])"
_CONSUMERS = 'rabbit_amqqueue:consumers_all(<<"/">>)'
_NOT_YET = "requires the 'rabbit' app to be running"


class Queue(NamedTuple):
    """A queue, as the broker sees it."""

    name: str
    consumers: int
    messages: int
    messages_unacknowledged: int


class Consumer(NamedTuple):
    """A consumer, as the broker sees it."""

    queue_name: str
    channel_pid: str


class RabbitMq(Broker):
    """A private RabbitMQ, for ``guest`` with the password ``guest``.

    Args:
        config: the text of its ``rabbitmq.conf``.
    """

    def __init__(self, config: str = "") -> None:
        port, self._node_port, self._epmd_port = free_ports(3)
        super().__init__(f"amqp://guest:guest@{HOST}:{port}/")
        self._config = config
        self._node = f"gemstone-{self.port}@localhost"

    def ctl(self, *arguments: str) -> str:
        """What rabbitmqctl prints; it takes about 0.3 s."""
        self._running()  # else it would start an epmd that nobody ends
        command = [find_program("rabbitmqctl", _DEBIAN), "--quiet", *arguments]
        deadline = time.monotonic() + _CTL_WITHIN
        while True:
            done = subprocess.run(
                command,
                env=self._environment(self.folder),
                capture_output=True,
                text=True,
                timeout=_CTL_WITHIN,
            )
            if not done.returncode:
                return done.stdout
            said = (done.stderr + done.stdout).strip()
            # It answers clients a moment before it can be looked into.
            if _NOT_YET not in said or time.monotonic() > deadline:
                raise BrokerError(f"rabbitmqctl {' '.join(arguments)} failed: {said}")
            time.sleep(0.1)

    def connections(self) -> list[str]:
        """The names of all connections of clients."""
        return [name for [name] in self._look(_CONNECTIONS, "name")]

    def consumers(self) -> list[Consumer]:
        """All consumers."""
        return [Consumer(*row) for row in self._look(_CONSUMERS, *Consumer._fields)]

    def queues(self) -> list[Queue]:
        """All queues; the numbers are those of this moment."""
        return [Queue(*row) for row in self._look(_QUEUES, *Queue._fields)]

    def delete_queue(self, name: str) -> None:
        """Deletes a queue under its consumers: each is sent a ``basic.cancel``."""
        self.ctl("delete_queue", name)

    def close_connections(self) -> None:
        """Closes all connections of clients, as an administrator does."""
        self.ctl("close_all_connections", "closed by a test")

    def _look(self, rows: str, *columns: str) -> list[list[Any]]:
        """Asks the node itself: rabbitmqctl would take a hundred times as long."""
        self._running()
        names = ", ".join(columns)
        command = [find_program("erl_call"), "-n", self._node, "-fetch_stdout", "-e"]
        code = _LOOK.format(rows=rows.format(columns=names), columns=names)
        deadline = time.monotonic() + _CTL_WITHIN
        while True:
            done = subprocess.run(
                command,
                env=self._environment(self.folder),
                input=code,
                capture_output=True,
                text=True,
                timeout=_CTL_WITHIN,
            )
            if done.stdout.startswith("["):
                found: list[list[Any]] = json.loads(done.stdout.splitlines()[0])
                return found
            # It answers clients a moment before it can be looked into.
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"{self.url} does not tell its {names}: {done.stdout}{done.stderr}"
                )
            time.sleep(0.1)

    def _start_processes(self, group: Group, folder: Path) -> None:
        cookie = folder / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(secrets.token_hex(16))
            cookie.chmod(0o400)  # else Erlang refuses it
        (folder / "enabled_plugins").write_text("[].")
        (folder / "rabbitmq.conf").write_text(self._config)
        (folder / "environment").touch()
        environment = self._environment(folder)
        # Started first, and not by Erlang, which would leave it behind as a daemon.
        group.start([find_program("epmd")], environment)
        group.start([find_program("rabbitmq-server", _DEBIAN)], environment)

    def _environment(self, folder: Path) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_PREFIXES)}
        own = {
            "HOME": folder,
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": self._epmd_port,
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": self._node_port,
            "RABBITMQ_MNESIA_BASE": folder / "mnesia",
            "RABBITMQ_LOG_BASE": folder / "log",
            "RABBITMQ_LOGS": "-",
            # Each of these is else looked for in /etc/rabbitmq.
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
            "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": folder / "environment",
            # So that the script becomes the server, and is not a second process that waits for it.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        }
        return {**inherited, **{name: str(value) for name, value in own.items()}}

    def _is_ready(self) -> bool:
        # The first frame of the server is of type 1.
        return self._answer_to(b"AMQP\x00\x00\x09\x01").startswith(b"\x01")

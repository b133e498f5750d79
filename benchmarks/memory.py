"""What an idle keep-alive connection costs the server, with thousands of them open at once."""

import resource
import socket
from contextlib import ExitStack
from typing import Final

from .contest import hello
from .environments import peer
from .load import Address, Exchange, learn
from .processes import Bench, BenchmarkError, Program, Server, warm_up
from .report import Comparison, Part, spread, table

#: Files that a process opens beside its connections: libraries, logs, the loop's own.
_OTHER_FILES: Final = 200
_PATIENCE: Final = 10.0


def run(bench: Bench, *, rounds: int, connections: int) -> Part:
    """Opens many connections to each server in turn, with a call by each of them.

    Args:
        bench: where they run.
        rounds: how often each has its turn; each time the server is a new process.
        connections: how many are open at once.

    Raises:
        BenchmarkError: an answer was wrong, or not as many files may be open.
    """
    programs = {
        "gemstone, uvloop": Program("hello_gemstone.py", arguments=("uvloop",)),
        "gemstone, asyncio": Program("hello_gemstone.py", arguments=("asyncio",)),
        "the floor, uvloop": Program("floor.py", arguments=("uvloop",)),
        "the floor, asyncio": Program("floor.py", arguments=("asyncio",)),
        "pjrpc on aiohttp": peer(bench, "pjrpc", "hello_pjrpc.py"),
        "a bare ASGI application on uvicorn": peer(bench, "uvicorn", "hello_asgi.py", "json"),
    }
    kibibytes: dict[str, list[float]] = {label: [] for label in programs}
    _allow_open_files(connections + _OTHER_FILES)
    warm_up(bench, programs.values())
    for number in range(rounds):
        for label in [*programs][:: -1 if number % 2 else 1]:
            with Server(bench, programs[label]) as server:
                grown = _growth(server, connections)
            kibibytes[label].append(grown / connections / 1024)
    rows = [[label, spread(each, 1)] for label, each in kibibytes.items()]
    return Part(
        f"{connections:,} idle keep-alive connections, a call by each before, {rounds} rounds\n\n"
        + table(["server", "KiB for each"], rows),
        [
            Comparison(f"KiB for an idle connection, {label}", kibibytes[label], at_most=8)
            for label in [*programs][:2]
        ],
    )


def _growth(server: Server, connections: int) -> int:
    """By how many bytes a server has grown, when the connections have been opened."""
    [exchange] = learn(server.address, "/api", hello("say_hello", 1))
    before = server.resident_memory()
    with ExitStack() as stack:
        opened = []
        for _ in range(connections):  # one by one, or the backlog of the listener overflows
            opened.append(_open(stack, server.address))
            _call(opened[-1], exchange)
        grown = server.resident_memory() - before
        for each in opened:  # all of them are open still
            _call(each, exchange)
    return grown


def _open(stack: ExitStack, address: Address) -> socket.socket:
    return stack.enter_context(socket.create_connection(address, _PATIENCE))


def _call(connection: socket.socket, exchange: Exchange) -> None:
    connection.sendall(exchange.request)
    answer = b""
    while not answer.endswith(exchange.answer):
        piece = connection.recv(65536)
        answer += piece
        if not piece or len(answer) > 65536:
            raise BenchmarkError(f"an idle connection had {answer!r} for an answer")


def _allow_open_files(number: int) -> None:
    """Raises the limit of this process, and of those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise BenchmarkError(
            f"no more than {hard:,} files may be open, and {number:,} have to be: raise the limit "
            f"(ulimit -Hn), or measure with fewer --connections"
        )
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))

"""The sockets on which a service listens."""

import errno
import os
import socket

from gemstone.errors import ServiceAddressError

#: What a machine says that does not have one of the two families of addresses.
_NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def listen(host: str, port: int, backlog: int) -> list[socket.socket]:
    """Listen on all addresses that a host stands for, on the same port of each.

    Args:
        host: an address or a name; an empty one stands for all addresses.
        port: the port; 0 stands for one that is free.
        backlog: how many connections the kernel keeps until they are accepted.

    Raises:
        ServiceAddressError: the port is taken, or there is no such address here.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        problem: OSError | None = None
        # A name may stand for the same address more than once.
        for family, _, _, _, address in dict.fromkeys(found):
            if sockets and port == 0:
                port = sockets[0].getsockname()[1]
            try:
                listener = socket.create_server(
                    (address[0], port, *address[2:]), family=family, backlog=backlog
                )
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                problem = error
            else:
                listener.setblocking(False)
                sockets.append(listener)
        if not sockets and problem is not None:
            raise problem
    except (OSError, UnicodeError) as error:
        for listener in sockets:
            listener.close()
        raise ServiceAddressError(
            f"can't listen on port {port} of {host or 'all addresses'!r}: "
            f"{_reason(error)}; choose another port or host, or end what uses it"
        ) from error
    return sockets


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "it is no name of a host"
    # create_server() adds the address, which is said already; a failed look-up of a name has
    # numbers of its own.
    if isinstance(error, socket.gaierror) or error.errno is None:
        return str(error.strerror or error)
    return os.strerror(error.errno)

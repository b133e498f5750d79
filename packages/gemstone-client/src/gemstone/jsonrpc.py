"""The vocabulary of JSON-RPC 2.0 that both sides of a call share.

The codes from -32768 to -32000 belong to the specification; those from -32099 to -32000 it
leaves to servers, and gemstone's own are among them.

.. seealso:: JSON-RPC 2.0, section 5.1 "Error object".
"""

from typing import Final

__all__ = [
    "ACCESS_DENIED",
    "BUSY",
    "DEADLINE_PASSED",
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "SERVICE_HEADER",
    "TOO_MANY_REQUESTS",
    "VERSION",
]

#: What the member ``jsonrpc`` of every message says.
VERSION: Final = "2.0"

#: The header by which a service says its name, percent-encoded, to a request that is no POST.
SERVICE_HEADER: Final = "Gemstone-Service"

#: The request is not JSON.
PARSE_ERROR: Final = -32700
#: It is JSON, but no request of JSON-RPC.
INVALID_REQUEST: Final = -32600
#: There is no method of that name.
METHOD_NOT_FOUND: Final = -32601
#: The params do not fit the method.
INVALID_PARAMS: Final = -32602
#: The method failed in a way that it has no answer for.
INTERNAL_ERROR: Final = -32603

#: Too many calls wait already.
BUSY: Final = -32000
#: The method is private, and the request may not call it.
ACCESS_DENIED: Final = -32001
#: The answer was not there in time.
DEADLINE_PASSED: Final = -32002
#: The client calls too often.
TOO_MANY_REQUESTS: Final = -32003

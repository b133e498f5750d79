"""What the RPC endpoint lets in, before anybody looks at a body.

.. seealso:: "JSON-RPC over HTTP" (2013), section 3, for the media types; RFC 9110, sections
   15.5.6 (405), 15.5.14 (413) and 15.5.16 (415).
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from gemstone.jsonrpc import SERVICE_HEADER

MEDIA_TYPES: Final = frozenset(
    {"application/json", "application/json-rpc", "application/jsonrequest"}
)
#: The status of the refusal of a body that is too large: it is not read.
TOO_LARGE: Final = 413
#: A length of more digits is more than any machine has room for.
MOST_DIGITS: Final = 18

_ABSOLUTE: Final = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)


class Refusal(Struct, eq=False, frozen=True):
    """Why a message is not let in.

    Attributes:
        status: the HTTP status.
        reason: one line for the client.
        headers: what the answer's headers must say besides.
    """

    status: int
    reason: str
    headers: Mapping[str, str] = {}


def look_at(
    method: str, headers: Mapping[str, str], max_body_size: int, service: str
) -> Refusal | None:
    """Why a message with this method and these headers is not let in, or ``None``.

    To what is no POST the service says its name: a client that looks who is there needs it.
    """
    if method != "POST":
        said = {"Allow": "POST", SERVICE_HEADER: quote(service)}
        return Refusal(405, f"calls are sent by POST, not {method[:20]}", said)
    media_type = headers.get("Content-Type")
    if media_type is None:
        # A browser lets any page send a body without a type, and asks nobody before.
        if "Origin" in headers or "Sec-Fetch-Site" in headers:
            return Refusal(415, "a browser must send Content-Type: application/json")
    elif media_type.partition(";")[0].strip().lower() not in MEDIA_TYPES:
        return Refusal(415, f"send Content-Type: application/json, not {media_type[:80]!r}")
    # Beside a Transfer-Encoding it says nothing: Tornado answers 400.
    length = headers.get("Content-Length", "") if "Transfer-Encoding" not in headers else ""
    if length.isdecimal() and (len(length) > MOST_DIGITS or int(length) > max_body_size):
        return too_large(max_body_size)
    return None


def split_target(target: str) -> tuple[str | None, str]:
    """The authority and the path, with its query, of a request's target.

    There is an authority only in an absolute target, which proxies send.

    .. seealso:: RFC 9112, section 3.2.2.
    """
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return None, target
    path = target[absolute.end() :]
    return absolute[1], path if path.startswith("/") else f"/{path}"


def too_large(max_body_size: int) -> Refusal:
    """The refusal of a body that is too large."""
    return Refusal(TOO_LARGE, f"a body may have {max_body_size} bytes")

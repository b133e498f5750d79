"""Calling other services: JSON-RPC 2.0 over HTTP, with ``requests`` and nothing else.

::

    from gemstone.client import RemoteService

    with RemoteService("http://127.0.0.1:8000/api") as service:
        print(service.call_method("say_hello", ("world",)).result)

Importing this package loads neither ``requests`` (the first :class:`RemoteService` does)
nor ``asyncio`` (the first awaited call does).
"""

from .remote_service import RemoteService
from .structs import AsyncMethodCall, BatchResult, MethodCall, Notification, Result

__all__ = [
    "AsyncMethodCall",
    "BatchResult",
    "MethodCall",
    "Notification",
    "RemoteService",
    "Result",
]

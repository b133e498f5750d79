"""What foreign clients may send beside a body, as strings."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any


def readable_headers(headers: Mapping[Any, object] | None) -> Mapping[str, str] | None:
    """The headers of a message, of whatever types, as strings. Never fails."""
    if not headers:
        return None
    return {
        name if isinstance(name, str) else _text(name): (
            value if isinstance(value, str) else _text(value)
        )
        for name, value in headers.items()
    }


def readable_id(message_id: object) -> str | None:
    """The id of a message, of whatever type; ``None`` if there is none. Never fails."""
    if message_id is None or isinstance(message_id, str):
        return message_id or None
    return _text(message_id) or None


def readable_time(timestamp: object) -> float | None:
    """When a message was sent, in seconds; ``None`` if it does not say so. Never fails."""
    return float(timestamp) if isinstance(timestamp, int) and timestamp else None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, (dict, list)):
        try:
            return json.dumps(_plain(value), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {_text(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return _text(value)

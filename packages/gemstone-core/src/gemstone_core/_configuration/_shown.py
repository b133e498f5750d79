"""Values as they can be shown."""

from typing import Any

from .._backends import mask_message, mask_password


def without_secrets(value: Any) -> Any:
    """A value as it is, or with the passwords of its URLs masked."""
    if isinstance(value, str):
        return mask_password(value)
    try:
        if type(value) is dict:
            return {without_secrets(key): without_secrets(each) for key, each in value.items()}
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(map(without_secrets, value))
        text = repr(value)
    except Exception:  # it is nested too deeply, or somebody's class can't show it
        return f"a value of the type {type(value).__name__}"
    masked = mask_password(text)
    return value if masked == text else masked


def said_by(error: BaseException) -> str:
    """What an exception says, without the passwords of URLs; or else what it is."""
    try:
        text = str(error)
    except Exception:  # somebody's class
        text = ""
    return mask_message(text) or type(error).__name__

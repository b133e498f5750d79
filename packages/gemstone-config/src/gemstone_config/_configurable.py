"""``Configurable``: a value of a service that can be set from outside."""

import enum
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, Self

from ._errors import ConfigurationError, UnfitError, UnusableValueError
from ._shown import reason, shown

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Unset(enum.Enum):
    """The type of :data:`UNSET`."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


#: Stands for a value that nobody has said: ``None`` may be one that somebody has.
UNSET: Final = Unset.UNSET


class Configurable:
    """A value of a service that can be set from outside.

    ::

        port = Configurable("port", type=int, help="the port to listen on")
        port.set_value("8000")
        port.get_final_value()  # 8000

    Services list configurables, and only a configurator calls their methods.

    Args:
        name: what it is called: letters, digits, dashes and underscores, with a letter first.
            Dashes and underscores are the same.
        template: what makes the final value of the extracted one, after `type` and `choices`.
        type: what the value must be: ``int``, ``float``, ``bool``, ``str``, ``pathlib.Path``,
            or a function of the extracted value. By default the value stays as it was found:
            a text, or in a file whatever is written there.
        choices: all values that are allowed, as `type` makes them.
        help: what the value is for, in the usage text.
        secret: whether the value is to be shown nowhere.
        required: whether the service can't do without.

    Raises:
        ConfigurationError: nothing can be called by this name, or `choices` is empty.
        TypeError: an argument is of the wrong type.
    """

    def __init__(
        self,
        name: str,
        *,
        template: Callable[[Any], Any] | None = None,
        type: Callable[[Any], Any] | None = None,
        choices: Iterable[Any] | None = None,
        help: str | None = None,
        secret: bool = False,
        required: bool = False,
    ) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{shown(name)} is no name of a configurable: it must have letters, digits, "
                "dashes and underscores only, and a letter first"
            )
        self.name = name
        self.template = _callable_or_none(name, "template", template)
        self.type = _callable_or_none(name, "type", type)
        self.choices = _choices(name, choices)
        self.help = _instance(name, "help", help, str, optional=True)
        self.secret = _instance(name, "secret", secret, bool)
        self.required = _instance(name, "required", required, bool)
        #: What the value is when nobody sets it, for the usage text; :data:`UNSET` if unknown.
        self.default: Any = UNSET
        self._value: Any = UNSET

    @property
    def attribute(self) -> str:
        """The attribute of a service that it sets: its name, with underscores for dashes."""
        return self.name.replace("-", "_")

    @property
    def is_set(self) -> bool:
        """Whether it was given a value."""
        return self._value is not UNSET

    def set_value(self, value: Any) -> None:
        """Give it the value that was extracted.

        Args:
            value: the value, as it was found.
        """
        self._value = value

    def get_final_value(self) -> Any:
        """The value that the service gets: what `type`, `choices` and `template` make of it.

        Returns:
            The value; ``None`` if there is none.

        Raises:
            ConfigurationError: the value can't be used. The message says why, and of a secret
                shows nothing.
        """
        if self._value is UNSET or self._value is None:
            return None
        problem, cause = None, None
        try:
            return self._made_of(self._value)
        except UnfitError as error:
            problem = str(error)
        except (Exception, SystemExit) as error:  # what reads arguments likes to end the process
            problem = "can't be used"
            if not self.secret:
                problem, cause = f"{problem}: {reason(error)}", error
        # Raised out here: the exception of a secret must not hang on this one, it may tell it.
        value = "the value (which is secret)" if self.secret else shown(self._value)
        raise UnusableValueError(self.name, f"{value} {problem}") from cause

    def _made_of(self, value: Any) -> Any:
        if self.type is not None:
            from ._conversion import convert  # loads pathlib, for those who configure something

            value = convert(value, self.type)
        if self.choices is not None and value not in self.choices:
            known = "" if self.secret else f" {', '.join(map(shown, self.choices))}"
            raise UnfitError(f"is none of{known or ' the choices'}")
        return value if self.template is None else self.template(value)

    def __copy__(self) -> Self:
        copied = self.__class__.__new__(self.__class__)
        copied.__dict__.update(self.__dict__)
        copied._value = UNSET
        return copied

    def __repr__(self) -> str:
        options = {
            "template": self.template,
            "type": self.type,
            "choices": "***" if self.secret and self.choices else self.choices,
            "help": self.help,
            "secret": self.secret,
            "required": self.required,
        }
        given = (f", {name}={value!r}" for name, value in options.items() if value)
        return f"{self.__class__.__name__}({self.name!r}{''.join(given)})"


def _callable_or_none(
    name: str, option: str, value: Callable[[Any], Any] | None
) -> Callable[[Any], Any] | None:
    if value is None or callable(value):
        return value
    raise TypeError(f"{name}: {option} is {shown(value)}: it must be a function or a class")


def _choices(name: str, choices: Iterable[Any] | None) -> tuple[Any, ...] | None:
    if choices is None:
        return None
    if isinstance(choices, str | bytes) or not isinstance(choices, Iterable):
        raise TypeError(f"{name}: choices is {shown(choices)}: it must be a list")
    listed = tuple(choices)
    if not listed:
        raise ConfigurationError(f"{name}: choices is empty: no value at all would be allowed")
    return listed


def _instance(name: str, option: str, value: Any, type: type, *, optional: bool = False) -> Any:
    if isinstance(value, type) or (optional and value is None):
        return value
    raise TypeError(f"{name}: {option} is {shown(value)}: it must be a {type.__name__}")

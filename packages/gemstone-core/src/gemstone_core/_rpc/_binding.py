"""Params against a signature, before anything of the method runs.

``inspect.Signature.bind`` does the same thing, 20 times slower, and can't say to a client
what was wrong in a client's words.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Any

_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Binding:
    """What a bound method takes from a client.

    Attributes:
        fewest: a list of at least so many params fits, ...
        most: ... if it has at most so many; no other list does.
        handler_by_keyword: whether the handler goes in as the keyword ``handler``, and not as
            the first argument.

    Args:
        function: the method, bound to its object.
        takes_handler: whether the method is given the request handler, which is then no
            parameter of the client's.

    Raises:
        ValueError: the method is to take a handler and has no place for it.
    """

    def __init__(self, function: Callable[..., Any], takes_handler: bool) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        self.handler_by_keyword = False
        #: What is filled in already, so that no client can give it beside ``**names``.
        self._refused = _bound_name(function)
        if takes_handler:
            leading = parameters[:1]
            self.handler_by_keyword, parameters = _without_handler(parameters)
            self._refused |= {"handler"}
            if not self.handler_by_keyword:
                self._refused |= _names_by_keyword(leading)
        kinds = {parameter.kind for parameter in parameters}
        self._takes_any_name = inspect.Parameter.VAR_KEYWORD in kinds
        self._takes_any_count = inspect.Parameter.VAR_POSITIONAL in kinds
        by_position = [p for p in parameters if p.kind in _BY_POSITION]
        self._positions = [p.name for p in by_position]
        self._needed_positions = [p.name for p in by_position if p.default is p.empty]
        by_name = [p for p in parameters if p.kind in _BY_NAME]
        self._names = frozenset(p.name for p in by_name)
        self._needed_names = [p.name for p in by_name if p.default is p.empty]
        # These two can be given in one way only: a call in the other way never fits.
        self._only_by_name = [
            p.name for p in by_name if p.kind is p.KEYWORD_ONLY and p.default is p.empty
        ]
        self._only_by_position = [
            p.name for p in by_position if p.kind is p.POSITIONAL_ONLY and p.default is p.empty
        ]
        self.fewest = len(self._needed_positions)
        self.most = sys.maxsize if self._takes_any_count else len(self._positions)
        if self._only_by_name:
            self.most = -1

    def problem(self, params: list[Any] | dict[str, Any]) -> str | None:
        """What of these params does not fit, in one line for the client, or ``None``."""
        if isinstance(params, dict):
            return self._problem_by_name(params)
        return self._problem_by_position(params)

    def _problem_by_position(self, params: list[Any]) -> str | None:
        if len(params) < len(self._needed_positions):
            return _named("missing", self._needed_positions[len(params) :])
        if len(params) > len(self._positions) and not self._takes_any_count:
            return f"takes at most {len(self._positions)} params, got {len(params)}"
        if self._only_by_name:
            return _named("must be given by name", self._only_by_name)
        return None

    def _problem_by_name(self, params: dict[str, Any]) -> str | None:
        if not self._refused.isdisjoint(params):
            return _named("unexpected", sorted(self._refused.intersection(params)))
        if not self._takes_any_name and not self._names.issuperset(params):
            return _named("unexpected", [name for name in params if name not in self._names])
        if missing := [name for name in self._needed_names if name not in params]:
            return _named("missing", missing)
        if self._only_by_position:
            return _named("must be given by position", self._only_by_position)
        return None


def _without_handler(
    parameters: list[inspect.Parameter],
) -> tuple[bool, list[inspect.Parameter]]:
    """Whether the handler goes in by keyword, and what is left for the client's params."""
    for index, parameter in enumerate(parameters):
        if parameter.name == "handler" and parameter.kind in _BY_NAME:
            if index == 0 and parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
                return False, parameters[1:]
            # What stands behind it can't be reached by position any more.
            behind = [
                p.replace(kind=inspect.Parameter.KEYWORD_ONLY) if p.kind in _BY_NAME else p
                for p in parameters[index + 1 :]
                if p.kind is not inspect.Parameter.VAR_POSITIONAL
            ]
            return True, parameters[:index] + behind
    if parameters and parameters[0].kind in _BY_POSITION:
        return False, parameters[1:]
    if parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
        return False, parameters
    raise ValueError(
        'it requires a handler reference, but has no argument for it: add one named "handler"'
    )


def _bound_name(function: Callable[..., Any]) -> frozenset[str]:
    """The name of the argument that a bound method fills in: self, or cls."""
    if not inspect.ismethod(function):
        return frozenset()
    parameters = inspect.signature(function.__func__).parameters.values()
    return _names_by_keyword(list(parameters)[:1])


def _names_by_keyword(parameters: list[inspect.Parameter]) -> frozenset[str]:
    return frozenset(p.name for p in parameters if p.kind in _BY_NAME)


def _named(what: str, names: list[str]) -> str:
    shown = ", ".join(name if len(name) <= 40 else f"{name[:40]}…" for name in names[:10])
    return f"{what}: {shown}" + (", …" if len(names) > 10 else "")

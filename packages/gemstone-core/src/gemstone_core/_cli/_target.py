"""The service that ``gemstone run`` is told to run, found in a module or a file."""

import asyncio
import difflib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final

import click

import gemstone_core
from gemstone.errors import PluginError, ServiceConfigurationError

from .._microservice import MicroService

#: What is wrong with a service, said by ourselves; and how we say the rest.
WRONGLY_DECLARED: Final = (click.ClickException, PluginError, ServiceConfigurationError)
#: What leads to code of a service, and is not shown where that fails.
_NOT_THEIRS: Final = (
    *(each.__path__[0] for each in (asyncio, gemstone_core, importlib)),
    "uvloop/",  # as its compiled code calls its source
    "<frozen importlib.",
)


def make_service(target: str) -> MicroService:
    """The service that a target stands for.

    Args:
        target: ``module:Service``, ``module``, ``file.py:Service`` or ``file.py``. Without a name,
            it is the only service that is defined there. What the name stands for is a service, a
            class of one, or a function that makes one.

    Raises:
        click.UsageError: there is no such module, file or service, or it is declared wrongly.
        click.exceptions.Exit: the module can't be imported, or the function fails; the traceback
            is on stderr.
    """
    place, _, name = target.rpartition(":")
    if not place or not _is_path(name):
        place, name = target, ""
    module = _import_file(Path(place)) if _is_file(place) else _import_module(place)
    made = _named(module, name) if name else _only_one(module)
    _check_it_needs_nothing(made, target)
    with code_of_others(f"{target} makes no service", WRONGLY_DECLARED):
        if not isinstance(made, MicroService) and callable(made):
            made = made()
    if inspect.iscoroutine(made):
        made.close()
    if not isinstance(made, MicroService):
        raise click.UsageError(
            f"{target} is no MicroService, and no class or function that makes one"
        )
    return made


def _check_it_needs_nothing(made: Any, target: str) -> None:
    """See that a class or a function can be called without arguments."""
    if isinstance(made, MicroService) or not callable(made):
        return
    try:
        inspect.signature(made).bind()
    except TypeError as error:
        raise click.UsageError(
            f"{target} can't be called without arguments ({error}): name a function that makes "
            "the service"
        ) from None
    except ValueError:
        return  # one that does not say what it takes


@contextmanager
def code_of_others(
    failed: str, telling: tuple[type[Exception], ...] = (click.ClickException,)
) -> Iterator[None]:
    """Ends the command where code of the service's author fails, and shows where in it.

    Args:
        failed: what to say then, as "users can't be imported".
        telling: the errors whose text says enough.
    """
    try:
        yield
    except telling as error:
        if isinstance(error, click.ClickException):
            raise
        raise click.UsageError(str(error)) from error
    except Exception as error:
        traceback.print_exception(type(error), error, _theirs(error))
        click.echo(f"\nError: {failed}", err=True)
        raise click.exceptions.Exit(1) from None


def _theirs(error: Exception) -> TracebackType | None:
    """A traceback without what led to their code; all of it, if it never came to that."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_NOT_THEIRS):
        frames = frames.tb_next
    if frames is None and not isinstance(error, SyntaxError):  # which says itself where it is
        return error.__traceback__
    return frames


def _is_file(place: str) -> bool:
    return place.endswith(".py") or os.sep in place


def _is_path(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _import_file(path: Path) -> ModuleType:
    """Import a file as ``python file.py`` finds its modules, but not as ``__main__``."""
    path = path.absolute()
    if not path.is_file():
        raise click.UsageError(f"there is no file {str(path)!r}")
    sys.path.insert(0, str(path.parent))
    # Under its own name its classes can be pickled; but it may be one that is taken.
    name = path.stem if path.stem not in sys.modules else f"__{path.stem}__"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise click.UsageError(f"{str(path)!r} is no file of Python: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with code_of_others(f"{path.name} can't be imported"):
        spec.loader.exec_module(module)
    return module


def _import_module(name: str) -> ModuleType:
    """Import a module as ``python -m`` finds it."""
    sys.path.insert(0, str(Path.cwd()))
    if not _is_path(name):
        raise click.UsageError(
            f"{name!r} is neither a module nor a file: write module:Service or path/file.py:Service"
        )
    with code_of_others(f"{name} can't be imported"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # another one, which this one imports
            raise click.UsageError(
                f"there is no module {error.name!r} in {str(Path.cwd())!r}, nor where Python finds "
                "modules"
            ) from None


def _named(module: ModuleType, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"{module.__name__} has no {name}{hint}")
        found = getattr(found, part)
    return found


def _only_one(module: ModuleType) -> type[MicroService]:
    """The service that is defined in a module; those without a name are bases of others."""
    defined = {
        name: each
        for name, each in vars(module).items()
        if isinstance(each, type)
        and issubclass(each, MicroService)
        and each.__module__ == module.__name__
        and each.name is not None
    }
    if len({*defined.values()}) != 1:
        raise click.UsageError(
            f"{module.__name__} defines {len(defined)} services: say which, as in "
            + " or ".join(f"{module.__name__}:{name}" for name in sorted(defined))
            if defined
            else f"{module.__name__} defines no class that inherits MicroService and has a name. "
            f"What makes the service otherwise has to be named: {module.__name__}:make_service"
        )
    return next(iter(defined.values()))

"""What to say when a distribution that a name comes from is not installed."""


def missing(module: str, distribution: str) -> ImportError:
    """The error for an import that failed because `module` is not installed.

    To be raised only when it is `module` itself that is missing (``error.name == module``): when
    it is another one, the distribution is there, and something else is wrong.

    Args:
        module: the top module of the distribution that was imported from.
        distribution: what to install, as pip names it: ``"gemstone"`` or ``"gemstone[redis]"``.
    """
    return ImportError(
        f"{module} is not installed, only a part of gemstone is. "
        f'Install what is missing with: pip install "{distribution}>=1"',
        name=module,
    )

"""What is raised for a configuration that can't be used."""


class ConfigurationError(ValueError):
    """A configuration that can't be used: its message is one line, and shows no secret."""


class UnfitError(ValueError):
    """A value does not fit its type. The message goes on where the value was shown."""


class UnusableValueError(ConfigurationError):
    """A value of a configurable that can't be used.

    Args:
        where: whose value it is, or where it comes from.
        reason: the value, and what is wrong with it.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.reason = reason

    def __str__(self) -> str:
        return ": ".join(self.args)

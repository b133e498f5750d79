"""A service that is configured from outside: by a file, the environment and the command line.

Try ``python configuration.py --help``, and then
``GREETER_GREETING=hi python configuration.py --port random --max-length=5``.
"""

from pathlib import Path

import gemstone
from gemstone.config import (
    CommandLineConfigurator,
    Configurable,
    EnvironmentConfigurator,
    FileConfigurator,
)


class Greeter(gemstone.MicroService):
    name = "greeter"
    port = 8000

    greeting = "hello"
    max_length = 100
    api_token: str | None = None

    configurables = [
        *gemstone.MicroService.configurables,
        Configurable("greeting", help="how people are greeted"),
        Configurable("max-length", type=int, help="how long a name may be, in characters"),
        Configurable("api-token", secret=True, help="who asks for the settings must have it"),
    ]
    configurators = [  # a later one wins
        FileConfigurator(Path(__file__).with_name("greeter.toml")),
        EnvironmentConfigurator(),
        CommandLineConfigurator(),
    ]

    @gemstone.exposed_method()
    def greet(self, who: str) -> str:
        return f"{self.greeting} {who[: self.max_length]}"

    @gemstone.exposed_method()
    def settings(self, token: str) -> dict[str, str]:
        if token != self.api_token:
            raise gemstone.RpcError(1, "this is not the token")
        configured = self.configuration().items()
        return {name: f"{value} (from {source})" for name, (value, source) in configured}


if __name__ == "__main__":
    service = Greeter()
    service.configure()
    service.start()

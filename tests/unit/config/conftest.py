"""What the tests of configuration share."""

from gemstone_config import BaseConfigurator, Configurable


def loaded(
    configurator: BaseConfigurator, *configurables: Configurable | str, service_name="users"
) -> BaseConfigurator:
    """The configurator, after it has done what a service has it do."""
    configurator.service_name = service_name
    for configurable in configurables:
        if isinstance(configurable, str):
            configurable = Configurable(configurable)
        configurator.register_configurable(configurable)
    configurator.load()
    return configurator

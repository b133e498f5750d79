"""`BaseConfigurator`: what a stranger's configurator gets from it."""

import copy

import pytest

from gemstone_config import BaseConfigurator, Configurable, ConfigurationError


class Given(BaseConfigurator):
    """No constructor of the base class is called, and nothing more than must be is overridden."""

    def __init__(self, **values):
        self.values = values

    def load(self):
        pass

    def get(self, name):
        return self.values.get(name)


def test_it_can_be_used_only_by_inheriting():
    with pytest.raises(TypeError, match="abstract"):
        BaseConfigurator()


def test_configurables_are_found_by_their_names():
    configurator = Given()
    first, second = Configurable("my-name"), Configurable("other")
    configurator.register_configurable(first)
    configurator.register_configurable(second)

    assert [*configurator.configurables] == [first, second]
    assert configurator.get_configurable_by_name("my-name") is first
    assert configurator.get_configurable_by_name("my_name") is first
    assert configurator.get_configurable_by_name("nothing") is None


def test_what_is_registered_is_nobody_elses():
    configurator = Given()
    copied = copy.copy(configurator)
    configurator.register_configurable(Configurable("one"))
    again = copy.copy(configurator)
    again.register_configurable(Configurable("two"))

    assert len(configurator.configurables) == 1
    assert [*copied.configurables] == [*Given().configurables] == []


def test_one_name_is_for_one_configurable():
    configurator = Given()
    configurator.register_configurable(Configurable("a-b"))
    with pytest.raises(ConfigurationError, match="two configurables 'a_b'"):
        configurator.register_configurable(Configurable("a_b"))


def test_the_final_value_of_what_was_extracted():
    configurator = Given()
    configurator.register_configurable(Configurable("number", type=int))
    configurable = configurator.get_configurable_by_name("number")

    assert configurator.final_value("number", None) is None
    assert not configurable.is_set
    assert configurator.final_value("number", "0") == 0
    assert configurable.is_set


def test_an_error_names_the_source_instead_of_the_name():
    class Vault(Given):
        def source(self, name):
            return f"vault:{name}"

    for configurator, source in ((Given(), "Given"), (Vault(), "vault:number")):
        configurator.register_configurable(Configurable("number", template=int))
        with pytest.raises(ConfigurationError) as caught:
            configurator.final_value("number", "a")
        assert str(caught.value).startswith(f"{source}: 'a' can't be used: invalid literal")
        assert isinstance(caught.value.__cause__, ValueError)


def test_a_final_value_of_nothing_known():
    with pytest.raises(ConfigurationError, match="<Given> knows no configurable 'number'"):
        Given().final_value("number", "1")


def test_how_it_is_shown():
    assert repr(Given(password="hunter2")) == "<Given>"
    assert Given().source("anything") == "Given"

"""What the decorator takes, and what it refuses."""

import functools

import pytest
from tornado import gen

import gemstone


class Service(gemstone.MicroService):
    name = "service"


def test_the_method_is_left_as_it_is():
    def method(self):
        return 1

    assert gemstone.exposed_method()(method) is method
    assert gemstone.exposed_method(method) is method


@pytest.mark.parametrize(
    "name",
    ["", "1a", "_a", ".a", "a-b", "a b", "é", "a\n", "rpc.x", "a/b"],
)
def test_names_that_can_not_be_exposed(name):
    with pytest.raises(ValueError, match="can't be exposed as"):

        @gemstone.exposed_method(name)
        def method(self): ...


@pytest.mark.parametrize("name", ["a", "A.b_c.9", "rpcx", "say_hello", "rpc"])
def test_names_that_can(name):
    @gemstone.exposed_method(name)
    def method(self): ...


@pytest.mark.parametrize("name", [5, ["a"], b"a"])
def test_a_name_is_a_string(name):
    with pytest.raises(TypeError, match="is a string"):
        gemstone.exposed_method(name)


def test_a_private_name_needs_another_one():
    with pytest.raises(ValueError, match="_hidden"):

        @gemstone.exposed_method()
        def _hidden(self): ...


def test_a_generator_must_say_that_it_is_a_coroutine():
    with pytest.raises(ValueError, match="is_coroutine=True"):

        @gemstone.exposed_method()
        def method(self):
            yield

    with pytest.raises(ValueError, match="is_coroutine=True"):

        @gemstone.exposed_method(is_coroutine=False)
        def another(self):
            yield


def test_an_async_generator_has_no_single_result():
    with pytest.raises(ValueError, match="async generator"):

        @gemstone.exposed_method(is_coroutine=True)
        async def method(self):
            yield


def test_a_coroutine_function_is_one():
    with pytest.raises(ValueError, match="leave out is_coroutine=False"):

        @gemstone.exposed_method(is_coroutine=False)
        async def method(self): ...

    with pytest.raises(ValueError, match="leave out is_coroutine=False"):

        @gemstone.exposed_method(is_coroutine=False)
        @gen.coroutine
        def another(self):
            yield


@pytest.mark.parametrize(
    "thing",
    [type("Thing", (), {}), property(lambda self: 1), functools.partialmethod(print), len],
)
def test_only_functions_are_exposed(thing):
    with pytest.raises(TypeError, match="goes onto a function"):
        gemstone.exposed_method()(thing)


def methods_of(cls):
    return sorted(cls()._methods)


def test_a_subclass_inherits_replaces_and_takes_back():
    class Parent(Service):
        @gemstone.exposed_method()
        def kept(self):
            return 1

        @gemstone.exposed_method("named")
        def replaced(self):
            return "parent"

        @gemstone.exposed_method()
        def taken_back(self):
            return 1

    class Child(Parent):
        @gemstone.exposed_method("named")
        def replaced(self):
            return "child"

        def taken_back(self):
            return 2

    assert methods_of(Parent) == ["kept", "named", "taken_back"]
    assert methods_of(Child) == ["kept", "named"]
    assert Child()._methods["named"].call([], None) == "child"


def test_another_attribute_for_a_method_is_no_second_method():
    class Aliased(Service):
        @gemstone.exposed_method()
        def method(self):
            return 1

        alias = method

    assert methods_of(Aliased) == ["method"]


def test_nothing_is_evaluated_while_methods_are_looked_for():
    class Lazy(Service):
        @property
        def expensive(self):
            raise AssertionError("evaluated")

        @gemstone.exposed_method()
        def method(self):
            return 1

    assert methods_of(Lazy) == ["method"]

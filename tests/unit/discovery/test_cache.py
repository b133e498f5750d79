"""Caches of found services."""

import copy

import pytest

from gemstone.discovery import DummyCache, ServiceDiscoveryCache
from gemstone.errors import ServiceConfigurationError


def test_it_keeps_what_it_is_given():
    cache = ServiceDiscoveryCache()
    assert cache.lifetime == 10
    assert cache.get("a") is None
    one, other = object(), object()
    cache.put("a", one)
    cache.put("b", other)
    assert (cache.get("a"), cache.get("b")) == (one, other)
    cache.put("a", other)
    assert cache.get("a") is other


def test_it_drops_what_nobody_has_asked_for_the_longest():
    cache = ServiceDiscoveryCache(5, max_services=2)
    cache.put("a", "A")
    cache.put("b", "B")
    cache.get("a")
    cache.put("c", "C")
    assert [cache.get(name) for name in "abc"] == ["A", None, "C"]


def test_a_copy_is_empty_and_like_it():
    class Own(ServiceDiscoveryCache):
        def __init__(self, lifetime, note):
            super().__init__(lifetime)
            self.note = note

    cache = Own(3, "mine")
    cache.put("a", "A")
    copied = copy.copy(cache)
    assert (type(copied), copied.lifetime, copied.note) == (Own, 3, "mine")
    assert copied.get("a") is None
    copied.put("b", "B")
    assert cache.get("b") is None


def test_the_dummy_keeps_no_answer():
    assert isinstance(DummyCache(), ServiceDiscoveryCache)
    assert DummyCache().lifetime == 0


@pytest.mark.parametrize("lifetime", [-1, True, "10", None, float("nan"), float("inf")])
def test_a_lifetime_that_is_none(lifetime):
    with pytest.raises(ServiceConfigurationError, match="lifetime of a ServiceDiscoveryCache"):
        ServiceDiscoveryCache(lifetime)


@pytest.mark.parametrize("count", [0, True, 1.5, None])
def test_a_number_of_services_that_is_none(count):
    with pytest.raises(ServiceConfigurationError, match="max_services"):
        ServiceDiscoveryCache(10, count)

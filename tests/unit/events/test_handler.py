"""``@event_handler``: what may be decorated, and what a handler is given."""

import pytest
from tornado import gen

import gemstone
from gemstone.errors import InvalidEventError, ServiceConfigurationError
from gemstone.event import Event, event_handler
from gemstone_core._events._handler import collect_handlers

BODY = {"name": "ada"}
EVENT = Event("a", BODY)


def only_body(self, body):
    return body


def body_of_any_name(self, event_body):
    return event_body


def event_by_name(self, body, event):
    return body, event


def event_first(self, event, body):
    return body, event


def event_by_annotation(self, what: Event, body):
    return body, what


def body_annotated_otherwise(self, body: dict, envelope: gemstone.event.Event):
    return body, envelope


def event_keyword_only(self, body, *, event):
    return body, event


def annotated_keyword_only(self, body, *, about: Event):
    return body, about


def positional_only(self, body, event, /):
    return body, event


def body_positional_only(self, body, /, *, event):
    return body, event


def only_event(self, event):
    return event.body, event


def only_annotated(self, what: Event):
    return what.body, what


def annotated_as_optional(self, body, what: Event | None = None):
    return body, what


def only_event_keyword(self, *, event):
    return event.body, event


def anything(self, *args, **kwargs):
    assert kwargs == {}
    [body] = args
    return body


def event_and_anything(self, event, *args):
    [body] = args
    return body, event


def with_defaults(self, body, repeat=3, *, loud=False):
    assert (repeat, loud) == (3, False)
    return body


def event_after_a_default(self, body, repeat=3, event=None):
    assert repeat == 3
    return body, event


def event_out_of_reach(self, body, repeat=3, event=None, /):
    """What stands behind a default of positional-only parameters can't be given."""
    assert (repeat, event) == (3, None)
    return body


def body_with_a_default(self, body=None, event=None):
    return body, event


def call(function, name="a"):
    owner = type("Owner", (), {"handle": event_handler(name)(function)})()
    [handler] = collect_handlers([owner])[name]
    return handler.call(EVENT)


@pytest.mark.parametrize(
    "function",
    [only_body, body_of_any_name, anything, with_defaults, event_out_of_reach],
    ids=lambda function: function.__name__,
)
def test_those_who_get_the_body(function):
    assert call(function) is BODY


@pytest.mark.parametrize(
    "function",
    [
        event_by_name,
        event_first,
        event_by_annotation,
        body_annotated_otherwise,
        event_keyword_only,
        annotated_keyword_only,
        positional_only,
        body_positional_only,
        only_event,
        only_annotated,
        annotated_as_optional,
        only_event_keyword,
        event_and_anything,
        event_after_a_default,
        body_with_a_default,
    ],
    ids=lambda function: function.__name__,
)
def test_those_who_get_the_event_too(function):
    body, event = call(function)
    assert body is BODY
    assert event is EVENT


@pytest.mark.parametrize(
    "annotation", ["Event", "gemstone.event.Event", "event.Event", "Evt", "'Event'"]
)
def test_annotations_that_are_strings(annotation):
    source = (
        "from __future__ import annotations\n"
        "import gemstone.event\n"
        "from gemstone import event\n"
        "from gemstone.event import Event, Event as Evt\n"
        f"def handle(self, what: {annotation}, body: dict) -> None:\n"
        "    return body, what\n"
    )
    scope = {"__name__": "written_so"}
    exec(source, scope)

    assert call(scope["handle"]) == (BODY, EVENT)


def test_annotations_that_exist_for_type_checkers_only():
    source = (
        "from __future__ import annotations\n"
        "def handle(self, body: Missing, what: Event) -> None:\n"
        "    return body, what\n"
    )
    scope = {"__name__": "written_so"}
    exec(source, scope)

    assert call(scope["handle"]) == (BODY, EVENT)


def nothing_at_all(self):
    pass


def only_a_keyword(self, *, body):
    pass


def two_bodies(self, body, more):
    pass


def keyword_without_default(self, body, *, more):
    pass


def only_keywords(self, **kwargs):
    pass


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (nothing_at_all, "it has no parameter for the event's body"),
        (only_keywords, "it has no parameter for the event's body"),
        (only_a_keyword, "nothing is there for its parameter 'body'"),
        (two_bodies, "nothing is there for its parameter 'more'"),
        (keyword_without_default, "nothing is there for its parameter 'more'"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_signature_that_can_not_be_called_is_refused_when_the_service_is_made(function, says):
    service = type(
        "Wrong", (gemstone.MicroService,), {"name": "wrong", "on": event_handler("a")(function)}
    )
    with pytest.raises(ServiceConfigurationError, match=says) as caught:
        service()
    assert f"{__name__}.{function.__name__}" in str(caught.value)


def test_the_decorator_wants_a_name():
    with pytest.raises(TypeError, match=r'write @event_handler\("name"\)'):

        @event_handler
        def handle(self, body):
            pass

    with pytest.raises(InvalidEventError, match="'a b' is no name"):
        event_handler("a b")


def generator(self, body):
    yield body


async def asynchronous_generator(self, body):
    yield body


async def coroutine(self, body):
    pass


@gen.coroutine
def tornado_coroutine(self, body):
    yield


@pytest.mark.parametrize("function", [generator, asynchronous_generator])
def test_generators_are_refused(function):
    with pytest.raises(ValueError, match="is a generator"):
        event_handler("a")(function)


@pytest.mark.parametrize("function", [coroutine, tornado_coroutine])
def test_coroutine_functions_do_not_block(function):
    with pytest.raises(ValueError, match="leave out blocking=True"):
        event_handler("a", blocking=True)(function)


@pytest.mark.parametrize("thing", [7, type("Class", (), {}), property(len), "text"])
def test_what_is_no_function_is_refused(thing):
    with pytest.raises(TypeError, match="@event_handler goes onto a function"):
        event_handler("a")(thing)


def test_kinds():
    class Owner:
        @event_handler("plain")
        def plain(self, body):
            pass

        @event_handler("async")
        async def asynchronous(self, body):
            pass

        @event_handler("blocking", blocking=True)
        def blocking(self, body):
            pass

        @event_handler("old")
        @gen.coroutine
        def old(self, body):
            yield

    handlers = collect_handlers([Owner()])
    kinds = {name: (handler.is_plain, handler.is_blocking) for name, [handler] in handlers.items()}
    assert kinds == {
        "plain": (True, False),
        "async": (False, False),
        "blocking": (False, True),
        "old": (False, False),
    }


def test_several_decorators_several_handlers_and_several_owners():
    class First:
        @event_handler("a")
        @event_handler("b")
        def one(self, body):
            return "first.one"

        @event_handler("a")
        def two(self, body):
            return "first.two"

        @staticmethod
        @event_handler("b")
        def three(body):
            return "first.three"

        @event_handler("b")
        @classmethod
        def four(cls, body):
            return "first.four"

        same = two

    class Second:
        @event_handler("a")
        def one(self, body):
            return "second.one"

    handlers = collect_handlers([First(), Second(), Second()])
    called = {name: [each.call(EVENT) for each in those] for name, those in handlers.items()}
    assert called == {
        "a": ["first.one", "first.two", "second.one", "second.one"],
        "b": ["first.one", "first.three", "first.four"],
    }


def test_a_method_that_is_overridden_without_a_mark_handles_nothing():
    class Base:
        @event_handler("a")
        def handle(self, body):
            return "base"

    class Silent(Base):
        def handle(self, body):
            return "silent"

    class Other(Base):
        @event_handler("b")
        def handle(self, body):
            return "other"

    assert collect_handlers([Silent()]) == {}
    assert [*collect_handlers([Other()])] == ["b"]
    assert [*collect_handlers([Base()])] == ["a"]


def test_a_handler_may_be_a_method_of_calls_too():
    class Both(gemstone.MicroService):
        name = "both"

        @gemstone.exposed_method()
        @gemstone.event_handler("a")
        def handle(self, body):
            return body

    service = Both()
    assert [*service._methods] == ["handle"]
    assert [*service._events._handlers] == ["a"]
    assert service.handle(3) == 3

"""From Redis to handlers."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import redis
from redis.exceptions import NoPermissionError

from ._link import Command, Link

#: A connection is given up when it was silent this many timeouts in a row: one until Redis is asked
#: whether it is there, and two for the answer.
_SILENT: Final = 3


class Subscription:
    """The channels of some events, and the messages that come through them.

    Args:
        link: the connection, which is not open yet.
        names: the names of the events.
        on_subscribed: called when every subscription is confirmed.
        on_message: called with the name of an event and a message. It may take its time.
    """

    def __init__(
        self,
        link: Link,
        names: Sequence[str],
        on_subscribed: Callable[[], None],
        on_message: Callable[[str, bytes], object],
    ) -> None:
        self._link = link
        self._names = {name.encode(): name for name in names}
        self._unconfirmed = [*names]
        self._on_subscribed = on_subscribed
        self._on_message = on_message

    def run(self) -> None:
        """Subscribe, and read for ever.

        Raises:
            Exception: the connection can't be made, or there is any doubt that it works.
        """
        link, names, on_message = self._link, self._names, self._on_message
        answer = link.answer
        link.open()
        self._begin()
        silent = 0
        while True:
            try:
                received = answer(disconnect_on_error=False)
            except redis.TimeoutError:
                # That long was nothing to be read, while it was waited for. So it does not matter
                # how long it took before to hand over a message.
                silent += 1
                if silent == 1:
                    link.send(self._probe())
                elif silent == _SILENT:
                    raise redis.TimeoutError("Redis does not answer any more") from None
            except redis.ResponseError as error:
                silent = 0
                self._refused(error)
            else:
                silent = 0
                if type(received) is list and received[0] == b"message":
                    on_message(names[received[1]], received[2])
                else:
                    self._answered(received)

    def _begin(self) -> None:
        if self._names:
            # One by one, so that it is known which of them is refused.
            self._link.send([("SUBSCRIBE", name) for name in self._unconfirmed])
        else:
            self._on_subscribed()

    def _probe(self) -> Sequence[Command]:
        """What asks Redis whether it is there; and whether the subscriptions are.

        To subscribe to a channel again changes nothing, and is answered with the number of the
        subscriptions that there are.
        """
        return [("PING",), *(("SUBSCRIBE", name) for name in [*self._names.values()][:1])]

    def _answered(self, answer: Any) -> None:
        kind = answer[0] if isinstance(answer, list) else answer
        if kind == b"subscribe":
            if self._unconfirmed:
                self._unconfirmed.remove(self._names[answer[1]])
                if not self._unconfirmed:
                    self._on_subscribed()
            elif answer[2] < len(self._names):
                raise redis.ConnectionError(
                    f"Redis knows of {answer[2]} subscriptions, and {len(self._names)} were made"
                )
        elif kind not in (b"pong", b"PONG"):
            raise redis.ConnectionError("Redis sends what nobody has asked for")

    def _refused(self, error: redis.ResponseError) -> None:
        if self._unconfirmed:
            raise redis.ResponseError(
                f"the subscription to {self._unconfirmed[0]!r} was refused: {error}"
            ) from error
        if not isinstance(error, NoPermissionError):
            raise error
        # Who may not PING is answered too.

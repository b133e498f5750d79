"""Events with pika's ``SelectConnection``, confirmed, but not one by one.

`numbered_events` says how to call it.
"""

from typing import Any

import pika
from numbered_events import NAME, WARM_UP, WINDOW, Arrived, Sent, Task, clock, main


class Publisher:
    """Publishes while fewer than ``WINDOW`` events are unconfirmed."""

    def __init__(self, task: Task) -> None:
        self._payloads = task.payloads()
        self._sent = Sent()
        self._confirmed = 0
        self._connection = connect(task, self._on_channel)

    def run(self) -> None:
        self._connection.ioloop.start()

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.exchange_declare(
            NAME, "fanout", callback=lambda _: channel.confirm_delivery(self._on_confirm, self._go)
        )

    def _go(self, _: object) -> None:
        self._publish(WARM_UP)

    def _on_confirm(self, frame: Any) -> None:
        if not isinstance(frame.method, pika.spec.Basic.Ack):
            raise SystemExit(f"the broker answered {frame!r}")
        # Tags count from 1; one frame may confirm all up to its tag.
        tag = frame.method.delivery_tag
        self._confirmed = tag if frame.method.multiple else self._confirmed + 1
        if self._confirmed == len(self._payloads):
            self._sent.done()
            self._connection.close()
        elif self._confirmed == WARM_UP:
            self._sent.warmed_up()
            self._publish(WINDOW)
        elif self._confirmed > WARM_UP:
            self._publish(self._confirmed + WINDOW)

    def _publish(self, up_to: int) -> None:
        times = self._sent.times
        for payload in self._payloads[len(times) : up_to]:
            times.append(clock())
            self._channel.basic_publish(NAME, "", payload)


def subscribe(task: Task) -> None:
    arrived = Arrived(task.payloads())

    def on_channel(channel: Any) -> None:
        channel.exchange_declare(
            NAME,
            "fanout",
            callback=lambda _: channel.queue_declare("", exclusive=True, callback=on_queue),
        )

        def on_queue(frame: Any) -> None:
            queue = frame.method.queue
            channel.queue_bind(queue, NAME, callback=lambda _: on_bound(queue))

        def on_bound(queue: str) -> None:
            channel.basic_consume(
                queue, take, auto_ack=True, callback=lambda _: arrived.subscribed()
            )

    def take(channel: Any, method: object, properties: object, body: bytes) -> None:
        if arrived.take(body):
            connection.close()

    connection = connect(task, on_channel)
    try:
        connection.ioloop.start()
    finally:
        arrived.done()


def connect(task: Task, on_channel: Any) -> Any:
    return pika.SelectConnection(
        pika.URLParameters(task.url),
        on_open_callback=lambda connection: connection.channel(on_open_callback=on_channel),
        on_close_callback=lambda connection, _: connection.ioloop.stop(),
    )


if __name__ == "__main__":
    main({"publish": lambda task: Publisher(task).run(), "subscribe": subscribe})

"""Durable events with pika's ``BlockingConnection``; `numbered_events` says how to call it.

Each is persistent and confirmed before the next is published, and each is acknowledged. The queue
is a quorum queue, as ours.
"""

import time
from contextlib import closing
from typing import Any

import pika
from numbered_events import NAME, WARM_UP, Arrived, Sent, Task, clock, main

_QUEUE = "benchmark-durable"
_PREFETCH = 400


def publish(task: Task) -> None:
    sent = Sent()
    properties = pika.BasicProperties(delivery_mode=2)
    with closing(pika.BlockingConnection(pika.URLParameters(task.url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for number, payload in enumerate(task.payloads()):
            if number == WARM_UP:
                sent.warmed_up()
            sent.times.append(clock())
            channel.basic_publish(_QUEUE, NAME, payload, properties)
            if task.pause:
                time.sleep(task.pause)
        sent.done()


def subscribe(task: Task) -> None:
    arrived = Arrived(task.payloads())

    def take(channel: Any, method: Any, properties: object, body: bytes) -> None:
        is_last = arrived.take(body)
        channel.basic_ack(method.delivery_tag)
        if is_last:
            channel.stop_consuming()

    with closing(pika.BlockingConnection(pika.URLParameters(task.url))) as connection:
        channel = connection.channel()
        channel.exchange_declare(_QUEUE, "topic", durable=True)
        channel.queue_declare(_QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(_QUEUE, _QUEUE, NAME)
        channel.basic_qos(prefetch_count=_PREFETCH)
        channel.basic_consume(_QUEUE, take)
        try:
            arrived.subscribed()
            channel.start_consuming()
        finally:
            arrived.done()


if __name__ == "__main__":
    main({"publish": publish, "subscribe": subscribe})

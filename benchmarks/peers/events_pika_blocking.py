"""Events with pika's ``BlockingConnection``, unconfirmed; `numbered_events` says how to call it."""

import time
from contextlib import closing
from typing import Any

import pika
from numbered_events import NAME, WARM_UP, Arrived, Sent, Task, clock, main


def publish(task: Task) -> None:
    sent = Sent()
    with closing(pika.BlockingConnection(pika.URLParameters(task.url))) as connection:
        channel = connection.channel()
        channel.exchange_declare(NAME, "fanout")
        for number, payload in enumerate(task.payloads()):
            if number == WARM_UP:
                sent.warmed_up()
            sent.times.append(clock())
            channel.basic_publish(NAME, "", payload)
            if task.pause:
                time.sleep(task.pause)
        sent.done()


def subscribe(task: Task) -> None:
    arrived = Arrived(task.payloads())

    def take(channel: Any, method: object, properties: object, body: bytes) -> None:
        if arrived.take(body):
            channel.stop_consuming()

    with closing(pika.BlockingConnection(pika.URLParameters(task.url))) as connection:
        channel = connection.channel()
        channel.exchange_declare(NAME, "fanout")
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, NAME)
        channel.basic_consume(queue, take, auto_ack=True)
        try:
            arrived.subscribed()
            channel.start_consuming()
        finally:
            arrived.done()


if __name__ == "__main__":
    main({"publish": publish, "subscribe": subscribe})

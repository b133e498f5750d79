"""Events with redis-py alone, in a loop and in pipelines; `numbered_events` says how to call it."""

import time

import redis
from numbered_events import NAME, WARM_UP, Arrived, Sent, Task, clock, main

_PIPELINE = 100


def publish(task: Task) -> None:
    sent = Sent()
    with redis.Redis.from_url(task.url) as client:
        for number, payload in enumerate(task.payloads()):
            if number == WARM_UP:
                sent.warmed_up()
            sent.times.append(clock())
            client.publish(NAME, payload)
            if task.pause:
                time.sleep(task.pause)
        sent.done()


def publish_in_pipelines(task: Task) -> None:
    sent, payloads = Sent(), task.payloads()
    with redis.Redis.from_url(task.url) as client:
        for begin in range(0, len(payloads), _PIPELINE):
            if begin == WARM_UP:
                sent.warmed_up()
            pipeline = client.pipeline(transaction=False)
            for payload in payloads[begin : begin + _PIPELINE]:
                sent.times.append(clock())
                pipeline.publish(NAME, payload)
            pipeline.execute()
        sent.done()


def subscribe(task: Task) -> None:
    arrived = Arrived(task.payloads())
    with redis.Redis.from_url(task.url) as client, client.pubsub() as pubsub:
        pubsub.subscribe(NAME)
        pubsub.get_message(timeout=None)  # says that it is so
        try:
            arrived.subscribed()
            while not arrived.take(pubsub.get_message(timeout=None)["data"]):
                pass
        finally:
            arrived.done()


if __name__ == "__main__":
    main(
        {
            "publish": publish,
            "publish-in-pipelines": publish_in_pipelines,
            "subscribe": subscribe,
        }
    )

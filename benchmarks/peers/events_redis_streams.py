"""Durable events with redis-py alone: XADD, XREADGROUP and XACK, each in a loop.

`numbered_events` says how to call it.
"""

import contextlib
import time

import redis
from numbered_events import NAME, WARM_UP, Arrived, Sent, Task, clock, main

_STREAM = f"benchmark-stream-{NAME}"
_GROUP = "subscriber"
_COUNT = 100


def publish(task: Task) -> None:
    sent = Sent()
    with redis.Redis.from_url(task.url) as client:
        for number, payload in enumerate(task.payloads()):
            if number == WARM_UP:
                sent.warmed_up()
            sent.times.append(clock())
            client.xadd(_STREAM, {"body": payload})
            if task.pause:
                time.sleep(task.pause)
        sent.done()


def subscribe(task: Task) -> None:
    arrived = Arrived(task.payloads())
    with redis.Redis.from_url(task.url) as client:
        with contextlib.suppress(redis.ResponseError):  # it is there
            client.xgroup_create(_STREAM, _GROUP, "$", mkstream=True)
        try:
            arrived.subscribed()
            while not _take(client, arrived):
                pass
        finally:
            arrived.done()


def _take(client: "redis.Redis", arrived: Arrived) -> bool:
    for _, entries in client.xreadgroup(_GROUP, "one", {_STREAM: ">"}, _COUNT, 1000) or ():
        for id, fields in entries:
            is_last = arrived.take(fields[b"body"])
            client.xack(_STREAM, _GROUP, id)
            if is_last:
                return True
    return False


if __name__ == "__main__":
    main({"publish": publish, "subscribe": subscribe})

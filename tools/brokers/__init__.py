"""Private brokers: real ones, started for a test or a measurement, that may be killed and paused.

Each has a free port of 127.0.0.1 and a data folder of its own::

    with Redis() as broker:
        client = redis.Redis.from_url(broker.url)
        broker.restart()  # kill -9, then the same port and the same data folder

They end with the process that started them, also when that is killed. A broker is to be used by one
thread at a time.
"""

from .broker import Address, Broker, BrokerError, free_ports
from .rabbitmq_server import Queue, RabbitMq
from .redis_server import Redis, RedisAddress

__all__ = [
    "Address",
    "Broker",
    "BrokerError",
    "Queue",
    "RabbitMq",
    "Redis",
    "RedisAddress",
    "free_ports",
]

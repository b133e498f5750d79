"""How fast gemstone is, beside what one would write instead: ``python -m benchmarks``.

``__main__`` runs the parts: ``calls``, ``starts`` and ``waits``, and those of events, which are
``redis`` and ``rabbitmq`` (``events``), and ``ticker``. Each of them starts programs of ``peers/``
as processes of their own (``processes``; ``pairs`` for events), drives them (``load``), and gives
tables and targets (``report``). ``lookup`` asks two Redis, and starts nothing else. Nothing is
needed but what gemstone itself needs, and for events and lookups the brokers' programs. Linux only:
it pins processes to cores and reads ``/proc``.
"""

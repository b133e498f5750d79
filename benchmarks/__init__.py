"""How fast gemstone is, beside what one would write instead: ``python -m benchmarks``.

``__main__`` runs the parts: ``calls``, ``starts`` and ``waits``, and those of events, which are
``redis`` and ``rabbitmq`` (``events``), and ``ticker``. Each of them starts programs of ``peers/``
as processes of their own (``processes``; ``pairs`` for events), drives them (``load``), and gives
tables and targets (``report``). Nothing is needed but what gemstone itself needs, and for events
the two brokers' programs. Linux only: it pins processes to cores and reads ``/proc``.
"""

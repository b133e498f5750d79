"""How fast gemstone is, beside what one would write instead: ``python -m benchmarks``.

``__main__`` runs the parts. Those that drive servers are in ``calls``: a ``contest`` starts them,
sees to it that all their answers are right (``load``), and lets ``wrk`` drive them in turn. Others
are ``anatomy``, ``memory``, ``starts``, ``waits`` and ``client_calls``, and those of events, which
are ``redis`` and ``rabbitmq`` (``events``), and ``ticker``. Each of them starts programs of
``peers/`` as processes of their own (``processes``; ``pairs`` for events), and gives tables and
targets (``report``). ``lookup`` asks two Redis, and starts nothing else.

Needed are wrk, uv for the ``environments`` of other people's servers, and for events and lookups
the brokers' programs. Linux only: it pins processes to cores and reads ``/proc``.
"""

"""Fault proofs: brokers, registries and instances are killed, and everything is accounted for.

``python -m tools.chaos`` runs them and prints tables; the tests run short forms. ``events`` is
about services that emit and handle events, ``services`` about services that call others by name.
Every service is a process of its own (``child``) that tells what it sees (``telling``). What both
have for the command line is in their ``proofs``.
"""

"""HTTP: from a socket to the dispatcher, and back.

Read in this order: ``_server`` with ``_acceptor``, ``_listen`` and ``_clock`` (the port),
``_connection`` with ``_link`` (what comes and goes by one connection, in order), ``_reader``,
``_parser`` and ``_head`` (from bytes to messages), ``_message`` and ``_endpoint`` with ``_rules``
and ``_answers`` (the way of a call), ``_page`` with ``_tornado`` (the way of everything else, which
Tornado's application answers), ``_detached`` (connections that a handler takes over),
``_application`` and ``_handlers`` with ``_guard`` and ``_health`` (that application), ``_tls``.
"""

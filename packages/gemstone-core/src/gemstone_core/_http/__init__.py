"""HTTP: from a socket to the dispatcher, and back.

Read in this order: ``_server`` with ``_listen`` (the port), ``_connection`` (whom a message is
for), ``_endpoint`` with ``_rules`` (the way of a call), ``_handlers`` with ``_guard`` (Tornado
handlers, for calls that need one and for web pages), ``_application`` (everything else on the
port).
"""

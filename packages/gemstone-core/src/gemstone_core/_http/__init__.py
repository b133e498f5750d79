"""HTTP: from a socket to the dispatcher, and back.

Read in this order: ``_server`` (connections), ``_message`` (one message on its way to the
dispatcher), ``_rules`` (what the RPC endpoint lets in), ``_handlers`` (Tornado handlers, for
calls that need one and for web pages), ``_application`` (everything else on the port).
"""

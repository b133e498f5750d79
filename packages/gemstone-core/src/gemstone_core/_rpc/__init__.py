"""JSON-RPC 2.0, from the bytes of a body to the bytes of its answer. Knows no HTTP.

Read in this order: ``_dispatcher`` (the way of a body), ``_messages`` (what goes over the
wire), ``_calls`` (the way of a call), ``_method`` (one exposed method, ready to be called),
``_binding`` (params against a signature), ``_arrival`` and ``_bounded`` (who may call, and how
long it may take), ``_failures`` (what methods raise), ``_blocking`` (calls that need a thread),
``_batch``, ``_steps`` and ``_lanes`` (many calls at once), ``_notifications`` (calls without an
answer).
"""

"""JSON-RPC 2.0, from the bytes of a body to the bytes of its answer. Knows no HTTP.

Read in this order: ``_dispatcher`` (the way of a body), ``_messages`` (what goes over the
wire), ``_method`` (one exposed method, ready to be called), ``_binding`` (params against a
signature), ``_blocking`` (calls that need a thread), ``_failures`` (what methods raise).
"""

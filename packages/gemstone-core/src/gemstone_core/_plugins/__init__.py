"""Plugins: what is added to a service without a line in its class.

``_base`` is what they inherit, ``_outcome`` what they are told of a call that has ended;
``_registry`` knows which plugins a service has, ``_hooks`` calls them. ``_request_log`` is one.
"""

"""Discovery: who is where. What a service says of itself, and how it finds others:

- ``_names``: names, patterns and locations, checked; ``_entries``: who is where, each for a while;
- ``_strategy``: the base of strategies; ``_memory``, ``_static``, ``_http``: those that need
  nothing else; ``_backends``: which of them a URL stands for;
- ``_registry``: the service that ``_http`` asks;
- ``_hub``: the discovery of a service; ``_settings``: what its class says about it, checked;
- ``_heartbeat``: the thread that says where the service is; ``_reachability``: telling when a
  registry goes, and when it comes back;
- ``_finder``: finding another service, once; ``_lookup``: asking all strategies where it is;
  ``_found``, ``_cache``: what was found, and what keeps it.
"""

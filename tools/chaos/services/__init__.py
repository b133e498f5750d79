"""Services that call others by their names, while instances and registries die, stop and hang.

Numbered calls go from a ``caller`` to ``instance``s behind one name, each a process of its own
(looked after by ``processes``), that find each other through a registry (``registries``). Things
happen to them (``scenarios``, on a ``stage``), and ``impostors`` take the places of the dead.
Afterwards each call is accounted for (``ledger``): it was answered, or failed as it may, and was
executed as often as it may be.
"""

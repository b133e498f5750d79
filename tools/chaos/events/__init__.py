"""Services that emit and handle events, on brokers to which things happen.

Numbered events flow from one process (``service``, looked after by ``processes``) to another, and a
broker is killed, paused or disturbed (``victims``) again and again (``scenarios``). Afterwards each
event is accounted for (``ledger``): what was promised has arrived, or was lost in an outage.
"""

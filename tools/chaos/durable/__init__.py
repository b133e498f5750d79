"""Durable events, while brokers, emitters and handlers are killed: nothing promised may be lost.

Numbered events flow from one process to others (``service``, looked after by ``processes``). Things
happen to all of them, and to the broker (``brokers``), again and again (``scenarios``). Afterwards
each number that a receipt has promised must have been handled.
"""

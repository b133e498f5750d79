"""Events. One that is emitted goes down through these files, one that comes back up:

- ``_event``: what travels; ``_hub``: the events of a service;
- ``_emission``, ``_receipt``: what waits to go out, and what its emitter has of it; ``_outbox``:
  where it waits; ``_losses``: telling what did not go out;
- ``_attachment``: one transport at work (``_attachments``: several of them; ``_figures``: what
  limits events and is counted of them; ``_tally``: telling what is counted);
  ``_supervisor``: the thread that keeps up a connection;
- ``_transport``: the base of transports; ``_memory``: the one that needs no broker; ``_backends``:
  which of them a URL stands for;
- ``_durable``: the base of those that keep events until they are handled; ``_verdict``: what
  becomes of what they have delivered; ``_dead_letters``: of what they have given up;
- ``_delivery``: from there to the event loop; ``_handler``: the methods that are called.

``_open_transport`` does without a service.
"""

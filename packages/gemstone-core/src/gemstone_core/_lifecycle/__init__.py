"""A service's life: how it is checked, started, drained and stopped.

Read in this order: ``_settings`` (what its class says, checked), ``_run`` (one life, from
start to stop), ``_periodic`` and ``_executor`` (what lives along with it), ``_loop`` and
``_loop_factory`` (the event loop around it), ``_process`` (``start()``, and the process),
``_thread`` (``start_in_thread()``).
"""

"""Hardening proofs: everything bad is done to a service, and somebody calls it meanwhile.

``python -m tools.soak`` runs them and prints tables; the tests run short forms. The service under
test (``service``) and its calm visitor (``visitor``) are processes of their own; those who attack
it live in this one. A ``stage`` has all three, and looks whether the service is afterwards as it
was before.

The scenarios are in ``slow``, ``hostile``, ``greedy`` and ``crowds``, and their list in ``proofs``.
What is hostile is made of a ``corpus`` of ``shapes``, as they are or made up into ``streams``;
``verdicts`` say what is wrong with the ``answers``.
"""

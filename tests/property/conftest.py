"""Settings of the property tests: the same examples each time where CI is set.

So they are on each interpreter, too: ``GEMSTONE_TEST_FEW_EXAMPLES`` asks for a tenth of them.
"""

import os

from hypothesis import HealthCheck, settings

FEW = "GEMSTONE_TEST_FEW_EXAMPLES"

settings.register_profile(
    "gemstone",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    # Machines are slow at times, and the tests keep what they need for all examples on purpose.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("gemstone")


def examples(many: int) -> settings:
    """How many examples a test is tried with."""
    return settings(max_examples=many // 10 if os.environ.get(FEW) else many)

"""Settings of the property tests: the same examples each time where CI is set."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "gemstone",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    # Machines are slow at times, and the tests keep what they need for all examples on purpose.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("gemstone")

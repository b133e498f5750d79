"""A service stands what is slow, greedy, hostile or many: ``nox -s soak`` in short."""

import importlib.util
import itertools
from dataclasses import replace

import pytest

from tools.soak.proofs import SCENARIOS, run
from tools.soak.stage import SHORT

pytestmark = pytest.mark.once

#: The loops of the services, in turn.
LOOPS = ("asyncio", "uvloop" if importlib.util.find_spec("uvloop") else "asyncio")


@pytest.mark.parametrize(
    ("scenario", "loop"), [*zip(SCENARIOS, itertools.cycle(LOOPS), strict=False)]
)
def test_a_service_stands_it(scenario, loop):
    result = run(scenario, replace(SHORT, loop=loop))
    assert not result.problems, "\n".join(result.problems)
    # Something has happened, so that this was a proof.
    assert result.loop == loop
    assert result.done >= 6
    assert result.calls >= 20

"""What a receipt of a durable event promised is handled: ``nox -s chaos`` in short."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pytest

from tools.chaos.durable.brokers import KEEPERS
from tools.chaos.durable.proofs import run
from tools.chaos.durable.scenarios import SCENARIOS
from tools.chaos.durable.stage import Amount

from ..conftest import RABBITMQ, REDIS, skip_if_given

pytestmark = pytest.mark.once
AMOUNT = Amount()
GIVEN = {"redis": REDIS, "rabbitmq": RABBITMQ}


@pytest.fixture(scope="module")
def keepers():
    """Brokers that keep events, and may be killed; and why others may not."""
    found, spared = [], []
    with ExitStack() as stack:
        for kind, make in KEEPERS.items():
            try:
                skip_if_given(GIVEN[kind])
            except pytest.skip.Exception as reason:
                spared.append(f"{kind}: {reason}")
                continue
            keeper = make()
            stack.enter_context(keeper.broker)
            keeper.prepare()
            found.append(keeper)
        yield found, spared


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_promised_is_lost(keepers, scenario):
    found, spared = keepers
    concerned = [keeper for keeper in found if scenario in keeper.scenarios]
    for keeper in concerned:
        keeper.broker.start()
    with ThreadPoolExecutor() as pool:  # most of the time is spent waiting for brokers
        results = [*pool.map(partial(run, scenario, amount=AMOUNT), concerned)]
    for result in results:
        assert not result.problems, "\n".join([result.broker, *result.problems])
        # Something has happened, so that this was a proof.
        assert result.rounds
        assert result.handled > 100
        assert result.lost == 0
        if scenario == "brokers-die":
            assert result.rounds == len(result.back) == AMOUNT.broker_kills
    if spared:
        pytest.skip("; ".join(spared))

"""What a receipt of a durable event promised is handled: ``nox -s chaos`` in short."""

import pytest

from tools.chaos.durable.brokers import KEEPERS
from tools.chaos.durable.proofs import run
from tools.chaos.durable.scenarios import SCENARIOS
from tools.chaos.durable.stage import Amount

pytestmark = pytest.mark.once
AMOUNT = Amount()


@pytest.fixture(scope="module", params=KEEPERS)
def keeper(request):
    """A broker that keeps events, and may be killed."""
    request.getfixturevalue(f"_mortal_{request.param}")  # is skipped where none may be killed
    keeper = KEEPERS[request.param]()
    with keeper.broker:
        keeper.prepare()
        yield keeper


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_promised_is_lost(keeper, scenario):
    if scenario not in keeper.scenarios:
        pytest.skip(f"nothing of the kind happens to {keeper.label}")
    keeper.broker.start()
    result = run(scenario, keeper, AMOUNT)
    assert not result.problems, "\n".join(result.problems)
    # Something has happened, so that this was a proof.
    assert result.rounds
    assert result.handled > 100
    assert result.lost == 0
    if scenario == "brokers-die":
        assert result.rounds == len(result.back) == AMOUNT.broker_kills

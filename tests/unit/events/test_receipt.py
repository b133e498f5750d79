"""Receipts: what the emitter gets."""

import asyncio
import threading

import pytest
from tornado import gen

from gemstone.errors import EventExpiredError, EventRefusedError, ServiceStateError
from gemstone.event import Receipt
from gemstone_core._events._receipt import joint_receipt


def later(receipt, error=None):
    """Settles a receipt from another thread, which has begun."""
    settle = receipt.set_exception if error else receipt.set_result
    threading.Timer(0.02, settle, (error,)).start()


def test_wait():
    receipt = Receipt()
    later(receipt)

    assert receipt.wait(30) is None
    assert receipt.wait() is None


def test_wait_raises_what_became_of_it():
    receipt = Receipt()
    later(receipt, EventRefusedError("no"))

    with pytest.raises(EventRefusedError, match="no"):
        receipt.wait(30)


def test_wait_in_vain():
    with pytest.raises(TimeoutError, match=r"after 0\.01 s it is not decided") as caught:
        Receipt().wait(0.01)
    assert not isinstance(caught.value, EventExpiredError)


def test_an_expired_event_is_no_wait_in_vain():
    receipt = Receipt()
    receipt.set_exception(EventExpiredError("too late"))

    with pytest.raises(EventExpiredError, match="too late"):
        receipt.wait(1)


def test_wait_is_refused_where_it_would_hold_up_the_loop():
    async def main():
        receipt = Receipt()
        with pytest.raises(ServiceStateError, match="await the receipt"):
            receipt.wait(1)
        receipt.set_result(None)
        receipt.wait(1)

    asyncio.run(main())


def test_it_can_be_awaited_again_and_by_several():
    async def main():
        receipt = Receipt()

        async def wait():
            await receipt

        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0)
        later(receipt)
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks)
            await receipt
            await receipt

    asyncio.run(main())


def test_an_error_reaches_all_who_await_it():
    async def main():
        receipt = Receipt()

        async def wait():
            await receipt

        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0)
        later(receipt, EventRefusedError("no"))
        async with asyncio.timeout(30):
            errors = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in errors] == [EventRefusedError] * 3
        with pytest.raises(EventRefusedError):
            await receipt

    asyncio.run(main())


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_one_who_stops_waiting_does_not_break_it(how):
    async def main():
        receipt = Receipt()

        async def wait():
            await receipt

        other = asyncio.create_task(wait())
        if how == "timeout":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(receipt, 0.01)
        else:
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not receipt.done()
        later(receipt)
        async with asyncio.timeout(30):
            await other
            await receipt

    asyncio.run(main())


def test_it_is_settled_after_the_loop_of_one_who_waited_is_gone():
    receipt = Receipt()

    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receipt, 0.01)

    asyncio.run(main())
    receipt.set_result(None)
    receipt.wait(0)


def test_a_callback_is_called_once_whenever_it_is_added():
    receipt = Receipt()
    called = []
    receipt.add_done_callback(called.append)
    receipt.add_done_callback(called.append)
    assert called == []

    receipt.set_exception(EventRefusedError("no"))
    receipt.add_done_callback(called.append)

    assert called == [receipt] * 3
    assert str(receipt.exception()) == "no"


def test_a_callback_that_raises_disturbs_nobody(caplog):
    receipt = Receipt()
    called = []

    def fail(_):
        raise ZeroDivisionError

    receipt.add_done_callback(fail)
    receipt.add_done_callback(called.append)
    receipt.set_result(None)
    receipt.add_done_callback(fail)

    assert called == [receipt]
    assert caplog.text.count("a callback of a receipt failed") == 2


def test_coroutines_of_both_kinds_wait_for_it():
    @gen.coroutine
    def by_tornado(receipt):
        yield receipt
        return "done"

    async def main():
        receipts = [Receipt() for _ in range(4)]
        for receipt in receipts:
            later(receipt)
        await asyncio.gather(*receipts[:2])
        await asyncio.wait_for(receipts[2], 30)
        assert await by_tornado(receipts[3]) == "done"

    asyncio.run(main())


def test_a_joint_receipt_waits_for_all():
    receipts = [Receipt() for _ in range(3)]
    joint = joint_receipt(receipts)
    for receipt in receipts:
        assert not joint.done()
        receipt.set_result(None)

    assert joint.result(0) is None


def test_a_joint_receipt_fails_as_the_first_in_the_list():
    receipts = [Receipt() for _ in range(3)]
    joint = joint_receipt(receipts)
    receipts[2].set_exception(EventRefusedError("third"))
    receipts[1].set_exception(EventRefusedError("second"))
    assert not joint.done()
    receipts[0].set_result(None)

    with pytest.raises(EventRefusedError, match="second"):
        joint.wait(0)


def test_a_joint_receipt_is_settled_once_by_many_threads():
    for _ in range(20):
        receipts = [Receipt() for _ in range(8)]
        joint = joint_receipt(receipts)
        start = threading.Barrier(8)

        def settle(receipt, start=start):
            start.wait(30)
            receipt.set_result(None)

        threads = [threading.Thread(target=settle, args=(each,)) for each in receipts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert joint.result(0) is None

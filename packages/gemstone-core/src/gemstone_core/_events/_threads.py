"""Which threads may wait, and which must not."""

import asyncio


def on_event_loop() -> bool:
    """Whether an event loop runs in this thread, which nobody may hold up."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

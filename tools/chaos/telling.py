"""What a process of ours tells the one that started it: records, each a line of JSON."""

import json
import os
import threading


def tell(*record: object) -> None:
    """Writes a record to stdout, its kind first; at once, so that it outlives a kill."""
    # One call for a whole line, and none longer than a pipe takes at once: threads don't mix.
    os.write(1, f"{json.dumps(record)}\n".encode())


def end_without_parent() -> None:
    """Ends this process when nobody can write to its stdin any more: nobody looks on."""
    threading.Thread(target=_wait_for_the_end, name="watches-stdin", daemon=True).start()


def _wait_for_the_end() -> None:
    # Not through sys.stdin: its lock, held here, would abort an interpreter that ends meanwhile.
    while os.read(0, 1024):
        pass
    os._exit(3)

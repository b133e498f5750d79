"""The least that a service on gemstone's libraries does before it listens: it imports them.

The port is the first argument.
"""

import asyncio
import sys

import httptools  # noqa: F401  # only its import is measured, as that of msgspec
import msgspec  # noqa: F401
import tornado.web


async def main() -> None:
    tornado.web.Application([]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

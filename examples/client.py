"""Calls the hello-world service: start it with scripts/run, then run this in another terminal."""

import sys

import gemstone

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/api"

with gemstone.RemoteService(url) as service:
    # The whole answer: its result, or its error.
    print(service.call_method("say_hello", {"name": "world"}).result)

    # The value alone; an error is raised as gemstone.errors.RemoteCallError.
    print(service.methods.say_hello("again"))

    # Many at once.
    calls = [service.call_method_async("say_hello", (number,)) for number in range(3)]
    for call in gemstone.as_completed(*calls):
        print(call.result().result)

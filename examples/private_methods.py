"""Methods for those who have a token. `private_methods.py call` calls them, while it serves."""

import hmac
import sys

import gemstone

TOKEN = "not so secret"


class VaultService(gemstone.MicroService):
    name = "vault_service"
    port = 8000

    def authenticate_request(self, handler: gemstone.TornadoJsonRpcHandler) -> bool:
        token = handler.request.headers.get("X-Token", "")
        return hmac.compare_digest(token.encode(), TOKEN.encode())

    @gemstone.exposed_method(private=True)
    def open_vault(self) -> str:
        return "gold"

    @gemstone.exposed_method()
    def knock(self) -> str:
        return "who is there?"


def call(url: str) -> None:
    with gemstone.RemoteService(url) as stranger:
        print(stranger.methods.knock())
        print(stranger.call_method("open_vault").error)

    with gemstone.RemoteService(url, authentication_method={"X-Token": TOKEN}) as friend:
        print(friend.methods.open_vault())


if __name__ == "__main__":
    if sys.argv[1:] == ["call"]:
        call(f"http://127.0.0.1:{VaultService.port}{VaultService.endpoint}")
    else:
        VaultService().start()

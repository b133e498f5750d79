"""A page that calls its service: start it, and open http://127.0.0.1:8000/ in a browser."""

from pathlib import Path

import gemstone

HERE = Path(__file__).parent


class Page(gemstone.GemstoneCustomHandler):
    def get(self) -> None:
        self.render("page.html", service=self.microservice)


class WebPageService(gemstone.MicroService):
    name = "web_page_service"
    port = 8000
    template_dir = HERE / "templates"
    static_dirs = [("/static", HERE / "static")]
    extra_handlers = [(r"/", Page)]

    @gemstone.exposed_method()
    def say_hello(self, name: str) -> str:
        if not name.strip():
            raise gemstone.RpcError(1, "Everybody has a name")
        return f"hello {name}"


if __name__ == "__main__":
    WebPageService().start()

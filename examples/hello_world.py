import gemstone.core


class HelloWorldService(gemstone.core.MicroService):
    name = "hello_world_service"
    host = "127.0.0.1"
    port = 8000

    @gemstone.core.exposed_method()
    def say_hello(self, name: str) -> str:
        return f"hello {name}"


if __name__ == "__main__":
    service = HelloWorldService()
    service.start()

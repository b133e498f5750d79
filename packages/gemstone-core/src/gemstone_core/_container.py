"""Containers: exposed methods outside of the service's own class."""

from concurrent.futures import ThreadPoolExecutor

from tornado.ioloop import IOLoop

from ._parts import Part


class Container(Part):
    """A part of a service with exposed methods of its own, for services that grow.

    List it in the service's ``modules``, as an instance, a class, or a function that makes
    one. Its methods are called by clients like the service's own::

        class Users(gemstone.Container):
            @gemstone.exposed_method("users.find")
            def find(self, name): ...

        class Shop(gemstone.MicroService):
            name = "shop"
            modules = [Users]
    """

    def get_executor(self) -> ThreadPoolExecutor:
        """The executor in which the service's blocking methods run. From any thread.

        Raises:
            ServiceStateError: the container belongs to no service yet.
        """
        return self.microservice.get_executor()

    def get_io_loop(self) -> IOLoop:
        """The event loop of the service. From any thread.

        Raises:
            ServiceStateError: the container belongs to no service yet, or it was not
                started.
        """
        return self.microservice.get_io_loop()


Module = Container

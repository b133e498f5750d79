"""Events through the files of a folder: a transport of gemstone, for programs on one machine."""

from ._transport import FolderEventTransport

__all__ = ["FolderEventTransport"]

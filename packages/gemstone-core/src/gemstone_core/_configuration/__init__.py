"""Configuration: values from outside for the attributes of one service.

``_loading`` is the way of a value, from a configurator to an attribute; ``_lists`` makes what the
class lists, ``_shown`` shows values without their secrets.
"""

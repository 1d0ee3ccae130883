"""A property that is found once: a decision finds a dozen of them, and none from two threads."""

from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801  # a decorator, named as those of the standard library
    """As `functools.cached_property`, without the lock that this takes before Python 3.12."""

    def __init__(self, find: Callable[..., Value]) -> None:
        self._find = find
        self.__doc__ = find.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> Value:
        value = instance.__dict__[self._name] = self._find(instance)
        return value

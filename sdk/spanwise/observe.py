"""Make each call of a function a span: functions, coroutines, and generators of both sorts."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Final, TypeAlias, TypeVar, overload

from .parameters import parameters_of
from .runtime import HELD
from .safety import guard, swallowed
from .span import UNSAID, Span

F = TypeVar("F", bound=Callable[..., Any])
Serializer: TypeAlias = Callable[[Any], Any]
_SELF: Final = frozenset({"self", "cls"})
#: What says nothing yet, and is the program's to go through.
_STILL_TO_COME: Final = frozenset({GeneratorType, AsyncGeneratorType, CoroutineType})


@overload
def observe(function: F, /) -> F: ...


@overload
def observe(
    *,
    name: str | None = None,
    kind: str = "chain",
    capture_input: bool = True,
    capture_output: bool = True,
    serializer: Serializer | None = None,
) -> Callable[[F], F]: ...


def observe(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    kind: str = "chain",
    capture_input: bool = True,
    capture_output: bool = True,
    serializer: Serializer | None = None,
) -> Any:
    """Make each call of the decorated function a span, with its arguments as input and its result as output.

    Use it bare or with arguments.  *name* is the function's own where not given; *kind* is one of
    ``spanwise.vocabulary.KINDS``.  The span of a generator lasts until it is exhausted, closed or dropped, and its
    output is what it yielded.  Of a class, each public method that it defines itself is observed, and the same class
    comes back.  *serializer* gets the arguments (a mapping by name) or the result, and returns what is to be kept.
    """
    policy = _Policy(kind, serializer, captures_input=capture_input, captures_output=capture_output)
    if function is None:
        return lambda found: _observed(found, name, policy)
    return _observed(function, name, policy)


def _observed(function: Any, name: str | None, policy: _Policy) -> Any:
    if isinstance(function, type):
        return _class(function, name, policy)
    if isinstance(function, (staticmethod, classmethod)) or not callable(function):
        return _descriptor(function, name, policy)
    shown = name or getattr(function, "__qualname__", type(function).__name__).rpartition("<locals>.")[2]
    watch = _Watch(function, shown, policy)
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, watch)
    if inspect.isgeneratorfunction(function):
        return _generator(function, watch)
    called = getattr(type(function), "__call__", None)  # noqa: B004  # an object that is awaited when it is called
    awaited = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
    observed = _coroutine(function, watch) if awaited else _function(function, watch)
    plain = inspect.isfunction(function) or inspect.ismethod(function) or inspect.isbuiltin(function)
    return observed if plain else _with_methods(observed, function)


def _with_methods(observed: Any, function: Any) -> Any:
    """Give *observed* what else an object that is called can do, such as the ``cache_info`` of a function's cache."""
    with guard():
        for name in dir(function):
            if not name.startswith("__") and name not in vars(observed) and callable(found := getattr(function, name)):
                setattr(observed, name, found)
    return observed


def _descriptor(found: Any, name: str | None, policy: _Policy) -> Any:
    """Observe what stands in a class for a function, and give back anything else as it is."""
    if isinstance(found, (staticmethod, classmethod)):
        return type(found)(_observed(found.__func__, name, policy))
    if isinstance(found, property):
        return found.getter(_observed(found.fget, name, policy))
    if isinstance(found, functools.cached_property):
        found.func = _observed(found.func, name, policy)
    return found


def _class(owner: type, name: str | None, policy: _Policy) -> type:
    """Observe the public methods that *owner* itself defines, in their places, and what it does when it is called."""
    title = name or owner.__qualname__.rpartition("<locals>.")[2]
    for method, found in list(vars(owner).items()):
        public = not method.startswith("_") or method == "__call__"
        if public and (inspect.isfunction(found) or isinstance(found, (staticmethod, classmethod))):
            setattr(owner, method, _observed(found, f"{title}.{method}", policy))
    return owner


@dataclass(frozen=True, slots=True)
class _Policy:
    """What is kept of each call."""

    kind: str
    serializer: Serializer | None
    captures_input: bool
    captures_output: bool


class _Watch:
    """What to record of each call of one function."""

    __slots__ = ("_name", "_names", "_policy", "_rest")

    def __init__(self, function: Any, name: str, policy: _Policy) -> None:
        self._name = name
        self._policy = policy
        self._names, self._rest = _positional(function)

    def open(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
        """Return the started span of one call."""
        given: Any = UNSAID
        if self._policy.captures_input and HELD.runtime.config.capture_content:
            try:
                given = self._kept(self._input(args, kwargs))
            except Exception as error:
                if not swallowed(error):
                    raise
        return Span(self._name, self._policy.kind).start(given)

    def output(self, opened: Span, value: Any) -> None:
        """Record what came out."""
        policy = self._policy
        if policy.captures_output and (type(value) not in _STILL_TO_COME or policy.serializer is not None):
            try:
                opened.set_output(value if policy.serializer is None else policy.serializer(value))
            except Exception as error:
                if not swallowed(error):
                    raise

    def yielded(self, opened: Span, values: list[Any]) -> None:
        """Record what a generator yielded: pieces of text as one text."""
        if self._policy.captures_output:
            text = bool(values) and all(isinstance(value, str) for value in values)
            with guard():
                opened.set_output(self._kept("".join(values) if text else values))

    def _kept(self, value: Any) -> Any:
        serializer = self._policy.serializer
        return value if serializer is None else serializer(value)

    def _input(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if not args:
            return kwargs
        names = self._names
        given = dict(zip(names, args, strict=False))
        if len(args) > len(names):
            given[self._rest] = args[len(names) :]
        given.update(kwargs)
        if names and names[0] in _SELF:
            given.pop(names[0], None)
        return given


def _positional(function: Any) -> tuple[tuple[str, ...], str]:
    """Return the names that positional arguments go by, and the name of what is left over."""
    names: list[str] = []
    try:
        parameters = parameters_of(function)
    except (TypeError, ValueError):  # written in C
        return (), "args"
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            return tuple(names), parameter.name
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    return tuple(names), "args"


def _function(function: Any, watch: _Watch) -> Any:
    @functools.wraps(function)
    def observed(*args: Any, **kwargs: Any) -> Any:
        if HELD.off:
            return function(*args, **kwargs)
        opened = watch.open(args, kwargs)
        opened.enter()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            opened.leave()
            opened.end(error)
            raise
        opened.leave()
        watch.output(opened, result)
        opened.end()
        return result

    return observed


def _coroutine(function: Any, watch: _Watch) -> Any:
    @functools.wraps(function)
    async def observed(*args: Any, **kwargs: Any) -> Any:
        if HELD.off:
            return await function(*args, **kwargs)
        opened = watch.open(args, kwargs)
        opened.enter()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            opened.leave()
            opened.end(error)
            raise
        opened.leave()
        watch.output(opened, result)
        opened.end()
        return result

    return observed


def _generator(function: Any, watch: _Watch) -> Any:
    """Wrap a generator; its body runs inside the span step by step, so that nothing is held over a yield."""

    @functools.wraps(function)
    def observed(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        if HELD.off:
            return (yield from generator)
        opened = watch.open(args, kwargs)
        values: list[Any] = []
        failure: BaseException | None = None
        step: Callable[[], Any] = functools.partial(next, generator)
        try:
            while True:
                opened.enter()
                try:
                    value = step()
                except StopIteration as end:
                    return end.value
                finally:
                    opened.leave()
                values.append(value)
                try:
                    step = functools.partial(generator.send, (yield value))
                except GeneratorExit:
                    opened.enter()
                    try:
                        generator.close()
                    finally:
                        opened.leave()
                    raise
                except BaseException as thrown:  # noqa: BLE001  # whatever is thrown in belongs to the generator
                    step = functools.partial(generator.throw, thrown)
        except BaseException as error:
            failure = error
            raise
        finally:
            watch.yielded(opened, values)
            opened.end(failure)

    return observed


def _async_generator(function: Any, watch: _Watch) -> Any:
    """Wrap an asynchronous generator, as ``_generator`` does a plain one."""

    @functools.wraps(function)
    async def observed(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        opened = watch.open(args, kwargs)
        values: list[Any] = []
        failure: BaseException | None = None
        step: Callable[[], Any] = generator.__anext__
        try:
            while True:
                opened.enter()
                try:
                    value = await step()
                except StopAsyncIteration:
                    return
                finally:
                    opened.leave()
                values.append(value)
                try:
                    step = functools.partial(generator.asend, (yield value))
                except GeneratorExit:
                    opened.enter()
                    try:
                        await generator.aclose()
                    finally:
                        opened.leave()
                    raise
                except BaseException as thrown:  # noqa: BLE001  # whatever is thrown in belongs to the generator
                    step = functools.partial(generator.athrow, thrown)
        except BaseException as error:
            failure = error
            raise
        finally:
            watch.yielded(opened, values)
            opened.end(failure)

    return observed

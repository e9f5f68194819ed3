"""Components by family and name, and their parameters from the constructor's signature.

A component is a class or a function. A recipe may set its keyword-only parameters; vadkit supplies
the positional ones. Each family has one explicit table of built-in names, ``COMPONENTS`` in the
family's package, so looking up a name imports only that component.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import importlib.metadata
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from vadkit.arguments import as_name
from vadkit.errors import PluginError, RecipeError
from vadkit.text import printable

if TYPE_CHECKING:
    from pydantic import BaseModel

T = TypeVar("T", bound=Callable[..., Any])

# Family -> the package that contains its table.
FAMILIES: dict[str, str] = {
    "methods": "vadkit.methods",
    "features": "vadkit.features",
    "extractors": "vadkit.features",
    "densities": "vadkit.densities",
    "networks": "vadkit.networks",
    "losses": "vadkit.losses",
    "optimizers": "vadkit.optim",
    "schedulers": "vadkit.optim",
    "augments": "vadkit.data",
    "datasets": "vadkit.data",
    "labels": "vadkit.data",
    "readers": "vadkit.data",
    "flow": "vadkit.data",
    "objects": "vadkit.data",
    "pseudo": "vadkit.data",
    "evaluators": "vadkit.evaluation",
    "protocols": "vadkit.evaluation",
    "scorers": "vadkit.scoring",
    "hooks": "vadkit.hooks",
    "sources": "vadkit.inference",
    "sinks": "vadkit.inference",
}


@dataclass(frozen=True)
class Nested:
    """Marks a parameter that is itself a component of ``family``, or contains several.

    ``Annotated[list[dict[str, Any]], Nested("features", "list")]``. A recipe gives mappings with a
    ``type``, which are checked like those of a section. The constructor gets complete mappings and
    builds the components with ``build_spec``. ``form`` is as in
    ``recipe.model.COMPONENT_SECTIONS``.
    """

    family: str
    form: Literal["one", "optional", "list", "roles"] = "one"


@dataclass(frozen=True)
class Component:
    """A name in a family and its origin; ``target`` is ``module:attribute``.

    A ``declared`` component is in a plugin file that is not run: only its source text is known, its
    ``target`` is ``path:attribute``, and it cannot be loaded. A ``loose`` component was registered
    outside of plugins and packages, for example in a notebook: other processes do not know it.
    """

    family: str
    name: str
    target: str
    origin: str
    obj: Callable[..., Any] | None = None
    declared: bool = False
    loose: bool = False

    def load(self) -> Callable[..., Any]:
        """Import and return the class or function."""
        if self.obj is not None:
            return self.obj
        if self.declared:
            raise PluginError(f"{self.family} '{self.name}' is in {self.origin}, which was not run")
        module, _, attribute = self.target.partition(":")
        try:
            found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
            return found
        except Exception as error:
            if self.origin == "vadkit":
                raise
            raise PluginError(
                f"{self.family} '{self.name}' from {self.origin} cannot be loaded: "
                f"{self.target}: {type(error).__name__}: {error}"
            ) from error


# A longer text is not a misspelt name, and the time of a comparison is quadratic in the length.
_LONGEST_NAME = 100

# The origin of code from a prompt or a cell of a notebook.
_SESSION = "this session"

# Whether a plugin file is being run.
_in_plugin = False

# What `register` added, by family and name.
_registered: dict[str, dict[str, Component]] = {family: {} for family in FAMILIES}


def register(family: str, name: str) -> Callable[[T], T]:
    """Class or function decorator that adds a component; for plugin files and notebooks.

    If a cell of a notebook runs again, it replaces its component. Raises ``PluginError`` if the
    family does not exist or the name is taken.
    """
    as_name(family, "family")
    as_name(name, "name")
    if family not in FAMILIES:
        raise PluginError(
            f"register('{family}', '{name}'): no such family{_suggest(family, FAMILIES)}"
        )

    def add(obj: T) -> T:
        origin = _origin_of(obj)
        known = components(family).get(name)
        if known is not None and not known.origin == origin == _SESSION:
            raise PluginError(
                f"{family} '{name}' from {origin} is already registered by {known.origin}; "
                f"{_advice(known, obj)}"
            )
        target = f"{obj.__module__}:{obj.__qualname__}"
        _registered[family][name] = Component(
            family, name, target, origin, obj, loose=not _in_plugin
        )
        return obj

    return add


def _origin_of(obj: Callable[..., Any]) -> str:
    """Return the source file of a component; Python does not know it for a class in a notebook."""
    if obj.__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
        return _SESSION
    return inspect.getsourcefile(obj) or obj.__module__


def _advice(known: Component, obj: Callable[..., Any]) -> str:
    """Return what to do about a name that is taken."""
    module = getattr(known.obj, "__module__", None)
    if _in_plugin and known.origin == _origin_of(obj) and module != obj.__module__:
        return (
            "the file has changed since this process ran it: restart Python (in a notebook, the "
            "kernel) to use the new code"
        )
    return "choose another name"


def components(family: str) -> dict[str, Component]:
    """Return all components of a family by name: built in, from packages, registered."""
    if family not in FAMILIES:
        raise RecipeError(
            f"no component family '{printable(family, 100)}'{_suggest(family, FAMILIES)}"
        )
    table = importlib.import_module(FAMILIES[family]).COMPONENTS[family]
    found = {name: Component(family, name, target, "vadkit") for name, target in table.items()}
    for component in [*_from_packages(family), *_registered[family].values()]:
        known = found.setdefault(component.name, component)
        if known is not component:
            raise PluginError(
                f"{family} '{component.name}' is defined twice: by {known.origin} and by "
                f"{component.origin}; rename one of them"
            )
    return found


@functools.cache
def _from_packages(family: str) -> tuple[Component, ...]:
    """Return components of installed packages; searching all packages takes 10 ms per family."""
    return tuple(
        Component(family, point.name, point.value, f"package {point.dist and point.dist.name}")
        for point in importlib.metadata.entry_points(group=f"vadkit.{family}")
    )


def find(family: str, name: str) -> Component:
    """Return the component of that name; otherwise ``RecipeError`` lists the nearest names."""
    known = components(family)
    if name not in known:
        raise RecipeError(
            f"no {family} component named '{printable(name, 100)}'{_suggest(name, sorted(known))}"
        )
    return known[name]


@contextlib.contextmanager
def declaring(found: Sequence[Component]) -> Iterator[None]:
    """Know declared components inside this context; ``PluginError`` if a name is taken."""
    with contextlib.ExitStack() as stack:
        for one in found:
            known = components(one.family).get(one.name)
            if known is not None:
                raise PluginError(
                    f"{one.family} '{one.name}' from {one.origin} is already registered by "
                    f"{known.origin}; choose another name"
                )
            _registered[one.family][one.name] = one
            stack.callback(_registered[one.family].pop, one.name)
        yield


@contextlib.contextmanager
def running_plugin() -> Iterator[None]:
    """Assign what is registered inside this context to a plugin; undo it after an error."""
    global _in_plugin
    before = {family: dict(table) for family, table in _registered.items()}
    outer, _in_plugin = _in_plugin, True
    try:
        yield
    except BaseException:
        _registered.update(before)
        raise
    finally:
        _in_plugin = outer


def parameters(obj: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return a component's keyword-only parameters, with evaluated annotations."""
    found = {}
    for name, parameter in _signature(obj).parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            untyped = parameter.annotation is inspect.Parameter.empty
            found[name] = parameter.replace(annotation=Any) if untyped else parameter
    return found


def _signature(obj: Callable[..., Any]) -> inspect.Signature:
    """A signature in which at least the annotations of keyword-only parameters are evaluated."""
    try:
        return inspect.signature(obj, eval_str=True)
    except NameError:
        function = inspect.unwrap(obj.__init__ if inspect.isclass(obj) else obj)
        if not inspect.isfunction(function):
            raise
        # Other parameters may have types that are imported only for type checkers.
        only = types.FunctionType(
            function.__code__, function.__globals__, closure=function.__closure__
        )
        only.__kwdefaults__ = function.__kwdefaults__
        only.__annotations__ = {
            one.name: one.annotation
            for one in inspect.signature(function).parameters.values()
            if one.kind is one.KEYWORD_ONLY and one.annotation is not one.empty
        }
        return inspect.signature(only, eval_str=True)


@functools.cache
def params_model(obj: Callable[..., Any]) -> type[BaseModel]:
    """Return a pydantic model of a component's parameters that rejects unknown ones."""
    from pydantic import ConfigDict, create_model

    fields: dict[str, Any] = {
        name: (
            parameter.annotation,
            ... if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for name, parameter in parameters(obj).items()
    }
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    return create_model(obj.__name__, __config__=config, **fields)


def build(family: str, name: str, params: dict[str, Any], *supplied: Any) -> Any:
    """Construct a component from vadkit's arguments and the checked parameters of a recipe."""
    obj = find(family, name).load()
    return obj(*supplied, **params_model(obj)(**params).__dict__)


def build_spec(family: str, spec: Mapping[str, Any], *supplied: Any) -> Any:
    """Construct a component from a mapping that has its name under ``type``."""
    params = dict(spec)
    return build(family, params.pop("type"), params, *supplied)


def nested(model: type[BaseModel]) -> dict[str, Nested]:
    """Return the parameters of a model that are themselves components."""
    return {
        name: mark
        for name, field in model.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Nested)
    }


def did_you_mean(name: str, known: Any) -> str:
    """Return ``; did you mean 'x'?`` for the nearest known name, or an empty string."""
    if len(name) > _LONGEST_NAME:
        return ""
    near = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _suggest(name: str, known: Iterable[str]) -> str:
    """Return the nearest known name, if there is one, and all of them."""
    hint = did_you_mean(name, known)
    return f"{f'{hint} Known' if hint else '; known'}: {', '.join(known)}"

"""Models that a loss is computed from, that are put into training, and that no optimizer has."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losskit.check.lint.blocks import statements
from losskit.check.lint.names import about_loss, leaf_of
from losskit.check.lint.optimizers import optimized
from losskit.check.lint.units import Unit

__all__ = ["untrained"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOOPS = (ast.For, ast.While)
_HARMLESS = {"to", "cuda", "cpu", "half", "double", "train", "zero_grad", "apply", "state_dict"}
"""What is done to a model without handing on its parameters."""
_CUTTING = {"detach", "item", "data", "numpy"}


def untrained(unit: Unit) -> Iterator[tuple[str, ast.Call]]:
    """Yield models that no optimizer has, and backward() of a loss that is computed from each.

    Only of models that a function makes, trains and hands to nobody.
    """
    source = unit.source
    if any(word not in source for word in (".train()", ".backward(", ".step(", ".parameters()")):
        return
    functions = [one for one in statements(unit.tree.body) if isinstance(one, _FUNCTIONS)]
    for scope in (unit.tree, *functions):
        own = list(statements(scope.body, (*_FUNCTIONS, ast.ClassDef)))
        given = [one for one in own if isinstance(one, ast.Assign) and len(one.targets) == 1]
        built = [one for one in given if isinstance(one.value, ast.Call) and optimized(one.value)]
        models = {
            one.targets[0].id
            for one in given
            if isinstance(one.targets[0], ast.Name) and isinstance(one.value, ast.Call)
            if leaf_of(one.value.func)[:1].isupper() and one not in built
            if not about_loss(ast.unparse(one))
        }
        trained = {model for model in models if built and _is_trained(own, model)}
        for model in sorted(trained):
            if _is_kept(scope, model):
                for loop in own:
                    if isinstance(loop, _LOOPS):
                        yield from ((model, call) for call in _learning(loop, model))


def _is_trained(own: list[ast.stmt], model: str) -> bool:
    """Whether a function puts a model into training, and makes it once."""
    told = any(isinstance(one, ast.Expr) and ast.unparse(one) == f"{model}.train()" for one in own)
    made = [
        one
        for one in own
        if isinstance(one, ast.Assign)
        and any(ast.unparse(target) == model for target in one.targets)
        and not any(_is_name(node, model) for node in ast.walk(one.value))
    ]
    return told and len(made) == 1


def _is_kept(scope: ast.AST, model: str) -> bool:
    """Whether nobody else gets a model: it is called, and moved, and nothing more."""
    parents = {id(child): node for node in ast.walk(scope) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(scope):
        if not _is_name(node, model) or isinstance(getattr(node, "ctx", None), ast.Store):
            continue
        parent = parents.get(id(node))
        called = isinstance(parent, ast.Call) and parent.func is node
        moved = isinstance(parent, ast.Attribute) and parent.attr in _HARMLESS
        if not called and not moved:
            return False
    return True


def _learning(loop: ast.For | ast.While, model: str) -> Iterator[ast.Call]:
    """Yield the calls of backward() to which what a model gives leads, in a loop that steps."""
    names: set[str] = set()
    found: list[ast.Call] = []
    for one in loop.body:
        if isinstance(one, ast.Assign):
            leads = _leads(one.value, model, names)
            for target in one.targets:
                given = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
                names = names | given if leads else names - given
        elif isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name):
            if _leads(one.value, model, names):
                names.add(one.target.id)
        elif isinstance(one, ast.Expr) and isinstance(one.value, ast.Call):
            call = one.value
            if leaf_of(call.func) == "backward" and _leads(call.func, model, names):
                found.append(call)
            elif leaf_of(call.func) == "step" and found:
                yield from found
                return


def _leads(node: ast.AST, model: str, names: set[str]) -> bool:
    """Whether a gradient gets from an expression to a model."""
    if isinstance(node, ast.Attribute) and node.attr in _CUTTING:
        return False
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Call) and _is_name(node.func, model):
        return True
    return any(_leads(one, model, names) for one in ast.iter_child_nodes(node))


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name

"""LK132: criterion never used."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.blocks import blocks, statements
from losskit.check.lint.facts import Scanned
from losskit.check.lint.interest import builds_losses
from losskit.check.lint.losses import loss_words
from losskit.check.lint.names import leaf_of
from losskit.check.lint.seen import Seen
from losskit.check.lint.units import Unit

__all__ = ["RULE"]

RULE = Rule(
    code="LK132",
    name="criterion-never-used",
    severity=Severity.SUSPICIOUS,
    summary="A criterion is built, and another loss takes its place.",
    why=(
        "Readers and configuration files believe in the criterion that is built. Often its "
        "settings, such as class weights, were meant for the loss that is computed."
    ),
    bad="""\
import torch
import torch.nn.functional as F
from torch import nn


def train(model, optimizer, batches):
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    for inputs, labels in batches:
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
""",
    good="""\
import torch
from torch import nn


def train(model, optimizer, batches):
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    for inputs, labels in batches:
        loss = criterion(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
""",
    mend="Call the criterion, or drop it.",
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.NEVER,
)


def on_file(file: Scanned) -> Iterator[Seen]:
    """Look for criteria in functions, and in classes, that compute another loss."""
    if not builds_losses(file.unit.source):
        return
    used: set[str] | None = None
    if "backward" in file.unit.source:
        if any(_assigned(node) for node in statements(file.unit.tree.body, _DEFINITIONS)):
            yield from _unused(file.node, within=_script(file.node))
        yield from _hidden(file.unit)
        names = Counter(
            found[0] for node in statements(file.unit.tree.body) if (found := _assigned(node))
        )
        if max(names.values(), default=0) > 1:
            for block in blocks(file.unit.tree.body):
                yield from _replaced(block)
    for node in statements(file.unit.tree.body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            text = "\n".join(file.unit.lines[node.lineno - 1 : node.end_lineno])
            if "backward" in text and builds_losses(text):
                yield from _unused(node)
        elif isinstance(node, ast.ClassDef):
            kept = list(_kept(node))
            if kept and used is None:
                used = set(_used(file.node))
            for assigned, name, loss in kept:
                if used is not None and name not in used and _computes(node, assigned):
                    text = f"self.{name} = {loss}(...) is never used; another loss is"
                    yield Seen(text, node=assigned)


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _kept(kind: ast.ClassDef) -> Iterator[tuple[ast.Assign, str, str]]:
    """Yield the attributes in which the constructor of a class keeps losses."""
    for function in kind.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and len(node.targets) == 1:
                    target, loss = node.targets[0], _built(node.value)
                    if loss and isinstance(target, ast.Attribute) and _is_self(target.value):
                        yield node, target.attr, loss


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _used(tree: ast.AST) -> Iterator[str]:
    """Yield the attributes that a file reads, and words by which it may ask for them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _computes(kind: ast.ClassDef, kept: ast.Assign) -> bool:
    """Whether a class computes a loss that is not the one that it keeps."""
    methods = [one for one in kind.body if isinstance(one, ast.FunctionDef)]
    if any(isinstance(node, ast.Attribute) and node.attr == "backward" for node in ast.walk(kind)):
        return True
    working = [one for one in methods if one.name in {"forward", "__call__", *_STEPS}]
    if not working:
        return False
    own = {id(node) for node in ast.walk(kept)}
    calls = [
        leaf_of(node.func)
        for one in working
        for node in ast.walk(one)
        if isinstance(node, ast.Call) and id(node) not in own
    ]
    is_loss = "loss" in kind.name.lower() and bool(calls)
    return is_loss or any(leaf in loss_words() for leaf in calls)


_STEPS = ("training_step", "compute_loss")


def _script(tree: ast.AST) -> set[int]:
    """The nodes of a file that are in no function and no class."""
    found: set[int] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        found.add(id(node))
        waiting += [
            inner for inner in ast.iter_child_nodes(node) if not isinstance(inner, _DEFINITIONS)
        ]
    return found


def _unused(function: ast.AST, within: set[int] | None = None) -> Iterator[Seen]:
    """Look at what is built in a function; of a file, at what is built outside functions."""
    built: dict[str, tuple[ast.Assign, str]] = {}
    read: set[str] = set()
    moved: set[int] = set()
    trains = other = False
    for node in ast.walk(function):
        own = within is None or id(node) in within
        if isinstance(node, ast.Assign) and own and len(node.targets) == 1:
            target, name = node.targets[0], _built(node.value)
            if isinstance(target, ast.Name) and name:
                built[target.id] = (node, name)
        elif isinstance(node, ast.Expr) and _moved(node.value):
            moved.add(id(_moved(node.value)))
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            if id(node) not in moved:
                read.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            read.update(node.names)
        if isinstance(node, ast.Call) and own:
            leaf = leaf_of(node.func)
            trains = trains or leaf == "backward"
            other = other or leaf in loss_words() or isinstance(node.func, ast.Name)
            if _looks_up(node):
                return
    if not (trains and other):
        return
    for name, (node, loss) in built.items():
        if name not in read:
            yield Seen(f"{name} = {loss}(...) is never used; another loss is", node=node)


def _hidden(unit: Unit) -> Iterator[Seen]:
    """Look for criteria of a script in whose place its functions build their own."""
    functions = [one for one in statements(unit.tree.body) if isinstance(one, _DEFINITIONS[:2])]
    for fork in unit.tree.body:
        if not isinstance(fork, ast.If) or "__main__" not in ast.unparse(fork.test):
            continue
        for name, node, loss in filter(None, map(_assigned, fork.body)):
            owners = [one for one in functions if _is_local(one, name)]
            within = {id(inner) for one in owners for inner in ast.walk(one)}
            read = any(
                isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load)
                for one in ast.walk(unit.tree)
                if id(one) not in within
            )
            trains = any("backward" in unit.text(one) for one in owners)
            if trains and not read and not any(map(_looks_up, _calls(fork))):
                yield Seen(f"{name} = {loss}(...) is never used; another loss is", node=node)


def _is_local(function: ast.stmt, name: str) -> bool:
    """Whether a function builds a loss of its own under a name."""
    inner = list(ast.walk(function))
    shared = any(isinstance(one, (ast.Global, ast.Nonlocal)) and name in one.names for one in inner)
    return not shared and any((found := _assigned(one)) and found[0] == name for one in inner)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Call))


def _moved(node: ast.expr) -> ast.expr | None:
    """Return what a statement does nothing to but move it, as in ``criterion.cuda()``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value if node.func.attr in {"to", "cuda"} else None
    return None


def _replaced(block: list[ast.stmt]) -> Iterator[Seen]:
    """Look for criteria in whose place another is built before anybody reads them."""
    waiting: dict[str, list[tuple[ast.Assign, str]]] = {}
    for statement in block:
        if isinstance(statement, _DEFINITIONS):
            # Whatever it reads may be read from now on.
            waiting.clear()
            continue
        nodes = list(ast.walk(statement))
        for node in nodes:
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                waiting.pop(ast.unparse(node), None)
            elif isinstance(node, ast.Call) and _looks_up(node):
                waiting.clear()
        built = _assigned(statement)
        if built is not None:
            name, later, other = built
            for earlier, loss in waiting.pop(name, []):
                if ast.dump(earlier.value) != ast.dump(later.value):
                    text = f"{name} = {loss}(...) is never used: {other}(...) takes its place"
                    yield Seen(text, node=earlier)
        for one in filter(None, map(_assigned, nodes)):
            waiting.setdefault(one[0], []).append(one[1:])


def _looks_up(call: ast.Call) -> bool:
    """Whether names may be read in a way that cannot be seen; a model's eval() reads none."""
    return isinstance(call.func, ast.Name) and call.func.id in _BY_NAME


_BY_NAME = {"locals", "vars", "eval", "exec"}


def _assigned(node: ast.AST) -> tuple[str, ast.Assign, str] | None:
    """Return where a statement keeps the loss that it builds, the statement, and which loss."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    target, loss = node.targets[0], _built(node.value)
    plain = isinstance(target, ast.Name) or (
        isinstance(target, ast.Attribute) and _is_self(target.value)
    )
    return (ast.unparse(target), node, loss) if loss and plain else None


def _built(node: ast.expr) -> str:
    """Return the name of the loss that an expression builds."""
    while (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"to", "cuda"}
    ):
        node = node.func.value
    if isinstance(node, ast.IfExp):
        return _built(node.body) and _built(node.orelse)
    if isinstance(node, ast.Call):
        leaf = leaf_of(node.func)
        if leaf in loss_words() and leaf[:1].isupper():
            return leaf
    return ""

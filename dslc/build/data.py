"""`data = source(...) -> stage -> stage` to a pipeline, and what is known of its fields."""

from pathlib import Path
from typing import Any

from dslc.build import settings
from dslc.build.scope import Env
from dslc.build.values import Skip
from dslc.catalogue import Catalogue
from dslc.data.base import SOURCES, STAGES
from dslc.data.failures import DataFailure, DataMissing
from dslc.data.folders import Folders
from dslc.data.pipeline import Pipeline
from dslc.data.schema import Schema
from dslc.errors.data import MadeForNothing, from_failure
from dslc.errors.training import NotData, UnknownData
from dslc.graph import Graph
from dslc.parse import tree
from dslc.resolve import meant


def pipeline(env: Env, item: tree.Tree) -> Pipeline:
    """The source and its stages.

    Raises:
        Skip: when one of them is unknown, or a setting is wrong.
    """
    stages = item.stages if isinstance(item, tree.Pipe) else ()
    members = [_member(env, stage.value, STAGES if i else SOURCES) for i, stage in enumerate(stages)]
    return Pipeline(members[0], tuple(members[1:]))


def _member(env: Env, item: tree.Tree, catalogue: Catalogue[Any]) -> Any:
    callee = item.callee if isinstance(item, tree.Call) else item
    arguments = item.arguments if isinstance(item, tree.Call) else ()
    if isinstance(callee, tree.Lost):
        raise Skip
    if not isinstance(callee, tree.Name):
        raise env.fail(NotData(item.span, catalogue.what))
    if callee.text not in catalogue:
        near = catalogue.nearest(callee.text)
        sure = meant.sure(callee.text, near)
        raise env.fail(UnknownData(callee.span, catalogue.what, callee.text, near, catalogue.names(), sure))
    return settings.entry(env, catalogue[callee.text], arguments, item.span)


def require_read(env: Env, made: Pipeline, graph: Graph, item: tree.Assign) -> None:
    """Refuse a stage that makes a field that has to be read, because the others no longer tell the whole."""
    read = {node.name for node in graph.sources("input")}
    for stage in made.stages:
        for name in stage.makes:
            if name not in read:
                env.build.problems.add(MadeForNothing(item.span, stage.name, name))


def schema(env: Env, made: Pipeline, item: tree.Tree, data: tuple[Path, ...], must_be_there: bool) -> Schema | None:
    """What is known of the data; what is wrong with it is a problem, and only a note while nothing has to run."""
    folders = Folders(Path(env.build.program.source.name).parent, data)
    try:
        return made.schema(folders)
    except DataMissing as failure:
        env.build.problems.add(from_failure(item.span, failure, only_note=not must_be_there))
        return failure.schema
    except DataFailure as failure:
        raise env.fail(from_failure(item.span, failure)) from None

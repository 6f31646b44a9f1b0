"""Boxes: nested as the source has them, never in a circle, never too many in a row."""

from graphlib import TopologicalSorter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dslc.view.boxes import MOST, Box, Part, Place, Tree, convex, folded, names_in, nested


def shape(trees: tuple[Tree, ...]) -> list[object]:
    """The boxes as nested lists."""
    return [
        [tree.place and tree.place.path, shape(tree.inside)] if isinstance(tree, Box) else tree.name for tree in trees
    ]


def part(name: str, *paths: str) -> Part:
    return Part(name, tuple(map(Place, paths)))


def test_blocks_nest_as_their_paths_say() -> None:
    parts = [part("x"), part("a.b.one", "a", "a.b"), part("a.b.two", "a", "a.b"), part("a.end", "a")]
    reads = {"x": (), "a.b.one": ("x",), "a.b.two": ("a.b.one",), "a.end": ("a.b.two",)}
    assert shape(nested(parts, reads)) == ["x", ["a", [["a.b", ["a.b.one", "a.b.two"]], "a.end"]]]


def test_a_box_that_holds_only_one_box_is_not_drawn() -> None:
    parts = [part("a.b.one", "a", "a.b"), part("a.b.two", "a", "a.b")]
    assert shape(nested(parts, {"a.b.one": (), "a.b.two": ("a.b.one",)})) == [["a.b", ["a.b.one", "a.b.two"]]]


def test_a_block_that_reads_its_own_result_through_another_is_drawn_in_pieces() -> None:
    parts = [part("a.1", "a"), part("b.1", "b"), part("a.2", "a"), part("a.3", "a")]
    reads = {"a.1": (), "b.1": ("a.1",), "a.2": ("b.1",), "a.3": ("a.2",)}
    assert shape(nested(parts, reads)) == [["a", ["a.1"]], ["b", ["b.1"]], ["a", ["a.2", "a.3"]]]


@given(st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 30), max_size=3)), max_size=30))
def test_pieces_of_any_graph_form_no_circle(nodes: list[tuple[int, set[int]]]) -> None:
    names = [str(at) for at in range(len(nodes))]
    reads = {str(at): [str(other) for other in others if other < at] for at, (_, others) in enumerate(nodes)}
    groups = {str(at): group for at, (group, _) in enumerate(nodes) if group}
    pieces = convex(names, reads, groups)
    sorter: TopologicalSorter[object] = TopologicalSorter()
    for name in names:
        sorter.add(pieces[name], *(pieces[other] for other in reads[name] if pieces[other] != pieces[name]))
    sorter.prepare()
    assert all(
        groups.get(name) == groups.get(other) for name in names for other in names if pieces[name] == pieces[other]
    )


def test_a_long_row_folds_into_runs_of_neighbours() -> None:
    parts = [Part("x", end="input"), *(part(f"layer.{at}") for at in range(5_000))]
    reads = {each.name: (before.name,) for before, each in pairwise(parts)} | {"x": ()}
    rows = [folded(tuple(parts), reads)]
    assert rows[0][0] == parts[0]
    assert [name for tree in rows[0] for name in names_in(tree)] == [each.name for each in parts]
    for row in rows:
        assert len(row) <= MOST + 1
        rows += [tree.inside for tree in row if isinstance(tree, Box)]


def test_many_outputs_fold_as_well() -> None:
    parts = [Part("x", end="input"), *(Part(str(at), end="output") for at in range(500))]
    row = folded(tuple(parts), {each.name: ("x",) for each in parts[1:]} | {"x": ()})
    assert row[0] == parts[0]
    assert len(row) <= MOST + 1


def test_a_short_row_stays_as_it_is() -> None:
    parts = tuple(part(str(at)) for at in range(MOST))
    assert folded(parts, {}) == parts

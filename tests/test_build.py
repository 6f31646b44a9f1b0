"""From text to a typed graph: the constructs of the language, the paths of weights, and what is refused."""

import pytest
from nets import graph_of, parameters, problems_of, told

from dslc.dims import dim
from dslc.types import Type


def output(text: str, **options: object) -> Type:
    graph = graph_of(text, **options)
    return graph.type(next(iter(graph.outputs.values())))


def test_a_pipe_of_layers_has_weights_by_path():
    graph = graph_of("model m { input x: [batch, 3]  output y = x -> dense(4) -> relu -> dense(2, bias = false) }")
    assert parameters(graph) == {"dense.kernel": (3, 4), "dense.bias": (4,), "dense_2.kernel": (4, 2)}
    assert graph.type(graph.outputs["y"]) == Type((dim("batch"), 2))


def test_labels_name_paths_and_tensors():
    graph = graph_of(
        "model m { input x: [batch, 4]  a = x -> dense(4) as first -> relu -> dense(4) as second  output y = first + second }"
    )
    assert set(parameters(graph)) == {"first.kernel", "first.bias", "second.kernel", "second.bias"}


def test_every_use_of_a_layer_makes_new_weights_and_a_named_layer_shares_them():
    fresh = graph_of(
        "model m { input a: [batch, 4]  input b: [batch, 4]  output y = (a -> dense(2)) + (b -> dense(2)) }"
    )
    shared = graph_of(
        "model m { input a: [batch, 4]  input b: [batch, 4]  layer f = dense(2)  output y = (a -> f) + (b -> f) }"
    )
    assert len(parameters(fresh)) == 4
    assert parameters(shared) == {"f.kernel": (4, 2), "f.bias": (2,)}


def test_a_tied_table_is_one_weight():
    graph = graph_of(
        "model m { input t: i32[batch, seq]  layer wte = embedding(7, 4)  output y = t -> wte -> (it @ wte.table.T) }"
    )
    assert parameters(graph) == {"wte.table": (7, 4)}
    assert graph.type(graph.outputs["y"]) == Type((dim("batch"), dim("seq"), 7))


def test_blocks_bind_settings_and_dimensions():
    text = """
        block ffn(hidden, act = gelu): [batch, seq, d] -> [batch, seq, d] = dense(hidden) -> act -> dense(d)
        block double(n = 2 * 3, rate = n / 4) { input x: [..., c]  output y = x -> dense(n * c) -> dropout(rate) }
        model m { input x: [batch, seq, 5]  output y = x -> ffn(8) -> ffn(hidden = 6, act = leaky_relu(0.2)) -> double(rate = 0.5) }
    """
    graph = graph_of(text)
    assert parameters(graph)["ffn.dense.kernel"] == (5, 8)
    assert parameters(graph)["ffn_2.dense_2.kernel"] == (6, 5)
    assert parameters(graph)["double.dense.kernel"] == (5, 30)
    slopes = [node.op.slope for node in graph if node.op.name == "leaky_relu"]  # type: ignore[attr-defined]
    assert slopes == [0.2]


def test_named_inputs_and_several_outputs():
    text = """
        block mix(k = 2) { input a: [batch, n]  input b: [batch, n]  input scale: [batch, 1] = none
          output total = a * k + b  output gap = a - b }
        model m { input x: [batch, 3]  input y: [batch, 3]  s, d = (x, b = y) -> mix(k = 3)  output out = s * d }
    """
    assert output(text) == Type((dim("batch"), 3))


def test_if_is_a_value_and_a_stage():
    text = """
        model m(deep = false) { input x: [batch, c]
          rate = if deep { 0.5 } else { 0.1 }
          output y = x -> if deep { dense(4) -> relu } else if rate == 0.1 { dense(5) } -> dropout(rate) }
        variant big of m(deep = true)
    """
    dims = {"c": 3}
    assert output(text, dims=dims).shape[-1] == 5
    assert output(text, dims=dims, variant="big").shape[-1] == 4


def test_a_repeat_that_keeps_the_type_is_one_node_with_stacked_weights():
    graph = graph_of("model m { input x: [batch, 4]  output y = x -> repeat 1000 { residual { dense(4) -> relu } } }")
    assert parameters(graph) == {"repeat.*.dense.kernel": (1000, 4, 4), "repeat.*.dense.bias": (1000, 4)}
    assert sum(node.op.name == "repeat" for node in graph) == 1


def test_a_repeat_whose_first_iteration_changes_the_shape_rolls_the_rest():
    graph = graph_of("model m { input x: [batch, 3]  output y = x -> repeat 5 { dense(4) -> relu } as stages }")
    assert parameters(graph) == {
        "stages.0.dense.kernel": (3, 4),
        "stages.0.dense.bias": (4,),
        "stages.1:5.dense.kernel": (4, 4, 4),
        "stages.1:5.dense.bias": (4, 4),
    }


def test_an_index_in_a_condition_splits_the_repeat_into_runs():
    text = "model m { input x: [batch, 4]  output y = x -> repeat i in 0..6 { dense(4) -> if i < 4 { relu } else { tanh } } }"
    graph = graph_of(text)
    assert {"repeat.0:4.dense.kernel": (4, 4, 4), "repeat.4:6.dense.kernel": (2, 4, 4)}.items() <= parameters(
        graph
    ).items()


def test_a_repeat_over_lists_and_tensors():
    text = """model m { input x: [batch, 4]  a = x -> dense(8)  b = x -> dense(6)
        output y = x -> repeat w, n in zip([5, 7], [1, 2]) { repeat n { dense(w) } } -> repeat t in [a, b] { (it, t) -> concat } }"""
    graph = graph_of(text)
    assert graph.type(graph.outputs["y"]).shape[-1] == 7 + 8 + 6
    assert "repeat.1.repeat.0.dense.kernel" in parameters(graph)


def test_a_repeat_over_tuples():
    text = "model m { input x: [batch, 4]  output y = x -> repeat w, rate in [(5, 0.1), (6, 0.2)] { dense(w) -> dropout(rate) } }"
    assert parameters(graph_of(text))["repeat.1.dense.kernel"] == (5, 6)


def test_a_repeat_body_reads_tensors_and_shared_layers_from_outside():
    text = """model m { input x: [batch, 4]  layer f = dense(4)  m = x -> dense(4)
        output y = x -> f -> repeat 8 { (it + m) -> f -> relu } }"""
    graph = graph_of(text)
    assert set(parameters(graph)) == {"f.kernel", "f.bias", "dense.kernel", "dense.bias"}
    region = next(node for node in graph if node.op.name == "repeat")
    assert region.op.captured == 3  # type: ignore[attr-defined]


def test_a_repeat_in_a_shared_layer_has_one_set_of_weights():
    twice = graph_of("""model m { input x: [batch, 4]  layer f = repeat 3 { dense(4) -> relu }
        output y = (x -> f) + (x * 2 -> f) }""")
    assert parameters(twice) == {"f.repeat.*.dense.kernel": (3, 4, 4), "f.repeat.*.dense.bias": (3, 4)}
    inside = graph_of("""model m { input x: [batch, 4]  layer f = repeat 3 { dense(4) -> relu }
        output y = x -> repeat 8 { f -> (it * 2) } }""")
    assert parameters(inside) == parameters(twice)
    unrolled = graph_of("""model m { input x: [batch, 4]  layer f = repeat w in [5, 4] { dense(w) -> relu }
        output y = x -> f -> repeat 8 { f } }""")
    assert len(parameters(unrolled)) == 4


def test_a_single_block_in_a_repeat_adds_nothing_to_the_path():
    text = """block b(h): [batch, d] -> [batch, d] = dense(h) as up -> dense(d) as down
        model m { input x: [batch, 4]  output y = x -> repeat 8 { b(6) } as blocks }"""
    assert set(parameters(graph_of(text))) == {
        f"blocks.*.{name}.{role}" for name in ("up", "down") for role in ("kernel", "bias")
    }


def test_a_fork_gives_a_tuple_and_copies_have_their_own_weights():
    text = "model m { input x: [batch, 4]  output y = x -> fork { dense(2); dense(3) -> relu } -> concat -> fork(3) { dense(2) as head } -> stack }"
    graph = graph_of(text)
    assert graph.type(graph.outputs["y"]).shape[1:] == (2, 3)
    assert {"head.kernel", "head_2.kernel", "head_3.kernel"} <= set(parameters(graph))


def test_residual_projects_where_it_is_told_to():
    text = "model m { input x: [batch, 8, 8, 3]  output y = x -> residual(project = true) { conv(6, 3, stride = 2) } }"
    graph = graph_of(text)
    assert parameters(graph)["project.kernel"] == (1, 1, 3, 6)
    assert graph.type(graph.outputs["y"]).shape[1:] == (4, 4, 6)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("7 / 2 * 2", 7), ("7 // 2", 3), ("-7 // 2", -4), ("2 ** 3 ** 2 % 7", 1), ("len([1, 2, 3][1:])", 2),
     ("sum([1, 2] + [3])", 6), ("round(sqrt(17))", 4), ("ceil(7 / 2)", 4), ("max(1, 5, 3)", 5),
     ("len(enumerate(reversed(0..4)))", 4), ("if 1 < 2 and not false { 3 } else { 4 }", 3), ("20_000", 20_000)],
)  # fmt: skip
def test_settings_are_computed_exactly(expression: str, value: int):
    graph = graph_of(f"model m(n = {expression}) {{ input x: [batch, 4]  output y = x * n }}")
    numbers = [node.op.value for node in graph if node.op.name == "constant"]  # type: ignore[attr-defined]
    assert numbers == [value]


def test_initializers_follow_the_activation():
    text = """model m { input x: [batch, 4]
        output y = x -> dense(4) -> layer_norm -> dropout(0.1) -> relu -> dense(4) -> tanh -> dense(3, init = normal(std = 0.02)) }"""
    starts = {node.name: node.op.init.name for node in graph_of(text).sources("parameter")}  # type: ignore[attr-defined]
    assert starts["dense.kernel"] == "he_normal"
    assert starts["dense_2.kernel"] == "glorot_uniform"
    assert starts["dense_3.kernel"] == "normal"
    assert starts["dense.bias"] == "zeros"


def test_a_layer_as_a_setting_keeps_the_names_of_where_it_was_written():
    text = """block wrap(act) { input x: [..., d]  k = 3  output y = x -> act }
        model m(k = 5) { input x: [batch, 4]  output y = x -> wrap(dense(k)) }"""
    assert output(text).shape[-1] == 5


@pytest.mark.parametrize(
    ("body", "code", "part"),
    [
        ("output y = x -> dens(3)", "E0201", "`dense`"),
        ("output y = x -> Linear(3)", "E0201", "`dense`"),
        ("a = x  output y = x -> a", "E0201", "is a tensor"),
        ("output y = z -> relu", "E0202", "called `z`"),
        ("output y = x + relu", "E0202", "is a layer"),
        ("output y = x -> dense(3, biass = false)", "E0203", "`bias`"),
        ("output y = x -> dense(4.0)", "E0204", "an int"),
        ("output y = x -> dense(7 / 2)", "E0204", "7/2"),
        ('output y = x -> dense("a")', "E0204", "a string"),
        ("output y = x -> dense(true)", "E0204", "true"),
        ("output y = x -> dense", "E0205", "units"),
        ("output y = x -> relu(3)", "E0206", "takes no settings"),
        ("x = x -> relu  output y = x", "E0207", "already"),
        ("output y = x -> dense(3 / 0)", "E0233", "division by zero"),
        ("output y = x -> dense(9 ** 9 ** 9)", "E0235", "too large"),
        ('require 1 > 2, "one is small"  output y = x', "E0210", "one is small"),
        ("output y = x -> dense(batch)", "E0211", "--dim batch"),
        ("output y = x -> if batch > 3 { relu }", "E0211", "batch"),
        ("output y = it -> relu", "E0251", "no pipe"),
        ("y = x -> relu", "E0258", "no output"),
        ("output y = x -> residual", "E0254", "braces"),
        ("output y = x + (x -> dense(3))", "E0301", "axis 1 differs: 4 and 3"),
        ("output y = x -> dense(3) : [batch, 4]", "E0302", "[batch, 3]"),
        ("output y = (x, x) -> relu", "E0304", "1 input"),
        ("output y = (x, mist = x) -> softmax", "E0304", "`mist`"),
        ("output y = x -> residual { dense(3) }", "E0305", "project"),
        ("a, b = x  output y = a", "E0306", "2 names"),
        ("input z: float[3]  output y = x", "E0308", "f32"),
    ],
)
def test_what_does_not_fit_is_a_coded_problem(body: str, code: str, part: str):
    problems = problems_of(f"model m {{ input x: [batch, 4]  {body} }}")
    assert [problem.code for problem in problems] == [code], [told(problem) for problem in problems]
    assert part in told(problems[0])
    assert problems[0].help()


def test_all_problems_of_a_file_come_in_one_run():
    text = """
        block unused() = dense(2) -> rellu
        model m { input x: [batch, 4]
          a = x -> dense(3, biass = true)
          b = x -> if false { dropuot(0.1) } else { relu }
          c = a -> relu
          output y = (x -> dense(3)) + x }
    """
    assert [problem.code for problem in problems_of(text)] == ["E0201", "E0203", "E0201", "E0301"]


def test_a_signature_beside_a_body_is_not_passed_over():
    text = """block b(): [batch, 5] -> [batch, 7] { input x: [batch, 4]  output y = x -> dense(2) }
        model m { input x: [batch, 4]  output y = x -> b }"""
    assert [problem.code for problem in problems_of(text)] == ["E0215"]


def test_the_default_of_an_input_has_to_meet_its_type():
    text = "model m { input x: [batch, 4]  input w: [3] = 2.0  output y = x }"
    assert [problem.code for problem in problems_of(text)] == ["E0303"]


def test_a_label_on_a_choice_is_the_place_of_its_weights():
    graph = graph_of("model m { input x: [batch, 4]  output y = x -> if true { dense(3) } as head }")
    assert set(parameters(graph)) == {"head.dense.kernel", "head.dense.bias"}


def test_recursion_is_refused():
    assert [
        p.code
        for p in problems_of("block a() = dense(2) -> b\nblock b() = a\nmodel m { input x: [n, 2]  output y = x -> a }")
    ] == ["E0209"]


def test_a_mismatch_says_where_the_other_size_comes_from():
    text = "model m { input x: [batch, 4]  a = x -> dense(3)  output y = a + x }"
    (problem,) = problems_of(text)
    source = f"net 1\n{text}"
    assert {source[note.span.start : note.span.end] for note in problem.notes()} == {"dense(3)", "input x: [batch, 4]"}


@pytest.mark.parametrize(
    ("index", "wanted"),
    [("x[t]", "[k, 5, 4]"), ("x[:, t]", "[batch, k, 4]"), ("x[..., t]", "[batch, 5, k]"), ("x[:, 1:, t]", "[batch, 4, k]"),
     ("x[none, :, t]", "[1, batch, k, 4]"), ("x[t, ...]", "[k, 5, 4]")],
)  # fmt: skip
def test_a_tensor_of_ints_takes_entries_along_its_axis(index: str, wanted: str):
    assert str(output(f"model m {{ input x: [batch, 5, 4]  input t: i32[k]  output y = {index} }}")) == wanted


def test_weights_of_a_stage_in_a_named_layer_are_reached_by_dots():
    text = "model m { input x: [batch, 4]  layer f = dense(3) as up -> relu  a = x -> f  output y = a @ f.up.kernel.T }"
    assert str(output(text)) == "[batch, 4]"

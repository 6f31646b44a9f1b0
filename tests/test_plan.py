"""Train blocks: what they plan, and what is refused in them."""

import pytest
from nets import plan_of, problems_of, told

from dslc.ops.core.constant import Constant
from dslc.plan import Duration

MODEL = (
    "model m(width = 8) { input features: [batch, 4]  output logits = features -> dense(width) -> relu -> dense(3) }\n"
)
LOSS = "loss = (logits, label) -> cross_entropy"


def test_a_train_block_plans_a_graph_over_the_fields_of_its_data():
    plan = plan_of(
        MODEL + f"train m {{ data = iris() -> split(0.8, 0.2)  {LOSS}  metrics = [accuracy]  batch = 16  epochs = 3 }}"
    )
    assert (plan.name, plan.batch, plan.epochs, plan.steps) == ("m", 16, 3, None)
    assert plan.optimizer.name == "adam" and plan.optimizer.lr == 1e-3  # type: ignore[attr-defined]
    assert {node.name for node in plan.graph.sources("input")} == {"features", "label"}
    assert {"loss", "metric accuracy"} == set(plan.graph.outputs)
    assert "dense.kernel" in plan.graph.nodes


def test_own_values_models_outputs_and_scalars():
    text = """model m { input x: [batch, 4]  output a = x -> dense(3)  output b = x -> dense(2) }
        train m(weight = 2) {
          data = iris()
          x    = features * weight
          size = a ** 2 -> mean
          loss = ((a, label) -> cross_entropy) + 0.1 * size
          right = (a, label) -> accuracy
        }"""
    plan = plan_of(text)
    assert plan.scalars == ("size",) and set(plan.metrics) == {"right"}
    assert "dense_2.kernel" not in plan.graph.nodes, "an output that nothing reads is left out"


def test_settings_schedules_and_durations():
    text = (
        MODEL
        + f"""train m {{ data = iris()  {LOSS}  steps = 50  clip = 1.0  l2 = 1e-4  early_stop = epochs(3)
        checkpoint = 0.5  log = 10  seed = 3  optimizer = sgd(lr = cosine(0.1), momentum = 0.9) }}"""
    )
    plan = plan_of(text)
    (update,) = plan.updates
    assert (plan.steps, plan.epochs, update.clip, update.l2, plan.seed) == (50, None, 1.0, 1e-4, 3)
    assert (plan.early_stop, plan.checkpoint, plan.log) == (
        Duration(epochs=3),
        Duration(fraction=0.5),
        Duration(steps=10),
    )
    assert plan.optimizer.lr.name == "cosine"  # type: ignore[attr-defined]


def test_the_command_line_sets_the_model_and_the_train_block():
    text = MODEL + f"train m(k = 1) {{ data = iris()  {LOSS}  epochs = 3 }}"
    plan = plan_of(text, settings={"epochs": "7", "width": "5", "optimizer": "sgd(lr = 0.5)"})
    assert plan.epochs == 7 and plan.optimizer.name == "sgd"
    assert plan.graph.nodes["dense.kernel"].type.shape == (4, 5)


@pytest.mark.parametrize(
    ("body", "code", "part"),
    [
        (f"data = iris()  {LOSS}  epoch = 3", "E0401", "`epochs`"),
        ("data = iris()", "E0402", "loss"),
        ("data = iris()  loss = (logits, label) -> cross_entropy(reduce = none)", "E0403", "[batch]"),
        (f"data = digits()  {LOSS}", "E0404", "image"),
        (f"data = wine()  {LOSS}", "E0303", "[batch, 13]"),
        ("data = iris()  loss = (logits[:, :2], label) -> cross_entropy", "E0405", "3 classes"),
        ("data = iris()  a = (logits, label) -> cross_entropy  loss = a + ((logits, label) -> cross_entropy)  metrics = [accuracy]", "E0406", "2 loss"),
        (f"data = iris()  {LOSS}  metrics = [acuracy]", "E0407", "`accuracy`"),
        (f"data = iris()  {LOSS}  epochs = 3  steps = 4", "E0408", "both"),
        (f"data = irises()  {LOSS}", "E0409", "`iris`"),
        (f"data = iris() -> splitt(0.5, 0.5)  {LOSS}", "E0409", "`split`"),
        (f"data = iris()  {LOSS}  batch = 0", "E0410", "at least 1"),
        (f"data = iris()  {LOSS}  batch = 3.5", "E0204", "an int"),
        (f"data = iris()  {LOSS}  optimizer = adm()", "E0202", "`adam`"),
        (f"data = iris()  {LOSS}  optimizer = adam(lrr = 1)", "E0203", "`lr`"),
        (f"data = iris()  {LOSS}  optimizer = sgd(lr = 0.1, nesterov = true)", "E0208", "nesterov"),
        (f"data = iris()  {LOSS}  optimizer = adam(lr = step_decay(0.1))", "E0208", "step_decay"),
        (f"data = iris()  {LOSS}  optimizer = relu", "E0204", "an optimizer"),
        (f'data = iris()  {LOSS}  precision = "fp16"', "E0470", '`"f16"`'),
        ("data = iris()  step a { loss = 1 }", "E0402", "update"),
        ("data = iris()  loss = (features -> m(4), label) -> cross_entropy", "E0435", "no settings"),
        (f"data = iris() -> split(0.5, 0.6)  {LOSS}", "E0505", "1.1"),
        (f'data = npz("../x.npz")  {LOSS}', "E0504", ".."),
    ],
)  # fmt: skip
def test_what_training_cannot_do_is_a_coded_problem(body: str, code: str, part: str):
    problems = [problem for problem in problems_of(f"{MODEL}train m {{ {body} }}") if problem.severity == "error"]
    assert problems and problems[0].code == code, [told(problem) for problem in problems]
    assert part in told(problems[0])
    assert problems[0].help()


def test_a_length_of_the_command_line_stands_in_place_of_that_of_the_file():
    text = MODEL + f"train m {{ data = iris()  {LOSS}  epochs = 3 }}"
    assert plan_of(text, settings={"steps": "7"}).steps == 7
    assert plan_of(text, settings={"steps": "7"}).epochs is None
    with pytest.raises(AssertionError, match="E0408"):
        plan_of(text, settings={"steps": "7", "epochs": "2"})


def test_a_setting_of_the_model_and_of_the_block_is_set_in_both():
    model = "model m(width = 5) { input features: [batch, 4]  output logits = features -> dense(width) -> relu -> dense(3) }\n"
    text = f"{model}train m(width = 5) {{ data = iris()  a = (logits, label) -> cross_entropy  loss = width * a }}"
    plan = plan_of(text, settings={"width": "7"})
    assert plan.graph.nodes["dense.kernel"].type.shape == (4, 7)
    assert plan.graph.nodes["train.constant"].op == Constant(value=7.0, dtype="f32")


def test_data_that_is_not_there_is_a_note_until_it_is_needed():
    text = MODEL + f'train m {{ data = npz("nowhere.npz")  {LOSS} }}'
    assert [(problem.severity, problem.code) for problem in problems_of(text)] == [("note", "E0502")]
    with pytest.raises(AssertionError, match="E0502"):
        plan_of(text)

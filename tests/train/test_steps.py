"""Train blocks with steps: the same updates by PyTorch, what each of them changes, and what goes wrong."""

from typing import Any

import jax
import numpy as np
import pytest
from nets import parameters, plan_of, problems_of, told
from runs import loop_of, train_text
from test_program import trained

from dslc.errors.base import Failed
from dslc.train.generator import base_key
from dslc.train.program import Loop, order
from dslc.train.task import on_device
from dslc.train.told import told as said

MODELS = """model guess(width = 6) { input x: [batch, 4]  output y = x -> dense(width) -> tanh -> dense(3) }
model judge { input y: [batch, 3]  output z = y -> dense(5) -> sigmoid -> dense(1) -> squeeze }
"""
GAME = (
    MODELS
    + """train game {
  data = iris() -> standardize
  made = features -> guess
  step critic {
    update    = [judge]
    real      = (features[:, :3] -> judge, 1) -> binary_cross_entropy
    fake      = (made -> stop_gradient -> judge, 0) -> binary_cross_entropy
    loss      = real + fake
    optimizer = sgd(lr = 0.5, momentum = 0.9)
    clip      = 0.4
  }
  step forger { update = [guess]  loss = (made -> judge, 1) -> binary_cross_entropy  optimizer = adam(lr = 0.02)  every = 2 }
  batch = 20
  steps = 30
}
"""
)


def batches(loop: Loop, steps: int) -> list[dict[str, Any]]:
    """The fields of the first steps."""
    task, key, data = loop.task, base_key(loop.task.plan.seed), on_device(loop.task.train)
    found: list[dict[str, Any]] = []
    for step in range(steps):
        epoch, place = divmod(step, task.length.per_epoch)
        rows = order(key, epoch, task.train.rows)[place * task.plan.batch :][: task.plan.batch]
        found.append(jax.tree.map(np.asarray, task.train.table.gather(data, rows)))
    return found


def torch_layers(weights: dict[str, np.ndarray], model: str) -> list[Any]:
    """Two dense layers of a model as PyTorch has them, in float64."""
    torch = pytest.importorskip("torch")
    found: list[Any] = []
    for layer in ("dense", "dense_2"):
        kernel, bias = weights[f"{model}.{layer}.kernel"], weights[f"{model}.{layer}.bias"]
        made = torch.nn.Linear(*kernel.shape, dtype=torch.float64)
        made.weight.data, made.bias.data = torch.tensor(kernel.T.astype(float)), torch.tensor(bias.astype(float))
        found.append(made)
    return found


def by_torch(loop: Loop, steps: int) -> dict[str, np.ndarray]:
    """The weights after the steps of `GAME`, written out in PyTorch."""
    torch = pytest.importorskip("torch")
    start = jax.tree.map(np.asarray, trained(loop, 0).weights)
    (up, down), (first, last) = torch_layers(start, "guess"), torch_layers(start, "judge")
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    guess_weights = [*up.parameters(), *down.parameters()]
    judge_weights = [*first.parameters(), *last.parameters()]
    critic = torch.optim.SGD(judge_weights, 0.5, 0.9)
    forger = torch.optim.Adam(guess_weights, 0.02)

    def guess(x: Any) -> Any:
        return down(torch.tanh(up(x)))

    def judge(y: Any) -> Any:
        return last(torch.sigmoid(first(y)))[:, 0]

    for number, fields in enumerate(batches(loop, steps), 1):
        x = torch.tensor(fields["features"].astype(float))
        ones = torch.ones(len(x), dtype=torch.float64)
        critic.zero_grad()
        (entropy(judge(x[:, :3]), ones) + entropy(judge(guess(x).detach()), 0 * ones)).backward()
        torch.nn.utils.clip_grad_norm_(judge_weights, 0.4)
        critic.step()
        if number % 2 == 0:
            forger.zero_grad()
            entropy(judge(guess(x)), ones).backward()
            forger.step()
    named = {"guess.dense": up, "guess.dense_2": down, "judge.dense": first, "judge.dense_2": last}
    kernels = {f"{name}.kernel": layer.weight.detach().numpy().T for name, layer in named.items()}
    return kernels | {f"{name}.bias": layer.bias.detach().numpy() for name, layer in named.items()}


def test_two_steps_take_the_same_way_as_in_pytorch() -> None:
    loop = loop_of(GAME)
    expected, found = by_torch(loop, 9), trained(loop, 4, 9).weights
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        # float32 over 9 steps of about 0.1, and PyTorch's clip divides by the norm plus 1e-6.
        np.testing.assert_allclose(found[name], array, rtol=2e-4, atol=2e-5, err_msg=name)


def test_a_step_with_every_waits_for_its_turn() -> None:
    loop = loop_of(GAME)
    before, one, two = (trained(loop, stop).weights for stop in (0, 1, 2))
    assert np.array_equal(before["guess.dense.kernel"], one["guess.dense.kernel"])
    assert not np.array_equal(one["guess.dense.kernel"], two["guess.dense.kernel"])
    assert not np.array_equal(before["judge.dense.kernel"], one["judge.dense.kernel"])


def test_means_count_the_steps_in_which_an_update_is_made() -> None:
    loop = loop_of(GAME)
    plan, sums = loop.task.plan, trained(loop, 5).sums
    values = said(plan, sums, 0, 5)
    assert [*values] == ["loss", "critic.loss", "forger.loss", "critic.real", "critic.fake"]
    assert values["forger.loss"] == pytest.approx(float(sums["forger.loss"]) / 2)
    assert values["critic.loss"] == pytest.approx(float(sums["critic.loss"]) / 5)
    assert values["loss"] == pytest.approx(values["critic.loss"] + values["forger.loss"])
    assert values["critic.loss"] == pytest.approx(values["critic.real"] + values["critic.fake"], rel=1e-6)
    # The forger has no turn in the fifth step alone.
    assert [*said(plan, sums, 4, 5)] == ["critic.loss", "critic.real", "critic.fake"]


def test_a_schedule_of_a_step_with_every_goes_by_training_steps() -> None:
    text = GAME.replace("adam(lr = 0.02)", "sgd(lr = warmup(1.0, warmup = 10))").replace("every = 2", "every = 5")
    loop = loop_of(text)
    (_, forger) = loop.updates
    weights = {"guess.dense.bias": np.zeros(2, np.float32)}
    kept = forger.rule.init(weights)
    rates = []
    for _ in range(3):
        change, kept = forger.rule.update({"guess.dense.bias": np.ones(2, np.float32)}, kept, weights)
        rates.append(-float(change["guess.dense.bias"][0]))
    # Training steps 5, 10 and 15 of a warm-up that is over after 10. float32.
    np.testing.assert_allclose(rates, [5 / 11, 10 / 11, 1.0], rtol=1e-6)


def test_both_steps_see_the_same_draws() -> None:
    text = (
        MODELS
        + """train same {
      data  = iris()
      noise = normal([batch, 4])
      step first  { update = [guess]  seen = noise -> mean  loss = noise -> guess -> mean  optimizer = sgd(lr = 0.1) }
      step second { update = [judge]  seen = noise -> mean  loss = noise[:, :3] -> judge -> mean  optimizer = sgd(lr = 0.1) }
    }
    """
    )
    sums = trained(loop_of(text), 1).sums
    assert float(sums["first.seen"]) == float(sums["second.seen"]) != 0
    later = trained(loop_of(text), 2).sums
    assert float(later["first.seen"]) != pytest.approx(2 * float(sums["first.seen"]), rel=1e-3)


def test_statistics_change_only_in_the_models_that_a_step_updates() -> None:
    normed = "model {} {{ input x: [batch, 4]  output y = x -> dense(4) -> batch_norm -> tanh }}\n"
    text = (
        normed.format("a")
        + normed.format("b")
        + """train both {
      data = iris()
      step only { update = [b]  loss = features -> a -> b -> square -> mean  optimizer = sgd(lr = 0.1) }
    }
    """
    )
    state = trained(loop_of(text), 4).state
    assert np.array_equal(state["a.batch_norm.mean"], np.zeros(4))
    assert np.array_equal(state["a.batch_norm.var"], np.ones(4))
    assert not np.array_equal(state["b.batch_norm.mean"], np.zeros(4))


def test_an_update_by_globs_changes_what_they_mean() -> None:
    text = (
        MODELS
        + """train part {
      data = iris()
      step only { update = ["guess.dense_2.*"]  loss = (features -> guess, label) -> cross_entropy  optimizer = sgd(lr = 0.1) }
    }
    """
    )
    before, after = (trained(loop_of(text), stop).weights for stop in (0, 3))
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"guess.dense_2.kernel", "guess.dense_2.bias"}


def test_a_step_reads_the_outputs_of_the_model_that_the_block_names() -> None:
    text = """model m { input features: [batch, 4]  output a = features -> dense(3)  output b = features -> dense(1) -> squeeze }
    train m {
      data = iris()
      step first  { update = ["dense.*"]    loss = (a, label) -> cross_entropy  optimizer = sgd(lr = 0.1) }
      step second { update = ["dense_2.*"]  loss = b ** 2 -> mean  optimizer = sgd(lr = 0.1)  every = 2 }
    }
    """
    before, after = (trained(loop_of(text), stop).weights for stop in (0, 1))
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"dense.kernel", "dense.bias"}
    first, second = loop_of(text).task.plan.updates
    assert (first.weights, second.weights) == (("dense.kernel", "dense.bias"), ("dense_2.kernel", "dense_2.bias"))


def test_the_block_gives_what_a_step_does_not_say() -> None:
    text = GAME.replace("optimizer = adam(lr = 0.02)", "").replace(
        "batch = 20", "batch = 20  optimizer = adagrad(lr = 0.3)  l2 = 0.1"
    )
    critic, forger = loop_of(text).task.plan.updates
    assert (critic.optimizer.name, forger.optimizer.name) == ("sgd", "adagrad")
    assert (critic.clip, forger.clip, critic.l2, forger.l2) == (0.4, None, 0.1, 0.1)


def test_validation_measures_every_loss_and_their_sum(tmp_path: Any) -> None:
    text = GAME.replace("standardize", "split(0.8, 0.2) -> standardize")
    values = train_text(text, tmp_path / "run").values["test"]
    assert {"loss", "critic.loss", "critic.real", "critic.fake", "forger.loss"} == values.keys()
    assert values["loss"] == pytest.approx(values["critic.loss"] + values["forger.loss"], rel=1e-6)


def test_early_stopping_watches_the_sum_of_the_losses(tmp_path: Any) -> None:
    settings = "batch = 20  early_stop = 8  validate = 2  log = 2"
    text = (
        GAME.replace("standardize", "split(0.8, 0.2) -> standardize")
        .replace("batch = 20", settings)
        .replace("30", "400")
    )
    result = train_text(text, tmp_path / "run")
    assert result.ending == "early"
    assert result.step == result.kept + 8


QUOTED = '"guess.*.scale"]'
STEP = "update = [guess]  loss = (features -> guess, label) -> cross_entropy"


@pytest.mark.parametrize(
    ("body", "code", "part"),
    [
        ("step a { loss = (features -> guess, label) -> cross_entropy }", "E0402", "step `a` has no `update`"),
        ("step a { update = [guess] }", "E0402", "step `a` has no `loss`"),
        (f"step a {{ {STEP}  epochs = 3 }}", "E0430", "stands in a step"),
        (f"step a {{ {STEP} }}  every = 3", "E0430", "stands in the train block"),
        (f"step a {{ {STEP} }}  loss = features -> mean", "E0431", "a loss of its own"),
        (f"step a {{ {STEP.replace('[guess]', 'guess')} }}", "E0432", "a list"),
        (f"step a {{ {STEP.replace('[guess]', '[]')} }}", "E0432", "a list"),
        (f"step a {{ {STEP.replace('[guess]', '[gues]')} }}", "E0433", "did you mean `guess`"),
        (f"step a {{ {STEP.replace('[guess]', '[judge]')} }}", "E0433", "`judge`"),
        (f"step a {{ {STEP.replace('guess]', QUOTED)} }}", "E0433", "like"),
        (f"other = features -> guess -> judge  step a {{ {STEP.replace('[guess]', '[judge]')}  used = other -> mean }}", "E0434", "does not depend"),
        (f"step a {{ {STEP.replace('-> guess,', '-> guess(3),')} }}", "E0435", "no settings"),
        (f"step a {{ {STEP} }}  step a {{ {STEP} }}", "E0207", "already"),
        (f"step a {{ {STEP}  every = 0 }}", "E0410", "at least 1"),
        (f"step a {{ {STEP}  output y = features }}", "E0259", "does not belong into a step"),
    ],
)  # fmt: skip
def test_what_steps_cannot_do_is_a_coded_problem(body: str, code: str, part: str) -> None:
    found = [
        problem
        for problem in problems_of(f"{MODELS}train free {{ data = iris()  {body} }}")
        if problem.severity == "error"
    ]
    assert found and found[0].code == code, [told(problem) for problem in found]
    assert part in told(found[0])


def test_settings_of_models_come_from_the_variant_and_the_command_line() -> None:
    text = GAME + "variant wide of guess(width = 9)"
    assert plan_of(text, variant="wide").graph.nodes["guess.dense.kernel"].type.shape == (4, 9)
    assert plan_of(text, settings={"width": "7"}).graph.nodes["guess.dense.kernel"].type.shape == (4, 7)
    assert plan_of(text, model="game", variant="wide").name == "game"
    with pytest.raises(AssertionError, match="E0203"):
        plan_of(text, settings={"height": "7"})


def test_the_model_that_the_block_names_can_be_applied_by_name_too() -> None:
    text = """model net { input x: [batch, 4]  output y = x -> dense(3) }
    train net { data = iris()  twice = 2 * features -> net  loss = (twice, label) -> cross_entropy }
    """
    plan = plan_of(text)
    assert parameters(plan.graph) == {"dense.kernel": (4, 3), "dense.bias": (3,)}
    again = text.replace("loss =", "x = features  near = (twice, y) -> squared_error  loss =")
    assert parameters(plan_of(again).graph) == parameters(plan.graph)


def test_steps_train_with_groups_averages_and_micro_batches(tmp_path: Any) -> None:
    settings = (
        'batch = 20  accumulate = 2  ema = 0.9  group "judge.dense.*" { frozen = true }  group "*.bias" { lr = 0.5 }'
    )
    text = GAME.replace("batch = 20", settings)
    loop = loop_of(text)
    before, after = (trained(loop, stop) for stop in (0, 4))
    changed = {name for name in before.weights if not np.array_equal(before.weights[name], after.weights[name])}
    assert changed == {name for name in before.weights if not name.startswith("judge.dense.")}
    assert train_text(text, tmp_path / "run").step == 30


def test_a_number_that_is_not_finite_is_found_in_the_step_that_makes_it(tmp_path: Any) -> None:
    text = GAME.replace("loss = (made -> judge, 1)", "loss = (made / (made - made -> sum) -> judge, 1)")
    with pytest.raises(Failed) as caught:
        train_text(text, tmp_path / "run")
    (problem,) = caught.value.problems
    assert problem.code == "E0422"
    # The forger's first turn is the second training step, and step numbers count those that are taken.
    assert "step 1" in problem.headline()


@pytest.mark.parametrize(
    "body",
    [
        "step a { update = [guess, guess -> judge]  loss = 1 }",
        "step a { }",
        "step guess { update = [guess]  loss = (features -> guess -> guess, label) -> cross_entropy }",
        "loss = features -> guess.y",
        "loss = features -> guess.y.z",
        "loss = guess -> mean",
        "loss = guess",
        "loss = average(guess) -> mean",
        "loss = features -> average -> mean",
        "loss = features -> average(average(guess)) -> mean",
        "layer both = guess -> judge  loss = features -> both -> mean",
        "block = 3  loss = features -> guess -> mean",
        "next x = features  loss = features -> guess -> mean",
        "loss = features -> repeat 3 { guess } -> mean",
        "loss = (features, features) -> guess -> mean",
        "loss = features -> if batch > 3 { guess } -> mean",
    ],
)
def test_odd_blocks_are_told_in_words(body: str) -> None:
    for text in (f"{MODELS}train free {{ data = iris()  {body} }}", f"{MODELS}train guess {{ data = iris()  {body} }}"):
        for problem in problems_of(text):
            assert problem.code and told(problem)

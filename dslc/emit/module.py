"""The module around the functions: random numbers, the step, the loop over epochs, weights in and out."""

from collections.abc import Iterator, Mapping

from dslc.emit.pieces import Pieces, Rule
from dslc.emit.text import laid_out
from dslc.graph import Graph
from dslc.paths import layers, shape_of, stack_of
from dslc.plan import Update
from dslc.train.generator import words_of
from dslc.train.program import DRAWS, ORDER
from dslc.train.weights import stored

RANDOM = '''
def mixed(x):
    """A hash of 32 bits: lowbias32 (Wellons, 2018); the sum keeps 0 from staying 0."""
    x = x + jnp.uint32(0x9E3779B9)
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def fold_in(key, number):
    """The key that follows from a key (two words) and a number."""
    first = mixed(key[0] ^ mixed(jnp.asarray(number).astype(jnp.uint32)))
    return jnp.stack([first, mixed(key[1] ^ first)])


def random_split(key, shape):
    """As many keys as the shape has places."""
    numbers = jnp.arange(math.prod(shape), dtype=jnp.uint32)
    return jax.vmap(lambda number: fold_in(key, number))(numbers).reshape(*shape, 2)


def random_bits(key, shape):
    """32 random bits for every element: a hash (triple32) of its number and the key."""
    first, second = jnp.uint32(0), jnp.uint32(0x9E3779B9)
    for word in key:
        x = word ^ second
        x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
        x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
        first, second = second, x ^ (x >> 16)
    x = jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape) ^ first
    x = (x ^ (x >> 17)) * jnp.uint32(0xED5AD4BB)
    x = (x ^ (x >> 11) ^ second) * jnp.uint32(0xAC4C1B51)
    x = (x ^ (x >> 15)) * jnp.uint32(0x31848BAB)
    return x ^ (x >> 14)
'''

LOOP = '''
@partial(jax.jit, donate_argnums=0)
def train_steps(carry, data, rows):
    """Steps over batches, one after the other in one program: `rows` is `[steps, batch]`."""

    def turn(carry, batch_rows):
        return train_step(carry, take_batch(data, batch_rows))

    return lax.scan(turn, carry, rows)


@jax.jit
def shuffled(epoch):
    """The rows of the data in the order of an epoch: sorted by a hash."""
    hashes = random_bits(fold_in(fold_in(SEED, {ORDER}), epoch), (ROWS,))
    return lax.sort((hashes, jnp.arange(ROWS, dtype=jnp.int32)), num_keys=1)[1]


def train(carry, data, steps, log):
    """Train up to step `steps`; gives carry, step and means of what is told, every `log` steps."""
    step = int(carry["step"])
    while step < steps:
        epoch, first = divmod(step, STEPS_PER_EPOCH)
        count = min(log - step % log, STEPS_PER_EPOCH - first, steps - step)
        rows = shuffled(jnp.int32(epoch))[first * BATCH : (first + count) * BATCH]
        carry, told = train_steps(carry, data, rows.reshape(count, BATCH))
        step += count
        means = {{name: float(values.mean()) for name, values in told.items()}}
        yield carry, step, means
        if not all(math.isfinite(value) for value in means.values()):
            raise SystemExit(f"a number is not finite any more near step {{step}}")
'''

FILES = '''
def load(path):
    """Weights and state from a file; arrays of a loop are stacked from those of its layers."""
    found = load_file(path)

    def read(name):
        if name in found or name not in LAYERS:
            return jnp.array(found[name])
        paths, shape = LAYERS[name]
        return jnp.stack([found[path] for path in paths]).reshape(shape)

    weights = {name: read(name) for name in WEIGHTS}
    return weights, {name: read(name) for name in STATE}


def save(path, carry):
    """Write weights and state as `load` reads them."""
    found = {**carry["weights"], **carry["state"]}
    for name, (paths, _) in LAYERS.items():
        stacked = np.asarray(found.pop(name))
        parts = stacked.reshape(len(paths), *stacked.shape[DEPTH[name] :])
        found |= {path: np.array(part, order="C") for path, part in zip(paths, parts)}
    save_file({name: np.asarray(array) for name, array in found.items()}, path)
'''

MAIN = '''
def main():
    """Train from the first weights beside this file, print the losses, and save what was learnt."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS, help="train up to this step")
    parser.add_argument("--log", type=int, default=LOG, help="steps from one line to the next")
    parser.add_argument("--weights", default="weights.safetensors", help="the first weights")
    parser.add_argument("--data", default="data.safetensors", help="the training data")
    parser.add_argument("-o", "--output", help="where to save the weights")
    asked = parser.parse_args()
    data = {name: jnp.array(array) for name, array in load_file(FOLDER / asked.data).items()}
    carry = start(*load(FOLDER / asked.weights))
    for carry, step, told in train(carry, data, asked.steps, asked.log):
        print(f"step {step}:", ", ".join(f"{name} {value:.7g}" for name, value in told.items()))
    if asked.output:
        save(asked.output, carry)


if __name__ == "__main__":
    main()
'''


def module(pieces: Pieces, rules: Mapping[str, Rule], name: str) -> str:
    """The text of the module."""
    task = pieces.task
    functions: list[list[str]] = []
    adjusts: dict[str, bool] = {}
    for update in task.plan.updates:
        functions += pieces.update(update)
        adjusted = pieces.adjusted(update)
        adjusts[update.name] = adjusted is not None
        functions += [*([adjusted] if adjusted else []), *rules[update.name].functions]
    follows = pieces.follow()
    functions += [*([follows] if follows else []), pieces.batch()]
    parts = [
        "\n".join(_head(pieces, name)),
        RANDOM.strip("\n"),
        *("\n".join(function) for function in functions),
        *(_update(task.plan.accumulate, update, adjusts[update.name]) for update in task.plan.updates),
        _step(pieces, follows is not None),
        "\n".join(_start(pieces, rules)),
        LOOP.strip("\n").replace("{ORDER}", str(ORDER)).replace("{{", "{").replace("}}", "}"),
        FILES.strip("\n"),
        MAIN.strip("\n"),
    ]
    return "\n\n\n".join(parts) + "\n"


def _head(pieces: Pieces, name: str) -> Iterator[str]:
    task, source = pieces.task, pieces.source
    plan = task.plan
    file = source.name.rsplit("/", 1)[-1]
    yield f'"""The training of `{name}` in JAX alone, written by dslc from {file}.'
    yield ""
    yield f"The comments name lines of {file}."
    yield "Run it beside `weights.safetensors` and `data.safetensors`:"
    yield ""
    yield f"    python {name}.py --steps {min(task.length.total, 100)} -o trained.safetensors"
    yield '"""'
    yield ""
    yield from ("import argparse", "import math", "from functools import partial", "from pathlib import Path", "")
    yield from ("import jax", "import jax.numpy as jnp", "import numpy as np", "from jax import lax")
    yield from ("from safetensors.numpy import load_file, save_file", "")
    yield "FOLDER = Path(__file__).parent"
    words = words_of(plan.seed)
    yield f"SEED = jnp.array([{words[0]}, {words[1]}], jnp.uint32)"
    yield f"BATCH, ROWS = {plan.batch}, {task.train.rows}"
    yield f"STEPS, STEPS_PER_EPOCH = {task.length.total}, {task.length.per_epoch}"
    yield f"LOG = {task.length.steps(plan.log)}"
    kept = task.kept
    for label, kind in (("WEIGHTS", "parameter"), ("STATE", "state")):
        names = ", ".join(f'"{node.name}"' for node in kept.sources(kind))
        yield from laid_out(f"{label} = [{names}]", 0)
    yield from _stacks(kept)
    if pieces.constants:
        yield 'CONSTANTS = load_file(FOLDER / "constants.safetensors")'


def _stacks(kept: Graph) -> Iterator[str]:
    """The weights that hold several layers."""
    stacked = [node for node in stored(kept) if stack_of(node)]
    rows: list[str] = []
    depth: list[str] = []
    for node in stacked:
        paths = ", ".join(f'"{path}"' for path, _ in layers(node))
        rows.append(f'"{node.name}": ([{paths}], {shape_of(node)})')
        depth.append(f'"{node.name}": {len(stack_of(node))}')
    yield from laid_out(f"LAYERS = {{{', '.join(rows)}}}", 0)
    yield from laid_out(f"DEPTH = {{{', '.join(depth)}}}", 0)


MICRO = '''
def gradients{end}(weights, state, batch, key):
    """What is told, next states and gradients: means over {count} micro-batches, one after the other."""
    parts = {{name: field.reshape({count}, -1, *field.shape[1:]) for name, field in batch.items()}}

    def micro(number, held):
        part = {{name: field[number] for name, field in parts.items()}}
        own = fold_in(key, number)
        told, after, kept = forward{end}(weights, {{**state, **held}}, part, own)
        return told, after, backward{end}(weights, {{**state, **held}}, part, own, kept)

    def turn(number, before):
        sums, held = before
        told, after, slopes = micro(number, held)
        return jax.tree.map(jnp.add, sums, (told, slopes)), {{**held, **after}}

    told, after, slopes = jax.eval_shape(lambda: micro(0, {{}}))
    nothing = jax.tree.map(lambda like: jnp.zeros(like.shape, like.dtype), (told, slopes))
    sums, held = lax.fori_loop(0, {count}, turn, (nothing, {{name: state[name] for name in after}}))
    told, slopes = jax.tree.map(lambda total: total / {count}, sums)
    return told, held, slopes
'''

WHOLE = '''
def gradients{end}(weights, state, batch, key):
    """What is told of a batch, next states and gradients."""
    told, after, kept = forward{end}(weights, state, batch, key)
    return told, after, backward{end}(weights, state, batch, key, kept)
'''


def _update(micro: int, update: Update, adjusts: bool) -> str:
    end = f"_{update.name}" if update.name else ""
    first = (WHOLE if micro == 1 else MICRO).strip("\n").format(end=end, count=micro)
    lines = [
        f"def update{end}(carry, batch, key):",
        f'    """The weights, states and what the optimizer keeps after the update{" " + update.name if update.name else ""}."""',
        '    weights, state = carry["weights"], carry["state"]',
        f"    told, after, slopes = gradients{end}(weights, state, batch, key)",
    ]
    if adjusts:
        lines.append(f"    slopes = adjusted{end}(weights, slopes)")
    if update.clip is not None:
        lines += [
            "    norm = jnp.sqrt(sum(jnp.sum(slope * slope) for slope in slopes.values()))",
            f"    factor = {update.clip} / jnp.maximum(norm, {update.clip})",
            "    slopes = {name: slope * factor for name, slope in slopes.items()}",
        ]
    lines += [
        f'    slots, counts = dict(carry["slots{end}"]), carry["counts{end}"]',
        "    weights = dict(weights)",
        "    for name, slope in slopes.items():",
        f"        change, slots[name] = CHANGES{end.upper()}[name](slope, weights[name], slots[name], counts)",
        "        weights[name] = weights[name] + change",
        "    made = {",
        '        "weights": weights,',
        '        "state": {**state, **after},',
        f'        "slots{end}": slots,',
        f'        "counts{end}": {f"advance{end}(counts)"} if counts else counts,',
        "    }",
        "    return {**carry, **made}, told",
    ]
    return "\n\n\n".join((first, "\n".join(lines)))


def _step(pieces: Pieces, follows: bool) -> str:
    lines = [
        "def train_step(carry, batch):",
        '    """One step: its updates, one after the other."""',
        f'    key = fold_in(fold_in(SEED, {DRAWS}), carry["step"])',
        '    number = carry["step"] + 1',
        "    told = {}",
    ]
    for update in pieces.task.plan.updates:
        end = f"_{update.name}" if update.name else ""
        if update.every == 1:
            lines += [f"    carry, more = update{end}(carry, batch, key)"]
        else:
            zeros = ", ".join(f'"{name}": jnp.float32(0)' for name in (update.loss, *update.scalars))
            lines += [
                f"    waiting = carry, {{{zeros}}}",
                "    carry, more = lax.cond(",
                f"        number % {update.every} == 0,",
                f"        lambda carry: update{end}(carry, batch, key),",
                "        lambda carry: waiting,",
                "        carry,",
                "    )",
            ]
        lines.append("    told |= more")
    state = 'carry["state"]'
    if follows:
        lines.append('    after = followed(carry["weights"], carry["state"], number)')
        state = '{**carry["state"], **after}'
    lines.append(f'    return {{**carry, "state": {state}, "step": number}}, told')
    return "\n".join(lines)


def _start(pieces: Pieces, rules: Mapping[str, Rule]) -> Iterator[str]:
    for update in pieces.task.plan.updates:
        end, made = f"_{update.name}" if update.name else "", rules[update.name]
        rows = ", ".join(f'"{name}": {function}' for name, function in made.which.items())
        yield from laid_out(f"CHANGES{end.upper()} = {{{rows}}}", 0)
    yield ""
    yield ""
    yield "def start(weights, state):"
    yield '    """What goes from step to step, before the first one."""'
    yield '    carry = {"weights": weights, "state": state, "step": jnp.int32(0)}'
    for update in pieces.task.plan.updates:
        end, made = f"_{update.name}" if update.name else "", rules[update.name]
        kept = next(iter(made.slots.values()))
        slots = ", ".join(f'"{label}": jnp.full_like(weights[name], {first})' for label, first in kept.items())
        yield from laid_out(f'carry["slots{end}"] = {{name: {{{slots}}} for name in CHANGES{end.upper()}}}', 1)
        counts = ", ".join(f'"{label}": {first}' for label, first in made.counts.items())
        yield from laid_out(f'carry["counts{end}"] = {{{counts}}}', 1)
    yield "    return carry"

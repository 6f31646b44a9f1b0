"""Models at random whose sizes fit: layers of the catalogue, combinators, blocks, variants and training."""

import random
from functools import cache

from dslc.ops.base import OPS, Sample

ACTIVATIONS = ("relu", "gelu", "tanh", "silu", "elu(0.5)", "leaky_relu(slope = 0.2)", "softplus", "identity", "mish")
KEEPING = (
    "layer_norm",
    "rms_norm",
    "dropout(rate)",
    "dropout(0.1)",
    "l2_normalize",
    "softmax",
    "stop_gradient",
    "(it * 2)",
)
Shape = tuple[int, ...]
"""The sizes behind the batch."""


@cache
def samples() -> tuple[Sample, ...]:
    """Good uses of every layer, from the layers' own files."""
    return tuple(sample for op in OPS for sample in op.samples if isinstance(sample, Sample) and sample.inputs)


def model_file(draw: random.Random) -> str:
    """Some blocks and models, perhaps a variant and a train block."""
    return "\n".join(_Writer(draw).parts()) + "\n"


class _Writer:
    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.blocks: list[str] = []
        self.named = 0

    def parts(self) -> list[str]:
        found = ["net 1"]
        for number in range(self.draw.randrange(3)):
            self.blocks.append(f"b{number}")
            found.append(self.block(f"b{number}"))
        found.extend(self.model(f"m{number}") for number in range(self.draw.choice((1, 1, 2))))
        if self.draw.random() < 0.3:
            found.append(f"variant wide of m0(width = {self.draw.randint(1, 9)})")
        if self.draw.random() < 0.4:
            found.append(self.sample())
        if self.draw.random() < 0.3:
            found.append(self.trained())
        return found

    def name(self) -> str:
        self.named += 1
        return f"t{self.named}"

    def pick(self, *texts: str) -> str:
        return self.draw.choice(texts)

    def block(self, name: str) -> str:
        """A block that keeps the size, in one of its forms."""
        act = self.pick(*ACTIVATIONS)
        if self.draw.random() < 0.5:
            signature = self.pick("", ": [..., d] -> [..., d]")
            inner = f"dense(n) -> {act}" if not signature else f"dense(n) -> {act} -> dense(d)"
            body = inner if signature else f"residual {{ layer_norm -> {act} -> (it * n) }}"
            return f"block {name}(n, act = relu){signature} = {body} -> act"
        return (
            f"block {name}(n, act = relu) {{\n input x: [..., c]\n h = x -> dense(n) -> {act}\n"
            f" skip = x -> if n > 4 {{ act }} else {{ tanh }}\n output y = (h -> dense(c)) + skip\n}}"
        )

    def model(self, name: str) -> str:
        shape = self.draw.choice(((4,), (8,), (5, 6), (6, 6, 2)))
        lines = [
            f"model {name}(width = {self.draw.randint(1, 16)}, rate = 0.1, deep = {self.pick('true', 'false')}) {{",
            f"  input x: [batch, {', '.join(map(str, shape))}]",
        ]
        tensors: list[tuple[str, Shape]] = [("x", shape)]
        if self.draw.random() < 0.3:
            lines.append('  require width > 0, "width must be positive"')
        if self.draw.random() < 0.3:
            lines.append(f"  param w: [{shape[-1]}] = {self.pick('ones', 'zeros', 'normal(std = 0.1)')}\n  v = x * w")
            tensors.append(("v", shape))
        for _ in range(self.draw.randint(1, 5)):
            made, shape = self.statement(tensors)
            lines.append(f"  {made}")
        last, shape = tensors[-1]
        lines.append(f"  output logits = {last} -> {self.stages(shape, 1)[0]}\n}}")
        return "\n".join(lines)

    def statement(self, tensors: list[tuple[str, Shape]]) -> tuple[str, Shape]:
        name = self.name()
        first, shape = self.draw.choice(tensors)
        same = [other for other, its in tensors if its == shape]
        kind = self.draw.random()
        if kind < 0.15:
            text = f"{first} {self.pick('+', '*', '-')} {self.draw.choice(same)}"
        elif kind < 0.25:
            text = f"({first}, {self.draw.choice(same)}) -> concat"
            shape = (*shape[:-1], 2 * shape[-1])
        elif kind < 0.35:
            stages, after = self.stages(shape, 2)
            text, shape = f"layer {name}_ = {stages}\n  {name} = {first} -> {name}_", after
            tensors.append((name, shape))
            return text, shape
        elif kind < 0.45 and shape[-1] % 2 == 0:
            half = (*shape[:-1], shape[-1] // 2)
            tensors += [(name, half), (f"{name}b", half)]
            return f"{name}, {name}b = {first} -> split(2)", half
        else:
            stages, shape = self.stages(shape, self.draw.randint(1, 4))
            text = f"{first} -> {stages}"
        tensors.append((name, shape))
        return f"{name} = {text}", shape

    def stages(self, shape: Shape, count: int, depth: int = 0) -> tuple[str, Shape]:
        found: list[str] = []
        for _ in range(count):
            text, shape = self.stage(shape, depth)
            if self.draw.random() < 0.1 and not depth:
                text += f" as {self.name()}"
            if self.draw.random() < 0.1 and not depth:
                text += f" : [batch, {', '.join(map(str, shape))}]"
            found.append(text)
        return self.pick(" -> ", "\n    -> ").join(found), shape

    def keeping(self, shape: Shape, depth: int) -> str:
        """Stages after which the size is what it was."""
        stages, after = self.stages(shape, self.draw.randint(1, 2), depth + 1)
        if after == shape:
            return stages
        return (
            f"layer_norm -> {self.pick(*ACTIVATIONS)}"
            if len(after) != len(shape) or after[:-1] != shape[:-1]
            else (f"{stages} -> {self.pick(*ACTIVATIONS)} -> dense({shape[-1]})")
        )

    def stage(self, shape: Shape, depth: int) -> tuple[str, Shape]:
        units = self.draw.randint(1, 12)
        choices = [
            (self.pick(*ACTIVATIONS), shape), (self.pick(*KEEPING), shape),
            (f"dense({units}{self.pick('', ', bias = false')})", (*shape[:-1], units)),
            (f"({self.pick('it + it', 'it ** 2', '-it', 'it / 3 - 1', '2 * (it -> tanh)')})", shape),
            (f"if {self.pick('deep', 'width > 3', 'not deep', 'deep and width == 2')} {{ {self.pick(*ACTIVATIONS)} }}", shape),
        ]  # fmt: skip
        if self.blocks:
            act = self.pick("", ", act = tanh", ", relu")
            choices += [(f"{self.draw.choice(self.blocks)}({self.pick('width', '7', '2 * width')}{act})", shape)]
        if len(shape) == 3:
            stride = self.pick("", ", stride = 1", ', padding = "same"')
            choices += [(f"conv({units}, {self.pick('1', '3')}{stride})", (*shape[:-1], units))] * 3
            choices += [("global_avg_pool", (shape[-1],)), ("max_pool(2)", (shape[0] // 2, shape[1] // 2, shape[2]))]
            choices = [choice for choice in choices if 0 not in choice[1]]
        if len(shape) == 2:
            choices += [("it[:, 0]", shape[1:]), ("mean(axis = 1)", shape[1:]), (f"gru({units})", (shape[0], units)),
                        ("attention(1)", shape), (f"scan {{ dense({units}) }}", (shape[0], units))]  # fmt: skip
        if len(shape) > 1:
            size = 1
            for one in shape:
                size *= one
            choices += [("flatten", (size,)), (f"reshape([batch, {size}, 1])", (size, 1))]
        if depth < 3:
            choices += [self.combined(shape, depth)] * 3
        return self.draw.choice(choices)

    def combined(self, shape: Shape, depth: int) -> tuple[str, Shape]:
        kind = self.draw.randrange(6)
        if kind == 0:
            return f"residual {{ {self.keeping(shape, depth)} }}", shape
        if kind == 1:
            return f"repeat {self.draw.randint(1, 4)} {{ {self.keeping(shape, depth)} }}", shape
        if kind == 2:
            index = self.name()
            change = f"if {index} % 2 == 0 {{ relu }} else {{ tanh }}"
            stage = self.pick(change, f"dropout({index} / 10)", f"if {index} > 0 {{ layer_norm }}")
            return (
                f"repeat {index} in 0..{self.draw.randint(1, 4)} {{ {self.keeping(shape, depth)} -> {stage} }}",
                shape,
            )
        if kind == 3:
            size, index = self.draw.randint(1, 6), self.name()
            return f"repeat {index} in [{size}, {size + 1}] {{ dense({index}) }}", (*shape[:-1], size + 1)
        if kind == 4:
            sizes = (self.draw.randint(1, 5), self.draw.randint(1, 5))
            body = "; ".join(f"dense({size})" for size in sizes)
            return f"fork {{ {body}{self.pick('', ';')} }} -> concat", (*shape[:-1], sum(sizes))
        return f"{self.pick('remat', 'frozen')} {{ {self.keeping(shape, depth)} }}", shape

    def sample(self) -> str:
        """A model around a sample of the catalogue."""
        sample = self.draw.choice(samples())
        inputs = [(f"x{number}", text) for number, text in enumerate(sample.inputs)]
        lines = [f"  input {name}: {text}" for name, text in inputs if text != "none"]
        given = ", ".join(name if text != "none" else "none" for name, text in inputs)
        return "\n".join(
            ["model s {", *lines, f"  output y = {given if len(inputs) == 1 else f'({given})'} -> {sample.text}", "}"]
        )

    def trained(self) -> str:
        stages = self.stages((4,), self.draw.randint(1, 3))
        size = 1
        for one in stages[1]:
            size *= one
        text = f"{stages[0]} -> reshape([batch, {size}])" if len(stages[1]) > 1 else stages[0]
        rate = self.pick("1e-3", "cosine(1e-2)", "0.01")
        return (
            f"model fit(width = 3, rate = 0.2, deep = true) {{ input features: [batch, 4]  output logits = features -> {text} -> relu -> dense(3) }}\n"
            f"train fit {{\n data = iris() -> split(0.8, 0.2){self.pick('', ' -> standardize')}\n"
            f" loss = (logits, label) -> cross_entropy\n{self.pick('', ' metrics = [accuracy]')}\n"
            f" optimizer = {self.pick('sgd', 'adam', 'adamw')}(lr = {rate})\n {self.pick('epochs = 2', 'steps = 1_0', '')}\n}}"
        )

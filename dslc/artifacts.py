"""What the stages returned, as text: for `--after`, and for the files of `dslc compile`."""

from collections.abc import Iterator

from dslc.compilation import Compilation
from dslc.emit import emitted
from dslc.export import exported
from dslc.lazy import np
from dslc.resolve import Program
from dslc.text import to_text
from dslc.text.tree import tree_text

EMITS = ("ir", "jaxpr", "stablehlo", "hlo", "python")
USUAL = EMITS[:-1]
"""Those that need no data, and are there for a model that is not trained too."""


def after(stage: str, compilation: Compilation) -> str:
    """What a stage returned.

    Raises:
        Failed: when it, or one before it, finds errors.
    """
    match stage:
        case "parse":
            return tree_text(compilation.parse)
        case "resolve":
            return "".join(f"{line}\n" for line in _declared(compilation.resolve))
        case "build":
            return to_text(compilation.build)
        case "optimize":
            return to_text(compilation.optimize[0])
        case "differentiate":
            return to_text(compilation.differentiate)
        case _:
            return f"{compilation.trace.jaxpr}\n"


def _declared(program: Program) -> Iterator[str]:
    """The declarations with the lines of the source that they stand on."""
    for name, part in program.imports.items():
        yield f"import {name} from {part.path}  @ line {program.source.line_of(part.span)}"
    for kind, table in (
        ("block", program.blocks), ("model", program.models), ("variant", program.variants), ("train", program.trains),
    ):  # fmt: skip
        for name, part in table.items():
            if kind != "block" or name not in program.models:
                line, _ = program.source.position(part.name.span.start)
                yield f"{kind} {name}  @ line {line}"
    for item in program.overrides:
        yield f"setting {item.name}  @ {item.span.file}"
    for name, size in program.dims.items():
        yield f"dimension {name} = {size}"


def artifacts(compilation: Compilation, kinds: tuple[str, ...], files: bool = True) -> dict[str, str | bytes]:
    """Files by name: the graphs (`ir`), and the program as JAX and as XLA see it.

    Args:
        files: With what is no text; else just what can be printed.
    """
    found: dict[str, str | bytes] = {}
    if "ir" in kinds:
        found |= {"source.ir": to_text(compilation.build), "optimized.ir": to_text(compilation.optimize[0])}
        if compilation.plan is not None:
            found["backward.ir"] = to_text(compilation.differentiate)
    if "jaxpr" in kinds:
        found["program.jaxpr"] = f"{compilation.trace.jaxpr}\n"
    if "stablehlo" in kinds:
        programs = exported(compilation)
        found["program.stablehlo"] = f"{next(iter(programs.values())).mlir_module()}\n"
        if files:
            found |= {f"{name}.export": bytes(program.serialize()) for name, program in programs.items()}
    if "hlo" in kinds:
        found["program.hlo"] = compilation.compile.as_text() or ""
    if "python" in kinds:
        found |= dict(_module(compilation, files))
    return found


def _module(compilation: Compilation, files: bool) -> Iterator[tuple[str, str | bytes]]:
    """The training program as a module of Python, and the arrays that it reads."""
    made = emitted(compilation)
    yield f"{made.name}.py", made.text
    if files:
        from safetensors.numpy import save  # noqa: PLC0415  # not before there is something to save

        for name, arrays in made.arrays.items():
            yield name, save({key: np.asarray(array, order="C") for key, array in arrays.items()})

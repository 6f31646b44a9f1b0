"""Products of tensors summed over named axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dslc.dims import Size, same
from dslc.lazy import jnp
from dslc.ops._time import ACROSS, Across, Axis, InTime, Passage
from dslc.ops.arithmetic._broadcast import alike, common
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.shape._pattern import sides
from dslc.types import Type

DOTS = "..."
Term = tuple[str, ...]


@op
class Einsum(Op):
    """Products of all elements with equal names, summed over the names that the result lacks: `"b s, b s m -> b m"`.

    Names are words with spaces between them, as in einops, or letters without, as in NumPy: `"bs,bsm->bm"`. `...` stands
    for leading axes, the same in all. A name that stands twice in one term takes the diagonal. Of more than two tensors
    the product goes from left to right.

    Shapes: `[b, s]`, `[b, s, m]` to, say, `[b, m]`.
    Reference: Einstein, 1916; words by Rogozhnikov, 2022, Einops.
    """

    pattern: str
    precision = "half"
    samples = (
        Sample('einsum("bs,bsm->bm")', ("[batch, seq]", "[batch, seq, 4]"), "[batch, 4]"),
        Sample('einsum("b q d, b k d -> b q k")', ("[batch, q, 6]", "[batch, k, 6]"), "[batch, q, k]"),
        Sample('einsum("... i, i j, j -> ...")', ("[batch, seq, n]", "[n, m]", "[m]"), "[batch, seq]"),
        Sample('einsum("b i i -> b i")', ("[batch, n, n]",), "[batch, n]"),
        Sample(
            'einsum("i j, j -> i")',
            ("[2, 2]", "[2]"),
            "[2]",
            given=([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0]),
            gives=[12.0, 34.0],
            source="worked by hand",
        ),
        Sample(
            'einsum("ij->")', ("[2, 2]",), "[]", given=([[1.0, 2.0], [3.0, 4.0]],), gives=10.0, source="worked by hand"
        ),
        Refused('einsum("b s, b s m -> b m")', ("[batch, 3]", "[batch, 4, 2]"), "`s` is 3 and 4"),
        Refused('einsum("b s -> b t")', ("[batch, 3]",), "`t`"),
        Refused('einsum("b s, s -> b")', ("[batch, 3]",), "2 terms"),
        Refused('einsum("b s -> b")', ("[batch, 3, 2]",), "names 2 axes"),
        Refused('einsum("b s")', ("[batch, 3]",), "one arrow"),
        Refused('einsum("b s -> b")', ("i32[batch, 3]",), "needs floats"),
    )

    def infer(self, *xs: Type) -> Type:
        floating(*xs)
        terms, out = self.terms()
        sizes = self._sizes(xs, terms)
        if new := next((name for name in out if name not in sizes), None):
            raise Mismatch(
                f"`{new}` stands on the right side of `{self.pattern}` alone", "name an axis of the left side"
            )
        if len({*out}) < len(out):
            raise Mismatch(f"a name stands twice on the right side of `{self.pattern}`", "name each axis once")
        dtype = common(*(Type((), x.dtype) for x in xs)).dtype
        return Type(tuple(size for name in out for size in sizes[name]), dtype)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        terms, out = self.terms()
        present = [type for type in types if type is not None]
        sizes = self._sizes(tuple(present), terms)
        letters = [_letters(term, sizes) for term in terms]
        names = {term[axis] for term, axis in zip(letters, time, strict=True) if axis is not None}
        if len(names) > 1 or any(term.count(name) > 1 for term in letters for name in names):
            return Across("meets the positions along two axes", ahead=False)
        (name,), places = names, _letters(out, sizes)
        if name not in places:
            return ACROSS
        cuts = (
            term.index(name) if axis is None and name in term else None
            for term, axis in zip(letters, time, strict=True)
        )
        return Passage((places.index(name),), tuple(cuts))

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        steps = self._steps()
        first, *others = alike(*xs)
        found = jnp.einsum(steps[0].text(), *((first,) if len(steps[0].terms) == 1 else (first, others.pop(0))))
        for step in steps[1:]:
            found = jnp.einsum(step.text(), found, others.pop(0))
        return found

    def cost(self, *xs: Type) -> Cost:
        sizes = self._sizes(xs, self.terms()[0])
        flops = 0
        for step in self._steps():
            every = elements([Type(tuple(size for name in step.names() for size in sizes[name]))])
            left = elements([Type(tuple(size for name in step.out for size in sizes[name]))])
            # A product and a sum for each, or one of the two.
            flops += every - left if len(step.terms) == 1 else every * (1 + (every > left))
        return Cost(flops, moved(*xs, self.infer(*xs)))

    def terms(self) -> tuple[tuple[Term, ...], Term]:
        """The names of the axes of every tensor, and of the result."""
        left, right = sides(self.pattern)
        parts = [part.strip() for part in (*left.split(","), right)]
        letters = not any(" " in part.replace(DOTS, "").strip() for part in parts)
        terms = [_names(part, letters, self.pattern) for part in parts]
        return tuple(terms[:-1]), terms[-1]

    def _sizes(self, xs: tuple[Type, ...], terms: tuple[Term, ...]) -> dict[str, tuple[Size, ...]]:
        """Sizes by name: one for each, any number for `...`."""
        if len(xs) != len(terms):
            raise Mismatch(
                f"`{self.pattern}` has {len(terms)} terms, and gets {len(xs)} tensors", "one term for each tensor"
            )
        found: dict[str, tuple[Size, ...]] = {}
        for position, (x, term) in enumerate(zip(xs, terms, strict=True)):
            spare = x.rank - len(term) + (DOTS in term)
            if spare < 0 or (spare and DOTS not in term):
                named = len(term) - (DOTS in term)
                raise Mismatch(
                    f"`{self.pattern}` names {named} axes of a tensor that is {x}", "name every axis", position
                )
            place = 0
            for name in term:
                shape = x.shape[place : place + (spare if name == DOTS else 1)]
                place += len(shape)
                before = found.setdefault(name, shape)
                if len(before) != len(shape) or not all(same(a, b) for a, b in zip(before, shape, strict=True)):
                    told = [", ".join(map(str, sizes)) or "nothing" for sizes in (before, shape)]
                    raise Mismatch(f"`{name}` is {told[0]} and {told[1]} in `{self.pattern}`", None, position)
        return found

    def _steps(self) -> tuple["_Step", ...]:
        """The products of two tensors that lead to the result, from left to right."""
        terms, out = self.terms()
        steps: list[_Step] = []
        left, *others = terms
        while len(others) > 1:
            needed = {*out, *(name for term in others[1:] for name in term)}
            kept = tuple(dict.fromkeys(name for name in (*left, *others[0]) if name in needed))
            # Broadcast axes come first, where `jnp.einsum` puts them by itself.
            kept = tuple(sorted(kept, key=lambda name: name != DOTS))
            steps.append(_Step((left, others.pop(0)), kept))
            left = kept
        return (*steps, _Step((left, *others), out))


@dataclass(frozen=True)
class _Step:
    terms: tuple[Term, ...]
    out: Term

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for term in self.terms for name in term))

    def text(self) -> str:
        """As `jnp.einsum` writes it, which knows letters only."""
        letters = {name: chr(ord("a") + number) for number, name in enumerate(self.names())} | {DOTS: DOTS}
        left, right = (
            ",".join("".join(letters[name] for name in term) for term in terms) for terms in (self.terms, (self.out,))
        )
        return f"{left}->{right}"


def _names(part: str, letters: bool, pattern: str) -> Term:
    before, dots, after = part.partition(DOTS)
    words = [[*side.strip()] if letters else side.split() for side in (before, after)]
    if wrong := next((word for side in words for word in side if not word.isidentifier()), None):
        raise Mismatch(f"`{wrong}` is no name of an axis in `{pattern}`", 'write `"b s, b s m -> b m"`')
    return (*words[0], *([DOTS] if dots else []), *words[1])


def _letters(term: Term, sizes: dict[str, tuple[Size, ...]]) -> list[tuple[str, int]]:
    """A name for each axis: those of `...` by their place from the end, as they broadcast."""
    return [(name, place) for name in term for place in range(-len(sizes[name]), 0)]

"""What an initializer is: a rule for the first values of a weight."""

from typing import TYPE_CHECKING

from dslc.catalogue import Catalogue, Entry, entry

if TYPE_CHECKING:
    import jax


class Initializer(Entry):
    """First values of a weight, from a key, its shape and its fans."""

    @property
    def everywhere(self) -> float | None:
        """The number that each element starts with, None where they differ."""
        return None

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        """Values in float32 of `shape`; `fan_in` and `fan_out` count the inputs and outputs of one unit."""
        raise AssertionError(type(self).__name__)


initializer = entry

INITIALIZERS: Catalogue[Initializer] = Catalogue("dslc.initializers", Initializer, "initializer", hidden=("core",))

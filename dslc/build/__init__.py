"""Program to graph: settings are computed, blocks applied, and every type checked on the way."""

from dslc.build.functions import FUNCTIONS
from dslc.build.models import model
from dslc.build.sampling import sample
from dslc.build.settings import all_catalogues
from dslc.build.start import survey as check_weights
from dslc.build.training import plan
from dslc.build.weights import sections


def value_names() -> frozenset[str]:
    """Names that mean something where a value stands although no block gives them."""
    return frozenset(FUNCTIONS).union(*(catalogue.names() for catalogue in all_catalogues()))


__all__ = ["check_weights", "model", "plan", "sample", "sections", "value_names"]

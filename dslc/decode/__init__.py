"""A causal model as programs that compute a run of positions from what they have kept of the ones before."""

from dslc.decode.parts import Decoder, decoder
from dslc.decode.walk import Blocked

__all__ = ["Blocked", "Decoder", "decoder"]

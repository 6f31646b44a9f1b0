"""The text form of a graph: `to_text` writes it, `from_text` reads an equal graph back.

The syntax is in `grammar/graph.lark`. Whoever writes a graph by hand may leave out paths, spans, fields that have a
default, and types: these are inferred, and then optional inputs may be left out as well.
"""

from dslc.text.read import BadText, from_text
from dslc.text.write import node_text, op_text, to_text

__all__ = ["BadText", "from_text", "node_text", "op_text", "to_text"]

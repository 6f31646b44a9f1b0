"""The training rows in a random order."""

from dataclasses import replace

from dslc.data.base import DataRefused, Parts, Schema, Stage, stage


@stage
class Shuffle(Stage):
    """Put the training rows into a random order that follows the seed, once.

    Training draws a new order for every epoch by itself; this is the order that those are drawn from.
    """

    def infer(self, schema: Schema) -> Schema:
        if "tokens" in schema.fields:
            way_out = "leave it out: training draws its windows at random"
            raise DataRefused("`shuffle` would tear the text apart", way_out)
        return schema

    def rearrange(self, parts: Parts, seed: int) -> Parts:
        return replace(parts, train=parts.train.shuffled(seed))

"""The catalogue: one `Entry` a name, encoders and losses. Nothing here imports what it names."""

from zoo.catalogue.encoders import ENCODERS
from zoo.catalogue.entry import Entry
from zoo.catalogue.losses import LOSSES

__all__ = ["ENCODERS", "LOSSES", "Entry"]

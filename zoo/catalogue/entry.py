"""One line of the catalogue."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue.

    Attributes:
        path: `module:Class` of the encoder or the loss.
        summary: one sentence.
        paper: where it comes from.
        inputs: what an encoder takes (encoders only).
        parameters: how many weights it has with its default settings and the head (encoders only).
        settings: what the name sets beyond the defaults of its class.
        head: what the model's head does unless told otherwise, for instance `{"normalize": False}` (losses only).
        takes: what a loss compares: `"embeddings"`, `"scores"` or `"cosines"` (of classes), or the two `"towers"` of a
            two-tower encoder; for an encoder `"towers"` says that it is one.
    """

    path: str
    summary: str
    paper: str
    inputs: str = ""
    parameters: str = ""
    settings: dict = field(default_factory=dict)
    head: dict = field(default_factory=dict)
    takes: str = "embeddings"

    @property
    def needs_classes(self):
        """Whether the loss scores classes, so that the model must know how many there are."""
        return self.takes in ("scores", "cosines")

"""Data: named text sets, a TSV of the user's own, an embedded set, and batches of P classes with K samples."""

from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Split": "base",
        "TextData": "base",
        "encode": "base",
        "Row": "tsv",
        "read_tsv": "tsv",
        "load": "sets",
        "names": "sets",
        "describe": "sets",
        "data_root": "sets",
        "SAMPLE_QUERIES": "intents",
        "PKBatches": "batches",
        "pk_batches": "batches",
    },
)

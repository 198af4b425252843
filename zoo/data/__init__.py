"""Data: named sets of texts, images and speech, files and folders of the user's own, and batches of P classes with K samples."""

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
        "ImageData": "images",
        "image_sets": "images",
        "load_images": "images",
        "Matches": "matches",
        "PairBatches": "pairs",
        "pair_batches": "pairs",
        "CaptionData": "captions",
        "CaptionSplit": "captions",
        "caption_sets": "captions",
        "load_captions": "captions",
        "load_features": "captions",
        "load_vectors": "vectors",
        "SpeechData": "speech",
        "SpeechSplit": "speech",
        "speech_sets": "speech",
        "load_speech": "speech",
        "PKBatches": "batches",
        "pk_batches": "batches",
    },
)

"""Figures with an interval: retrieval, classification, detection, and `evaluate` for a whole model."""

from zoo._lazy import attach

# The functions must not share a name with their modules: importing a submodule sets it as an
# attribute of the package and would hide the function.
__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "RecallByDims": "spectrum",
        "Report": "report",
        "Rotation": "spectrum",
        "Score": "intervals",
        "SimilarityCounts": "triplets",
        "TripletPoints": "triplets",
        "best_threshold": "decisions",
        "bootstrap": "intervals",
        "classification": "decisions",
        "cross_modal": "two_sides",
        "detection": "decisions",
        "effective_rank": "spectrum",
        "evaluate": "evaluation",
        "follow_triplets": "triplets",
        "RocCurve": "pair_scores",
        "multilabel_report": "multilabel",
        "nmi": "clustering",
        "pair_detection": "pair_scores",
        "pair_similarities": "pair_scores",
        "recall_by_dims": "spectrum",
        "retrieval": "ranking",
        "roc_curve": "pair_scores",
        "rotation": "spectrum",
        "similarity_counts": "triplets",
        "smallest_dims": "spectrum",
        "triplet_points": "triplets",
        "wilson": "intervals",
        "word_auc": "multilabel",
        "word_average_precision": "multilabel",
    },
)

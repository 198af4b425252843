"""What tensorflow-addons and tensorflow-similarity compute: case -> function of labels [N] and embeddings [N, D].

Margins and distances are set so that, where the definitions allow it, the value is ours on unit rows.
"""

import functools


def addons():
    import tensorflow as tf
    import tensorflow_addons as tfa

    npairs = tfa.losses.NpairsLoss()
    return {
        "batchhard": tfa.losses.TripletHardLoss(margin=0.4, distance_metric="squared-L2"),
        "semihard": tfa.losses.TripletSemiHardLoss(margin=0.2, distance_metric="squared-L2"),
        "lifted": tfa.losses.LiftedStructLoss(margin=1.0),
        "npair": lambda labels, x: npairs(labels, tf.matmul(x, x, transpose_b=True)),
    }


def similarity():
    import tensorflow_similarity.losses as tfs

    triplet = functools.partial(tfs.TripletLoss, distance="cosine", positive_mining_strategy="hard", margin=0.2)
    return {
        "batchhard": triplet(negative_mining_strategy="hard"),
        "semihard": triplet(negative_mining_strategy="semi-hard"),
        "multisimilarity": tfs.MultiSimilarityLoss(),
        "circle": tfs.CircleLoss(),
    }


FIND = {"tfa": addons, "tfsim": similarity}

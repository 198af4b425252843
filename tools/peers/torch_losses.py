"""What pytorch-metric-learning computes: case -> function of labels [N] and embeddings [N, D]."""


def mined(loss, miner):
    return lambda labels, x: loss(x, labels, miner(x, labels))


def plain(loss):
    return lambda labels, x: loss(x, labels)


def metric_learning():
    from pytorch_metric_learning import distances, losses, miners, reducers

    cosine = distances.CosineSimilarity()
    nearest = miners.BatchEasyHardMiner(pos_strategy="easy", neg_strategy="semihard", distance=cosine)
    mean = reducers.MeanReducer()
    every = losses.TripletMarginLoss(margin=0.2, distance=cosine)
    semi_hard = miners.TripletMarginMiner(margin=0.2, distance=cosine, type_of_triplets="semihard")
    return {
        "batchhard": mined(
            losses.TripletMarginLoss(margin=0.2, distance=cosine, reducer=mean), miners.BatchHardMiner(distance=cosine)
        ),
        "semihard": mined(losses.TripletMarginLoss(margin=0.2, distance=cosine), semi_hard),
        "epshn": mined(losses.NTXentLoss(temperature=0.1), nearest),
        "triplet": plain(every),
        "triplet64": plain(every),
        "lifted": plain(losses.LiftedStructureLoss(neg_margin=1.0, pos_margin=0.0)),
        "npair": plain(losses.NPairsLoss()),
        "contrastive": plain(losses.ContrastiveLoss(pos_margin=0.0, neg_margin=1.0)),
        "multisimilarity": mined(losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5), miners.MultiSimilarityMiner(0.1)),
        "multisimilarity_all": plain(losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5)),
        "circle": plain(losses.CircleLoss(m=0.4, gamma=80)),
        "supcon": plain(losses.SupConLoss(temperature=0.1)),
    }


def arcface(weights):
    """ArcFace as a module with its own class weights [D, C]."""
    import torch
    from pytorch_metric_learning import losses

    loss = losses.ArcFaceLoss(len(weights), weights.shape[1], margin=28.6479, scale=64)
    with torch.no_grad():
        loss.W.copy_(torch.from_numpy(weights.T.copy()))
    return loss

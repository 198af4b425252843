"""The losses, one `Entry` a name."""

from zoo.catalogue.entry import Entry

_TRIPLET = "zoo.losses.triplet:TripletLoss"
_RAW = {"normalize": False}
_RANKING = "zoo.losses.ranking:RankingLoss"
_MANY = "zoo.losses.many_to_many:ManyToManyLoss"
_EASY_PAPER = "Xuan, Stylianou and Pless 2020, Improved embeddings with easy positive triplet mining"
_EASY = {
    "positive": "easy",
    "objective": "nca",
    "margin": 0.0,
    "denominator": "anchors",
    "fallback": "drop",
    "duplicate_threshold": 0.9999,
}

LOSSES = {
    "softmax": Entry(
        "zoo.losses.margin_softmax:SoftmaxLoss",
        "Cross-entropy over class scores; the baseline that metric losses are compared with.",
        "Bridle 1990, Probabilistic interpretation of feedforward classification network outputs",
        head=_RAW,
        takes="scores",
    ),
    "hinge": Entry(
        "zoo.losses.hinge:MulticlassHinge",
        "Multi-class hinge over raw class scores with any margin (Crammer-Singer or Weston-Watkins).",
        "Crammer and Singer 2001, On the algorithmic implementation of multiclass kernel-based vector machines",
        head=_RAW,
        takes="scores",
    ),
    "cosface": Entry(
        "zoo.losses.margin_softmax:MarginSoftmax",
        "Softmax over scaled cosines to class weights, with a margin of cosine for the own class.",
        "Wang et al. 2018, CosFace: large margin cosine loss for deep face recognition",
        takes="cosines",
    ),
    "arcface": Entry(
        "zoo.losses.margin_softmax:MarginSoftmax",
        "Softmax over scaled cosines to class weights, with a margin of angle for the own class.",
        "Deng et al. 2019, ArcFace: additive angular margin loss for deep face recognition",
        settings={"kind": "arcface", "margin": 0.5},
        takes="cosines",
    ),
    "sphereface": Entry(
        "zoo.losses.angular_softmax:AngularSoftmax",
        "Softmax in which the angle to the own class is multiplied; class weights of unit length.",
        "Liu et al. 2017, SphereFace: deep hypersphere embedding for face recognition",
        head=_RAW,
        takes="cosines",
    ),
    "lsoftmax": Entry(
        "zoo.losses.angular_softmax:AngularSoftmax",
        "Softmax in which the angle to the own class is multiplied (L-Softmax).",
        "Liu et al. 2016, Large-margin softmax loss for convolutional neural networks",
        settings={"lengths": "both", "multiple": 2, "annealing": 0.0},
        head=_RAW,
        takes="cosines",
    ),
    "proxynca": Entry(
        "zoo.losses.proxies:ProxyNCALoss",
        "Each sample is drawn to the learnt proxy of its class, as seen against all proxies.",
        "Movshovitz-Attias et al. 2017, No fuss distance metric learning using proxies",
        takes="cosines",
    ),
    "proxyanchor": Entry(
        "zoo.losses.proxies:ProxyAnchorLoss",
        "The learnt proxy of each class draws all its samples of the batch and pushes the others away.",
        "Kim et al. 2020, Proxy anchor loss for deep metric learning",
        takes="cosines",
    ),
    "words": Entry(
        "zoo.losses.words:WordsLoss",
        "Multi-label cross-entropy over words, weighted by how often each occurs; multi-hot labels.",
        "Kamper et al. 2017, Visually grounded learning of keyword prediction from untranscribed speech",
        head=_RAW,
        takes="scores",
    ),
    "triplet": Entry(
        _TRIPLET,
        "All triplets of the batch with a margin (batch-all), by sorting.",
        "Hermans, Beyer and Leibe 2017, In defense of the triplet loss for person re-identification",
    ),
    "batchhard": Entry(
        _TRIPLET,
        "The farthest positive and the nearest negative of each anchor.",
        "Hermans, Beyer and Leibe 2017, In defense of the triplet loss for person re-identification",
        settings={"positive": "hard", "negative": "hard", "denominator": "anchors"},
    ),
    "semihard": Entry(
        _TRIPLET,
        "Every positive pair with the nearest negative that is farther than the positive.",
        "Schroff, Kalenichenko and Philbin 2015, FaceNet",
        settings={
            "positive": "all",
            "negative": "semi_hard",
            "distance": "squared_euclidean",
            "normalize": True,
            "denominator": "valid",
        },
    ),
    "ep": Entry(
        _TRIPLET,
        "The nearest positive against all negatives in one softmax.",
        _EASY_PAPER,
        settings={**_EASY, "negative": "all"},
    ),
    "ephn": Entry(
        _TRIPLET,
        "The nearest positive and the nearest negative; collapses where negatives are hard, see sct.",
        _EASY_PAPER,
        settings={**_EASY, "negative": "hard"},
    ),
    "epshn": Entry(
        _TRIPLET,
        "The nearest positive and the nearest negative that is not closer than it.",
        _EASY_PAPER,
        settings={**_EASY, "negative": "semi_hard"},
    ),
    "epshn2": Entry(
        _TRIPLET,
        "epshn whose gradient points at s_ap = 1 and s_an = 0 (second order).",
        _EASY_PAPER,
        settings={**_EASY, "negative": "semi_hard", "objective": "second_order"},
    ),
    "sct": Entry(
        "zoo.losses.selective:SelectiveContrastiveTriplet",
        "The nearest positive and the nearest negative, of which a hard triplet only pushes the negative.",
        "Xuan, Stylianou, Liu and Pless 2020, Hard negative examples are hard, but useful",
    ),
    "ranking": Entry(
        _RANKING,
        "Every matched pair of two towers against all others of the batch, in both directions (sum of hinges).",
        "Kiros, Salakhutdinov and Zemel 2014, Unifying visual-semantic embeddings with multimodal neural language models",
        takes="towers",
    ),
    "maxranking": Entry(
        _RANKING,
        "Every matched pair of two towers against the nearest other of each direction (max of hinges).",
        "Faghri, Fleet, Kiros and Fidler 2018, VSE++: Improving visual-semantic embeddings with hard negatives",
        settings={"negative": "hard"},
        takes="towers",
    ),
    "maxmargin": Entry(
        _RANKING,
        "Every matched pair of two towers against one impostor drawn for each direction, on raw dot products.",
        "Harwath, Torralba and Glass 2016, Unsupervised learning of spoken language with visual context",
        settings={"negative": "random", "margin": 1.0, "normalize": False},
        head=_RAW,
        takes="towers",
    ),
    "mms": Entry(
        "zoo.losses.ranking:MaskedMarginSoftmax",
        "Softmax of every matched pair of two towers against the batch, with a margin and other matches masked.",
        "Ilharco, Zhang and Baldridge 2019, Large-scale representation learning from visually grounded untranscribed speech",
        head=_RAW,
        takes="towers",
    ),
    "manytomany": Entry(
        _MANY,
        "L1 between similarity and matchness of two towers, matches and others weighing the same.",
        "no paper known",
        takes="towers",
    ),
    "manytomany_l1": Entry(
        _MANY,
        "L1 between similarity and matchness of two towers over all pairs; kept to show that it collapses.",
        "no paper known",
        settings={"form": "plain"},
        takes="towers",
    ),
    "sigmoid": Entry(
        "zoo.losses.many_to_many:PairwiseSigmoid",
        "Logistic regression on every pair of two towers, with a learnt scale and bias.",
        "Zhai, Mustafa, Kolesnikov and Beyer 2023, Sigmoid loss for language image pre-training",
        takes="towers",
    ),
    "npair": Entry(
        "zoo.losses.npair:NPairLoss",
        "Softmax of dot products: each positive pair against all rows of other classes.",
        "Sohn 2016, Improved deep metric learning with multi-class N-pair loss objective",
        head=_RAW,
    ),
    "contrastive": Entry(
        "zoo.losses.contrastive:ContrastiveLoss",
        "Every pair by itself: positives within one distance, negatives beyond another.",
        "Hadsell, Chopra and LeCun 2006, Dimensionality reduction by learning an invariant mapping",
    ),
    "nearestneighbor": Entry(
        "zoo.losses.nearest_neighbor:NearestNeighborLoss",
        "The nearest positive against the negatives that are near, with thresholds for both.",
        "Nearest neighbor loss for metric learning (post of 2019), the ancestor of easy-positive mining",
    ),
    "lifted": Entry(
        "zoo.losses.lifted:LiftedStructureLoss",
        "Each positive pair against all negatives of both of its rows.",
        "Song, Xiang, Jegelka and Savarese 2016, Deep metric learning via lifted structured feature embedding",
        head=_RAW,
    ),
    "infonce": Entry(
        "zoo.losses.infonce:InfoNCELoss",
        "Each positive pair against all negatives of its anchor, by softmax over cosines.",
        "van den Oord, Li and Vinyals 2018, Representation learning with contrastive predictive coding",
    ),
    "ntxent": Entry(
        "zoo.losses.infonce:InfoNCELoss",
        "Another name of infonce.",
        "Chen, Kornblith, Norouzi and Hinton 2020, A simple framework for contrastive learning (SimCLR)",
        settings={"name": "ntxent"},
    ),
    "supcon": Entry(
        "zoo.losses.infonce:SupConLoss",
        "Softmax over all other rows, spread evenly over the anchor's positives.",
        "Khosla et al. 2020, Supervised contrastive learning",
    ),
    "softneighbor": Entry(
        "zoo.losses.infonce:SoftNearestNeighborLoss",
        "Probability that a neighbor drawn by distance is of the anchor's class (NCA).",
        "Goldberger, Roweis, Hinton and Salakhutdinov 2004, Neighbourhood components analysis",
    ),
    "multisimilarity": Entry(
        "zoo.losses.multi_similarity:MultiSimilarityLoss",
        "Pairs that are hard for their anchor, weighed by their own and by each other's similarity.",
        "Wang, Han, Huang, Dong and Scott 2019, Multi-similarity loss with general pair weighting",
    ),
    "circle": Entry(
        "zoo.losses.circle:CircleLoss",
        "Every pair weighed by its distance to its optimum, so that the decision boundary is a circle.",
        "Sun et al. 2020, Circle loss: a unified perspective of pair similarity optimization",
    ),
    "margin": Entry(
        "zoo.losses.margin_pairs:MarginLoss",
        "Every pair of the batch against one boundary distance.",
        "Wu, Manmatha, Smola and Krähenbühl 2017, Sampling matters in deep embedding learning",
    ),
    "smoothap": Entry(
        "zoo.losses.smooth_ap:SmoothAPLoss",
        "The average precision of each anchor's ranking, smoothed.",
        "Brown, Xie, Kalogeiton and Zisserman 2020, Smooth-AP: smoothing the path towards large-scale image retrieval",
    ),
}

"""The words that a model hears in a clip, or finds in any item, as part of a graph."""

import numpy as np
import tensorflow as tf

from zoo.export.signatures import stored
from zoo.export.strings import as_bytes


class Words(tf.Module):
    """The k most probable words of an item, from its embedding, and from the model itself for comparison.

    Args:
        model: an `Embedder` whose loss takes several labels an item.
        names: word of each column of its scores [C].
        most: k, at most C.
    """

    def __init__(self, model, names, most):
        super().__init__(name="words")
        self.most, self.columns = min(most, len(names)), {name: i for i, name in enumerate(as_bytes(names))}
        self.names = stored(np.array(as_bytes(names), object), "names", tf.string)  # (C,)
        layer = model.loss_layer
        # Functions, not the layer: as an attribute of a module its metrics would be stored too.
        self.probabilities = lambda embeddings: layer.loss.probabilities(layer.scores(embeddings))
        self.expected = lambda items: np.asarray(layer.loss.probabilities(model.class_scores(items)))

    def function(self, embed):
        """Return the `tf.function` of raw items (N,) to words and scores (N, k); with `ok` of `embed`, 0 for no item."""

        def answer(items):
            answers = embed(items)
            probabilities = tf.cast(self.probabilities(answers.pop("embedding")), tf.float32)
            scores, columns = tf.math.top_k(probabilities, self.most)
            scores = scores * answers["ok"][:, None] if "ok" in answers else scores
            return {"words": tf.gather(self.names, columns), "scores": scores} | answers

        return tf.function(answer, input_signature=embed.input_signature, autograph=False)

    def difference(self, answers, items):
        """Return the largest difference of answered scores from what the model gives the same words of items [N]."""
        columns = np.array([[self.columns[word] for word in row] for row in answers["words"].numpy()])
        return float(np.abs(answers["scores"].numpy() - np.take_along_axis(self.expected(items), columns, axis=1)).max())

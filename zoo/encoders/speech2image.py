"""Speech and images, two towers that end in one space."""

from zoo import errors
from zoo.encoders.speechcnn import SpeechCNN
from zoo.encoders.vse import image_backbone
from zoo.layers.matchmap import MATCHMAPS


class Speech2Image:
    """A convolutional network over the log-mel of speech beside one over the pixels of an image.

    Without a `matchmap` each tower pools its frames or places to one vector, and the model's head adds one linear map. With
    one the head maps every frame and every place, and the matchmap says how well they fit, see
    `zoo.layers.matchmap_similarity`. As Harwath et al. have it:
    `zoo.build("speech2image_maxmargin", preset="davenet", rate=16000, seconds=20.5, image="VGG16", matchmap="misa",
    embedding_dim=1024)`.

    Args:
        preset, rate, seconds, mels, dropout, speed, noise: of the speech, see `zoo.encoders.SpeechCNN`.
        image: `"convnet"`, `"mobilenet"`, or the name of a network in `keras.applications`.
        weights: of the network, see `zoo.encoders.Application`.
        size: pixels of a side of the images; None takes the network's default.
        speech_settings: further settings of the speech, a dict, for instance `{"pooling": "meanmax"}`.
        image_settings: further settings of the network, a dict, for instance `{"channels": 1, "blocks": 2}`.
        matchmap: None; or `"sisa"`, `"misa"`, `"sima"`.

    Attributes:
        towers: `{"speech": SpeechCNN, "image": ConvNet or Application}`.
        matchmap: as given.

    Raises:
        ValueError: a network or a matchmap that does not exist.

    Example:

    >>> from zoo.encoders import Speech2Image
    >>> towers = Speech2Image(size=28, image_settings={"filters": 32}).towers
    >>> towers["image"].compute_output_shape((None, 28, 28, 3))
    (None, 32)

    References: Harwath, Torralba and Glass 2016, Unsupervised learning of spoken language with visual context; Harwath
    et al. 2018, Jointly discovering visual objects and spoken words from raw sensory input (matchmaps).
    """

    def __init__(
        self,
        preset="small",
        rate=8000,
        seconds=2.0,
        mels=40,
        dropout=0.0,
        speed=0.0,
        noise=0.0,
        image="convnet",
        weights=None,
        size=None,
        speech_settings=None,
        image_settings=None,
        matchmap=None,
    ):
        if matchmap is not None and matchmap not in MATCHMAPS:
            raise ValueError(errors.unknown("matchmap", matchmap, MATCHMAPS))
        self.settings = {key: value for key, value in locals().items() if key != "self"}
        speech = {"preset": preset, "rate": rate, "seconds": seconds, "mels": mels}
        speech |= {"dropout": dropout, "speed": speed, "noise": noise, **(speech_settings or {})}
        self.towers = {"speech": SpeechCNN(**speech), "image": image_backbone(image, weights, size, image_settings or {})}
        self.matchmap = matchmap

    def get_config(self):
        """The settings, for the card."""
        return dict(self.settings)

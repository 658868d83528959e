"""From measurements to sentences: pure functions that say what went wrong in a training, where, and what to try.

Every threshold lies between what networks broken on purpose and what sound ones come to; beside each stand both, as
measured on MNIST and on scikit-learn's digits. The habits are those of CS231n, "Neural Networks Part 3" (a first loss
near ln K, a few samples learned by heart, updates a thousandth of the weights), of Glorot and Bengio 2010, AISTATS
(saturation, gradients by layer), and of Zhang et al. 2017, arXiv 1611.03530 (shuffled labels can be learned by heart).
"""

from collections.abc import Callable, Iterator

from pipeline.diagnosis.records import Diagnosis, EpochRecord, Finding, LayerRecord

MOST_DEAD = 0.8
"""Fraction of a layer's ReLUs that may be dead: sound layers begin with 0.66 at the most, those of 20 with 32 units;
where biases or a rate have killed a layer it is 0.94 to 1."""

MOST_SATURATED = 0.5
"""Fraction of a layer's outputs that may be saturated before training: sound ones begin with 0, pixels on 0 to 255 make
it 0.94 to 0.98."""

COLLAPSED = 0.8
"""Fraction of dead or saturated outputs by which a layer no longer learns, where it began sound: too high a rate makes
it 0.84 to 1. Sound networks come to 0.5 as well, and learn all the same, so that this counts where a score is low."""

LEAST_GRADIENT = 1e-5
"""The gradient of a layer over its weights, by that of the output, before training. Twenty layers of ReLU of 32 units
come to 1e-3, ten of sigmoid to 1e-8, twenty to 1e-17."""

MOST_FIRST_LOSS = 2.5
"""The first loss over that of chance. Sound networks begin with 1 to 1.8, those on pixels of 0 to 255 with 6."""

UNSCALED = 5.0
"""Root mean square of the inputs from which on they are called unscaled: pixels on 0 to 1 have 0.3 to 0.5, standardized
features 1, pixels on 0 to 255 about 80."""

MOST_LOSS = 1.5
"""The last loss over that of chance, from which on training has made things worse."""

BOUNCE = 1.5
"""The last loss over the smallest, from which on training goes to and fro, where it is still half that of chance."""

LEAST_DISTANCE = 0.05
"""How far weights move, relative to themselves, in a training that learns: in one epoch of 40 updates already 0.05 to
0.2, at a rate a thousandfold too small 1e-5 to 0.01 in many."""

FAR = 0.3
"""How far weights have moved where a loss at chance says something of the labels: shuffled ones move them 0.5 to 1.2,
a small rate that takes many epochs to leave a plateau 0.1."""

SLOW = 0.8
"""The last loss over that of chance, below which a training is not called slow."""

FEW_UPDATES, MANY_UPDATES = 30, 1000
"""Updates from which on little movement says something of the rate, and a loss at chance something of the labels: small
sigmoid networks stay on a plateau for some hundred."""

LEARNS, KNOWS = 0.1, 0.5
"""Gains over chance (0 is chance, 1 is perfect) from which on a network is said to learn, and to have learned."""

Symptom = Callable[[Diagnosis], Iterator[Finding]]


def find_symptoms(diagnosis: Diagnosis) -> list[Finding]:
    """Return what went wrong; what explains other findings leaves these out.

    Parameters
    ----------
    diagnosis : Diagnosis
        With its records.

    Returns
    -------
    list of Finding
        Divergence first, then what was wrong before training, then what training came to.
    """
    if not diagnosis.epochs or diagnosis.chance_score >= 1:  # nothing to learn
        return []
    findings = [finding for symptom in ALWAYS for finding in symptom(diagnosis)]
    for symptom in UNEXPLAINED:
        findings += [] if findings else list(symptom(diagnosis))
    return findings


def diverged(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find that the loss became infinite or NaN."""
    if diagnosis.diverged_in is not None:
        yield Finding(
            "learning_rate_too_high",
            f"The loss was no finite number any more in epoch {diagnosis.diverged_in}: training diverged",
            _scaled_first(diagnosis) + _scaled_targets(diagnosis) + _lower_rate(diagnosis),
            epoch=diagnosis.diverged_in,
        )


def dead_units(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find a layer of ReLU that was dead before training, the first of several."""
    first = diagnosis.epochs[0]
    for number, layer in enumerate(first.layers, start=1):
        if layer.dead is not None and layer.dead >= MOST_DEAD:
            yield Finding(
                "dead_units",
                f"Before training, {layer.dead:.0%} of the units of {_name(first, number)} were dead: no sample made "
                "them active, and no gradient passes through them",
                "initial biases near 0 and weight_init='he_normal'; batch_norm=True; or activation='leaky_relu', whose "
                "units cannot die",
                layer=number,
                epoch=first.epoch,
            )
            return


def saturated_units(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find a layer of sigmoid or tanh that was saturated before training, the first of several."""
    first = diagnosis.epochs[0]
    for number, layer in enumerate(first.layers, start=1):
        if layer.saturated is not None and layer.saturated > MOST_SATURATED:
            yield Finding(
                "saturated_units",
                f"Before training, {layer.saturated:.0%} of the outputs of {_name(first, number)} were saturated, "
                f"where the slope is nearly 0{_of_unscaled(diagnosis)}",
                _scaled_first(diagnosis) + "a smaller weight_init, batch_norm=True, or activation='relu'",
                layer=number,
                epoch=first.epoch,
            )
            return


def first_loss_too_high(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find that a new network was sure of wrong answers, or predicted numbers far from the targets."""
    first = diagnosis.epochs[0]
    if diagnosis.by_heart is not None and not first.loss <= MOST_FIRST_LOSS * diagnosis.chance_loss:
        so = (
            "predictions were far from the targets"
            if _of_numbers(diagnosis)
            else "the network was sure of wrong answers"
        )
        yield Finding(
            "first_loss_too_high",
            f"Before training, the loss was {first.loss:.3g}, and {diagnosis.chance_loss:.3g} is that of "
            f"{_chance(diagnosis)}: {so}{_of_unscaled(diagnosis)}",
            _scaled_first(diagnosis) + _scaled_targets(diagnosis) + "a smaller weight_init, or batch_norm=True",
            epoch=first.epoch,
        )


def vanishing_gradient(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find the layer nearest to the output that the gradient did not reach before training."""
    first = diagnosis.epochs[0]
    ratios = [_gradient_ratio(layer) for layer in first.layers]
    for number in range(len(ratios) - 1, 0, -1):
        if ratios[number - 1] < LEAST_GRADIENT * ratios[-1]:
            yield Finding(
                "vanishing_gradient",
                f"Before training, the gradient vanished on its way back through {len(ratios)} layers: from "
                f"{_name(first, number)} down it was below {LEAST_GRADIENT:g} of that of the output",
                "activation='relu' with weight_init='he_normal', batch_norm=True, or fewer hidden_layer_sizes",
                layer=number,
                epoch=first.epoch,
            )
            return


def rate_too_high(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find that training destroyed a layer, made the loss worse than chance, or goes to and fro."""
    last = diagnosis.epochs[-1]
    if diagnosis.learning_rate is None or len(diagnosis.epochs) == 1:
        return
    collapse = _collapse(diagnosis)
    if collapse is not None and _gain(diagnosis, last.score) < KNOWS / 2:
        epoch, number = collapse
        layer = epoch.layers[number - 1]
        kind = f"{layer.dead:.0%} dead" if layer.dead is not None else f"{layer.saturated or 0:.0%} saturated"
        what = f"{_name(last, number)} was sound before training, and {kind} after epoch {epoch.epoch}"
        yield _too_high(diagnosis, what[0].upper() + what[1:], epoch, number)
    elif last.loss > MOST_LOSS * diagnosis.chance_loss:
        what = (
            f"After epoch {last.epoch} the loss was {last.loss:.3g}, worse than {_chance(diagnosis)} "
            f"({diagnosis.chance_loss:.3g})"
        )
        yield _too_high(diagnosis, what, last)
    elif last.loss > max(BOUNCE * min(one.loss for one in diagnosis.epochs), diagnosis.chance_loss / 2):
        best = min(diagnosis.epochs, key=lambda one: one.loss)
        if best.epoch > diagnosis.epochs[0].epoch:
            what = (
                f"The loss was {best.loss:.3g} after epoch {best.epoch}, and {last.loss:.3g} after epoch {last.epoch}"
            )
            yield _too_high(diagnosis, what, last)


def rate_too_low(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find that the weights hardly moved, and the loss hardly fell."""
    last, n_updates = diagnosis.epochs[-1], _n_updates(diagnosis)
    distance = _distance(last)
    if diagnosis.learning_rate is None or n_updates < FEW_UPDATES:
        return
    if distance < LEAST_DISTANCE and last.loss > SLOW * diagnosis.chance_loss:
        update = max(layer.update or 0 for one in diagnosis.epochs for layer in one.layers)
        yield Finding(
            "learning_rate_too_low",
            f"In {n_updates} updates no layer's weights have moved by more than {distance:.2g} of their norm, and the "
            f"loss is still {last.loss:.3g}; updates were at most {update:.1g} of the weights, where 1e-3 is usual",
            f"learning_rate_init={10 * diagnosis.learning_rate:g} or more, in steps of ten; then a larger max_iter",
            epoch=last.epoch,
        )


def not_by_heart(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find that a few samples were too much for a network that learned nothing later either."""
    test = diagnosis.by_heart
    if test is not None and not test.learned and _gain(diagnosis, diagnosis.epochs[-1].score) < KNOWS:
        yield Finding(
            "not_learned_by_heart",
            f"Before training, a copy of the network could not learn {test.n_samples} samples by heart in "
            f"{test.n_updates} updates: its loss stayed at {test.loss:.3g}",
            _scaled_targets(diagnosis)
            + "larger hidden_layer_sizes, weight_init='he_normal', batch_norm=True; and see whether equal samples have "
            f"different {_labels(diagnosis)}",
            epoch=0,
        )


def labels_do_not_fit(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find that what is learned says nothing of other samples, or that there is nothing to learn but by heart."""
    last = diagnosis.epochs[-1]
    gain = _gain(diagnosis, last.score)
    if last.validation_score is not None and gain > LEARNS:
        validation = _gain(diagnosis, last.validation_score)
        if validation < min(LEARNS, gain - LEARNS):
            what = _scores(diagnosis, last.score, last.validation_score)
            yield Finding(
                "labels_do_not_fit",
                f"After epoch {last.epoch} {what}: it learns by heart",
                _look_at_targets(diagnosis),
                epoch=last.epoch,
            )
    at_chance = gain < LEARNS and last.loss > 0.95 * diagnosis.chance_loss
    if at_chance and _distance(last) > FAR and _n_updates(diagnosis) >= MANY_UPDATES:
        learned = (
            "" if diagnosis.by_heart is None else f", though {diagnosis.by_heart.n_samples} samples can be learned"
        )
        what = (
            f"After {_n_updates(diagnosis)} updates the loss is {last.loss:.3g}, that of {_chance(diagnosis)}{learned}"
        )
        yield Finding("labels_do_not_fit", what, _look_at_targets(diagnosis), epoch=last.epoch)


ALWAYS: tuple[Symptom, ...] = (diverged, dead_units, saturated_units, first_loss_too_high)
UNEXPLAINED: tuple[Symptom, ...] = (vanishing_gradient, rate_too_high, rate_too_low, not_by_heart, labels_do_not_fit)
"""Symptoms in the order in which they are looked for: each of these only where none before it was found."""

SYMPTOMS = {
    "learning_rate_too_high": "the learning rate is too high",
    "dead_units": "units are dead before training",
    "saturated_units": "units are saturated before training",
    "first_loss_too_high": "the first loss is far above that of chance",
    "vanishing_gradient": "the gradient vanishes on its way back",
    "learning_rate_too_low": "the learning rate is too low",
    "not_learned_by_heart": "a few samples cannot be learned by heart",
    "labels_do_not_fit": "labels do not fit the samples",
}
"""What there is to find, by name."""


def _of_numbers(diagnosis: Diagnosis) -> bool:
    """Tell whether numbers are predicted, and no labels."""
    return diagnosis.n_classes == 0


def _labels(diagnosis: Diagnosis) -> str:
    """Return what the targets are called."""
    return "targets" if _of_numbers(diagnosis) else "labels"


def _chance(diagnosis: Diagnosis) -> str:
    """Return what a prediction is called that knows nothing."""
    return "the best constant" if _of_numbers(diagnosis) else "chance"


def _scores(diagnosis: Diagnosis, score: float, validation_score: float) -> str:
    """Return both scores in words."""
    if _of_numbers(diagnosis):
        return (
            f"the network's score is {score:.3g} on training samples and {validation_score:.3g} on validation samples, "
            "where 0 is that of the best constant"
        )
    return (
        f"the network is right on {score:.1%} of training samples and {validation_score:.1%} of validation samples, "
        f"where {diagnosis.chance_score:.1%} is chance"
    )


def _look_at_targets(diagnosis: Diagnosis) -> str:
    """Return the advice to look at the data."""
    samples, targets = ("samples" if _of_numbers(diagnosis) else "images"), _labels(diagnosis)
    return (
        f"looking at some {samples} beside their {targets}: {samples} and {targets} may have been shuffled apart, or "
        "not belong together"
    )


def _scaled_targets(diagnosis: Diagnosis) -> str:
    """Return the advice to scale the targets, where they are numbers."""
    if not _of_numbers(diagnosis):
        return ""
    return "targets of mean 0 and standard deviation 1 (TransformedTargetRegressor), if they are no counts; "


def _gain(diagnosis: Diagnosis, score: float) -> float:
    """Return how far a score is from chance towards 1."""
    return (score - diagnosis.chance_score) / (1 - diagnosis.chance_score)


def _distance(epoch: EpochRecord) -> float:
    """Return how far the weights of the layer that moved most have moved."""
    return max(layer.distance for layer in epoch.layers)


def _gradient_ratio(layer: LayerRecord) -> float:
    """Return the norm of the gradient over that of the weights."""
    return layer.gradient / layer.weight if layer.weight else 0.0


def _collapse(diagnosis: Diagnosis) -> tuple[EpochRecord, int] | None:
    """Return the epoch after which a layer had collapsed to the end, and the layer's number, the first of several."""
    first, last = diagnosis.epochs[0], diagnosis.epochs[-1]
    for index, layer in enumerate(last.layers):
        if _lost(layer) >= COLLAPSED > _lost(first.layers[index]):
            sound = [one.epoch for one in diagnosis.epochs if _lost(one.layers[index]) < COLLAPSED]
            return next(one for one in diagnosis.epochs if one.epoch > sound[-1]), index + 1
    return None


def _lost(layer: LayerRecord) -> float:
    """Return the fraction of a layer that is dead or saturated."""
    return max(layer.dead or 0.0, layer.saturated or 0.0)


def _n_updates(diagnosis: Diagnosis) -> int:
    """Return how many updates the records tell of."""
    return (diagnosis.epochs[-1].epoch - diagnosis.epochs[0].epoch) * diagnosis.n_updates_per_epoch


def _too_high(diagnosis: Diagnosis, what: str, epoch: EpochRecord, layer: int | None = None) -> Finding:
    """Return the finding of a rate that is too high."""
    return Finding("learning_rate_too_high", what, _lower_rate(diagnosis), layer, epoch.epoch)


def _lower_rate(diagnosis: Diagnosis) -> str:
    """Return the advice to lower the rate."""
    if diagnosis.learning_rate is None:
        return "a larger alpha"
    return f"learning_rate_init={diagnosis.learning_rate / 10:g} or less, in steps of ten; or batch_norm=True"


def _scaled_first(diagnosis: Diagnosis) -> str:
    """Return the advice to scale the inputs, where they are not."""
    if diagnosis.input_rms < UNSCALED:
        return ""
    return "inputs of size 1 (the stage preprocess, Normalize, or pixel_scale=1/255 for bytes); and only then "


def _of_unscaled(diagnosis: Diagnosis) -> str:
    """Return the words on inputs that are not scaled."""
    return "" if diagnosis.input_rms < UNSCALED else f"; the inputs' root mean square is {diagnosis.input_rms:.3g}"


def _name(epoch: EpochRecord, number: int) -> str:
    """Return what a hidden layer is called: its number, its activation and its units."""
    layer = epoch.layers[number - 1]
    return f"hidden layer {number} ({layer.n_units} {layer.activation})"

"""Test-time augmentation: a classifier predicts an image and deformed copies of it, and the mean of both counts.

``TestTimeAugmentation`` is put around any classifier with ``predict_proba``, fitted already or to be fitted yet. How
copies are deformed is said by ``Deform``, as for training.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import gen_batches
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from pipeline.images.deform import Deform, Deformer
from pipeline.parameters import ParameterError, check_parameters

Array = NDArray[Any]

PIECE = 1024
"""Images that are deformed and predicted at once, however many there are."""
_KINDS = [np.float64, np.float32, np.uint8]


class TestTimeAugmentation(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """P(y | x) = 1/n (p(y | x) + p(y | D_2 x) + ... + p(y | D_n x)), p being a classifier's, and D_k deformations.

    The deformations are drawn once, by seed, and are the same for every image: so a prediction does not depend on the
    images beside it, and a second one says the same. The image as it is counts as one of the copies.

    It is how Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural networks",
    averaged over ten shifted and mirrored copies of an image.

    Parameters
    ----------
    estimator : classifier
        What predicts. One that is fitted already can be used at once; ``fit`` fits a clone of it.
    augmentation : Deform, default=None
        How the copies are deformed, each in its own way: ``group`` is none of theirs. None leaves them as they are.
    n_copies : int, default=8
        Copies that are averaged over, the image itself counted as one.
    random_state : int, default=0
        The seed of the deformations.

    Attributes
    ----------
    estimator_ : classifier
        What ``fit`` has fitted.
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of ``predict_proba``.
    n_features_in_, feature_names_in_
        As in every estimator, after ``fit``.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_digits(return_X_y=True)
    >>> deform = Deform(rotation=8, translation=0.3)
    >>> model = LogisticRegression(max_iter=500).fit(deform.apply(X[::2], np.random.default_rng(2)), y[::2])
    >>> averaged = TestTimeAugmentation(model, deform, n_copies=16)
    >>> averaged.score(X[1::2], y[1::2]) > model.score(X[1::2], y[1::2])
    True
    """

    __test__ = False  # pytest takes a class by its name for tests

    def __init__(
        self,
        estimator: Any,
        augmentation: Deform | None = None,
        *,
        n_copies: Annotated[int, ">= 1"] = 8,
        random_state: Annotated[int, ">= 0"] = 0,
    ) -> None:
        self.estimator = estimator
        self.augmentation = augmentation
        self.n_copies = n_copies
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, **fit_params: Any) -> Self:
        """Fit a clone of the classifier; nothing is deformed meanwhile.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels)
            Images. uint8, float32 and float64 reach the classifier as they are, anything else as float64.
        y : array-like of shape (n_samples,)
            Labels.
        **fit_params : dict
            Handed to the classifier's ``fit``.

        Returns
        -------
        self
        """
        check_parameters(self)
        images, labels = validate_data(self, X, y, dtype=_KINDS)
        check_classification_targets(labels)
        self.estimator_ = clone(self.estimator).fit(images, labels, **fit_params)
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the mean probability of each class, (n_samples, n_classes), in the order of ``classes_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels)
            Images. Copies have X's type, so that uint8 stays uint8, rounded; what is no uint8, float32 or float64
            becomes float64.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Of the classifier's type.
        """
        check_is_fitted(self)
        check_parameters(self)
        images = validate_data(self, X, dtype=_KINDS, reset=False)
        deformations = self._deformations(images.shape[1], images.dtype)
        pieces = gen_batches(len(images), PIECE)
        return np.concatenate([self._average(images[piece], deformations) for piece in pieces])

    def predict(self, X: ArrayLike) -> Array:
        """Return the label of each image that is likeliest in the mean, (n_samples,)."""
        P = self.predict_proba(X)
        return np.asarray(self.classes_[P.argmax(axis=1)])

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Return the logarithm of ``predict_proba``."""
        P = self.predict_proba(X)
        with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf, as it should be
            return np.log(P, out=P)

    @property
    def classes_(self) -> Array:
        """The labels that the classifier has learned."""
        return np.asarray(self._classifier.classes_)

    @property
    def _classifier(self) -> Any:
        """What predicts: what ``fit`` has fitted, or else what was given."""
        return vars(self).get("estimator_", self.estimator)

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there is a fitted classifier."""
        try:
            check_is_fitted(self._classifier)
        except NotFittedError:
            return False
        return True

    def _average(self, images: Array, deformations: list[Callable[[Array], Array]]) -> Array:
        """Return the mean of what the classifier says of some images and of their copies."""
        total = np.array(self._classifier.predict_proba(images))
        for deform in deformations:
            total += self._classifier.predict_proba(deform(images))
        total /= 1 + len(deformations)
        return total

    def _deformations(self, n_pixels: int, dtype: np.dtype[Any]) -> list[Callable[[Array], Array]]:
        """Draw what makes a deformed copy of images, once for each copy but the first."""
        if self.augmentation is None:
            return []
        check_copies(self.augmentation, dtype)
        every_one = replace(self.augmentation, group=1)  # a field that copies share would make them no different
        deformer = every_one.prepare(n_pixels, np.float64 if dtype == np.float64 else np.float32)
        coefficients = deformer.draw(self.n_copies - 1, np.random.default_rng(self.random_state))
        return [partial(_copy, deformer, coefficients[:, k : k + 1]) for k in range(self.n_copies - 1)]


def check_copies(augmentation: Deform, dtype: DTypeLike) -> None:
    """Check how copies of images are to be deformed.

    Raises
    ------
    ParameterError
        For a parameter with a value that is not allowed, and for a background that the images' type has not.
    """
    augmentation.check()
    if np.dtype(dtype) == np.uint8 and not 0 <= augmentation.outside <= 255:
        raise ParameterError(f"background must be on 0..255 for images of uint8; got {augmentation.background!r}")


def _copy(deformer: Deformer, coefficients: Array, images: Array) -> Array:
    """Return images deformed, all in the same way, in the type that they have."""
    made = deformer.warp(images, np.repeat(coefficients, len(images), axis=1))
    return np.rint(made).astype(np.uint8) if images.dtype == np.uint8 else made

"""What a classifier and a regressor share: the network is built, trained and asked, and has scikit-learn's attributes.

A subclass has the parameters, and says what its targets are.
"""

import math
import warnings
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted

from pipeline.callbacks import CallbackSupportMixin, FitTasks, callbacks_of, with_callbacks
from pipeline.diagnosis.doctor import Doctor, TrainingDoctor
from pipeline.diagnosis.records import Diagnosis
from pipeline.images.deform import Deform
from pipeline.images.statistics import ImageStatistics
from pipeline.mlp import builder
from pipeline.mlp.ignored import warn_of_ignored
from pipeline.mlp.lbfgs import LBFGS
from pipeline.mlp.reporting import Reporter
from pipeline.mlp.threads import bounded_blas
from pipeline.mlp.validation import (
    InputValidator,
    Views,
    as_generator,
    checked_samples,
    dense,
    is_copied,
    sparse_taker,
    types,
)
from pipeline.network import Network
from pipeline.network.array_rows import ArrayRows
from pipeline.network.batches import Samples
from pipeline.network.compiled.engines import Engine, decide_engine
from pipeline.network.training import Course, Epoch, Trainer
from pipeline.parameters import check_parameters, parameters_of

Array = NDArray[Any]

N_STATISTICS = 1000
"""Training samples that statistics of images are learned from, at the most."""


@dataclass
class ReportedCourse(Course):
    """What one call of training is to do, and what belongs to its report."""

    callback: Reporter = field(kw_only=True)
    doctor: Doctor | None = None
    epochs_before: int = 0
    vanished_before: bool = False


class BaseMLP(CallbackSupportMixin, BaseEstimator):
    """An estimator of a multi-layer perceptron, whose parameters its subclass has."""

    solver: str
    augmentation: Deform | None
    batch_size: str | int
    diagnose: bool
    early_stopping: bool
    engine: Engine
    learning_rate_init: float
    max_fun: int
    max_iter: int
    max_updates: int | None
    monitor: str
    n_iter_no_change: float
    pixel_scale: float | None
    random_state: Any
    tol: float
    validation_fraction: float
    verbose: bool | int
    warm_start: bool

    network_: Network
    n_features_in_: int
    n_outputs_: int
    engine_: str
    out_activation_: str
    background_: float
    diagnosis_: Diagnosis
    input_statistics_: ImageStatistics
    _targets: Any
    _width: tuple[str, int]
    _trainer: Trainer

    # ---------------------------------------------------------------- what scikit-learn's has as attributes

    @property
    def coefs_(self) -> list[Array]:
        """Weights of each layer, (n_in, n_out); what is written there is in the network."""
        return Views(layer.W for layer in self._fitted_network("coefs_").affine_layers)

    @coefs_.setter
    def coefs_(self, values: list[Array]) -> None:
        """Write other weights into the network."""
        self.coefs_[:] = values

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each layer, (n_out,); zeros that cannot be written where there are no biases."""
        network = self._fitted_network("intercepts_")
        none = [np.broadcast_to(network.dtype.type(0), layer.n_out) for layer in network.affine_layers]
        return Views(layer.b if layer.bias else zeros for layer, zeros in zip(network.affine_layers, none, strict=True))

    @intercepts_.setter
    def intercepts_(self, values: list[Array]) -> None:
        """Write other biases into the network."""
        self.intercepts_[:] = values

    def _fitted_network(self, attribute: str) -> Network:
        """Return the network; before fit there is no such attribute, as ``hasattr`` must find."""
        if "network_" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {attribute!r} before it is fitted")
        return self.network_

    # ---------------------------------------------------------------- building

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        """Return what scikit-learn reads of the signature each time that it clones, or sets a parameter."""
        names: list[str] = super()._get_param_names()
        return names

    def _parameter_values(self) -> dict[str, Any]:
        """Return the value of every parameter, by name."""
        raise NotImplementedError

    def _check_parameters(self) -> None:
        """Raise a ParameterError for parameters that are not allowed, or not together."""
        check_parameters(self)
        builder.check_combinations(self._parameter_values())
        builder.check_engine(self._parameter_values())

    def _output_activation(self) -> str:
        """Return the activation of the output, which the targets or the loss decide on."""
        raise NotImplementedError

    def _begin(self, samples: Samples) -> None:
        """Build the network and all that training needs; if that fails, there is nothing to resume."""
        self.__dict__.pop("_trainer", None)
        self.n_outputs_ = samples.Y.shape[1]
        self._build(samples.X.shape[1], samples.Y.dtype)
        if self.augmentation is not None:
            some = samples.inputs(slice(None, None, -(-len(samples) // N_STATISTICS)))
            self.background_ = self.augmentation.with_background_of(some).outside
        self._trainer = self._new_trainer(len(samples), sparse=samples.take_sparse is not None)

    def _planned_output(self, n_given: int) -> tuple[int, str]:
        """Return width and activation of the output for so many classes, or targets, before anything is known."""
        raise NotImplementedError

    def _build(self, n_features: int, dtype: Any) -> None:
        """Build the network; the first number of its generator decides on the validation rows."""
        generator = as_generator(self.random_state)
        self._split_seed = int(generator.integers(2**31))
        self.out_activation_ = self._output_activation()
        self.network_ = builder.network(
            self._parameter_values(),
            n_features,
            self.n_outputs_,
            self.out_activation_,
            dtype=dtype,
            random_state=generator,
        )
        self.n_layers_ = len(self.network_.affine_layers) + 1

    def _new_trainer(self, n_samples: int, *, sparse: bool = False, allocate: bool = True) -> Trainer:
        """Return a trainer of the network, as the parameters say now."""
        background = vars(self).get("background_", 0.0)
        values = self._parameter_values()
        return builder.trainer(
            values, self.network_, n_samples, sparse=sparse, background=background, allocate=allocate
        )

    def _refresh(self, n_samples: int, *, sparse: bool = False) -> None:
        """Have the trainer train as the parameters say now; its progress stays.

        Raises
        ------
        ParameterError
            Where they ask for other layers than the network has.
        """
        values = self._parameter_values()
        builder.check_same_layers(values, self.network_, self.n_outputs_)
        self.out_activation_ = self._output_activation()
        self.network_.loss = builder.loss(values, self.out_activation_)
        self._trainer.adopt(self._new_trainer(n_samples, sparse=sparse, allocate=False))

    # ---------------------------------------------------------------- training

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network on samples and their targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples. float32 is worked on in float32, anything else in float64. Where at most an eighth of its numbers
            are stored, a sparse matrix is multiplied as it is, unless noise or dropout of the input, an augmentation
            or an adversary needs whole rows: then batches are made dense, one at a time.
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
            Targets. A classifier takes labels of any kind that scikit-learn knows: numbers, booleans, text, dates,
            categories, all of them known; two dimensions mean several labels at once, 0 or 1 each. A regressor takes
            numbers; two dimensions mean several targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.
        X_val, y_val : array-like, default=None
            Validation data, evaluated after every epoch, and used by ``early_stopping``.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weight of each validation sample.

        Returns
        -------
        self
        """
        self._check_parameters()
        resuming = self.warm_start and hasattr(self, "_trainer")
        inputs = self._input_validator(resuming=resuming)
        samples = inputs.training(X, y, sample_weight)
        self._set_targets(inputs.targets)
        self.input_statistics_ = ImageStatistics.of(X if isinstance(X, ArrayRows) else samples.X, sample=N_STATISTICS)
        if not resuming:
            self._begin(samples)
            self._warn_of_start(samples)
        validation = inputs.validation(len(samples), X_val, y_val, sample_weight_val)
        if self.early_stopping and validation is None and self.solver != "lbfgs":
            samples, validation = self._hold_out(samples)
        tasks = FitTasks(self, self.max_iter, {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}})
        learn = self._minimize if self.solver == "lbfgs" else self._train
        learn(samples, validation, tasks)
        tasks.end()
        return self

    def _checked_samples(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, *, resuming: bool
    ) -> tuple[InputValidator, Samples]:
        """Return the samples of ``fit``, and what has checked them, and learn what the targets are."""
        inputs = self._input_validator(resuming=resuming)
        samples = inputs.training(X, y, sample_weight)
        self._set_targets(inputs.targets)
        self.input_statistics_ = ImageStatistics.of(samples.X, sample=N_STATISTICS)
        return inputs, samples

    def _check_partial_fit(self) -> None:
        """Raise for parameters that are not allowed, or not for ``partial_fit``."""
        self._check_parameters()
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")

    def _fit_epoch(self, inputs: InputValidator, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> None:
        """Train for one epoch, after what was trained before."""
        samples = inputs.training(X, y, sample_weight)
        self._set_targets(inputs.targets)
        if not inputs.resuming:
            self._begin(samples)
            self._warn_of_ignored(stacklevel=4)
        self._train(samples, None, tasks=None, max_epochs=1)

    def _new_training(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Trainer, Samples]:
        """Return a trainer at its start and what it is to learn from, for training that is not ``fit``'s."""
        self._check_parameters()
        inputs = self._input_validator(resuming=False)
        samples = inputs.training(X, y, sample_weight)
        self._set_targets(inputs.targets)
        self._begin(samples)
        return self._trainer, samples

    def _makes_updates(self) -> bool:
        """Tell whether the solver makes updates, which is what ``partial_fit`` is available for."""
        if self.solver == "lbfgs":
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def _input_validator(self, *, resuming: bool) -> InputValidator:
        """Return what checks the samples of one call; where training is resumed, against what it began with."""
        raise NotImplementedError

    def _input_options(self, *, resuming: bool) -> dict[str, Any]:
        """Return what every validator takes."""
        return {
            "pixel_scale": self.pixel_scale,
            "targets": self._targets if resuming else None,
            "dtype": self.network_.dtype if resuming else None,
        }

    def _set_targets(self, targets: Any) -> None:
        """Set what the targets of training are."""
        self._targets = targets

    def _hold_out(self, samples: Samples) -> tuple[Samples, Samples]:
        """Split samples for ``early_stopping``, into the same rows again when training is resumed.

        Raises
        ------
        ValueError
            Where there are too few rows, or too few of a class, for such a split.
        """
        strata = self._strata(samples)
        self._check_hold_out(len(samples), 1 if strata is None else len(np.unique(strata)))
        train, validation = train_test_split(
            np.arange(len(samples)),
            test_size=self.validation_fraction,
            random_state=self._split_seed,
            stratify=strata,
        )
        return samples.subset(np.sort(train)), samples.subset(np.sort(validation))

    def _check_hold_out(self, n_samples: int, n_strata: int) -> None:
        """Raise where too few rows would be held out, or left: two have a score, and each group is on both sides."""
        n_validation = math.ceil(self.validation_fraction * n_samples)
        n_train = n_samples - n_validation
        if n_validation >= 2 and n_train >= n_strata:
            return
        too_small = "validation set is too small" if n_validation < 2 else "training set that is left is too small"
        raise ValueError(
            f"The {too_small}: early_stopping holds out {n_validation} of the n_samples={n_samples} by "
            f"validation_fraction={self.validation_fraction}, and leaves {n_train} to learn from; expected are 2 or "
            f"more and {n_strata} or more. Another validation_fraction, more samples, or X_val and y_val mend it"
        )

    def _warn_of_start(self, samples: Samples) -> None:
        """Warn of parameters without effect, and of targets that are hard to learn as they are."""
        self._warn_of_ignored(stacklevel=5)
        self._warn_of_targets(samples)

    def _warn_of_ignored(self, *, stacklevel: int) -> None:
        """Warn of parameters that are set and have no effect."""
        values = self._parameter_values()
        kinds = parameters_of(type(self))
        defaults = {name: kinds[name].default if name in kinds else value for name, value in values.items()}
        warn_of_ignored(values, defaults, stacklevel=stacklevel)

    def _warn_of_targets(self, samples: Samples) -> None:
        """Warn of targets that are hard to learn as they are."""

    def _strata(self, samples: Samples) -> Array | None:
        """Return groups of samples that are held out alike, if there are any."""
        del samples
        return None

    def _train(
        self, samples: Samples, validation: Samples | None, tasks: FitTasks | None, max_epochs: int | None = None
    ) -> None:
        """Train by mini-batches, and set the fitted attributes."""
        training = self._new_course(samples, validation, tasks, max_epochs)
        try:
            with bounded_blas(1), training.doctor or nullcontext():
                training.reason = self._trainer.run(
                    samples,
                    max_epochs=training.max_epochs,
                    max_updates=training.max_updates,
                    validation=validation,
                    callback=training.callback,
                )
        except KeyboardInterrupt:
            self._interrupted()
        finally:
            self._end_course(training)
        self._warn_of_end(training, warn_of_limit=tasks is not None, stacklevel=5)

    def _new_course(
        self, samples: Samples, validation: Samples | None, tasks: FitTasks | None, max_epochs: int | None = None
    ) -> "ReportedCourse":
        """Make the trainer ready, and return what it is to do."""
        if self.monitor.startswith("validation") and validation is None:
            raise ValueError(f"monitor={self.monitor!r} needs validation data: give X_val and y_val, or early_stopping")
        if not isinstance(self.batch_size, str) and self.batch_size > len(samples):
            warnings.warn(
                f"Got `batch_size` {self.batch_size}, larger than sample size {len(samples)}: it is clipped",
                stacklevel=5,
            )
        self._refresh(len(samples), sparse=samples.take_sparse is not None)
        self.engine_ = self._trainer.engine = decide_engine(self.engine)
        epochs_before, vanished_before = len(self._trainer.history), self._trainer.rate_vanished
        doctor = self._new_doctor(samples)
        return ReportedCourse(
            max_epochs or self.max_iter,
            self.max_updates or np.inf,
            validation,
            callback=self._reporter(tasks, doctor),
            doctor=doctor,
            epochs_before=epochs_before,
            vanished_before=vanished_before,
        )

    def _end_course(self, training: "ReportedCourse") -> None:
        """Set the fitted attributes, and report why training ended."""
        self._set_fitted_attributes(training.epochs_before)
        training.callback.on_training_end(training.reason)
        training.callback.close()

    def _warn_of_end(self, training: "ReportedCourse", *, warn_of_limit: bool, stacklevel: int) -> None:
        """Warn of training that ended before it was done, or goes on for nothing."""
        if training.reason == "max_epochs" and warn_of_limit and not self._trainer.schedule_over:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
                stacklevel=stacklevel,
            )
        if self._trainer.rate_vanished and not training.vanished_before:
            warnings.warn(
                f"The learning rate is down to {self.history_['learning_rate'][-1]:.3g}, too small to learn with, by "
                f"{self._trainer.schedule!r} with learning_rate_init={self.learning_rate_init}: training goes on for "
                "nothing. Another learning_rate, or one with other parameters, begins anew",
                stacklevel=stacklevel,
            )

    def _minimize(self, samples: Samples, validation: Samples | None, tasks: FitTasks) -> None:
        """Train on all samples at once by L-BFGS, and set the fitted attributes."""
        self._refresh(len(samples), sparse=samples.take_sparse is not None)
        self.engine_ = "numpy"
        epochs_before = len(self._trainer.history)
        solver = LBFGS(self._trainer, tol=self.tol, max_evaluations=self.max_fun)
        doctor = self._new_doctor(samples)
        reporter, reason = self._reporter(tasks, doctor), "interrupted"
        try:
            with bounded_blas(1), doctor or nullcontext():
                reason = solver.run(samples, max_epochs=self.max_iter, validation=validation, callback=reporter)
        finally:
            if solver.loss is not None:
                self._set_fitted_attributes(epochs_before)
                self.loss_, self.n_iter_ = solver.loss, min(solver.n_iter, self.max_iter)
            reporter.on_training_end(reason)
            reporter.close()
        if reason == "failed":
            warnings.warn(
                f"lbfgs failed to converge after {solver.n_iter} iteration(s): {solver.message}. Increase max_iter or "
                "max_fun, or scale the data",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _interrupted(self) -> None:
        """Keep what was learned when a person interrupts ``fit``, as scikit-learn does."""
        warnings.warn("Training interrupted by user.", stacklevel=5)

    def _new_doctor(self, samples: Samples) -> Doctor | None:
        """Return what examines the training, where that is asked for, and begin its diagnosis."""
        self.__dict__.pop("diagnosis_", None)
        if not self.diagnose and not TrainingDoctor.is_among(callbacks_of(self)):
            return None
        doctor = Doctor(self._trainer, samples, by_updates=self.solver != "lbfgs")
        self.diagnosis_ = doctor.diagnosis
        return doctor

    def _reporter(self, tasks: FitTasks | None, doctor: Doctor | None) -> Reporter:
        """Return what reports of every epoch."""
        return Reporter(
            self._trainer,
            tasks,
            verbose=self.verbose,
            max_epochs=self.max_iter,
            patience=self.n_iter_no_change,
            update_attributes=lambda: self._set_fitted_attributes(0),
            doctor=doctor,
        )

    def _set_fitted_attributes(self, epochs_before: int) -> None:
        """Set scikit-learn's fitted attributes, ``epochs_before`` of the history being from earlier calls."""
        history = self._trainer.history
        self.n_iter_ = len(history) - epochs_before
        self.t_ = self._trainer.samples
        self.history_ = {each.name: [getattr(epoch, each.name) for epoch in history] for each in fields(Epoch)}
        self.loss_curve_ = list(self.history_["loss"])
        self.loss_ = self.loss_curve_[-1] if history else np.inf
        stops_early = self.early_stopping and self.solver != "lbfgs"
        scores = [score for score in self.history_["validation_score"] if score is not None]
        self.validation_scores_ = scores if stops_early else None
        self.best_validation_score_ = max(scores, default=-np.inf) if stops_early else None
        self.best_loss_ = None if stops_early else min(self.loss_curve_, default=np.inf)

    def _fitted_attributes(self) -> dict[str, Any]:
        """Return what a copy of this estimator needs to predict as of now, for a callback that takes one."""
        names = ("_targets", "n_outputs_", "out_activation_", "n_layers_", "n_features_in_")
        return {name: getattr(self, name) for name in names} | {"network_": deepcopy(self.network_)}

    # ---------------------------------------------------------------- predicting

    def _outputs(self, X: ArrayLike) -> Array:
        """Return the network's outputs, chunk by chunk so that memory is bounded."""
        if "network_" not in vars(self):
            check_is_fitted(self)
        network, scale = self.network_, self.pixel_scale
        rows = checked_samples(self, X, dtype=types(scale, network.dtype))
        take = sparse_taker(rows, scale)
        sparse = take is not None and network.accepts_sparse(training=False)
        n, size = rows.shape[0], network.chunk_size(copied=not sparse and is_copied(rows))

        def outputs(some: slice) -> Array:
            return network.predict(take(rows, some) if take and sparse else dense(rows[some], scale))

        if n <= size:
            return outputs(slice(n))
        return np.concatenate([outputs(slice(start, start + size)) for start in range(0, n, size)])

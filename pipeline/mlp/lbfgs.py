"""L-BFGS: all samples at once, by SciPy, with a ``run`` like that of the trainer by mini-batches."""

from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from pipeline.network.batches import Samples
from pipeline.network.parallel.full_batch import FullBatchGradient
from pipeline.network.parallel.workers import Workers
from pipeline.network.training import Callback, DivergenceError, Trainer

Array = NDArray[Any]

_TOO_MANY_ITERATIONS, _LINE_SEARCH_FAILED = 1, 2
"""SciPy's numbers for how a minimization has failed; where a callback stops it, that is 99."""


class LBFGS:
    """Minimizes the loss over all samples by SciPy's L-BFGS-B, Byrd et al. 1995, SIAM J. on Scientific Computing 16.

    Parameters
    ----------
    trainer : Trainer
        Holds the network, the regularizers, the history and the best parameters.
    tol : float
        The largest element of the gradient at which training has converged.
    max_evaluations : int
        Evaluations of the loss at the most.

    Attributes
    ----------
    loss : float or None
        At the end; None until then.
    n_iter : int
        Iterations made.
    message : str
        SciPy's words on why it failed, if it did.
    """

    def __init__(self, trainer: Trainer, *, tol: float, max_evaluations: int) -> None:
        self.trainer, self.tol, self.max_evaluations = trainer, tol, max_evaluations
        self.loss: float | None = None
        self.n_iter, self.message = 0, ""

    def run(
        self,
        samples: Samples,
        *,
        max_epochs: int,
        validation: Samples | None = None,
        callback: Callback | None = None,
    ) -> str:
        """Train on, and return why training ended; an iteration is an epoch.

        Parameters
        ----------
        samples : Samples
            The training data.
        max_epochs : int
            Iterations at the most.
        validation : Samples, optional
            Data that every iteration is evaluated on.
        callback : Callback, optional
            Called at every iteration; may ask to stop.

        Returns
        -------
        {"converged", "asked", "failed"}
            "failed" where iterations or evaluations have run out, or no step makes the loss smaller.

        Raises
        ------
        DivergenceError
            When the loss is no finite number; the network then has the parameters of its best iteration, or its first.
        """
        trainer, network = self.trainer, self.trainer.network
        trainer.resume()
        trainer.best_params[:] = network.params
        callback = callback or Callback()

        def loss_and_gradient(params: Array) -> tuple[float, Array]:
            network.params[:] = params
            return gradient.compute(), network.grads.astype(np.float64)

        def iteration_ends(intermediate_result: Any) -> None:
            network.params[:] = intermediate_result.x
            if np.isfinite(intermediate_result.fun):
                trainer.best_params[:] = network.params  # each iteration goes further down
            if trainer.record(intermediate_result.fun, len(samples), validation, callback):
                raise StopIteration

        # What overflows is found out in the end; a step along the line that is too long is taken back.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"), Workers(trainer.n_threads) as workers:
            gradient = FullBatchGradient(network, trainer.hooks, samples, workers)
            result = scipy.optimize.minimize(
                loss_and_gradient,
                network.params.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=iteration_ends,
                options={"maxfun": self.max_evaluations, "maxiter": max_epochs, "gtol": self.tol},
            )
        network.params[:] = result.x
        self.loss, self.n_iter = float(result.fun), int(result.nit)
        self._check()
        if result.status in {_TOO_MANY_ITERATIONS, _LINE_SEARCH_FAILED}:
            self.message = str(result.message)
            return "failed"
        return "converged" if result.status == 0 else "asked"

    def _check(self) -> None:
        """Raise if training has diverged, with the best parameters restored."""
        params = self.trainer.network.params
        if self.loss is not None and np.isfinite(self.loss) and np.isfinite(params).all():
            return
        params[:] = self.trainer.best_params
        raise DivergenceError(
            "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
            f"preprocessed. The loss became {self.loss}"
        )

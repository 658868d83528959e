"""``find_learning_rate``: how fast a network may learn, from a sweep of the learning rate over mini-batches.

The rate rises exponentially from batch to batch (Smith 2017, arXiv 1506.01186). First nothing is learned, then the loss
falls, and in the end it rises; what is suggested lies well before that.

``finder`` trains and asks, ``sweep`` raises the rate from one update to the next, and ``suggestion`` is what is
made of the losses.
"""

from pipeline.rate_finder.finder import LearningRateSweep, find_learning_rate

__all__ = ["LearningRateSweep", "find_learning_rate"]

"""Houses that a generator makes: a table like California's of 1990, for the benchmark of tables to predict prices from.

The real one has to be downloaded; this one has the same kinds of columns, and what makes it hard: skewed features, an
effect of the place that no single coordinate shows, interactions, noise, and prices that are cut off at the top.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEATURES = ("income", "age", "rooms", "bedrooms", "population", "occupancy", "latitude", "longitude")
CITIES = ((-1.2, 0.9, 0.25, 0.9), (0.6, -1.1, 0.45, 0.7), (1.4, 0.8, 0.2, 0.35))
"""Longitude, latitude, extent and the effect on the price, of each."""
MOST = 5.0
"""Prices above are cut off."""


def houses(n_samples: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return features (n_samples, 8) in the order of ``FEATURES``, and prices (n_samples,).

    Examples
    --------
    >>> X, y = houses(1000, seed=0)
    >>> X.shape, bool(y.max() == MOST), bool(y.min() > 0)
    ((1000, 8), True, True)
    """
    rng = np.random.default_rng(seed)
    city = rng.integers(len(CITIES) + 1, size=n_samples)  # the last are those who live in the country
    east, north = rng.uniform(-2, 2, n_samples), rng.uniform(-2, 2, n_samples)
    for number, (x, y, extent, _) in enumerate(CITIES):
        here = city == number
        east[here], north[here] = rng.normal((x, y), extent, (here.sum(), 2)).T
    place, centre = _place(east, north)
    income = rng.lognormal(1.1 + 0.3 * place, 0.45)
    age = np.clip(rng.normal(25 + 12 * centre, 11), 1, 52).round()
    rooms = rng.lognormal(1.5 + 0.15 * np.log(income), 0.22)
    bedrooms = rooms * np.clip(rng.normal(0.21, 0.03, n_samples), 0.1, 0.5)
    population = rng.lognormal(7 + 0.4 * centre, 0.7).round()
    occupancy = 1 + rng.lognormal(0.6 - 0.3 * np.log(income / 3), 0.3)
    log_price = (
        -0.95
        + 0.75 * np.log(income)
        + place * (0.6 + 0.12 * np.log(income))
        + 0.25 * centre * np.sin(age / 52 * np.pi)
        - 0.5 * np.log(occupancy / 3)
        + 0.3 * np.tanh(3 * (0.22 - bedrooms / rooms) / 0.1)
        + rng.normal(0, 0.22, n_samples)
    )
    X = np.column_stack([income, age, rooms, bedrooms, population, occupancy, north, east])
    return X, np.minimum(np.exp(log_price), MOST)


def _place(east: NDArray[Any], north: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what the place adds to the logarithm of a price, and how near the centre of a city is, from 0 to 1."""
    near = [np.exp(-((east - x) ** 2 + (north - y) ** 2) / (2 * (2 * extent) ** 2)) for x, y, extent, _ in CITIES]
    coast = np.exp(-np.abs(east + 1.1 + 0.35 * np.sin(2.2 * north)) / 0.45)
    dear: NDArray[Any] = sum((effect * one for one, (*_, effect) in zip(near, CITIES, strict=True)), start=0.5 * coast)
    return dear, np.max(near, axis=0)

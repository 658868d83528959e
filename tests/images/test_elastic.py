"""Blurs beside SciPy's, and the basis of the fields that are drawn."""

import math

import numpy as np
import pytest
from scipy import ndimage

from pipeline.images.elastic import blur, elastic_basis


@pytest.mark.parametrize("sigma", [0.3, 1, 4.5, 20])
def test_a_blur_is_scipys(sigma):
    """G N G' is SciPy's Gaussian filter with zeros beyond the border."""
    noise = np.random.default_rng(0).uniform(-1, 1, (28, 20))
    plain = ndimage.gaussian_filter(noise, sigma, mode="constant", truncate=10)
    assert np.allclose(blur(28, sigma) @ noise @ blur(20, sigma).T, plain, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("shape", "sigma"), [((9, 9), 1.0), ((12, 7), 2.0), ((10, 10), 4.5)])
def test_all_basis_fields_together_are_blurred_noise(shape, sigma):
    """With no basis field left out, fields have the covariance of noise of variance 1/3 after SciPy's blur."""
    n_pixels = math.prod(shape)
    basis = elastic_basis(shape, sigma, variance=1.0).reshape(-1, n_pixels)
    dots = np.eye(n_pixels).reshape(n_pixels, *shape)
    blurred = ndimage.gaussian_filter(dots, (0, sigma, sigma), mode="constant", truncate=10).reshape(n_pixels, -1)
    assert np.allclose(basis.T @ basis, blurred.T @ blurred / 3, rtol=0, atol=1e-13)


@pytest.mark.parametrize("sigma", [2.0, 4.5, 6.0])
def test_few_basis_fields_are_nearly_all(sigma):
    """The basis fields that are drawn explain 999 of 1000 of the variance, with fewer than one for five pixels."""
    whole, basis = elastic_basis((28, 28), sigma, variance=1.0), elastic_basis((28, 28), sigma)
    assert 0.999 <= np.sum(basis**2) / np.sum(whole**2) < 1
    assert np.sum(basis[:-1] ** 2) / np.sum(whole**2) < 0.999
    assert len(basis) < 784 / 5

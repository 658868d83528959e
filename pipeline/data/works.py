"""Whose work the data sets of the registry are: their licences and citations, for whatever tells of the data."""

from typing import NamedTuple


class Work(NamedTuple):
    """The licence of a data set, and how it is cited."""

    licence: str = ""
    citation: str = ""


WORKS = {
    "mnist": Work(
        "CC BY-SA 3.0, as Keras states it; the authors' page named none",
        "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998)",
    ),
    "fashion-mnist": Work("MIT, (c) 2017 Zalando SE", "Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv 1708.07747 (2017)"),
    "kmnist": Work(
        "CC BY-SA 4.0",
        '"KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" (created by NIJL and others), '
        "doi:10.20676/00000341",
    ),
    "digits": Work(
        "CC BY 4.0",
        "Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI (1998), its test part, 13 writers",
    ),
}
"""By the names of the registry."""

"""Where images come from: the IDX format, the catalogue of data sets, and the carriers that bring them."""

"""A fitted model as one file that is safe to open: arrays, and a header in JSON that says what they are.

``save_model`` writes a classifier or regressor with what scales its samples, ``load_model`` gives them back as a
fitted ``Pipeline`` that takes raw pixels. The file is a NumPy ``.npz``, or one of safetensors, which others read;
nothing in it can run when it is opened, and the same model gives the same bytes.

``saving`` and ``loading`` begin with these two, and ``checks`` is what both hold a model to. ``header`` has the
words of the header, ``forms`` the bytes of a file, ``scaler`` and ``targets`` what scales samples and targets.
"""

from pipeline.model_file.header import FORMAT_VERSION
from pipeline.model_file.loading import MAX_BYTES, ModelFileError, load_model
from pipeline.model_file.saving import save_model

__all__ = ["FORMAT_VERSION", "MAX_BYTES", "ModelFileError", "load_model", "save_model"]
